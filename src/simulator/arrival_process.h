#pragma once

#include <cstdint>
#include <vector>

#include "simulator/alias_table.h"
#include "simulator/intraday_profile.h"
#include "simulator/rng.h"

namespace tapeline::simulator {

// One moment at which somebody does something in a symbol.
struct alignas(32) Arrival {
  std::uint64_t time_ns;
  std::uint64_t
      bits;  // Fresh random bits for whoever acts on it; the lowest is set if it answers a fast spark.
  std::uint32_t symbol;
  std::uint32_t hint;  // For whoever fetches ahead; means nothing to the process.
};

// The sparks of one kind, as the symbols they will go off in.
class SparkBag {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }

  // Without a branch on the coin, which nobody can predict.
  void add_if(bool coin, std::uint32_t symbol) {
    if (size_ == symbols_.size()) [[unlikely]]
      symbols_.resize(2 * size_ + 64);
    symbols_[size_] = symbol;
    size_ += coin;
  }

  // Any of them; there must be one.
  std::uint32_t take(std::uint32_t bits) {
    const std::uint64_t index = (bits * size_) >> 32;
    const std::uint32_t symbol = symbols_[index];
    symbols_[index] = symbols_[--size_];
    return symbol;
  }

 private:
  std::vector<std::uint32_t> symbols_;
  std::uint64_t size_ = 0;
};

// A Hawkes process over all symbols with two exponential kernels, simulated exactly through its branching
// form. Every arrival may leave a spark of either kind in its symbol; a spark of kind k goes off at rate
// decay_k and is then an arrival itself. Because sparks have no memory, a bag of them per kind is the whole
// state, and the next arrival costs constant time at any number of symbols. Arrivals without a cause follow
// the intraday profile, whose level is set again and again so that the messages wanted are used up when the
// session ends.
class ArrivalProcess {
 public:
  ArrivalProcess(std::uint64_t seed, std::span<const double> activity);

  // Times do not decrease and lie before session_end. `wanted` is how many messages are still to come today.
  // Writes in place: a copy of what was just written in parts costs a stall on every message.
  void next(std::uint64_t wanted, Arrival& into);

 private:
  // Machines answer machines within tens of microseconds, and people and slower machines within a second.
  static constexpr double fast_branching = 0.46;
  static constexpr double slow_branching = 0.30;
  static constexpr double fast_decay = 1.0 / 40'000;
  static constexpr double slow_decay = 1.0 / 180'000'000;

  void set_rate(std::uint64_t wanted);
  std::uint32_t draw_symbol(double total);
  void arrive(std::uint32_t symbol, std::uint32_t coins, Arrival& into);

  IntradayProfile profile_;
  ExponentialTable exponential_;
  AliasTable symbols_;
  Rng rng_;
  double now_ns_;
  double slot_end_ns_;
  std::size_t slot_ = 0;
  double uncaused_rate_ = 0;
  std::uint32_t until_rate_is_set_ = 0;
  bool answers_ = false;  // Whether the last symbol was drawn from a fast spark.
  SparkBag fast_sparks_;
  SparkBag slow_sparks_;
};

}  // namespace tapeline::simulator
