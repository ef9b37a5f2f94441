#include <vector>

#include "base/check.h"
#include "stream/row_log.h"

using namespace tapeline;

// Any bytes as a batch of rows: what is delivered lies within it, and as many rows as it says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> payload = std::as_bytes(std::span(data, size));
  Result<stream::RowBatchCursor> cursor = stream::RowBatchCursor::open(payload);
  if (!cursor) return 0;
  std::uint32_t rows = 0;
  for (;;) {
    const auto row = cursor->next();
    if (!row) {
      CHECK(!cursor->next());
      return 0;
    }
    if (!*row) break;
    ++rows;
    const std::span<const std::byte> bytes = (*row)->bytes;
    CHECK(bytes.data() >= payload.data() && bytes.data() + bytes.size() <= payload.data() + payload.size());
  }
  CHECK(rows == cursor->header().row_count);
  stream::RowDigest digest;
  CHECK(digest.add_batch(payload).has_value() && digest.rows() == rows);
  return 0;
}
