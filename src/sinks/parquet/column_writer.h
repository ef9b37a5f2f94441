#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sinks/parquet/dictionary.h"
#include "sinks/parquet/format.h"
#include "sinks/partial_file.h"
#include "table/schema.h"

namespace tapeline::sinks::parquet {

inline constexpr std::size_t rows_per_page = 8'192;

// Encodes one column: rows are staged as 64-bit keys up to a page, pages are encoded into memory up to a row
// group. A page is encoded from its keys in one pass per step, each over memory that fits the cache.
class ColumnWriter {
 public:
  // `date_ns` is midnight of the trading date, in nanoseconds since the Unix epoch; `zstd_level` 0 compresses
  // nothing.
  ColumnWriter(const table::Column& column, std::size_t row_size, std::int64_t date_ns, int zstd_level);

  // Takes `count` rows; the page must have room for them.
  void add(const std::byte* rows, std::size_t count);

  // Encodes what is staged, if anything.
  void end_page();

  // Writes the pages of the row group to the file, whose size so far `offset` is and becomes, and starts
  // anew.
  Result<ColumnChunk> end_row_group(PartialFile& file, std::int64_t& offset);

 private:
  template <class From, class Key, class IsNull>
  void stage(const std::byte* from, std::size_t count, Key key, IsNull is_null);
  template <class From, class Key>
  void stage(const std::byte* from, std::size_t count, Key key);
  template <std::size_t N>
  void stage_text(const std::byte* from, std::size_t count);

  [[nodiscard]] std::span<const std::uint64_t> staged_keys() const { return {keys_.data(), present_count_}; }
  Encoding encode_values(std::string& body);
  bool encode_by_dictionary(std::string& body);
  void append_plain(std::string& out, std::span<const std::uint64_t> keys) const;
  [[nodiscard]] std::string_view compressed(const std::string& body);
  void note_bounds();
  void note_encoding(Encoding encoding);

  const table::Column& column_;
  const Storage storage_;
  const std::size_t row_size_;
  const std::int64_t date_ns_;
  const int zstd_level_;

  std::vector<std::uint64_t> keys_;    // Of the staged rows that are not null.
  std::vector<std::uint8_t> present_;  // 0 or 1 per staged row, of optional columns.
  std::size_t staged_ = 0;
  std::size_t present_count_ = 0;

  Dictionary dictionary_;
  bool dictionary_pays_;
  std::size_t keys_in_dictionary_pages_ = 0;
  std::vector<std::uint32_t> indices_;

  ColumnChunk chunk_;
  std::string pages_;  // Headers and bodies of the data pages.
  std::string body_;
  std::string compressed_;
  std::uint64_t least_ = UINT64_MAX;  // In an order-preserving form, see note_bounds.
  std::uint64_t greatest_ = 0;
};

}  // namespace tapeline::sinks::parquet
