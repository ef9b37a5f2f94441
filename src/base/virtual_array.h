#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <sys/mman.h>

#include "base/check.h"

namespace tapeline {

// A zero-filled array whose whole capacity is reserved as address space at once and becomes memory only
// where it is touched, in huge pages where the kernel grants them. It never moves, so growing costs no copy
// and no stall.
template <class T>
class VirtualArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  VirtualArray() = default;
  explicit VirtualArray(std::size_t capacity) : capacity_(capacity) {
    void* memory =
        ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(memory != MAP_FAILED);
    ::madvise(memory, bytes(), MADV_HUGEPAGE);
    data_ = static_cast<T*>(memory);
  }
  ~VirtualArray() {
    if (data_ != nullptr) ::munmap(data_, bytes());
  }
  VirtualArray(VirtualArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
  VirtualArray& operator=(VirtualArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }

  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  [[nodiscard]] std::size_t bytes() const { return capacity_ * sizeof(T); }

  T* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace tapeline
