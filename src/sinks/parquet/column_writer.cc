#include "sinks/parquet/column_writer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <zstd.h>

#include "base/check.h"
#include "sinks/clean_text.h"
#include "sinks/parquet/encodings.h"

namespace tapeline::sinks::parquet {
namespace {

using table::ColumnType;

// A dictionary of more values than this is slow to look up, and its indices are no narrower than plain
// integers.
constexpr std::size_t most_dictionary_values = 65'536;

// Once this many values went in, a dictionary stays only if at most half of them were new.
constexpr std::size_t dictionary_trial = 4 * rows_per_page;

constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void append_raw(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Appends convert(key) of every key as it lies in memory: Parquet is little-endian.
template <class T, class Convert>
void append_converted(std::string& out, std::span<const std::uint64_t> keys, Convert convert) {
  const std::size_t before = out.size();
  const std::size_t size = before + keys.size() * sizeof(T);
  // The size that the string hands in is its new capacity in GCC 12, and may be more than was asked for.
  out.resize_and_overwrite(size, [&](char* data, std::size_t) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const T value = convert(keys[i]);
      std::memcpy(data + before + i * sizeof(T), &value, sizeof value);
    }
    return size;
  });
}

}  // namespace

ColumnWriter::ColumnWriter(const table::Column& column, std::size_t row_size, std::int64_t date_ns,
                           int zstd_level)
    : column_(column),
      storage_(storage_of(column.type)),
      row_size_(row_size),
      date_ns_(date_ns),
      zstd_level_(zstd_level),
      keys_(rows_per_page),
      present_(storage_.optional ? rows_per_page : 0),
      dictionary_pays_(!storage_.delta),
      indices_(storage_.delta ? 0 : rows_per_page) {}

template <class From, class Key, class IsNull>
void ColumnWriter::stage(const std::byte* from, std::size_t count, Key key, IsNull is_null) {
  // The key of a null is overwritten by the next one: no branch to mispredict.
  std::size_t filled = present_count_;
  for (std::size_t i = 0; i < count; ++i) {
    const From value = load<From>(from + i * row_size_);
    const bool present = !is_null(value);
    keys_[filled] = key(value);
    present_[staged_ + i] = present;
    filled += present;
  }
  staged_ += count;
  present_count_ = filled;
}

template <class From, class Key>
void ColumnWriter::stage(const std::byte* from, std::size_t count, Key key) {
  for (std::size_t i = 0; i < count; ++i) keys_[staged_ + i] = key(load<From>(from + i * row_size_));
  staged_ += count;
  present_count_ += count;
}

template <std::size_t N>
void ColumnWriter::stage_text(const std::byte* from, std::size_t count) {
  using Raw = std::array<std::byte, N>;
  stage<Raw>(
      from, count, [](Raw raw) { return clean_text<N>(raw.data()).word; },
      [](Raw raw) { return clean_text<N>(raw.data()).size == 0; });
}

void ColumnWriter::add(const std::byte* rows, std::size_t count) {
  CHECK(staged_ + count <= rows_per_page);
  const std::byte* from = rows + column_.offset;
  const auto as_is = [](auto value) { return static_cast<std::uint64_t>(value); };
  const auto is_zero = [](auto value) { return value == 0; };
  switch (column_.type) {
    case ColumnType::event_time:
      return stage<std::uint64_t>(
          from, count, [date = static_cast<std::uint64_t>(date_ns_)](std::uint64_t ns) { return date + ns; });
    case ColumnType::capture_time: return stage<std::uint64_t>(from, count, as_is, is_zero);
    case ColumnType::u8: return stage<std::uint8_t>(from, count, as_is);
    case ColumnType::u16: return stage<std::uint16_t>(from, count, as_is);
    case ColumnType::u32: return stage<std::uint32_t>(from, count, as_is);
    case ColumnType::u64: return stage<std::uint64_t>(from, count, as_is);
    case ColumnType::i32: return stage<std::int32_t>(from, count, as_is);
    case ColumnType::i64: return stage<std::int64_t>(from, count, as_is);
    case ColumnType::price: return stage<std::uint32_t>(from, count, as_is, is_zero);
    case ColumnType::f64:
    case ColumnType::price_f64:
      return stage<double>(
          from, count, [](double value) { return std::bit_cast<std::uint64_t>(value); },
          [](double value) { return std::isnan(value); });
    case ColumnType::character: return stage_text<1>(from, count);
    case ColumnType::text4: return stage_text<4>(from, count);
    case ColumnType::text8: return stage_text<8>(from, count);
    case ColumnType::label:
      return stage<std::uint8_t>(
          from, count, as_is, [size = column_.labels.size()](std::uint8_t index) { return index >= size; });
  }
  CHECK(false);
}

void ColumnWriter::end_page() {
  if (staged_ == 0) return;
  if (storage_.has_bounds) note_bounds();
  body_.clear();
  if (storage_.optional) {
    append_definition_levels(body_, std::span<const std::uint8_t>(present_).first(staged_), present_count_);
  }
  const Encoding encoding = encode_values(body_);
  const std::string_view stored = compressed(body_);
  const std::string header = data_page_header(staged_, encoding, body_.size(), stored.size());
  pages_.append(header).append(stored);
  note_encoding(encoding);
  chunk_.values += static_cast<std::int64_t>(staged_);
  chunk_.nulls += static_cast<std::int64_t>(staged_ - present_count_);
  chunk_.uncompressed_size += static_cast<std::int64_t>(header.size() + body_.size());
  staged_ = 0;
  present_count_ = 0;
}

