#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "event_log/event_log.h"
#include "feed/feed_log/feed_log.h"
#include "feed/sequencer/sequencer.h"
#include "market/types.h"

namespace tapeline::pipeline {

inline constexpr const char* feed_topic = "feed";
inline constexpr const char* rows_topic = "rows";

// Where the feed stands behind what the topic `feed` holds; nothing where it holds nothing. What a crash has
// left torn is cut off first. Not while an Ingest is open.
Result<std::optional<feed::FeedPosition>> logged_position(event_log::EventLog& log);

struct IngestConfig {
  feed::SequencerConfig sequencer;
  // A batch of the log is appended by flush(), and within a call once it is as large as this.
  std::size_t max_batch_bytes = std::size_t{256} << 10;
};

struct IngestCounters {
  std::uint64_t batches = 0;  // Appended.
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t failed_appends = 0;
};

// Packets in, log out: puts two lines in order and appends what they say to the topic `feed`. What the log
// has is published by that, nothing else is. No socket, no clock, no thread: see feed::Sequencer for the
// calls, which are passed on to it.
class Ingest {
 public:
  // Opens the topic's writer and goes on behind its last batch.
  static Result<std::unique_ptr<Ingest>> open(const IngestConfig& config, event_log::EventLog& log);
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  void on_datagram(feed::Line line, std::span<const std::byte> datagram, CaptureTime captured,
                   std::uint64_t now_ns);
  void on_reply(unsigned server, std::span<const std::byte> datagram, CaptureTime captured,
                std::uint64_t now_ns);
  void on_snapshot_messages(std::uint64_t attempt, const feed::MessageBlock& block, std::uint64_t now_ns);
  void on_snapshot_complete(std::uint64_t attempt, std::uint64_t next_sequence, CaptureTime captured,
                            std::uint64_t now_ns);
  void on_snapshot_failed(std::uint64_t attempt, std::uint64_t now_ns);
  void on_timer(std::uint64_t now_ns) { sequencer_.on_timer(now_ns); }
  [[nodiscard]] std::uint64_t next_deadline() const { return sequencer_.next_deadline(); }
  [[nodiscard]] std::optional<feed::SequencerAction> next_action() { return sequencer_.next_action(); }

  // Appends what has come since the last call: to be called when there is nothing more to take in at once.
  // After a failure (a full disk) nothing is lost: call it again, and take nothing more in until it succeeds,
  // so that memory stays bounded; what the kernel drops meanwhile is asked for like any gap.
  Result<void> flush();
  [[nodiscard]] bool is_blocked() const { return failed_; }

  [[nodiscard]] const feed::Sequencer& sequencer() const { return sequencer_; }
  [[nodiscard]] const IngestCounters& counters() const { return counters_; }
  // For those who sync it and follow its end.
  [[nodiscard]] event_log::Writer& writer() { return *writer_; }

 private:
  Ingest(const IngestConfig& config, std::unique_ptr<event_log::Writer> writer,
         const std::optional<feed::FeedPosition>& position);
  void note_time(CaptureTime captured);
  void flush_if_large();

  IngestConfig config_;
  std::unique_ptr<event_log::Writer> writer_;
  feed::FeedLogEncoder encoder_;
  feed::Sequencer sequencer_;
  std::vector<std::byte> batch_;
  std::uint64_t first_time_ns_ = 0;  // Of the batch; 0 while nothing has come.
  std::uint64_t last_time_ns_ = 0;
  bool failed_ = false;
  IngestCounters counters_;
};

}  // namespace tapeline::pipeline
