#include "metrics/delay_statistics.h"

#include <fmt/format.h>

#include "metrics/quantity_text.h"

namespace tapeline::metrics {

std::string explain_negative_delays(const DelaySnapshot& delays,
                                    std::optional<std::uint64_t> error_bound_ns) {
  const std::uint64_t negative = delays.negatives.count();
  if (negative == 0) return "";
  const std::uint64_t worst = delays.worst_negative_ns;
  const std::string what = fmt::format("{} of {} delays are negative, by up to {}: ", negative,
                                       negative + delays.delays.count(), time_text(worst));
  if (!error_bound_ns) return what + "this clock is not synchronised, so the delays tell nothing";
  if (worst <= *error_bound_ns)
    return what + fmt::format("within the clock's error bound of ±{}", time_text(*error_bound_ns));
  return what + fmt::format("the exchange's clock is ahead by at least {}, as this one is within ±{}",
                            time_text(worst - *error_bound_ns), time_text(*error_bound_ns));
}

}  // namespace tapeline::metrics
