#include "exchange/pacer.h"

#include <cmath>

namespace tapeline::exchange {

std::uint64_t Pacer::due_ns(std::uint64_t index) const {
  const auto messages = static_cast<double>(index);
  if (!bursts()) return start_ns_ + static_cast<std::uint64_t>(std::ceil(messages / per_ns()));
  const double periods = std::floor(messages / period_messages());
  const double within = messages - periods * period_messages();
  const double in_burst = burst_messages();
  const double time = within < in_burst
                          ? within / (per_ns() * pacing_.burst_factor)
                          : static_cast<double>(pacing_.burst_length_ns) + (within - in_burst) / per_ns();
  return start_ns_ +
         static_cast<std::uint64_t>(std::ceil(periods * static_cast<double>(pacing_.burst_period_ns) + time));
}

std::uint64_t Pacer::due_ns(EventTime time) {
  if (!first_known_) first_time_ns_ = raw(time);
  first_known_ = true;
  last_time_ns_ = std::max({last_time_ns_, first_time_ns_, raw(time)});
  return start_ns_ +
         static_cast<std::uint64_t>(static_cast<double>(last_time_ns_ - first_time_ns_) / pacing_.speed);
}

}  // namespace tapeline::exchange
