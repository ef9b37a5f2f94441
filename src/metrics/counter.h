#pragma once

#include <atomic>
#include <cstdint>

namespace tapeline::metrics {

// Counted by one thread, read by any. An addition is a plain load and store: no bus lock. Counters that
// different threads write should not share a cache line.
class Counter {
 public:
  void add(std::uint64_t count) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace tapeline::metrics
