#include "feed/glimpse/snapshot_client.h"

#include <cstring>

#include "base/bytes.h"
#include "feed/glimpse/end_of_snapshot.h"

namespace tapeline::glimpse {

namespace {

constexpr std::size_t message_length_size = 2;

}  // namespace

SnapshotClient::SnapshotClient(const soupbintcp::SessionLimits& limits, const FixedText<6>& user,
                               const FixedText<10>& password, SnapshotSink& sink)
    : client_(limits),
      user_(user),
      password_(password),
      sink_(sink),
      block_(max_block_bytes + message_length_size + soupbintcp::max_payload_size + decode_padding) {}

void SnapshotClient::connect(std::uint64_t now_ns, const FixedText<10>& session) {
  over_ = false;
  messages_ = 0;
  block_bytes_ = 0;
  block_messages_ = 0;
  client_.log_in({user_, password_, session, 1}, now_ns);
}

void SnapshotClient::on_bytes(std::span<const std::byte> bytes, CaptureTime captured, std::uint64_t now_ns) {
  if (over_) return;
  client_.feed(bytes, now_ns);
  while (const auto event = client_.next()) {
    if (event->kind == soupbintcp::ClientEvent::Kind::accepted && event->sequence != 1)
      return fail("the snapshot server did not begin at its first message");
    if (event->kind != soupbintcp::ClientEvent::Kind::message) continue;
    const bool is_end =
        !event->payload.empty() && static_cast<char>(event->payload[0]) == end_of_snapshot_type;
    if (!is_end) {
      if (messages_ == max_messages) return fail("the snapshot is longer than any market");
      add(event->payload, captured);
      continue;
    }
    const std::optional<std::uint64_t> next_sequence = parse_end_of_snapshot(event->payload);
    if (!next_sequence) return fail("the end of the snapshot holds no sequence number");
    flush(captured);
    over_ = true;
    client_.log_out(now_ns);
    sink_.on_snapshot_complete(*next_sequence);
    return;
  }
  flush(captured);
  fail_where_session_is_over();
}

void SnapshotClient::on_timer(std::uint64_t now_ns) {
  client_.on_timer(now_ns);
  fail_where_session_is_over();
}

void SnapshotClient::on_disconnect() {
  if (!over_) fail("the connection to the snapshot server was lost");
}

void SnapshotClient::fail_where_session_is_over() {
  if (!over_ && client_.is_over()) fail(soupbintcp::to_string(client_.end()));
}

void SnapshotClient::fail(std::string_view reason) {
  over_ = true;
  sink_.on_snapshot_failed(reason);
}

void SnapshotClient::add(std::span<const std::byte> message, CaptureTime captured) {
  std::byte* to = block_.data() + block_bytes_;
  store_be(to, static_cast<std::uint16_t>(message.size()));
  if (!message.empty()) std::memcpy(to + message_length_size, message.data(), message.size());
  block_bytes_ += message_length_size + message.size();
  ++block_messages_;
  ++messages_;
  if (block_bytes_ >= max_block_bytes) flush(captured);
}

void SnapshotClient::flush(CaptureTime captured) {
  if (block_messages_ == 0) return;
  const feed::MessageBlock block = {std::span(block_).first(block_bytes_), messages_ - block_messages_ + 1,
                                    block_messages_, captured};
  block_bytes_ = 0;
  block_messages_ = 0;
  sink_.on_snapshot_messages(block);
}

}  // namespace tapeline::glimpse
