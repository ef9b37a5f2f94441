#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"

namespace tapeline::sinks::parquet {

// Thrift's compact protocol, the part that Parquet's metadata needs. Fields are written in rising order of
// their ids, as parquet.thrift numbers them.
class ThriftWriter {
 public:
  explicit ThriftWriter(std::string& out) : out_(out) {}

  void boolean(int field, bool value) { header(field, value ? 1 : 2); }
  void i8(int field, std::int8_t value) {
    header(field, 3);
    out_ += static_cast<char>(value);
  }
  void i32(int field, std::int32_t value) {
    header(field, 5);
    zigzag(value);
  }
  void i64(int field, std::int64_t value) {
    header(field, 6);
    zigzag(value);
  }
  void binary(int field, std::string_view value) {
    header(field, 8);
    element(value);
  }
  template <class Fields>
  void structure(int field, Fields fields) {
    header(field, 12);
    element_structure(fields);
  }
  template <class Elements>
  void list_of_structures(int field, std::size_t size, Elements elements) {
    list(field, size, 12);
    elements();
  }
  template <class Elements>
  void list_of_i32(int field, std::size_t size, Elements elements) {
    list(field, size, 5);
    elements();
  }
  template <class Elements>
  void list_of_binary(int field, std::size_t size, Elements elements) {
    list(field, size, 8);
    elements();
  }

  // Elements of a list; `element_structure` is the outermost structure, too.
  template <class Fields>
  void element_structure(Fields fields) {
    CHECK(depth_ + 1 < last_field_.size());
    last_field_[++depth_] = 0;
    fields();
    out_ += '\0';
    --depth_;
  }
  void element(std::int32_t value) { zigzag(value); }
  void element(std::string_view value) {
    varint(value.size());
    out_ += value;
  }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void header(int field, int type) {
    const int step = field - last_field_[depth_];
    CHECK(step > 0 && step <= 15);
    last_field_[depth_] = field;
    out_ += static_cast<char>((step << 4) | type);
  }
  void list(int field, std::size_t size, int element_type) {
    header(field, 9);
    if (size < 15) {
      out_ += static_cast<char>((size << 4) | static_cast<unsigned>(element_type));
    } else {
      out_ += static_cast<char>(0xf0 | element_type);
      varint(size);
    }
  }

  std::string& out_;
  std::array<int, 12> last_field_{};
  std::size_t depth_ = 0;
};

}  // namespace tapeline::sinks::parquet
