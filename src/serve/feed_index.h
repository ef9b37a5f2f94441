#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "event_log/event_log.h"
#include "feed/feed_consumer.h"
#include "market/types.h"
#include "serve/market_view.h"
#include "terminal/book_snapshot.h"

namespace tapeline::serve {

// A moment of the feed at a batch's end: everything up to here has been applied.
struct FeedMark {
  event_log::Offset at;
  EventTime watermark{0};
  feed::FeedPosition position;
  Quality default_quality = Quality::good;
};

// One book as it was, as OrderBooks::save_book() wrote it.
struct Keyframe {
  FeedMark mark;
  event_log::Offset valid_to;  // It stayed like this up to here, at least.
  terminal::LastTrade last;
  std::shared_ptr<const std::vector<std::byte>> book;
};

// Where a replay of one symbol starts.
struct ReplayStart {
  FeedMark mark;
  std::optional<Keyframe> keyframe;  // The book at the mark; without one it is as at a session's start.
};

// Finds where to start when a book of the session is to be rebuilt. Besides the session's start it keeps
// books as they were, symbol by symbol in turn, so that no more than `spacing` messages lie between two of
// the same symbol. When they need more memory than they may have, every second one goes and the spacing
// doubles.
class FeedIndex {
 public:
  explicit FeedIndex(std::size_t most_bytes, std::uint64_t spacing = 500'000)
      : most_bytes_(most_bytes), least_spacing_(spacing), spacing_(spacing) {}

  // Behind each batch that the view has taken in.
  void note(const MarketView& view);

  // The latest place from which everything up to the limit can be replayed. Nothing before a session began,
  // or where its start is not in the log any more.
  [[nodiscard]] std::optional<ReplayStart> find(Locate locate, EventTime until,
                                                std::uint64_t last_sequence) const;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t keyframes() const { return count_; }
  [[nodiscard]] std::uint64_t spacing() const { return spacing_; }

 private:
  struct History {
    std::vector<Keyframe> frames;      // In order.
    std::uint64_t saved_messages = 0;  // Of the last one: SymbolRecord::messages …
    std::uint64_t saved_epoch = 0;     // … and MarketView::epoch().
  };

  void start_session(const MarketView& view);
  void note_mark(const FeedMark& mark);
  void save(const MarketView& view, Locate locate, const FeedMark& mark);
  void make_room();
  [[nodiscard]] static std::size_t bytes_of(const Keyframe& frame) {
    return sizeof(Keyframe) + frame.book->size();
  }

  static constexpr std::size_t most_marks = 16'384;

  std::size_t most_bytes_;
  std::uint64_t least_spacing_;  // Messages of the whole feed.
  std::size_t bytes_ = 0;
  std::size_t count_ = 0;
  std::uint64_t spacing_;
  std::uint64_t session_ = UINT64_MAX;  // Of MarketView::session_count().
  event_log::Offset last_end_{};
  std::optional<FeedMark> start_;
  std::vector<FeedMark> marks_;  // So many messages apart.
  std::uint64_t mark_spacing_ = 32'768;
  std::vector<History> histories_;  // By locate.
  std::size_t next_symbol_ = 0;     // Of the turn.
  double owed_ = 0;                 // Symbols to save, by the messages that have come.
};

}  // namespace tapeline::serve
