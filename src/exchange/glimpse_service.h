#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "exchange/market_state.h"
#include "exchange/publisher.h"
#include "exchange/tcp_session_server.h"
#include "feed/glimpse/snapshot.h"

namespace tapeline::exchange {

struct GlimpseCounters {
  std::uint64_t taken = 0;  // Snapshots made; clients that wait together share one.
  std::uint64_t sent = 0;   // To their end.
  std::uint64_t unavailable =
      0;  // Logins refused because messages were forgotten before the books took them.
};

struct GlimpseLimits {
  std::uint64_t snapshot_every_ns = 200'000'000;  // No more often than that, however many ask.
  std::uint64_t login_ns = 15'000'000'000;        // For a client to log in.
  std::uint64_t leave_ns = 5'000'000'000;         // For a client to leave once it has its snapshot.
};

// Snapshots of what a publisher has published, for those who join late: GLIMPSE 5.0 over SoupBinTCP. Follows
// the publisher's messages with books of its own. A client gets the books as of its login or later, never
// earlier: what it has buffered of the feed since then joins on without a hole. No sockets and no clock. Used
// by one thread, which may be another one than the publisher's: the publisher is touched under the mutex
// only, and never for longer than it takes to copy `chunk_bytes`.
class GlimpseService {
 public:
  // Both must outlive it.
  GlimpseService(const Publisher& publisher, std::mutex& publisher_mutex, const GlimpseLimits& limits = {});

  // Takes in a piece of what was published since; whether there was some.
  bool follow();

  // One end of a connection; must not outlive the service.
  [[nodiscard]] std::unique_ptr<ByteSession> make_session(std::uint64_t now_ns);

  [[nodiscard]] const GlimpseCounters& counters() const { return counters_; }

  static constexpr std::size_t chunk_bytes = 64 * 1024;

 private:
  class Session;

  // A place in the feed, over all sessions.
  struct Position {
    std::uint64_t session = 0;  // Number of the session, from 1.
    std::uint64_t sequence = 1;
    friend auto operator<=>(const Position&, const Position&) = default;
  };

  [[nodiscard]] Position published() const;
  [[nodiscard]] Position position() const { return {session_, state_.next_sequence()}; }
  // The books as of `at_least` or later; null while they are not that far, or one was just made.
  [[nodiscard]] std::shared_ptr<const glimpse::Snapshot> snapshot(Position at_least, std::uint64_t now_ns);

  const Publisher& publisher_;
  std::mutex& mutex_;
  GlimpseLimits limits_;
  MarketState state_;
  std::uint64_t session_ = 0;
  feed::SessionName session_name_ = feed::SessionName("");
  bool broken_ = false;  // Messages were forgotten before they were taken in; until the next session.
  std::vector<std::byte> chunk_;
  std::shared_ptr<const glimpse::Snapshot> latest_;
  Position latest_position_;
  std::uint64_t latest_ns_ = 0;
  soupbintcp::ServerCounters session_counters_;
  GlimpseCounters counters_;
};

}  // namespace tapeline::exchange
