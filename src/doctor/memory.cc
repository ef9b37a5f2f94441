#include <charconv>

#include <fmt/format.h>

#include "doctor/checks.h"
#include "metrics/quantity_text.h"

namespace tapeline::doctor {

namespace {

using metrics::bytes_text;

constexpr std::uint64_t least_files = 1'024;  // Segments, sockets and the checkpoint store's files.
constexpr std::uint64_t enough_files = 4'096;
constexpr std::uint64_t enough_locked = 64 * 1024 * 1024;
constexpr std::uint64_t unlimited = UINT64_MAX;

// The soft limit of a line of /proc/self/limits.
std::optional<std::uint64_t> limit(os::Machine& machine, std::string_view name) {
  const std::optional<std::string> limits = machine.read("/proc/self/limits");
  if (!limits) return std::nullopt;
  const std::size_t at = limits->find(name);
  if (at == std::string::npos) return std::nullopt;
  std::string_view text = std::string_view(*limits).substr(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (text.starts_with("unlimited")) return unlimited;
  std::uint64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) return std::nullopt;
  return value;
}

void check_open_files(Examination& e) {
  const std::optional<std::uint64_t> files = limit(e.machine, "Max open files");
  if (!files) return;
  if (*files >= enough_files)
    return e.add({Grade::ok, "memory", "open files",
                  *files == unlimited ? "not limited" : fmt::format("{} at a time", *files)});
  e.add({*files < least_files ? Grade::bad : Grade::warn, "memory", "open files",
         fmt::format("only {} at a time; segments of the log and the checkpoint store may need more", *files),
         fmt::format("ulimit -n {}", enough_files)});
}

void check_locked_memory(Examination& e) {
  const std::optional<std::uint64_t> bytes = limit(e.machine, "Max locked memory");
  if (!bytes) return;
  if (*bytes >= enough_locked)
    return e.add({Grade::ok, "memory", "locked memory",
                  *bytes == unlimited ? "not limited" : fmt::format("{} may be locked", bytes_text(*bytes))});
  e.add({Grade::warn, "memory", "locked memory",
         fmt::format("only {} may be kept from being swapped out, and shared with a network card",
                     bytes_text(*bytes)),
         fmt::format("ulimit -l {}", enough_locked / 1024)});
}

void check_huge_pages(Examination& e) {
  const std::string path = "/sys/kernel/mm/transparent_hugepage/enabled";
  const std::optional<std::string> text = e.machine.read(path);
  if (!text) return;
  const std::string command = "echo madvise | sudo tee " + path;
  if (text->find("[madvise]") != std::string::npos)
    return e.add({Grade::ok, "memory", "huge pages", "given where they are asked for, as for the books"});
  if (text->find("[always]") != std::string::npos)
    return e.add({Grade::warn, "memory", "huge pages",
                  "given to everything: the kernel moves memory around and stalls threads while it does",
                  command});
  e.add({Grade::warn, "memory", "huge pages",
         "never given: large books miss the address cache far more often", command});
}

}  // namespace

void check_memory(Examination& e) {
  check_open_files(e);
  check_locked_memory(e);
  check_huge_pages(e);
}

}  // namespace tapeline::doctor
