#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "market/types.h"

namespace tapeline::table {

// What a column holds in the row struct, and what a reader of the written table sees.
enum class ColumnType : std::uint8_t {
  event_time,    // EventTime: nanoseconds since the exchange's midnight; a timestamp of the trading day.
  capture_time,  // CaptureTime: nanoseconds since the Unix epoch; null where 0.
  u8,
  u16,
  u32,
  u64,
  i32,
  i64,
  f64,        // Null where NaN.
  price,      // Price: dollars with 4 decimals; null where 0.
  price_f64,  // A double in dollars (a mean, a mid); null where NaN.
  character,  // One ASCII character; null where '\0' or ' '.
  text4,      // FixedText<4>, without its padding; null where blank.
  text8,      // FixedText<8>, likewise.
  label,      // A u8 that indexes `labels`.
};

struct Column {
  std::string_view name;
  ColumnType type;
  std::uint16_t offset;          // In the row struct.
  std::string_view unit;         // "dollars", "shares", "ns"; empty where none applies.
  std::string_view description;  // One sentence for docs/tables.md and `tapeline replay --describe`.
  std::span<const std::string_view> labels = {};
};

// A table is a sequence of plain row structs of one size. Schemas are constants and live for ever.
struct Schema {
  std::string_view name;  // "bbo"; also the name of the file.
  std::string_view description;
  std::size_t row_size;
  std::span<const Column> columns;
};

}  // namespace tapeline::table
