#include "app/log_import.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "app/interrupt_guard.h"
#include "app/progress.h"
#include "base/bytes.h"
#include "event_log/journal/journal.h"
#include "feed/feed_log/feed_log.h"
#include "feed/source/open_message_source.h"
#include "market/event_time_text.h"
#include "os/posix/posix_file_system.h"
#include "os/posix/system_clock.h"
#include "pipeline/live/ingest.h"

namespace tapeline::app {

namespace {

// Writes the items of a file as the live pipeline writes those of the network.
class LogImport {
 public:
  LogImport(const LogImportOptions& options, std::unique_ptr<event_log::Writer> writer,
            const feed::FeedPosition& position)
      : options_(options), writer_(std::move(writer)), encoder_(position) {
    encoder_.start_batch(batch_);
    if (!options.from.empty()) from_ = *parse_event_time(options.from);
  }

  Result<void> run(feed::MessageSource& source);
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

 private:
  static constexpr std::size_t max_batch_bytes = std::size_t{256} << 10;
  static constexpr std::size_t sync_bytes = std::size_t{4} << 20;
  static constexpr std::uint32_t max_block_messages = 256;

  void follow(const feed::MessageBlock& block, const feed::SessionName& session);
  Result<void> append(feed::MessageBlock block);
  Result<void> flush();
  [[nodiscard]] std::optional<double> due_s(EventTime time);
  Result<void> keep_pace(EventTime time);
  [[nodiscard]] const feed::FeedPosition& position() const { return encoder_.position(); }
  [[nodiscard]] CaptureTime time_of(const feed::MessageBlock& block) const {
    return raw(block.capture_time) != 0 ? block.capture_time : CaptureTime{clock_.realtime_ns()};
  }

  const LogImportOptions& options_;
  std::unique_ptr<event_log::Writer> writer_;
  feed::FeedLogEncoder encoder_;
  std::vector<std::byte> batch_;
  std::size_t unsynced_bytes_ = 0;
  os::SystemClock clock_;
  std::uint64_t began_ns_ = clock_.monotonic_ns();
  std::uint64_t messages_ = 0;
  EventTime from_{0};
  EventTime pace_from_{0};  // What is due when counts from here; 0: nothing has been paced yet.
  CaptureTime first_time_{0};
  CaptureTime last_time_{0};
};

// Starts a session where there is a new one, and declares what is missing before the block.
void LogImport::follow(const feed::MessageBlock& block, const feed::SessionName& session) {
  const CaptureTime time = time_of(block);
  if (!position().in_session || position().ended || position().session != session) {
    encoder_.on_session_started({session, 1, time});
  }
  if (block.first_sequence == position().next_sequence) return;
  encoder_.on_gap_declared({position().next_sequence, block.first_sequence, time});
}

Result<void> LogImport::flush() {
  const std::uint64_t records = encoder_.record_count();
  if (records == 0) return {};
  event_log::NewBatch header;
  header.record_count = static_cast<std::uint32_t>(records);
  header.first_time_ns = raw(first_time_);
  header.last_time_ns = std::max(raw(first_time_), raw(last_time_));
  if (const Result<event_log::Offset> done = writer_->append(header, batch_); !done)
    return std::unexpected(done.error());
  unsynced_bytes_ += batch_.size();
  batch_.clear();
  encoder_.start_batch(batch_);
  first_time_ = CaptureTime{0};
  // What is known to be on the disk can be told from what a crash cut off, should it be damaged later.
  if (unsynced_bytes_ < sync_bytes) return {};
  unsynced_bytes_ = 0;
  return writer_->sync();
}

// In pieces, so that batches stay small and a rate is even.
Result<void> LogImport::append(feed::MessageBlock block) {
  while (block.message_count > 0) {
    feed::MessageBlock piece = block;
    piece.message_count = std::min(block.message_count, options_.speed != 0 ? 1u : max_block_messages);
    std::size_t size = 0;
    for (std::uint32_t i = 0; i < piece.message_count; ++i)
      size += 2 + load_be<std::uint16_t>(block.bytes.data() + size);
    piece.bytes = block.bytes.first(size);
    piece.capture_time = time_of(block);
    if (raw(first_time_) == 0) first_time_ = piece.capture_time;
    last_time_ = piece.capture_time;
    encoder_.on_messages(piece);
    messages_ += piece.message_count;
    block.bytes = block.bytes.subspan(size);
    block.first_sequence += piece.message_count;
    block.message_count -= piece.message_count;
    if (batch_.size() >= max_batch_bytes)
      if (Result<void> done = flush(); !done) return done;
    // The piece's first message; each begins with its type, locate and tracking number.
    const EventTime time{piece.bytes.size() < 13 ? 0 : load_be48(piece.bytes.data() + 2 + 5)};
    if (Result<void> done = keep_pace(time); !done) return done;
    if (InterruptGuard::interrupted()) return {};
  }
  return {};
}

// In seconds since the start: when the messages up to here are due.
std::optional<double> LogImport::due_s(EventTime time) {
  if (options_.rate != 0) return static_cast<double>(messages_) / static_cast<double>(options_.rate);
  if (options_.speed == 0 || time < from_ || raw(time) == 0) return std::nullopt;
  if (raw(pace_from_) == 0) {
    pace_from_ = time;
    began_ns_ = clock_.monotonic_ns();
  }
  return static_cast<double>(raw(time) - std::min(raw(pace_from_), raw(time))) / 1e9 / options_.speed;
}

Result<void> LogImport::keep_pace(EventTime time) {
  const std::optional<double> due = due_s(time);
  if (!due) return {};
  while (!InterruptGuard::interrupted()) {
    const double left = *due - static_cast<double>(clock_.monotonic_ns() - began_ns_) / 1e9;
    if (left <= 0) break;
    // Whoever follows the log sees what has come so far while this waits.
    if (Result<void> done = flush(); !done) return done;
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, 0.1)));
  }
  return {};
}

