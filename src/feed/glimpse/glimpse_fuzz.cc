#include <algorithm>

#include "base/check.h"
#include "feed/glimpse/end_of_snapshot.h"
#include "feed/glimpse/snapshot_client.h"

using namespace tapeline;

namespace {

class Model : public glimpse::SnapshotSink {
 public:
  void on_snapshot_messages(const feed::MessageBlock& block) override {
    CHECK(!done && block.message_count > 0 && block.first_sequence == next);
    next += block.message_count;
  }
  void on_snapshot_complete(std::uint64_t) override { finish(); }
  void on_snapshot_failed(std::string_view reason) override {
    CHECK(!reason.empty());
    finish();
  }
  void finish() {
    CHECK(!done);
    done = true;
  }

  std::uint64_t next = 1;
  bool done = false;
};

}  // namespace

// The first byte is the size of the pieces in which a server's bytes come, behind a login that succeeds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::span<const std::byte> bytes = std::as_bytes(std::span(data, size)).subspan(1);
  if (const auto next = glimpse::parse_end_of_snapshot(bytes))
    CHECK(glimpse::parse_end_of_snapshot(glimpse::encode_end_of_snapshot(*next)) == next);
  Model model;
  soupbintcp::SessionLimits limits;
  limits.max_packet_size = 4096;
  glimpse::SnapshotClient client(limits, std::string_view("u"), std::string_view("p"), model);
  client.connect(0);
  std::vector<std::byte> accepted;
  if (data[0] % 2 == 0) {
    soupbintcp::encode(soupbintcp::LoginAccepted{std::string_view("S"), 1}, accepted);
    client.on_bytes(accepted, CaptureTime{0}, 0);
  }
  while (!bytes.empty()) {
    const std::size_t piece = std::min<std::size_t>(1 + data[0], bytes.size());
    const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(piece));
    client.on_bytes(part, CaptureTime{0}, 0);
    bytes = bytes.subspan(piece);
    CHECK(client.is_over() == model.done);
  }
  client.on_disconnect();
  CHECK(model.done);
  return 0;
}
