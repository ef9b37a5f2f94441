#include "doctor/examination.h"

#include <algorithm>
#include <charconv>

#include "doctor/checks.h"

namespace tapeline::doctor {

std::string_view to_string(Grade grade) {
  switch (grade) {
    case Grade::ok: return "ok";
    case Grade::warn: return "warn";
    case Grade::bad: return "bad";
  }
  return "bad";
}

std::optional<std::uint64_t> Examination::number(const std::string& path) const {
  const std::optional<std::string> text = machine.read(path);
  if (!text) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return value;
}

std::optional<std::vector<std::uint64_t>> parse_cpu_list(std::string_view text) {
  constexpr std::uint64_t most_cpus = 8'192;
  std::vector<std::uint64_t> cpus;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (at != end) {
    std::uint64_t first = 0;
    std::from_chars_result read = std::from_chars(at, end, first);
    if (read.ec != std::errc{}) return std::nullopt;
    std::uint64_t last = first;
    if (read.ptr != end && *read.ptr == '-') read = std::from_chars(read.ptr + 1, end, last);
    if (read.ec != std::errc{}) return std::nullopt;
    if (last < first || last >= most_cpus) return std::nullopt;
    for (std::uint64_t cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (read.ptr != end && *read.ptr++ != ',') return std::nullopt;
    at = read.ptr;
  }
  return cpus;
}

std::vector<Finding> examine(const config::Config& config, os::Machine& machine) {
  Examination examination{config, machine};
  check_network(examination);
  check_processors(examination);
  check_memory(examination);
  check_disk(examination);
  check_clock(examination);
  return std::move(examination.findings);
}

bool anything_bad(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings, [](const Finding& finding) { return finding.grade == Grade::bad; });
}

}  // namespace tapeline::doctor
