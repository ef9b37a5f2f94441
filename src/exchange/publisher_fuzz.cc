#include "base/check.h"
#include "exchange/generated_source.h"
#include "exchange/publisher.h"

using namespace tapeline;

namespace {

exchange::Publisher* make_publisher() {
  exchange::PublisherConfig config;
  config.pacing.mode = exchange::PacingMode::unpaced;
  config.max_messages = 5000;
  auto* publisher =
      new exchange::Publisher(config, [](std::uint64_t) -> Result<std::unique_ptr<feed::MessageSource>> {
        return std::make_unique<exchange::GeneratedSource>(
            simulator::Config{.messages = 5000, .symbols = 100, .spoofing = 0});
      });
  exchange::DatagramBatch batch;
  for (std::uint64_t now = 1; !publisher->is_over(); now += 10'000'000) {
    batch.clear();
    CHECK(publisher->advance({now, now}, batch));
  }
  return publisher;
}

}  // namespace

// Any bytes as a request. What comes back is a packet of the session, begins where the request says and does
// not exceed it. The session's name goes before what is not a whole request, so that most get beyond it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static exchange::Publisher* const publisher = make_publisher();
  static std::uint64_t now_ns = 1;
  now_ns += 1'000'000'000;
  std::vector<std::byte> request;
  const auto& session = publisher->session().bytes;
  if (size < moldudp64::header_size)
    for (const char c : session) request.push_back(static_cast<std::byte>(c));
  for (std::size_t i = 0; i < size; ++i) request.push_back(static_cast<std::byte>(data[i]));
  const auto reply = publisher->answer(request, now_ns);
  if (!reply) return 0;
  const moldudp64::Packet packet = moldudp64::parse_packet(*reply);
  const std::optional<moldudp64::Header> wanted = moldudp64::parse_request(request);
  CHECK(packet.defect == moldudp64::Defect::none && packet.trailing_bytes == 0 && reply->size() <= 1400);
  CHECK(wanted && packet.header.session == wanted->session && packet.header.sequence == wanted->sequence);
  CHECK(packet.header.count > 0 && packet.header.count <= wanted->count);
  return 0;
}