Result<void> LogImport::run(feed::MessageSource& source) {
  Progress progress;
  std::uint64_t next_report = 0;
  while (!InterruptGuard::interrupted()) {
    const Result<std::optional<feed::MessageBlock>> block = source.next();
    if (!block) {
      (void)flush();
      return std::unexpected(block.error());
    }
    if (!*block) break;
    const feed::SessionName named = source.session();
    follow(**block, named.view().empty() ? feed::SessionName(options_.session) : named);
    if (Result<void> done = append(**block); !done) return done;
    if (messages_ >= next_report) {
      progress.show(messages_, source.progress());
      next_report = messages_ + 250'000;
    }
  }
  progress.clear();
  if (position().in_session && !options_.open_end && !InterruptGuard::interrupted())
    encoder_.on_end_of_session({position().next_sequence, CaptureTime{clock_.realtime_ns()}});
  if (Result<void> done = flush(); !done) return done;
  if (Result<void> done = writer_->sync(); !done) return done;
  if (InterruptGuard::interrupted()) return fail(ErrorCode::interrupted, "interrupted");
  return {};
}

Result<feed::FeedPosition> position_in(event_log::EventLog& log, event_log::Offset end) {
  if (end == event_log::Offset{}) return feed::FeedPosition{};
  Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(pipeline::feed_topic, 0);
  if (!reader) return std::unexpected(reader.error());
  if (Result<void> done = (*reader)->seek({end.value - 1}); !done) return std::unexpected(done.error());
  const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
  if (!batch) return std::unexpected(batch.error());
  if (!*batch) return feed::FeedPosition{};
  return feed::feed_position_behind((*batch)->payload);
}

}  // namespace

Result<void> import_into_log(const LogImportOptions& options) {
  if (options.session.empty() || options.session.size() > feed::SessionName().bytes.size())
    return fail(ErrorCode::usage, "--session has 1 to 10 characters");
  if (!options.from.empty() && !parse_event_time(options.from))
    return fail(ErrorCode::usage, fmt::format("--from {} is no time of day; write 10:30", options.from));
  const InterruptGuard guard(OnInterrupt::finish_in_order);
  Result<std::unique_ptr<feed::MessageSource>> source = feed::open_message_source(options.file);
  if (!source) return std::unexpected(source.error());
  os::PosixFileSystem files;
  event_log::journal::Journal journal(files, options.data);
  if (const auto topic = journal.topic(pipeline::feed_topic); !topic)
    if (Result<void> done = journal.create_topic(pipeline::feed_topic, {}); !done) return done;
  Result<std::unique_ptr<event_log::Writer>> writer = journal.open_writer(pipeline::feed_topic, 0);
  if (!writer) return std::unexpected(writer.error());
  const Result<feed::FeedPosition> position = position_in(journal, (*writer)->end());
  if (!position) return std::unexpected(position.error());
  LogImport import(options, std::move(*writer), *position);
  const Result<void> done = import.run(**source);
  fmt::print(stderr, "tapeline: {} messages are in the log of {}\n", import.messages(), options.data);
  return done;
}

}  // namespace tapeline::app
