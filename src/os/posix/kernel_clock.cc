#include <sys/timex.h>

#include "os/clock_quality.h"

namespace tapeline::os {

KernelClock read_kernel_clock() {
  timex state{};  // modes 0: nothing is set.
  const int result = ::adjtimex(&state);
  if (result < 0) return {};
  return {.readable = true,
          .synchronised = result != TIME_ERROR && (state.status & STA_UNSYNC) == 0,
          .max_error_us = static_cast<std::uint64_t>(std::max<long>(state.maxerror, 0)),
          .estimated_error_us = static_cast<std::uint64_t>(std::max<long>(state.esterror, 0))};
}

}  // namespace tapeline::os
