#pragma once

#include <cstdint>
#include <string>

// Quantities for people: three digits or so, and a unit.
namespace tapeline::metrics {

// "16 MiB", "208 KiB", "100 bytes": whole units, rounded down.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

// "850 ns", "12.5 us", "3.1 ms", "2.0 s".
[[nodiscard]] std::string time_text(std::uint64_t nanoseconds);

}  // namespace tapeline::metrics
