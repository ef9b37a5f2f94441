#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "os/command_runner.h"

// How far this machine's clock may be off, by what keeps it right. Capture times are as good as this and no
// better. Reading it asks other programs and takes milliseconds: never on the path of messages.
namespace tapeline::os {

enum class ClockSource : std::uint8_t {
  none,    // Nothing answered.
  kernel,  // adjtimex: what the kernel was told by whatever steers its clock.
  chrony,  // chronyd, by NTP or a reference clock.
  ptp,     // ptp4l, IEEE 1588.
};
[[nodiscard]] std::string_view to_string(ClockSource source);

struct ClockQuality {
  ClockSource source = ClockSource::none;
  bool synchronised = false;
  // The clock is at most so far from true time, as the source says; nothing where that is not known.
  std::optional<std::uint64_t> error_bound_ns{};
  std::string detail{};  // One sentence for a person: the master, the parts of the bound.

  bool operator==(const ClockQuality&) const = default;
};

// What adjtimex(2) says, in its own units.
struct KernelClock {
  bool readable = false;
  bool synchronised = false;  // No STA_UNSYNC, no TIME_ERROR.
  std::uint64_t max_error_us = 0;
  std::uint64_t estimated_error_us = 0;
};
[[nodiscard]] KernelClock read_kernel_clock();

// The answers of `chronyc -c -n tracking` and of `pmc -u -b 0 'GET TIME_STATUS_NP'`; nothing where the text
// is none. chrony's bound is its own: offset + root dispersion + half the root delay. That of PTP is the
// offset to the master as measured; an asymmetric path and the step from the NIC's clock to the kernel's are
// not in it.
[[nodiscard]] std::optional<ClockQuality> parse_chrony_tracking(std::string_view text);
[[nodiscard]] std::optional<ClockQuality> parse_ptp_time_status(std::string_view text);
[[nodiscard]] ClockQuality quality_of(const KernelClock& kernel);

// Asks ptp4l, chrony and the kernel in this order and takes the first that is synchronised; where none is,
// the first that answered.
[[nodiscard]] ClockQuality read_clock_quality(CommandRunner& runner, const KernelClock& kernel);

// Asks in a thread of its own, so that readers never wait for another program.
class ClockQualityMonitor {
 public:
  ClockQualityMonitor(CommandRunner& runner, std::uint64_t interval_ms);
  ~ClockQualityMonitor();
  ClockQualityMonitor(const ClockQualityMonitor&) = delete;
  ClockQualityMonitor& operator=(const ClockQualityMonitor&) = delete;

  // The last answer; of source none until there is one.
  [[nodiscard]] ClockQuality latest() const;

 private:
  void run(std::stop_token stop, std::uint64_t interval_ms);

  CommandRunner& runner_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  ClockQuality latest_;
  std::jthread thread_;  // Last: it uses the members above.
};

}  // namespace tapeline::os
