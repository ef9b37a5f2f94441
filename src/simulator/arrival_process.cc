#include "simulator/arrival_process.h"

namespace tapeline::simulator {

namespace {

// Should messages be left when the session is all but over, they follow each other at this distance.
constexpr double last_gap_ns = 150;
constexpr double last_moment_ns = static_cast<double>(session_end - 1'000);

}  // namespace

ArrivalProcess::ArrivalProcess(std::uint64_t seed, std::span<const double> activity)
    : symbols_(activity),
      rng_(mix(seed) ^ 0x617272697665),
      now_ns_(static_cast<double>(session_start)),
      slot_end_ns_(static_cast<double>(IntradayProfile::slot_end(0))) {}

void ArrivalProcess::set_rate(std::uint64_t wanted) {
  constexpr double uncaused = 1 - fast_branching - slow_branching;
  uncaused_rate_ = uncaused * profile_.rate(slot_, now_ns_, static_cast<double>(wanted));
  until_rate_is_set_ = slot_ + 1 == profile_.slots() ? 1 : 64;
}

inline std::uint32_t ArrivalProcess::draw_symbol(double total) {
  const std::uint64_t bits = rng_.next();
  answers_ = false;
  double cause = static_cast<double>(bits >> 11) * 0x1.0p-53 * total;
  if (cause < uncaused_rate_) return symbols_.draw(rng_);
  cause -= uncaused_rate_;
  // The low bits, which hardly took part in the choice above, choose among the sparks.
  const auto other_bits = static_cast<std::uint32_t>(bits);
  const double fast = fast_decay * static_cast<double>(fast_sparks_.size());
  answers_ = cause < fast;
  if (answers_) return fast_sparks_.take(other_bits);
  // Rounding may leave a cause where there is none.
  return slow_sparks_.size() == 0 ? symbols_.draw(rng_) : slow_sparks_.take(other_bits);
}

inline void ArrivalProcess::arrive(std::uint32_t symbol, std::uint32_t coins, Arrival& into) {
  constexpr auto of_65536 = [](double probability) {
    return static_cast<std::uint32_t>(probability * 65'536);
  };
  fast_sparks_.add_if((coins & 0xffff) < of_65536(fast_branching), symbol);
  slow_sparks_.add_if((coins >> 16) < of_65536(slow_branching), symbol);
  into.time_ns = static_cast<std::uint64_t>(now_ns_);
  into.bits = (rng_.next() & ~std::uint64_t{1}) | std::uint64_t{answers_};
  into.symbol = symbol;
}

void ArrivalProcess::next(std::uint64_t wanted, Arrival& into) {
  for (;;) {
    if (until_rate_is_set_ == 0) set_rate(wanted);
    --until_rate_is_set_;
    const double total = uncaused_rate_ + fast_decay * static_cast<double>(fast_sparks_.size()) +
                         slow_decay * static_cast<double>(slow_sparks_.size());
    const std::uint64_t bits = rng_.next();
    const auto coins = static_cast<std::uint32_t>(bits);
    const double gap = total > 0 ? exponential_.draw(static_cast<std::uint32_t>(bits >> 32), rng_) / total
                                 : IntradayProfile::slot_ns;
    if (now_ns_ + gap < slot_end_ns_) [[likely]] {
      now_ns_ += gap;
      return arrive(draw_symbol(total), coins, into);
    }
    // The process has no memory, so it may be stopped at the end of the slot and drawn anew at the next rate.
    if (slot_ + 1 == profile_.slots()) {
      now_ns_ = std::min(std::max(now_ns_, last_moment_ns - 100'000'000) + last_gap_ns, last_moment_ns);
      return arrive(symbols_.draw(rng_), coins, into);
    }
    now_ns_ = slot_end_ns_;
    slot_end_ns_ = static_cast<double>(IntradayProfile::slot_end(++slot_));
    set_rate(wanted);
  }
}

}  // namespace tapeline::simulator
