#include "metrics/quantity_text.h"

#include <iterator>
#include <string_view>

#include <fmt/format.h>

namespace tapeline::metrics {

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::string_view units[]{"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(units); ++unit) bytes /= 1024;
  return fmt::format("{} {}", bytes, units[unit]);
}

std::string time_text(std::uint64_t nanoseconds) {
  const auto ns = static_cast<double>(nanoseconds);
  if (nanoseconds < 1'000) return fmt::format("{} ns", nanoseconds);
  if (nanoseconds < 1'000'000) return fmt::format("{:.1f} us", ns / 1e3);
  if (nanoseconds < 1'000'000'000) return fmt::format("{:.1f} ms", ns / 1e6);
  return fmt::format("{:.1f} s", ns / 1e9);
}

}  // namespace tapeline::metrics
