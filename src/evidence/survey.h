#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "book/order_books.h"
#include "evidence/feed_drive.h"
#include "feed/feed_consumer.h"
#include "feed/itch50/event_decoder.h"
#include "market/event.h"
#include "surveillance/surveillance.h"

namespace tapeline::evidence {

// Books and detectors over a feed, by the rules of feed/feed_consumer.h, as the live pipeline keeps them: of
// every symbol, or of some. `Observer` has
//
//   on_new_session(session)                 everything begins anew
//   on_message(survey, event, wire, offset) before a message is applied, with its place in the log, and …
//   on_applied(survey, event)               … behind it; both only where some symbols are kept, and of these
//   on_alert(alert)
//   wants_more()                            false ends the drive
template <class Observer>
class Survey final : public LoggedFeedConsumer, public book::NullBookHandler {
 public:
  Survey(const surveillance::Parameters& parameters, Observer& observer)
      : parameters_(parameters),
        observer_(observer),
        detectors_(std::make_unique<surveillance::Surveillance>(parameters)),
        events_(std::make_unique<std::array<Event, batch_size>>()) {}

  using Keys = std::bitset<65'536>;
  void keep_only(const Keys& keys) { only_ = keys; }

  void set_offset(std::uint64_t offset) override { offset_ = offset; }
  [[nodiscard]] bool wants_more() const override { return observer_.wants_more(); }
  void on_hole(const feed::FeedPosition& position) override {
    if (position.session != session_)
      on_session_started({position.session, position.next_sequence, CaptureTime{0}});
    mark_all(Quality::gapped);
  }

  void on_session_started(const feed::SessionStarted& item) override {
    session_ = item.session;
    books_.reset();
    detectors_ = std::make_unique<surveillance::Surveillance>(parameters_);
    default_quality_ = Quality::good;
    books_emptied_ = false;
    observer_.on_new_session(session_);
  }
  void on_messages(const feed::MessageBlock& block) override {
    if (only_)
      apply_some(block);
    else
      decode(block, [this](std::span<Event> events) { books_.apply(events, *this); });
    messages_ += block.message_count;
  }
  void on_gap_declared(const feed::GapDeclared&) override {
    unmark_all(Quality::recovering);
    mark_all(Quality::gapped);
  }
  void on_recovery_started(const feed::RecoveryStarted&) override {
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
    decode(block, [&](std::span<Event> events) { books_.apply(events, quiet); });
  }
  void on_snapshot_complete(const feed::SnapshotComplete&) override {
    unmark_all(Quality::recovering | Quality::gapped);
    books_emptied_ = false;
    for (const Locate locate : books_.locates())
      if (!books_.symbol(locate).view().empty()) detectors_->start_over(locate);
  }
  void on_end_of_session(const feed::SessionEnded&) override {}

  [[nodiscard]] const book::OrderBooks& books() const { return books_; }
  [[nodiscard]] const surveillance::Surveillance& detectors() const { return *detectors_; }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

  // What books and detectors tell.
  void emit(const surveillance::AlertRow& row) { observer_.on_alert(row); }
  void on_order(const Event& event, const book::OrderChange& change) {
    detectors_->on_order(context(event), event.kind, change, books_, *this);
  }
  void on_bbo(const Event& event, const book::Bbo& before, const book::Bbo& after, Quality) {
    detectors_->on_bbo(context(event), before, after, books_, *this);
  }
  void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo& prevailing, Quality) {
    detectors_->on_trade(context(event), trade, prevailing, books_, *this);
  }

 private:
  static constexpr std::size_t batch_size = 256;

  static stream::Context context(const Event& event) {
    return {event.locate, event.sequence, event.time, event.captured, Quality::good};
  }
  void mark_all(Quality flags) {
    books_.mark_all(flags);
    default_quality_ |= flags;
  }
  void unmark_all(Quality flags) {
    books_.unmark_all(flags);
    default_quality_ = without(default_quality_, flags);
  }
  template <class Apply>
  void decode(const feed::MessageBlock& block, Apply&& apply_to) {
    itch50::EventCursor cursor(block.bytes, Sequence{block.first_sequence}, block.capture_time);
    while (const std::size_t count = cursor.decode(*events_)) apply_to(std::span(*events_).first(count));
  }
  // One by one, and those of other symbols not at all.
  void apply_some(const feed::MessageBlock& block) {
    std::span<const std::byte> left = block.bytes;
    for (std::uint64_t sequence = block.first_sequence; left.size() >= 2; ++sequence) {
      const std::size_t length = load_be<std::uint16_t>(left.data());
      if (left.size() < 2 + length) return;
      const std::span<const std::byte> wire = left.subspan(2, length);
      left = left.subspan(2 + length);
      if (length < 3 || !only_->test(load_be<std::uint16_t>(wire.data() + 1))) continue;
      Event& event = (*events_)[0];
      itch50::decode_event(wire.data(), length, Sequence{sequence}, block.capture_time, event);
      observer_.on_message(*this, event, wire, offset_ ? *offset_ + sequence - block.first_sequence : 0);
      books_.apply({&event, 1}, *this);
      observer_.on_applied(*this, event);
    }
  }

  surveillance::Parameters parameters_;
  Observer& observer_;
  book::OrderBooks books_;
  std::unique_ptr<surveillance::Surveillance> detectors_;
  std::optional<Keys> only_;
  feed::SessionName session_{""};
  Quality default_quality_ = Quality::good;  // Of books that no message has named.
  bool books_emptied_ = false;               // For the snapshot that is coming in.
  std::uint64_t messages_ = 0;
  std::optional<std::uint64_t> offset_;  // Of the block at hand; nothing for a file.
  std::unique_ptr<std::array<Event, batch_size>> events_;
};

}  // namespace tapeline::evidence
