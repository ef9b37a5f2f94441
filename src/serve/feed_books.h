#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "base/result.h"
#include "book/order_books.h"
#include "event_log/event_log.h"
#include "feed/feed_consumer.h"
#include "feed/feed_log/feed_log.h"
#include "feed/itch50/event_decoder.h"
#include "market/event.h"

namespace tapeline::serve {

// Books kept from the log's topic `feed` by the rules of feed/feed_consumer.h: of every symbol, or of one.
// `Handler` is what books tell (book/book_types.h) and has
//
//   on_new_session()       everything begins anew
//   on_all_books()         every book may have changed at once, in its quality or altogether
//   on_timer(time)         called before the first event at or behind the time that it returned last; returns
//                          the next such time
template <class Handler>
class FeedBooks final : private feed::FeedConsumer {
 public:
  FeedBooks(const book::OrderBooksConfig& config, Handler& handler)
      : books_(config), handler_(handler), events_(std::make_unique<std::array<Event, batch_size>>()) {}

  // Where to stop, for good: before the first event behind `until`, or with a higher sequence than `last`.
  struct Limits {
    EventTime until{UINT64_MAX};
    std::uint64_t last_sequence = UINT64_MAX;
  };
  void set_limits(const Limits& limits) { limits_ = limits; }
  void keep_only(Locate locate) { only_ = locate; }
  void set_timer(EventTime time) { timer_ = raw(time); }

  // Applies one batch of the log. The offset that is expected next is end() of the last one.
  Result<void> take(const event_log::Batch& batch);

  // Goes on at an offset in a session, with books that books() lets put in. Called once, first.
  void resume(event_log::Offset at, const feed::FeedPosition& position, EventTime watermark,
              Quality default_quality) {
    expected_ = at;
    position_ = position;
    sequence_ = position.next_sequence - 1;
    watermark_ = watermark;
    default_quality_ = default_quality;
    if (default_quality != Quality::good) books_.mark_all(default_quality);
  }
  [[nodiscard]] book::OrderBooks& books() { return books_; }
  void mark_stale() { mark_all(Quality::stale); }

