#pragma once

#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "base/result.h"
#include "pipeline/row_tables.h"
#include "stream/row_log.h"

namespace tapeline::pipeline {

// A digest of each output stream: of all rows of a table, in whatever order, batches and lanes they come.
//
// Of a row everything counts but the time at which its packet was captured: it is the one value that another
// capture of the same feed cannot repeat. So the digests of two runs over the same messages are equal,
// whatever crashed, was lost and fetched again, and however many workers there were.
class RowDigests {
 public:
  // Every row of a batch of the topic `rows`; f(row) is called for each.
  template <class F>
  Result<void> add_batch(std::span<const std::byte> payload, F&& f);
  Result<void> add_batch(std::span<const std::byte> payload) {
    return add_batch(payload, [](const stream::RowView&) {});
  }

  [[nodiscard]] const stream::RowDigest& of(RowTable table) const {
    return digests_[static_cast<std::size_t>(table)];
  }
  [[nodiscard]] std::uint64_t rows() const {
    std::uint64_t rows = 0;
    for (const stream::RowDigest& digest : digests_) rows += digest.rows();
    return rows;
  }
  // Calls f(name, digest) for each table that has rows.
  template <class F>
  void for_each(F&& f) const {
    for (std::size_t i = 0; i < digests_.size(); ++i)
      if (digests_[i].rows() != 0) f(name_of_table(static_cast<std::uint16_t>(i)), digests_[i]);
  }
  friend bool operator==(const RowDigests&, const RowDigests&) = default;

 private:
  std::array<stream::RowDigest, stream::RowBatchBuilder::max_tables> digests_;
  std::vector<std::byte> masked_;
};

// The capture time of a row's packet, where its table has one.
[[nodiscard]] inline std::optional<CaptureTime> captured_of(const stream::RowView& row) {
  const std::optional<std::size_t> at = captured_offset(static_cast<RowTable>(row.header.table));
  if (!at || *at + sizeof(CaptureTime) > row.bytes.size()) return std::nullopt;
  CaptureTime captured;
  std::memcpy(&captured, row.bytes.data() + *at, sizeof captured);
  return captured;
}

template <class F>
Result<void> RowDigests::add_batch(std::span<const std::byte> payload, F&& f) {
  Result<stream::RowBatchCursor> cursor = stream::RowBatchCursor::open(payload);
  if (!cursor) return std::unexpected(cursor.error());
  for (;;) {
    const Result<std::optional<stream::RowView>> row = cursor->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    f(**row);
    if (!is_table((*row)->header.table))
      return fail(ErrorCode::unsupported, "the log of rows has a table that this program does not know");
    stream::RowDigest& digest = digests_[(*row)->header.table];
    const std::optional<std::size_t> at = captured_offset(static_cast<RowTable>((*row)->header.table));
    if (!at || *at + sizeof(CaptureTime) > (*row)->bytes.size()) {
      digest.add(cursor->header().session, **row);
      continue;
    }
    masked_.assign((*row)->bytes.begin(), (*row)->bytes.end());
    std::memset(masked_.data() + *at, 0, sizeof(CaptureTime));
    digest.add(cursor->header().session, {(*row)->header, masked_});
  }
}

}  // namespace tapeline::pipeline
