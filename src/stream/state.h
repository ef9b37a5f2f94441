#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace tapeline::stream {

// Where state is written at a checkpoint. Values are stored as they lie in memory: a checkpoint is read by
// the same program on the same kind of machine, which the checkpoint store's layout number makes sure of.
class StateWriter {
 public:
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void put(const T& value) {
    put_bytes(std::as_bytes(std::span(&value, 1)));
  }
  void put_bytes(std::span<const std::byte> bytes) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + bytes.size());
    if (!bytes.empty()) std::memcpy(bytes_.data() + at, bytes.data(), bytes.size());
  }
  // Writes over a value that was put at `offset`: a size that was not known yet.
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void put_at(std::size_t offset, const T& value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  // Keeps the memory.
  void clear() { bytes_.clear(); }

 private:
  std::vector<std::byte> bytes_;
};

// Reads back what a StateWriter wrote. Reading past the end gives zeros and makes `ok()` false for good, so
// that damage is found once, at the end.
class StateReader {
 public:
  explicit StateReader(std::span<const std::byte> bytes) : left_(bytes) {}

  template <class T>
    requires std::is_trivially_copyable_v<T>
  T get() {
    T value{};
    const std::span<const std::byte> bytes = get_bytes(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  // Empty where fewer are left.
  std::span<const std::byte> get_bytes(std::size_t count) {
    if (left_.size() < count) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const std::span<const std::byte> bytes = left_.first(count);
    left_ = left_.subspan(count);
    return bytes;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  // Everything was read, and nothing was missing.
  [[nodiscard]] bool complete() const { return ok_ && left_.empty(); }

 private:
  std::span<const std::byte> left_;
  bool ok_ = true;
};

}  // namespace tapeline::stream
