#pragma once

#include <mutex>

namespace tapeline::pipeline {

// The newest of a value that one thread writes now and then and others read: a copy under a lock, for
// reports, never for the path of messages.
template <class T>
class Published {
 public:
  void set(const T& value) {
    const std::lock_guard lock(mutex_);
    value_ = value;
  }
  [[nodiscard]] T get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace tapeline::pipeline
