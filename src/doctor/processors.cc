#include <algorithm>

#include <fmt/format.h>

#include "doctor/checks.h"

namespace tapeline::doctor {

namespace {

// The processors that this process may run on.
std::optional<std::vector<std::uint64_t>> allowed_cpus(os::Machine& machine) {
  constexpr std::string_view key = "Cpus_allowed_list:";
  const std::optional<std::string> status = machine.read("/proc/self/status");
  if (!status) return std::nullopt;
  const std::size_t at = status->find(key);
  if (at == std::string::npos) return std::nullopt;
  const std::string_view line = std::string_view(*status).substr(at + key.size());
  const std::string_view list = line.substr(0, line.find('\n'));
  return parse_cpu_list(list.substr(std::min(list.find_first_not_of(" \t"), list.size())));
}

void check_cores(Examination& e, std::size_t cores) {
  const config::Config& c = e.config;
  const std::size_t workers = config::worker_count(c, cores);
  // Threads that never sleep; each needs a core to itself.
  const std::size_t spinning =
      (c.stream.idle == config::Idle::spin ? workers : 0) + (c.feed.busy_poll ? 1 : 0);
  const std::string has = fmt::format("{} core{}, {} worker{} and the capture thread", cores,
                                      cores == 1 ? "" : "s", workers, workers == 1 ? "" : "s");
  if (spinning >= cores)
    return e.add({Grade::bad, "processors", "cores",
                  has + ": threads that never sleep would take every one of them, and packets be lost",
                  "tapeline run --set stream.idle=park --set feed.busy_poll=false"});
  if (workers + 1 > cores)
    return e.add({Grade::warn, "processors", "cores",
                  has + ": they share cores, so a burst is computed after it was captured",
                  cores > 1 ? fmt::format("tapeline run --set stream.workers={}", cores - 1) : ""});
  if (spinning == 0 && cores >= 4)
    return e.add(
        {Grade::ok, "processors", "cores",
         has + "; for the lowest delay stream.idle=spin and feed.busy_poll=true would have cores to burn"});
  e.add({Grade::ok, "processors", "cores", has});
}

void check_pins(Examination& e, const std::vector<std::uint64_t>& cpus) {
  std::vector<std::uint64_t> wanted = e.config.stream.pin_cpus;
  if (e.config.stream.ingest_cpu >= 0)
    wanted.push_back(static_cast<std::uint64_t>(e.config.stream.ingest_cpu));
  if (wanted.empty()) return;
  for (const std::uint64_t cpu : wanted)
    if (std::ranges::find(cpus, cpu) == cpus.end())
      return e.add(
          {Grade::bad, "processors", "pinning",
           fmt::format("processor {} is named to pin a thread to, but this process may not run there", cpu),
           "grep Cpus_allowed_list /proc/self/status"});
  e.add({Grade::ok, "processors", "pinning", "every processor that threads are pinned to is there"});
}

void check_governor(Examination& e) {
  const std::optional<std::string> governor =
      e.machine.read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (!governor)
    return e.add({Grade::ok, "processors", "frequency", "not steered here, as in most virtual machines"});
  if (*governor == "performance") return e.add({Grade::ok, "processors", "frequency", "always full"});
  e.add({Grade::warn, "processors", "frequency",
         fmt::format("the governor is {}: after a quiet moment the first messages are slow", *governor),
         "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"});
}

}  // namespace

void check_processors(Examination& e) {
  const auto cpus = allowed_cpus(e.machine);
  if (!cpus || cpus->empty()) {
    e.add({Grade::warn, "processors", "cores", "the kernel does not tell how many there are"});
  } else {
    check_cores(e, cpus->size());
    check_pins(e, *cpus);
  }
  check_governor(e);
}

}  // namespace tapeline::doctor
