#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/bbo_changes.h"
#include "base/result.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/as_of_join.h"

namespace tapeline::estimation {

// The log mids of some symbols at the ticks of one clock, from rows of the table bbo. Each symbol's rows are
// joined with the clock by an as-of join after their operator, so that symbols stay apart by key until here.
// At a tick counts what stood then, changes of that very nanosecond included.
class MidSampler {
 public:
  // Ticks in all; a clock that ticks more often is refused.
  static constexpr std::uint64_t most_ticks = 20'000'000;

  MidSampler(const std::vector<std::string>& symbols, std::uint64_t step_ns);

  // Rows of one feed, in the order in which they were emitted.
  void add(const analytics::BboRow& row);
  // The feed has come to this time and ends there.
  void finish(EventTime last);

  // Number of the first tick since midnight, and the log mid of each symbol from there on: NaN where a side
  // was missing or the book was not good.
  [[nodiscard]] std::uint64_t first_tick() const { return first_tick_; }
  [[nodiscard]] const std::vector<std::vector<double>>& samples() const { return samples_; }
  // Ticks that the clock would have had, or records that had no room: nothing may be concluded then.
  [[nodiscard]] bool is_too_long() const { return too_long_; }

 private:
  struct Quote {
    std::uint64_t twice_mid;  // 0 where it is not to be used.
  };
  using Join = stream::AsOfJoin<std::uint64_t, Quote>;

  void advance(EventTime watermark);

  static constexpr std::size_t most_waiting = 1 << 16;

  std::vector<std::string> symbols_;
  std::uint64_t step_ns_;
  std::vector<Join> joins_;
  std::vector<std::vector<double>> samples_;
  std::uint64_t first_tick_ = 0;
  std::uint64_t next_tick_ = 0;  // 0 before the first row.
  EventTime newest_{0};
  bool too_long_ = false;
};

}  // namespace tapeline::estimation
