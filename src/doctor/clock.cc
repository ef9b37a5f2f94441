#include <algorithm>

#include <fmt/format.h>

#include "doctor/checks.h"
#include "metrics/quantity_text.h"

namespace tapeline::doctor {

namespace {

using metrics::time_text;

constexpr std::uint64_t coarse_ns = 1'000'000;  // A delay over a network card is far below that.

void check_clock_source(Examination& e) {
  const std::string folder = "/sys/devices/system/clocksource/clocksource0";
  const std::optional<std::string> current = e.machine.read(folder + "/current_clocksource");
  if (!current) return;
  // Those that a process reads without entering the kernel.
  constexpr std::string_view fast[]{"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"};
  if (std::ranges::find(fast, *current) != std::end(fast))
    return e.add({Grade::ok, "clock", "clock source", *current + ", read in nanoseconds"});
  const std::string available = e.machine.read(folder + "/available_clocksource").value_or("");
  const bool has_tsc = (' ' + available + ' ').find(" tsc ") != std::string::npos;
  e.add({Grade::warn, "clock", "clock source",
         fmt::format("{}: each look at the clock enters the kernel{}", *current,
                     has_tsc ? "" : "; this machine offers no faster one"),
         has_tsc ? "echo tsc | sudo tee " + folder + "/current_clocksource" : ""});
}

void check_synchronisation(Examination& e) {
  const os::ClockQuality quality = e.machine.clock_quality();
  if (!quality.synchronised && e.config.feed.interface == "lo")
    return e.add(
        {Grade::ok, "clock", "synchronisation",
         quality.detail + "; an exchange on this machine shares the clock, so delays hold all the same"});
  if (!quality.synchronised)
    return e.add(
        {Grade::warn, "clock", "synchronisation",
         quality.detail + ": delays from the exchange to here mean nothing then",
         quality.source == os::ClockSource::chrony ? "chronyc -n sources" : "sudo apt-get install chrony"});
  const std::string bound = quality.error_bound_ns ? ", within " + time_text(*quality.error_bound_ns) : "";
  if (quality.error_bound_ns && *quality.error_bound_ns > coarse_ns)
    return e.add(
        {Grade::warn, "clock", "synchronisation",
         fmt::format("{}{}: delays from the exchange are no more exact than that", quality.detail, bound),
         quality.source == os::ClockSource::kernel ? "sudo apt-get install chrony" : "chronyc -n sources"});
  e.add({Grade::ok, "clock", "synchronisation", quality.detail + bound});
}

}  // namespace

void check_clock(Examination& e) {
  check_clock_source(e);
  check_synchronisation(e);
}

}  // namespace tapeline::doctor
