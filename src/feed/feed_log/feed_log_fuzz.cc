#include "base/check.h"
#include "feed/feed_log/feed_log.h"

using namespace tapeline;

// Whatever is read is written again as the same records; the rest is refused without reading beyond the end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> payload(std::as_bytes(std::span(data, size)).begin(),
                                       std::as_bytes(std::span(data, size)).end());
  auto cursor = feed::FeedLogCursor::open(payload);
  if (!cursor) return 0;
  feed::FeedLogEncoder encoder(cursor->position());
  std::vector<std::byte> copy;
  encoder.start_batch(copy);
  for (;;) {
    const auto record = cursor->next();
    if (!record) return 0;
    if (!*record) break;
    feed::replay(**record, encoder);
  }
  CHECK(copy.size() == payload.size());
  CHECK(encoder.position() == cursor->position());
  const auto count = feed::feed_record_count(payload);
  CHECK(count.has_value() && *count == cursor->record_count() && *count == encoder.record_count());
  CHECK(feed::feed_position_behind(copy) == cursor->position());
  return 0;
}
