#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/check.h"

namespace tapeline::stream {

// What a loop does when there is nothing to do. Waiting is left to the caller, who knows the clock.
enum class IdleMode : std::uint8_t {
  park,  // Sleep, twice as long after each turn in vain: the default, for machines with other work.
  spin,  // Never sleep: for a core of its own only.
  wait,  // Sleep until an os::Doorbell rings: the writer pays for waking.
};

struct IdleConfig {
  IdleMode mode = IdleMode::park;
  unsigned eager_turns = 16;              // Turns in vain before the first sleep.
  std::uint64_t min_park_ns = 5'000;      // The first sleep.
  std::uint64_t max_park_ns = 1'000'000;  // The longest: what waiting may add to the latency of a message.
};

class IdleStrategy {
 public:
  explicit IdleStrategy(const IdleConfig& config = {}) : config_(config), park_ns_(config.min_park_ns) {
    CHECK(config.min_park_ns > 0 && config.min_park_ns <= config.max_park_ns);
  }

  // How long to sleep after a turn, in ns: 0 is not at all. In mode `wait` it is the longest to sleep, should
  // nobody wake the loop.
  std::uint64_t after_turn(bool worked) {
    if (worked) {
      turns_in_vain_ = 0;
      park_ns_ = config_.min_park_ns;
      return 0;
    }
    if (config_.mode == IdleMode::spin || turns_in_vain_ < config_.eager_turns) {
      ++turns_in_vain_;
      return 0;
    }
    if (config_.mode == IdleMode::wait) return config_.max_park_ns;
    const std::uint64_t park = park_ns_;
    park_ns_ = std::min(2 * park_ns_, config_.max_park_ns);
    return park;
  }

 private:
  IdleConfig config_;
  unsigned turns_in_vain_ = 0;
  std::uint64_t park_ns_;
};

// How a loop spends its time. One thread notes, any thread reads.
class DutyCycle {
 public:
  struct Totals {
    std::uint64_t total_ns = 0;
    std::uint64_t busy_ns = 0;    // Of turns that found work.
    std::uint64_t behind_ns = 0;  // Of turns that left work behind: more was in the log than one turn takes.

    [[nodiscard]] double busy_ratio() const { return ratio(busy_ns); }
    // The share of time in which the log had to wait for its reader.
    [[nodiscard]] double back_pressure_ratio() const { return ratio(behind_ns); }
    // What happened since an earlier reading.
    [[nodiscard]] Totals since(const Totals& earlier) const {
      return {total_ns - earlier.total_ns, busy_ns - earlier.busy_ns, behind_ns - earlier.behind_ns};
    }

   private:
    friend class DutyCycle;
    [[nodiscard]] double ratio(std::uint64_t part) const {
      return total_ns == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(total_ns);
    }
  };

  // A turn that ended `ns` after the one before it, waiting included.
  void note_turn(std::uint64_t ns, bool worked, bool left_behind) {
    add(total_ns_, ns);
    if (worked) add(busy_ns_, ns);
    if (left_behind) add(behind_ns_, ns);
  }
  [[nodiscard]] Totals totals() const {
    Totals totals;
    totals.busy_ns = busy_ns_.load(std::memory_order_relaxed);
    totals.behind_ns = behind_ns_.load(std::memory_order_relaxed);
    totals.total_ns = total_ns_.load(std::memory_order_relaxed);
    return totals;
  }

 private:
  // One writer, so no locked instruction is needed.
  static void add(std::atomic<std::uint64_t>& total, std::uint64_t ns) {
    total.store(total.load(std::memory_order_relaxed) + ns, std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> total_ns_{0};
  std::atomic<std::uint64_t> busy_ns_{0};
  std::atomic<std::uint64_t> behind_ns_{0};
};

}  // namespace tapeline::stream
