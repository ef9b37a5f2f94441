#pragma once

#include <cstdint>
#include <vector>

#include "simulator/auctions.h"
#include "simulator/market.h"

namespace tapeline::simulator {

// What the exchange says before the session: the directory, the state and the short-sale restriction of every
// symbol, and the positions of some market makers. All of it is reserved.
class Opening {
 public:
  explicit Opening(Market& market);

  [[nodiscard]] std::uint64_t next_time() const { return next_time_; }
  void fire(Market& market);

 private:
  void send_directory(Market& market, std::uint32_t index);
  void send_state(Market& market, std::uint32_t index);
  void send_position(Market& market, std::uint64_t number);

  std::uint64_t positions_;
  std::uint32_t phase_ = 0;
  std::uint64_t position_ = 0;
  std::uint64_t next_time_;
};

// What the exchange says once and at a fixed time: the day's events, halts and releases, offerings, circuit
// breakers, broken trades. Each is one reserved message; a release may cross orders besides.
class Announcements {
 public:
  explicit Announcements(Market& market);

  [[nodiscard]] std::uint64_t next_time() const { return next_ < all_.size() ? all_[next_].time_ns : never; }
  void fire(Market& market);

 private:
  enum class Kind : std::uint8_t {
    system_event,
    circuit_breaker_levels,
    circuit_breaker_hit,
    offering,
    collar,
    operational_halt,
    state,
    imbalance,
    cross,
    short_sale,
    direct_listing,
    broken_trade,
  };

  struct Announcement {
    std::uint64_t time_ns;
    Kind kind;
    char code;            // Event, state, action or level.
    std::uint8_t reason;  // Index of a trading action's reason.
    std::uint32_t symbol;
  };

  void plan(std::uint64_t time_ns, Kind kind, char code = ' ', std::uint32_t symbol = 0,
            std::uint8_t reason = 0);
  void plan_day();
  void plan_role(Role role, std::uint32_t symbol, Rng& rng);
  void plan_release(std::uint64_t quoting_ns, std::uint64_t release_ns, std::uint32_t symbol,
                    std::uint8_t reason);
  void send(Market& market, const Announcement& announcement);
  void send_about_symbol(Market& market, const Announcement& announcement);

  std::vector<Announcement> all_;
  std::size_t next_ = 0;
};

}  // namespace tapeline::simulator