Encoding ColumnWriter::encode_values(std::string& body) {
  if (storage_.delta) {
    append_delta_packed(body, staged_keys());
    return Encoding::delta_binary_packed;
  }
  if (encode_by_dictionary(body)) return Encoding::rle_dictionary;
  append_plain(body, staged_keys());
  return Encoding::plain;
}

// False when the dictionary does not pay, from this page to the end of the row group. Pages before keep
// theirs.
bool ColumnWriter::encode_by_dictionary(std::string& body) {
  if (!dictionary_pays_) return false;
  // Of nulls alone so far. Were it all the row group has, there would be no dictionary for the page to use.
  if (present_count_ == 0 && dictionary_.values().empty()) return false;
  for (std::size_t i = 0; i < present_count_; ++i) indices_[i] = dictionary_.index_of(keys_[i]);
  const std::size_t values = dictionary_.values().size();
  keys_in_dictionary_pages_ += present_count_;
  dictionary_pays_ = values <= most_dictionary_values && (keys_in_dictionary_pages_ < dictionary_trial ||
                                                          values * 2 <= keys_in_dictionary_pages_);
  // Some readers take a width of 0 for damage.
  const auto width = static_cast<unsigned>(values <= 2 ? 1 : std::bit_width(values - 1));
  append_dictionary_indices(body, std::span<const std::uint32_t>(indices_).first(present_count_), width);
  return true;
}

void ColumnWriter::append_plain(std::string& out, std::span<const std::uint64_t> keys) const {
  switch (storage_.physical) {
    case PhysicalType::int32:
      return append_converted<std::uint32_t>(
          out, keys, [](std::uint64_t key) { return static_cast<std::uint32_t>(key); });
    case PhysicalType::int64:
      return append_converted<std::uint64_t>(out, keys, [](std::uint64_t key) { return key; });
    case PhysicalType::float64:
      if (column_.type != ColumnType::price) {
        return append_converted<std::uint64_t>(out, keys, [](std::uint64_t key) { return key; });
      }
      return append_converted<double>(
          out, keys, [](std::uint64_t key) { return Price{static_cast<std::uint32_t>(key)}.dollars(); });
    case PhysicalType::byte_array: break;
  }
  for (const std::uint64_t key : keys) {
    if (column_.type == ColumnType::label) {
      append_raw(out, static_cast<std::uint32_t>(column_.labels[key].size()));
      out.append(column_.labels[key]);
    } else {
      const auto size = static_cast<std::uint32_t>(8 - std::countl_zero(key) / 8);
      append_raw(out, size);
      out.append(reinterpret_cast<const char*>(&key), size);
    }
  }
}

std::string_view ColumnWriter::compressed(const std::string& body) {
  if (zstd_level_ == 0) return body;
  const std::size_t bound = ZSTD_compressBound(body.size());
  compressed_.resize_and_overwrite(bound, [&](char* data, std::size_t) {
    const std::size_t size = ZSTD_compress(data, bound, body.data(), body.size(), zstd_level_);
    CHECK(ZSTD_isError(size) == 0U);  // The bound is zstd's own.
    return size;
  });
  return compressed_;
}

void ColumnWriter::note_bounds() {
  // With the sign bit turned over, signed values order as unsigned ones do.
  const std::uint64_t turn = storage_.is_signed ? sign_bit : 0;
  for (const std::uint64_t key : staged_keys()) {
    least_ = std::min(least_, key ^ turn);
    greatest_ = std::max(greatest_, key ^ turn);
  }
}

void ColumnWriter::note_encoding(Encoding encoding) {
  if (std::ranges::find(chunk_.encodings, encoding) == chunk_.encodings.end())
    chunk_.encodings.push_back(encoding);
}

Result<ColumnChunk> ColumnWriter::end_row_group(PartialFile& file, std::int64_t& offset) {
  end_page();
  const std::int64_t start = offset;
  if (!dictionary_.values().empty()) {
    body_.clear();
    append_plain(body_, dictionary_.values());
    const std::string_view stored = compressed(body_);
    const std::string header =
        dictionary_page_header(dictionary_.values().size(), body_.size(), stored.size());
    for (const std::string_view part : {std::string_view(header), stored}) {
      if (Result<void> written = file.write(part); !written) return std::unexpected(written.error());
      offset += static_cast<std::int64_t>(part.size());
    }
    note_encoding(Encoding::plain);
    chunk_.dictionary_page_offset = start;
    chunk_.uncompressed_size += static_cast<std::int64_t>(header.size() + body_.size());
  }
  note_encoding(Encoding::rle);  // Of the levels.
  chunk_.data_page_offset = offset;
  if (Result<void> written = file.write(pages_); !written) return std::unexpected(written.error());
  offset += static_cast<std::int64_t>(pages_.size());
  chunk_.compressed_size = offset - start;
  if (storage_.has_bounds && chunk_.nulls < chunk_.values) {
    const std::uint64_t turn = storage_.is_signed ? sign_bit : 0;
    append_plain(chunk_.least, std::array{least_ ^ turn});
    append_plain(chunk_.greatest, std::array{greatest_ ^ turn});
  }
  pages_.clear();
  dictionary_.clear();
  dictionary_pays_ = !storage_.delta;
  keys_in_dictionary_pages_ = 0;
  least_ = UINT64_MAX;
  greatest_ = 0;
  return std::exchange(chunk_, {});
}

}  // namespace tapeline::sinks::parquet
