#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "event_log/event_log.h"
#include "feed/feed_consumer.h"

namespace tapeline::evidence {

// A consumer of a feed that is told where in the log it is.
class LoggedFeedConsumer : public feed::FeedConsumer {
 public:
  // The offset of the next record, of the first of its messages. Called before each, not at all for a file.
  virtual void set_offset(std::uint64_t offset) = 0;
  // Records are missing before the next one, which is at this position of the feed.
  virtual void on_hole(const feed::FeedPosition& position) = 0;
  // False: it has all that it is after, and need not be told of the rest.
  [[nodiscard]] virtual bool wants_more() const { return true; }
};

// Tells a consumer of a whole feed, from its beginning; may be called again for another.
using FeedDrive = std::function<Result<void>(LoggedFeedConsumer&)>;

// The topic `feed` of a log, up to where it ended at the first call; a pipeline may be writing it. The log
// must outlive it. `goes_on` is asked before each batch.
[[nodiscard]] FeedDrive drive_log(
    event_log::EventLog& log, std::function<bool()> goes_on = [] { return true; });
// A file or capture, as feed/source opens it.
[[nodiscard]] FeedDrive drive_file(std::string path);

}  // namespace tapeline::evidence
