#include "app/log_import.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "app/interrupt_guard.h"
#include "app/progress.h"
#include "base/bytes.h"
#include "event_log/journal/journal.h"
#include "feed/feed_log/feed_log.h"
#include "feed/source/open_message_source.h"
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
  }

  Result<void> run(feed::MessageSource& source);
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

 private:
  static constexpr std::size_t max_batch_bytes = std::size_t{256} << 10;
  static constexpr std::uint32_t max_block_messages = 256;

  void follow(const feed::MessageBlock& block, const feed::SessionName& session);
  Result<void> append(feed::MessageBlock block);
  Result<void> flush();
  void keep_pace();
  [[nodiscard]] const feed::FeedPosition& position() const { return encoder_.position(); }
  [[nodiscard]] CaptureTime time_of(const feed::MessageBlock& block) const {
    return raw(block.capture_time) != 0 ? block.capture_time : CaptureTime{clock_.realtime_ns()};
  }

  const LogImportOptions& options_;
  std::unique_ptr<event_log::Writer> writer_;
  feed::FeedLogEncoder encoder_;
  std::vector<std::byte> batch_;
  os::SystemClock clock_;
  std::uint64_t began_ns_ = clock_.monotonic_ns();
  std::uint64_t messages_ = 0;
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
  batch_.clear();
  encoder_.start_batch(batch_);
  first_time_ = CaptureTime{0};
  return {};
}

// In pieces, so that batches stay small and a rate is even.
Result<void> LogImport::append(feed::MessageBlock block) {
  while (block.message_count > 0) {
    feed::MessageBlock piece = block;
    piece.message_count = std::min(block.message_count, max_block_messages);
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
    if (batch_.size() >= max_batch_bytes || options_.rate != 0)
      if (Result<void> done = flush(); !done) return done;
    keep_pace();
    if (InterruptGuard::interrupted()) return {};
  }
  return {};
}

void LogImport::keep_pace() {
  if (options_.rate == 0) return;
  const double due = static_cast<double>(messages_) / static_cast<double>(options_.rate);
  const double passed = static_cast<double>(clock_.monotonic_ns() - began_ns_) / 1e9;
  if (due > passed) std::this_thread::sleep_for(std::chrono::duration<double>(std::min(due - passed, 0.5)));
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
