#include "evidence/feed_drive.h"

#include <memory>
#include <optional>
#include <utility>

#include "feed/feed_log/feed_log.h"
#include "feed/source/open_message_source.h"
#include "pipeline/live/ingest.h"

namespace tapeline::evidence {

namespace {

Result<void> drive_batch(const event_log::Batch& batch, event_log::Offset expected,
                         LoggedFeedConsumer& consumer) {
  Result<feed::FeedLogCursor> cursor = feed::FeedLogCursor::open(batch.payload);
  if (!cursor) return std::unexpected(cursor.error());
  if (batch.first > expected) consumer.on_hole(cursor->position());
  for (;;) {
    consumer.set_offset(batch.first.value + cursor->record_count());
    const Result<std::optional<feed::FeedRecord>> record = cursor->next();
    if (!record) return std::unexpected(record.error());
    if (!*record) return {};
    feed::replay(**record, consumer);
  }
}

Result<void> drive_to(event_log::EventLog& log, event_log::Offset end, const std::function<bool()>& goes_on,
                      LoggedFeedConsumer& consumer) {
  Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(pipeline::feed_topic, 0);
  if (!reader) return std::unexpected(reader.error());
  event_log::Offset expected;
  while (expected < end && consumer.wants_more() && goes_on()) {
    const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) return {};
    if (Result<void> done = drive_batch(**batch, expected, consumer); !done) return done;
    expected = (*batch)->end();
  }
  return {};
}

}  // namespace

FeedDrive drive_log(event_log::EventLog& log, std::function<bool()> goes_on) {
  return [&log, goes_on = std::move(goes_on),
          end = std::optional<event_log::Offset>()](LoggedFeedConsumer& consumer) mutable -> Result<void> {
    if (!end) {
      const Result<event_log::PartitionDescription> feed = log.describe(pipeline::feed_topic, 0);
      if (!feed) return std::unexpected(feed.error());
      end = feed->end;
    }
    return drive_to(log, *end, goes_on, consumer);
  };
}

FeedDrive drive_file(std::string path) {
  return [path = std::move(path)](LoggedFeedConsumer& consumer) -> Result<void> {
    Result<std::unique_ptr<feed::MessageSource>> source = feed::open_message_source(path);
    if (!source) return std::unexpected(source.error());
    std::optional<feed::SessionName> session;
    std::uint64_t expected = 1;
    for (;;) {
      const Result<std::optional<feed::MessageBlock>> block = (*source)->next();
      if (!block) return std::unexpected(block.error());
      if (!*block || !consumer.wants_more()) return {};
      if (session != (*source)->session()) {
        session = (*source)->session();
        expected = 1;
        consumer.on_session_started({*session, 1, (*block)->capture_time});
      }
      if ((*block)->first_sequence != expected)
        consumer.on_gap_declared({expected, (*block)->first_sequence, (*block)->capture_time});
      consumer.on_messages(**block);
      expected = (*block)->first_sequence + (*block)->message_count;
    }
  };
}

}  // namespace tapeline::evidence
