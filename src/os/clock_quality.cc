#include "os/clock_quality.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace tapeline::os {

namespace {

constexpr double longest_believed_s = 1e9;  // What a program claims beyond is a misread text.

template <class T>
std::optional<T> number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string printable(std::string_view text) {
  std::string clean(text.substr(0, 64));
  for (char& c : clean)
    if (c < 0x20 || c > 0x7e) c = '?';
  return clean;
}

// The word after `key` on the line that begins with it, after blanks.
std::optional<std::string_view> field(std::string_view text, std::string_view key) {
  constexpr std::string_view blanks = " \t\r";
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    const std::size_t begin = line.find_first_not_of(blanks);
    if (begin == 0 || begin == std::string_view::npos) continue;  // A longer key; no value.
    line.remove_prefix(begin);
    return line.substr(0, line.find_first_of(blanks));
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(ClockSource source) {
  switch (source) {
    case ClockSource::none: return "none";
    case ClockSource::kernel: return "kernel";
    case ClockSource::chrony: return "chrony";
    case ClockSource::ptp: return "ptp";
  }
  return "none";
}

// Fields of a line of `chronyc -c tracking`: 1 name of the reference, 4 offset of the system clock, 10 root
// delay, 11 root dispersion, 13 leap status; times in seconds.
std::optional<ClockQuality> parse_chrony_tracking(std::string_view text) {
  constexpr std::size_t field_count = 14;
  text = text.substr(0, text.find('\n'));
  std::array<std::string_view, field_count> fields;
  for (std::size_t i = 0; i < field_count; ++i) {
    const std::size_t comma = text.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == field_count)) return std::nullopt;
    fields[i] = text.substr(0, comma);
    if (comma != std::string_view::npos) text.remove_prefix(comma + 1);
  }
  const auto offset = number<double>(fields[4]);
  const auto delay = number<double>(fields[10]);
  const auto dispersion = number<double>(fields[11]);
  if (!offset || !delay || !dispersion) return std::nullopt;
  const double bound = std::abs(*offset) + std::abs(*dispersion) + std::abs(*delay) / 2;
  if (!(bound < longest_believed_s)) return std::nullopt;
  ClockQuality quality{.source = ClockSource::chrony,
                       .synchronised = fields[13] != "Not synchronised" && !fields[13].empty()};
  if (quality.synchronised) {
    quality.error_bound_ns = static_cast<std::uint64_t>(std::llround(std::ceil(bound * 1e9)));
    quality.detail =
        fmt::format("chrony follows {}: offset {:.0f} ns, root dispersion {:.0f} ns, root delay {:.0f} ns",
                    printable(fields[1]), *offset * 1e9, *dispersion * 1e9, *delay * 1e9);
  } else {
    quality.detail = "chrony runs but follows no source yet";
  }
  return quality;
}

std::optional<ClockQuality> parse_ptp_time_status(std::string_view text) {
  const auto offset_text = field(text, "master_offset");
  const auto present = field(text, "gmPresent");
  if (!offset_text || !present) return std::nullopt;
  const auto offset = number<std::int64_t>(*offset_text);
  if (!offset || *offset == INT64_MIN) return std::nullopt;
  ClockQuality quality{.source = ClockSource::ptp, .synchronised = *present == "true"};
  if (quality.synchronised) {
    quality.error_bound_ns = static_cast<std::uint64_t>(std::abs(*offset));
    quality.detail = fmt::format("ptp4l follows {}: offset {} ns; an asymmetric path would not show in it",
                                 printable(field(text, "gmIdentity").value_or("a master")), *offset);
  } else {
    quality.detail = "ptp4l runs but sees no master";
  }
  return quality;
}

ClockQuality quality_of(const KernelClock& kernel) {
  if (!kernel.readable) return {.detail = "the kernel does not tell the state of its clock"};
  ClockQuality quality{.source = ClockSource::kernel, .synchronised = kernel.synchronised};
  if (kernel.synchronised) {
    quality.error_bound_ns = kernel.max_error_us * 1'000;
    quality.detail = fmt::format("the kernel's clock is steered: at most {} us off, {} us estimated",
                                 kernel.max_error_us, kernel.estimated_error_us);
  } else {
    quality.detail = "nothing steers the kernel's clock";
  }
  return quality;
}

ClockQuality read_clock_quality(CommandRunner& runner, const KernelClock& kernel) {
  constexpr std::array<const char*, 5> pmc{"pmc", "-u", "-b", "0", "GET TIME_STATUS_NP"};
  constexpr std::array<const char*, 4> chronyc{"chronyc", "-c", "-n", "tracking"};
  std::optional<ClockQuality> first;
  if (const auto text = runner.run(pmc)) first = parse_ptp_time_status(*text);
  if (first && first->synchronised) return *first;
  if (const auto text = runner.run(chronyc)) {
    const std::optional<ClockQuality> chrony = parse_chrony_tracking(*text);
    if (chrony && (chrony->synchronised || !first)) first = chrony;
  }
  if (first && first->synchronised) return *first;
  const ClockQuality own = quality_of(kernel);
  return own.synchronised || !first ? own : *first;
}

ClockQualityMonitor::ClockQualityMonitor(CommandRunner& runner, std::uint64_t interval_ms)
    : runner_(runner),
      thread_([this, interval_ms](std::stop_token stop) { run(std::move(stop), interval_ms); }) {}

ClockQualityMonitor::~ClockQualityMonitor() = default;

ClockQuality ClockQualityMonitor::latest() const {
  const std::scoped_lock lock(mutex_);
  return latest_;
}

void ClockQualityMonitor::run(std::stop_token stop, std::uint64_t interval_ms) {
  while (!stop.stop_requested()) {
    ClockQuality quality = read_clock_quality(runner_, read_kernel_clock());
    std::unique_lock lock(mutex_);
    latest_ = std::move(quality);
    wake_.wait_for(lock, stop, std::chrono::milliseconds(interval_ms), [] { return false; });
  }
}

}  // namespace tapeline::os
