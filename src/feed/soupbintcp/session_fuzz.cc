#include <algorithm>

#include "base/check.h"
#include "feed/soupbintcp/client_session.h"
#include "feed/soupbintcp/server_session.h"

using namespace tapeline;

namespace {

constexpr std::size_t max_output = 512;

void read_as_client(soupbintcp::ClientSession& client, std::span<const std::byte> bytes, std::uint64_t now) {
  client.feed(bytes, now);
  std::uint64_t next = client.next_sequence();
  while (const auto event = client.next()) {
    CHECK(client.is_open() || event->kind == soupbintcp::ClientEvent::Kind::end_of_session);
    if (event->kind == soupbintcp::ClientEvent::Kind::accepted) next = event->sequence;
    if (event->kind == soupbintcp::ClientEvent::Kind::message) CHECK(event->sequence == next++);
  }
}

void read_as_server(soupbintcp::ServerSession& server, std::span<const std::byte> bytes, std::uint64_t now) {
  server.feed(bytes, now);
  while (const auto event = server.next()) {
    if (event->kind == soupbintcp::ServerEvent::Kind::unsequenced) {
      CHECK(server.is_open());
      server.send(event->payload, now);
    }
    if (event->kind != soupbintcp::ServerEvent::Kind::login) continue;
    if (event->login.sequence % 2 == 0) {
      server.reject(soupbintcp::RejectReason::not_authorised, now);
    } else {
      server.accept(event->login.session, event->login.sequence, now);
    }
  }
}

}  // namespace

// Pieces behind a length byte each, for a client and a server at once; what a piece's first byte says of
// time passes before it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  soupbintcp::SessionLimits limits;
  limits.max_packet_size = 256;
  limits.max_output_bytes = max_output;
  soupbintcp::ServerCounters counters;
  std::uint64_t now = 0;
  soupbintcp::ClientSession client(limits);
  client.log_in({std::string_view("u"), std::string_view("p"), std::string_view(""), 1}, now);
  soupbintcp::ServerSession server(limits, counters, now);
  while (!bytes.empty()) {
    const std::size_t length = std::min(std::to_integer<std::size_t>(bytes[0]), bytes.size() - 1);
    const std::vector<std::byte> piece(bytes.begin() + 1,
                                       bytes.begin() + 1 + static_cast<std::ptrdiff_t>(length));
    bytes = bytes.subspan(1 + length);
    now += length * 10'000'000;
    client.on_timer(now);
    server.on_timer(now);
    read_as_client(client, piece, now);
    read_as_server(server, piece, now);
    CHECK(client.output().size() <= max_output && server.output().size() <= max_output);
    if (length % 3 == 0) server.consume_output(server.output().size() / 2);
    CHECK(client.is_over() || client.next_deadline() > now);
    CHECK(server.is_over() || server.next_deadline() > now);
  }
  std::uint64_t ends = 0;
  for (const std::uint64_t count : counters.ended) ends += count;
  CHECK(ends == (server.is_over() ? 1U : 0U));
  return 0;
}