  [[nodiscard]] const book::OrderBooks& books() const { return books_; }
  [[nodiscard]] const feed::FeedPosition& position() const { return position_; }
  [[nodiscard]] event_log::Offset end() const { return expected_; }
  // The time of the newest readable message, and the session's sequence of the last one applied.
  [[nodiscard]] EventTime watermark() const { return watermark_; }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] CaptureTime captured() const { return captured_; }
  [[nodiscard]] Quality default_quality() const { return default_quality_; }
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] std::uint64_t missed_records() const { return missed_records_; }

 private:
  static constexpr std::size_t batch_size = 256;

  void on_session_started(const feed::SessionStarted& item) override {
    position_.apply(item);
    start_session();
  }
  void on_messages(const feed::MessageBlock& block) override {
    captured_ = block.capture_time;
    decode(block, [this](std::span<Event> events) { apply(events); });
    position_.apply_messages(block);
  }
  void on_gap_declared(const feed::GapDeclared& item) override {
    position_.apply(item);
    unmark_all(Quality::recovering);
    mark_all(Quality::gapped);
  }
  void on_recovery_started(const feed::RecoveryStarted& item) override {
    position_.apply(item);
    mark_all(Quality::recovering);
    books_emptied_ = false;
  }
  void on_snapshot_messages(const feed::MessageBlock& block) override {
    if (!books_emptied_) {
      books_.reset();
      books_.mark_all(default_quality_);
      books_emptied_ = true;
    }
    book::NullBookHandler quiet;
    decode(block, [&](std::span<Event> events) { books_.apply(keep(events), quiet); });
  }
  void on_snapshot_complete(const feed::SnapshotComplete& item) override {
    position_.apply(item);
    books_emptied_ = false;
    sequence_ = item.next_sequence - 1;
    unmark_all(Quality::recovering | Quality::gapped);
  }
  void on_end_of_session(const feed::SessionEnded& item) override { position_.apply(item); }

  void start_session() {
    books_.reset();
    default_quality_ = Quality::good;
    books_emptied_ = false;
    watermark_ = EventTime{0};
    sequence_ = position_.next_sequence - 1;
    handler_.on_new_session();
    timer_ = raw(handler_.on_timer(EventTime{0}));
  }
  void mark_all(Quality flags) {
    books_.mark_all(flags);
    default_quality_ |= flags;
    handler_.on_all_books();
  }
  void unmark_all(Quality flags) {
    for (std::size_t locate = 0; locate < 65'536; ++locate)
      books_.unmark(Locate{static_cast<std::uint16_t>(locate)}, flags);
    default_quality_ = without(default_quality_, flags);
    handler_.on_all_books();
  }

  template <class Apply>
  void decode(const feed::MessageBlock& block, Apply&& apply_to) {
    itch50::EventCursor cursor(block.bytes, Sequence{block.first_sequence}, block.capture_time);
    while (const std::size_t count = stopped_ ? 0 : cursor.decode(*events_))
      apply_to(std::span(*events_).first(count));
  }
  // Moves the events to apply to the front.
  [[nodiscard]] std::span<Event> keep(std::span<Event> events) const {
    if (!only_) return events;
    std::size_t kept = 0;
    for (const Event& event : events)
      if (event.locate == *only_) events[kept++] = event;
    return events.first(kept);
  }
  void run(std::span<Event> events) {
    if (events.empty()) return;
    sequence_ = raw(events.back().sequence);
    books_.apply(keep(events), handler_);
  }
  void apply(std::span<Event> events) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const Event& event = events[i];
      if (raw(event.sequence) > limits_.last_sequence) return stop(events.subspan(begin, i - begin));
      if (!event.is_readable()) [[unlikely]]
        continue;
      const EventTime time = event.time;
      if (time > limits_.until) return stop(events.subspan(begin, i - begin));
      if (raw(time) >= timer_) [[unlikely]] {
        run(events.subspan(begin, i - begin));
        begin = i;
        timer_ = raw(handler_.on_timer(time));
      }
      watermark_ = std::max(watermark_, time);
    }
    run(events.subspan(begin));
  }
  void stop(std::span<Event> before) {
    run(before);
    stopped_ = true;
  }

  book::OrderBooks books_;
  Handler& handler_;
  std::optional<Locate> only_;
  Limits limits_;
  std::uint64_t timer_ = 0;
  feed::FeedPosition position_;
  event_log::Offset expected_;
  EventTime watermark_{0};
  std::uint64_t sequence_ = 0;
  CaptureTime captured_{0};
  Quality default_quality_ = Quality::good;  // Of books that no message has named.
  bool books_emptied_ = false;               // For the snapshot that is coming in.
  bool stopped_ = false;
  std::uint64_t missed_records_ = 0;
  std::unique_ptr<std::array<Event, batch_size>> events_;
};

template <class Handler>
Result<void> FeedBooks<Handler>::take(const event_log::Batch& batch) {
  Result<feed::FeedLogCursor> cursor = feed::FeedLogCursor::open(batch.payload);
  if (!cursor) return std::unexpected(cursor.error());
  if (batch.first < expected_)
    return fail(ErrorCode::corrupt, fmt::format("the log of the feed goes back from offset {} to {}",
                                                expected_.value, batch.first.value));
  if (batch.first > expected_) {
    missed_records_ += batch.first - expected_;
    if (cursor->position().session != position_.session) {
      position_ = cursor->position();
      start_session();
    }
    position_ = cursor->position();
    mark_all(Quality::gapped);
  }
  while (!stopped_) {
    const Result<std::optional<feed::FeedRecord>> record = cursor->next();
    if (!record) return std::unexpected(record.error());
    if (!*record) break;
    feed::replay(**record, *this);
  }
  expected_ = batch.end();
  return {};
}

}  // namespace tapeline::serve
