#pragma once

#include <cstdint>
#include <vector>

#include "simulator/episodes.h"
#include "simulator/market.h"
#include "simulator/pattern_kinds.h"
#include "simulator/rng.h"

namespace tapeline::simulator {

// Plants the episodes of --episodes, each of a strength of its own: from hardly more than what happens anyway
// to blatant, so that a detector's recall has something to show. Draws from random numbers of its own: a day
// without such episodes is the same, byte for byte, as if this were not there.
//
//   spoofing           one to four large orders at one price; a trade on the other side; all withdrawn
//   layering           four to nine at three to five prices, likewise
//   quote_stuffing     hundreds to thousands of orders that are withdrawn at once
//   momentum_ignition  one side sweeps level after level, others follow; then the other side is taken, and
//   the
//                      price comes back
//   marking_the_close  one side takes again and again in the last two minutes, and the price follows
//   wash_trading       orders of one size inside the spread, each filled whole within a millisecond
//   decoy              in turn: large orders that are withdrawn without a trade across; a sweep on news,
//   whose
//                      price stays; a burst of orders that stay a while and trade
class Patterns {
 public:
  explicit Patterns(const Market& market);

  [[nodiscard]] std::uint64_t next_time() const { return next_time_; }
  void fire(Market& market);
  // Those that are over, in the order in which they ended.
  [[nodiscard]] const std::vector<Episode>& finished() const { return finished_; }

 private:
  struct Start {
    std::uint64_t time_ns;
    PatternKind kind;
    std::uint32_t number;  // Of its kind, from 0.
  };
  struct Active {
    Episode episode;
    PatternKind kind;
    std::uint32_t symbol;
    double strength;           // In [0, 1).
    std::uint32_t wanted = 0;  // Steps of the phase.
    std::uint32_t done = 0;    // Of them.
    std::uint32_t phase = 0;
    std::uint32_t distance = 0;  // Ticks from the touch.
    std::uint32_t levels = 1;
    std::uint32_t price = 0;  // In ticks: where the first order went, or the mid before.
    Shares shares = 0;
    Slot slot = no_slot;  // Of the order at work.
    std::uint32_t ref = 0;
    std::vector<Slot> slots;
    std::uint64_t next_time = 0;
  };

  bool begin(Market& market, const Start& start);
  void set_up(Active& active, std::uint32_t number);
  // Each returns false when the episode is over.
  bool step(Market& market, Active& active);
  bool step_withdrawal(Market& market, Active& active);
  bool step_stuffing(Market& market, Active& active);
  bool step_ignition(Market& market, Active& active);
  bool step_close(Market& market, Active& active);
  bool step_wash(Market& market, Active& active);
  void place_large(Market& market, Active& active);
  void trade_across(Market& market, Active& active);
  bool withdraw_next(Market& market, Active& active);
  void follow(Market& market, Active& active, Side taker, std::uint32_t cleared);
  // Takes up to `most` orders of the best level; false if there are none.
  bool sweep(Market& market, Active& active, Side resting, std::uint32_t most);
  Slot add(Market& market, Active& active, Side side, std::uint32_t price, Shares shares);
  void wait(const Market& market, Active& active, std::uint64_t low_ns, std::uint64_t high_ns);
  void find_next_time();

  Rng rng_;
  std::vector<Start> starts_;  // The latest first.
  std::vector<Active> active_;
  std::vector<Episode> finished_;
  std::uint64_t next_time_ = never;
};

}  // namespace tapeline::simulator
