#include "feed/soupbintcp/feed_client.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace tapeline::soupbintcp {

namespace {

constexpr std::size_t message_length_size = 2;

}  // namespace

FeedClient::FeedClient(const SessionLimits& limits, const FixedText<6>& user, const FixedText<10>& password,
                       feed::FeedConsumer& consumer, const feed::FeedPosition& position)
    : client_(limits),
      user_(user),
      password_(password),
      consumer_(consumer),
      position_(position),
      // A message longer than a block is a block by itself.
      block_(max_block_bytes + message_length_size + max_payload_size + decode_padding) {}

void FeedClient::connect(std::uint64_t now_ns) {
  const bool goes_on =
      position_.in_session && !position_.ended && client_.reject_reason() != RejectReason::no_such_session;
  if (goes_on) {
    client_.log_in({user_, password_, position_.session, position_.next_sequence}, now_ns);
  } else {
    client_.log_in({user_, password_, FixedText<10>(""), 1}, now_ns);
  }
}

void FeedClient::on_bytes(std::span<const std::byte> bytes, CaptureTime captured, std::uint64_t now_ns) {
  client_.feed(bytes, now_ns);
  while (const std::optional<ClientEvent> event = client_.next()) {
    switch (event->kind) {
      case ClientEvent::Kind::accepted: start(captured); break;
      case ClientEvent::Kind::message: add(*event, captured); break;
      case ClientEvent::Kind::unsequenced: break;  // Not part of a feed.
      case ClientEvent::Kind::end_of_session:
        flush(captured);
        if (position_.ended) break;
        const feed::SessionEnded item = {position_.next_sequence, captured};
        position_.apply(item);
        consumer_.on_end_of_session(item);
    }
  }
  flush(captured);
}

void FeedClient::start(CaptureTime captured) {
  if (!position_.in_session || position_.session != client_.session()) {
    const feed::SessionStarted item = {client_.session(), 1, captured};
    position_.apply(item);
    consumer_.on_session_started(item);
  }
  if (position_.ended) return;
  // A recovery that a capture before this one left open comes to nothing: there is no snapshot here.
  if (client_.next_sequence() <= position_.next_sequence && !position_.in_recovery) return;
  const feed::GapDeclared item = {position_.next_sequence,
                                  std::max(client_.next_sequence(), position_.next_sequence), captured};
  position_.apply(item);
  consumer_.on_gap_declared(item);
}

void FeedClient::add(const ClientEvent& event, CaptureTime captured) {
  // Below where the consumer stands: the server began earlier than it was asked to.
  if (position_.ended || event.sequence < position_.next_sequence + block_messages_) return;
  std::byte* to = block_.data() + block_bytes_;
  store_be(to, static_cast<std::uint16_t>(event.payload.size()));
  if (!event.payload.empty())
    std::memcpy(to + message_length_size, event.payload.data(), event.payload.size());
  block_bytes_ += message_length_size + event.payload.size();
  ++block_messages_;
  if (block_bytes_ >= max_block_bytes) flush(captured);
}

void FeedClient::flush(CaptureTime captured) {
  if (block_messages_ == 0) return;
  const feed::MessageBlock block = {std::span(block_).first(block_bytes_), position_.next_sequence,
                                    block_messages_, captured};
  block_bytes_ = 0;
  block_messages_ = 0;
  position_.apply_messages(block);
  consumer_.on_messages(block);
}

}  // namespace tapeline::soupbintcp
