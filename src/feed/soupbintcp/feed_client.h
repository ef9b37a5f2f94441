#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "feed/feed_consumer.h"
#include "feed/soupbintcp/client_session.h"

namespace tapeline::soupbintcp {

// A feed taken over SoupBinTCP, for the same consumer as one taken over multicast. TCP loses nothing, so a
// gap is only what the server no longer has. After a lost connection connect() goes on where the
// consumer stands.
class FeedClient {
 public:
  // The consumer must outlive it.
  FeedClient(const SessionLimits& limits, const FixedText<6>& user, const FixedText<10>& password,
             feed::FeedConsumer& consumer, const feed::FeedPosition& position = {});

  // A new connection is there: logs in. Where the server did not know the session any more, asks for the
  // current one.
  void connect(std::uint64_t now_ns);
  // Everything in the bytes has gone to the consumer when it returns.
  void on_bytes(std::span<const std::byte> bytes, CaptureTime captured, std::uint64_t now_ns);
  void on_timer(std::uint64_t now_ns) { client_.on_timer(now_ns); }
  [[nodiscard]] std::uint64_t next_deadline() const { return client_.next_deadline(); }

  // For its output and how it ended.
  [[nodiscard]] ClientSession& session() { return client_; }
  [[nodiscard]] const feed::FeedPosition& position() const { return position_; }

 private:
  void start(CaptureTime captured);
  void add(const ClientEvent& event, CaptureTime captured);
  void flush(CaptureTime captured);

  static constexpr std::size_t max_block_bytes = 64 * 1024;

  ClientSession client_;
  FixedText<6> user_;
  FixedText<10> password_;
  feed::FeedConsumer& consumer_;
  feed::FeedPosition position_;
  std::vector<std::byte> block_;  // With decode_padding behind it; the first block_bytes_ are messages.
  std::size_t block_bytes_ = 0;
  std::uint32_t block_messages_ = 0;
};

}  // namespace tapeline::soupbintcp
