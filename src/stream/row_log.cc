#include "stream/row_log.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/check.h"

namespace tapeline::stream {

namespace {

std::size_t padded(std::size_t size) {
  return (size + row_alignment - 1) / row_alignment * row_alignment;
}

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(
      ErrorCode::corrupt,
      fmt::format("a batch of rows {}: it was not written by this program or was damaged; rebuild the "
                  "rows from the feed's log",
                  what));
}

}  // namespace

void RowBatchBuilder::start() {
  bytes_.resize(sizeof(RowBatchHeader));
  keys_.clear();
  row_count_ = 0;
  message_at_ = bytes_.size();
  highest_key_.fill(-1);
}

void RowBatchBuilder::add(std::uint16_t table, Locate key, std::span<const std::byte> row) {
  CHECK(table < max_tables && row.size() <= UINT16_MAX);
  // Operators tell of keys in increasing order or of one key only, so the count is nearly always 0.
  std::int32_t& highest = highest_key_[table];
  const std::uint32_t ordinal = first_ordinal_ + (raw(key) > highest ? 0 : count_rows(table, key));
  highest = std::max<std::int32_t>(highest, raw(key));
  if (bytes_.size() == message_at_) keys_.clear();
  keys_.push_back(raw(key));
  const RowHeader header{sequence_, table, static_cast<std::uint16_t>(row.size()), ordinal};
  const std::size_t at = bytes_.size();
  bytes_.resize(at + sizeof header + padded(row.size()));
  std::memcpy(bytes_.data() + at, &header, sizeof header);
  std::memcpy(bytes_.data() + at + sizeof header, row.data(), row.size());
  ++row_count_;
}

// Among the rows of this message.
std::uint32_t RowBatchBuilder::count_rows(std::uint16_t table, Locate key) const {
  std::uint32_t count = 0;
  std::size_t at = message_at_;
  for (const std::uint16_t row_key : keys_) {
    RowHeader header;
    std::memcpy(&header, bytes_.data() + at, sizeof header);
    count += header.table == table && row_key == raw(key);
    at += sizeof header + padded(header.size);
  }
  return count;
}

std::span<const std::byte> RowBatchBuilder::finish(const FixedText<10>& session, GroupRange groups,
                                                   std::uint16_t key_groups, Position from, Position to) {
  CHECK(from <= to);
  RowBatchHeader header{};
  header.version = RowBatchHeader::current_version;
  header.first_group = groups.first;
  header.group_count = groups.count;
  header.key_groups = key_groups;
  header.row_count = row_count_;
  header.session = session;
  header.from = from;
  header.to = to;
  std::memcpy(bytes_.data(), &header, sizeof header);
  return bytes_;
}

Result<RowBatchCursor> RowBatchCursor::open(std::span<const std::byte> payload) {
  RowBatchHeader header;
  if (payload.size() < sizeof header) return corrupt("is shorter than its header");
  std::memcpy(&header, payload.data(), sizeof header);
  if (header.version > RowBatchHeader::current_version)
    return fail(ErrorCode::unsupported,
                fmt::format("a batch of rows has version {}, this program knows {}: use a newer one",
                            header.version, RowBatchHeader::current_version));
  if (header.version != RowBatchHeader::current_version) return corrupt("has no version");
  if (header.key_groups == 0 || header.key_groups > max_key_groups ||
      std::uint32_t{header.first_group} + header.group_count > header.key_groups)
    return corrupt("names groups that there are not");
  if (header.to < header.from) return corrupt("ends before it begins");
  if ((payload.size() - sizeof header) / sizeof(RowHeader) < header.row_count)
    return corrupt("is too short for its rows");
  return RowBatchCursor(payload, header);
}

Result<std::optional<RowView>> RowBatchCursor::next() {
  if (rows_read_ == header_.row_count) {
    if (at_ != payload_.size()) return corrupt("goes on behind its last row");
    return std::nullopt;
  }
  RowView row;
  const std::size_t left = payload_.size() - at_;
  if (left < sizeof row.header) return corrupt("ends inside a row's header");
  std::memcpy(&row.header, payload_.data() + at_, sizeof row.header);
  if (left - sizeof row.header < padded(row.header.size)) return corrupt("ends inside a row");
  row.bytes = payload_.subspan(at_ + sizeof row.header, row.header.size);
  at_ += sizeof row.header + padded(row.header.size);
  ++rows_read_;
  return row;
}

void RowDigest::add(const FixedText<10>& session, const RowView& row) {
  std::array<std::byte, sizeof session + sizeof row.header> name;
  std::memcpy(name.data(), &session, sizeof session);
  std::memcpy(name.data() + sizeof session, &row.header, sizeof row.header);
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(row.bytes.data(), row.bytes.size(), XXH3_64bits(name.data(), name.size()));
  sum_ += (static_cast<Uint128>(hash.high64) << 64) | hash.low64;
  ++rows_;
}

Result<void> RowDigest::add_batch(std::span<const std::byte> payload) {
  Result<RowBatchCursor> cursor = RowBatchCursor::open(payload);
  if (!cursor) return std::unexpected(cursor.error());
  for (;;) {
    const Result<std::optional<RowView>> row = cursor->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    add(cursor->header().session, **row);
  }
}

std::string RowDigest::hex() const {
  return fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(sum_ >> 64),
                     static_cast<std::uint64_t>(sum_));
}

Result<void> OutputEnds::take(const RowBatchHeader& header) {
  if (header.key_groups != ends_.size())
    return fail(ErrorCode::unsupported,
                fmt::format("the log of rows was written with {} key groups and the settings say {}: use the "
                            "same number, or another folder",
                            header.key_groups, ends_.size()));
  for (std::size_t i = 0; i < header.group_count; ++i) {
    Position& end = ends_[header.first_group + i];
    end = std::max(end, header.to);
  }
  return {};
}

}  // namespace tapeline::stream
