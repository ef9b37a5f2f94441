#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "market/types.h"
#include "sinks/clean_text.h"
#include "sinks/partial_file.h"
#include "sinks/table_sink.h"
#include "sinks/text_cells.h"

namespace tapeline::sinks {

// A sink of one line per row. The style decides what stands around the cells:
//   static constexpr std::string_view null;         a null cell
//   static constexpr char time_quote;               around a timestamp; '\0' for none
//   static constexpr bool has_infinity;             whether an infinite number may stand as such
//   static char* write_text(char*, CleanText);      at most 18 characters
//   static std::string text(std::string_view);      the same, of any text
//   static std::string header(const Schema&);       the lines before the rows
//   static std::string before_cell(const Schema&, std::size_t column);
//   static constexpr std::string_view row_end;
template <class Style>
class TextSink final : public TableSink {
 public:
  static Result<std::unique_ptr<TableSink>> open(const std::string& path, const table::Schema& schema,
                                                 const TableOptions& options) {
    Result<PartialFile> file = PartialFile::create(path);
    if (!file) return std::unexpected(file.error());
    return std::unique_ptr<TableSink>(new TextSink(std::move(*file), schema, options));
  }

  Result<void> append(std::span<const std::byte> rows) override {
    CHECK(rows.size() % schema_.row_size == 0);
    for (std::size_t at = 0; at < rows.size(); at += schema_.row_size) {
      // One check of the space per row: the longest possible row is known beforehand.
      if (buffer_.size() - used_ < longest_row_) {
        if (Result<void> written = flush(); !written) return written;
      }
      used_ = static_cast<std::size_t>(write_row(buffer_.data() + used_, rows.data() + at) - buffer_.data());
    }
    return {};
  }

  Result<void> finish() override {
    if (Result<void> written = flush(); !written) return written;
    return file_.publish();
  }

 private:
  static constexpr std::size_t buffer_size = std::size_t{1} << 18;

  // What is the same in every row is made once.
  struct Cell {
    table::ColumnType type;
    std::size_t offset;
    std::string before;
    std::vector<std::string> labels;
    std::array<char, 32> before_start;  // Of `before`, to be copied at a constant size.
  };

  TextSink(PartialFile file, const table::Schema& schema, const TableOptions& options)
      : file_(std::move(file)),
        schema_(schema),
        date_ns_(std::chrono::nanoseconds(options.trading_date.time_since_epoch()).count()) {
    longest_row_ = Style::row_end.size() + sizeof(Cell::before_start);
    for (std::size_t i = 0; i < schema.columns.size(); ++i) {
      const table::Column& column = schema.columns[i];
      Cell cell{column.type, column.offset, Style::before_cell(schema, i), {}, {}};
      cell.before.copy(cell.before_start.data(), cell.before_start.size());
      std::size_t longest = longest_cell;
      for (const std::string_view label : column.labels) {
        cell.labels.push_back(Style::text(label));
        longest = std::max(longest, cell.labels.back().size());
      }
      longest_row_ += cell.before.size() + longest;
      cells_.push_back(std::move(cell));
    }
    const std::string header = Style::header(schema);
    buffer_.resize(buffer_size + header.size() + longest_row_);
    std::memcpy(buffer_.data(), header.data(), header.size());
    used_ = header.size();
  }

  Result<void> flush() { return file_.write({buffer_.data(), std::exchange(used_, 0)}); }

  static char* write_string(char* to, std::string_view text) {
    std::memcpy(to, text.data(), text.size());
    return to + text.size();
  }

  char* write_row(char* to, const std::byte* row) {
    for (const Cell& cell : cells_) {
      std::memcpy(to, cell.before_start.data(), cell.before_start.size());
      if (cell.before.size() > cell.before_start.size()) [[unlikely]]
        write_string(to, cell.before);
      to += cell.before.size();
      to = write_cell(to, cell, row + cell.offset);
    }
    return write_string(to, Style::row_end);
  }

  template <class T>
  static T load(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }

  char* write_cell(char* to, const Cell& cell, const std::byte* from) {
    using table::ColumnType;
    switch (cell.type) {
      case ColumnType::event_time:
        return write_time(to, date_ns_ + static_cast<std::int64_t>(load<std::uint64_t>(from)), event_times_);
      case ColumnType::capture_time: {
        const auto ns = load<std::int64_t>(from);
        return ns == 0 ? write_string(to, Style::null) : write_time(to, ns, capture_times_);
      }
      case ColumnType::u8: return write_integer(to, std::uint32_t{load<std::uint8_t>(from)});
      case ColumnType::u16: return write_integer(to, std::uint32_t{load<std::uint16_t>(from)});
      case ColumnType::u32: return write_integer(to, load<std::uint32_t>(from));
      case ColumnType::u64: return write_integer(to, load<std::uint64_t>(from));
      case ColumnType::i32: return write_integer(to, load<std::int32_t>(from));
      case ColumnType::i64: return write_integer(to, load<std::int64_t>(from));
      case ColumnType::price: {
        const auto ticks = load<std::uint32_t>(from);
        return ticks == 0 ? write_string(to, Style::null) : write_price(to, ticks);
      }
      case ColumnType::f64:
      case ColumnType::price_f64: return write_number(to, load<double>(from));
      case ColumnType::character: return write_text(to, clean_text<1>(from));
      case ColumnType::text4: return write_text(to, clean_text<4>(from));
      case ColumnType::text8: return write_text(to, clean_text<8>(from));
      case ColumnType::label: {
        const auto index = load<std::uint8_t>(from);
        return write_string(to,
                            index < cell.labels.size() ? std::string_view(cell.labels[index]) : Style::null);
      }
    }
    CHECK(false);
  }

  static char* write_time(char* to, std::int64_t ns, TimestampWriter& times) {
    if constexpr (Style::time_quote != '\0') *to++ = Style::time_quote;
    to = times.write(to, ns);
    if constexpr (Style::time_quote != '\0') *to++ = Style::time_quote;
    return to;
  }

  static char* write_number(char* to, double value) {
    if (std::isnan(value) || (!Style::has_infinity && std::isinf(value)))
      return write_string(to, Style::null);
    return write_double(to, value);
  }

  static char* write_text(char* to, CleanText text) {
    return text.size == 0 ? write_string(to, Style::null) : Style::write_text(to, text);
  }

  PartialFile file_;
  const table::Schema& schema_;
  const std::int64_t date_ns_;
  std::vector<Cell> cells_;
  std::size_t longest_row_ = 0;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  TimestampWriter event_times_;
  TimestampWriter capture_times_;
};

}  // namespace tapeline::sinks
