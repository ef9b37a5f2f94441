#include "serve/feed_index.h"

#include <algorithm>

#include "stream/state.h"

namespace tapeline::serve {

void FeedIndex::start_session(const MarketView& view) {
  session_ = view.session_count();
  histories_.assign(65'536, {});
  bytes_ = count_ = next_symbol_ = 0;
  owed_ = 0;
  spacing_ = least_spacing_;
  // The batch that started the session holds its first messages, too: a replay begins with that batch.
  start_ = FeedMark{last_end_, EventTime{0}, {}};
  marks_.clear();
  mark_spacing_ = 32'768;
}

void FeedIndex::note_mark(const FeedMark& mark) {
  if (!marks_.empty() && mark.at - marks_.back().at < mark_spacing_) return;
  marks_.push_back(mark);
  if (marks_.size() < most_marks) return;
  mark_spacing_ *= 2;
  for (std::size_t i = 0; i < marks_.size() / 2; ++i) marks_[i] = marks_[2 * i + 1];
  marks_.resize(marks_.size() / 2);
}

void FeedIndex::note(const MarketView& view) {
  if (view.session_count() != session_) start_session(view);
  const event_log::Offset end = view.feed().end();
  const std::uint64_t come = end - std::min(last_end_, end);
  last_end_ = end;
  const std::size_t symbols = view.symbols().size();
  if (most_bytes_ == 0 || symbols == 0 || view.feed().position().in_recovery) return;
  owed_ += static_cast<double>(come) * static_cast<double>(symbols) / static_cast<double>(spacing_);
  const FeedMark mark{end, view.feed().watermark(), view.feed().position(), view.feed().default_quality()};
  note_mark(mark);
  for (std::size_t left = symbols; owed_ >= 1 && left > 0; --left, owed_ -= 1) {
    next_symbol_ = (next_symbol_ + 1) % symbols;
    save(view, view.symbols()[next_symbol_], mark);
  }
  owed_ = std::min(owed_, 1.0);
  if (bytes_ > most_bytes_) make_room();
}

void FeedIndex::save(const MarketView& view, Locate locate, const FeedMark& mark) {
  History& history = histories_[raw(locate)];
  const SymbolRecord& record = *view.record(locate);
  // Nothing has happened since: the same book is as good up to here.
  if (!history.frames.empty() && record.messages == history.saved_messages &&
      view.epoch() == history.saved_epoch) {
    history.frames.back().valid_to = mark.at;
    return;
  }
  stream::StateWriter writer;
  view.books().save_book(locate, writer);
  Keyframe frame{mark, mark.at, record.last, nullptr};
  frame.book = std::make_shared<const std::vector<std::byte>>(writer.bytes().begin(), writer.bytes().end());
  bytes_ += bytes_of(frame);
  ++count_;
  history.frames.push_back(std::move(frame));
  history.saved_messages = record.messages;
  history.saved_epoch = view.epoch();
}

void FeedIndex::make_room() {
  while (bytes_ > most_bytes_ && count_ > 0) {
    spacing_ *= 2;
    bytes_ = count_ = 0;
    for (History& history : histories_) {
      // The newest of each pair stays, and of an only one nothing: the log is there.
      std::vector<Keyframe> kept;
      for (std::size_t i = 1; i < history.frames.size(); i += 2) kept.push_back(history.frames[i]);
      history.frames = std::move(kept);
      if (history.frames.empty()) history.saved_messages = 0;
      for (const Keyframe& frame : history.frames) bytes_ += bytes_of(frame);
      count_ += history.frames.size();
    }
  }
}

std::optional<ReplayStart> FeedIndex::find(Locate locate, EventTime until,
                                           std::uint64_t last_sequence) const {
  if (session_ == UINT64_MAX) return std::nullopt;
  // What a mark has taken in must not be behind the limit: a time is behind it when it is greater.
  const auto is_early = [&](const FeedMark& mark) {
    return mark.watermark <= until && mark.position.next_sequence - 1 <= last_sequence;
  };
  const std::vector<Keyframe>& frames = histories_[raw(locate)].frames;
  const auto behind = std::ranges::partition_point(frames, is_early, &Keyframe::mark);
  if (behind == frames.begin()) {
    if (!start_) return std::nullopt;
    return ReplayStart{*start_, std::nullopt};
  }
  const Keyframe& frame = *(behind - 1);
  // The latest mark at which the book was still like this.
  const auto usable = [&](const FeedMark& mark) { return is_early(mark) && mark.at <= frame.valid_to; };
  const auto end = std::ranges::partition_point(marks_, usable);
  const bool later = end != marks_.begin() && (end - 1)->at > frame.mark.at;
  return ReplayStart{later ? *(end - 1) : frame.mark, frame};
}

}  // namespace tapeline::serve
