#pragma once

// The functions of MarketWorker, part of market_worker.h.

#include "pipeline/market_worker.h"

namespace tapeline::pipeline {

template <KeyedBooks Books>
Result<void> MarketWorker<Books>::restore(stream::RestorePlan plan) {
  CHECK(position_ == stream::log_start && plan_.keys.empty());
  plan_ = std::move(plan);
  position_ = told_ = covered_ = plan_.replay_from;
  marks_.start(lane_.end(), plan_.replay_from);
  checkpointer_.set_position(position_);
  for (const stream::StoredKey& stored : plan_.keys) owned_[raw(stored.key)] = 0;
  if (plan_.shared.empty()) return {};
  stream::StateReader reader(plan_.shared);
  shared_ = reader.get<Shared>();
  if (!reader.complete())
    return fail(ErrorCode::corrupt,
                "the checkpoint's manifest is not one of this program: remove the folder of checkpoints to "
                "start from the log's beginning");
  analytics_.open(shared_.watermark);
  books_.mark_all(shared_.default_quality);
  return {};
}

template <KeyedBooks Books>
void MarketWorker<Books>::begin_batch(stream::Position first, const feed::SessionName& session) {
  told_ = first;
  if (first > position_) {
    counters_.missed_records += raw(first) - raw(position_);
    if (session != shared_.session) start_session(session, shared_.next_sequence, first);
    position_ = first;
    load_due();
    mark_all(Quality::gapped);
  }
  checkpointer_.set_position(position_);
}

template <KeyedBooks Books>
void MarketWorker<Books>::load_due() {
  while (next_load_ < plan_.keys.size() && plan_.keys[next_load_].saved_at <= position_) {
    load(plan_.keys[next_load_]);
    // What is loaded is not needed again, and books are large.
    plan_.keys[next_load_++].state = {};
  }
}

template <KeyedBooks Books>
void MarketWorker<Books>::load(const stream::StoredKey& stored) {
  stream::StateReader reader(stored.state);
  const bool loaded = books_.load_book(stored.key, reader);
  analytics_.load_key(stored.key, reader);
  if (!loaded || !reader.complete())
    failure_ =
        Error{ErrorCode::corrupt,
              fmt::format("the state of locate {} in the checkpoint cannot be read: remove the folder of "
                          "checkpoints to start from the log's beginning",
                          raw(stored.key))};
  owned_[raw(stored.key)] = 1;
  checkpointer_.note_loaded(stored.key);
  ++counters_.restored_keys;
}

template <KeyedBooks Books>
void MarketWorker<Books>::begin_control(std::uint64_t sequence) {
  load_due();
  rows_.begin_control(Sequence{sequence}, position_, shared_.control_records++);
}

template <KeyedBooks Books>
void MarketWorker<Books>::mark_all(Quality flags) {
  books_.mark_all(flags);
  shared_.default_quality |= flags;
  checkpointer_.touch_all();
}

template <KeyedBooks Books>
void MarketWorker<Books>::unmark_all(Quality flags) {
  books_.unmark_all(flags);
  shared_.default_quality = without(shared_.default_quality, flags);
  checkpointer_.touch_all();
}

template <KeyedBooks Books>
void MarketWorker<Books>::on_session_started(const feed::SessionName& session, std::uint64_t next_sequence) {
  if (pass_over(1)) return;
  start_session(session, next_sequence, told_);
}

template <KeyedBooks Books>
void MarketWorker<Books>::start_session(const feed::SessionName& session, std::uint64_t next_sequence,
                                        stream::Position at) {
  begin_control(shared_.next_sequence);
  analytics_.on_new_session();
  position_ = at;
  // The rows so far are of the session before, and a batch is of one session.
  if (Result<void> done = append_rows(); !done) {
    failure_ =
        Error{ErrorCode::interrupted, "the rows of the last session could not be appended (" +
                                          done.error().message + "): the worker has to be started again"};
    return;
  }
  books_.reset();
  shared_ = Shared{.session = session, .next_sequence = next_sequence};
  checkpointer_.set_position(position_);
  checkpointer_.forget_all(shared_bytes(), *this);
}

template <KeyedBooks Books>
void MarketWorker<Books>::on_end_of_session(std::uint64_t next_sequence) {
  if (pass_over(1)) return;
  begin_control(next_sequence);
  analytics_.finish();
  shared_.next_sequence = next_sequence;
  end_control();
}

template <KeyedBooks Books>
void MarketWorker<Books>::on_gap_declared(std::uint64_t, std::uint64_t to) {
  if (pass_over(1)) return;
  begin_control(to);
  unmark_all(Quality::recovering);
  mark_all(Quality::gapped);
  shared_.next_sequence = to;
  end_control();
}

template <KeyedBooks Books>
void MarketWorker<Books>::on_recovery_started() {
  if (pass_over(1)) return;
  begin_control(shared_.next_sequence);
  mark_all(Quality::recovering);
  shared_.books_emptied = false;
  end_control();
}

// A snapshot says what rests, not what has happened: no operator hears of it. Its messages keep the times at
// which the orders were entered, so they move no watermark either.
template <KeyedBooks Books>
void MarketWorker<Books>::on_snapshot_messages(const feed::MessageBlock& block) {
  if (pass_over(block.message_count)) return;
  load_due();
  if (!shared_.books_emptied) {
    books_.reset();
    books_.mark_all(shared_.default_quality);
    analytics_.on_books_emptied();
    shared_.books_emptied = true;
    checkpointer_.touch_all();
  }
  auto quiet = analytics_.unheard();
  decode(block, [&](std::span<Event> events) { books_.apply(events.first(keep_own(events)), quiet); });
}

// Each book then tells its best prices once, changed or not: which ones had changed before is not known after
// a restart.
template <KeyedBooks Books>
void MarketWorker<Books>::on_snapshot_complete(std::uint64_t next_sequence, CaptureTime time) {
  if (pass_over(1)) return;
  begin_control(next_sequence);
  unmark_all(Quality::recovering | Quality::gapped);
  shared_.next_sequence = next_sequence;
  shared_.books_emptied = false;
  Event event{};
  event.kind = EventKind::system;
  event.time = analytics_.watermark();
  event.captured = time;
  event.sequence = Sequence{next_sequence};
  for (const Locate locate : books_.locates()) {
    if (owned_[raw(locate)] == 0 || books_.symbol(locate).view().empty()) continue;
    event.locate = locate;
    const book::Bbo bbo = books_.bbo(locate);
    checkpointer_.touch(locate);
    analytics_.on_bbo(event, bbo, bbo, books_.quality(locate));
  }
  end_control();
}

template <KeyedBooks Books>
void MarketWorker<Books>::on_messages(const feed::MessageBlock& block) {
  if (pass_over(block.message_count)) return;
  const stream::Position first{raw(told_) - block.message_count};
  rows_.set_block(Sequence{block.first_sequence}, first);
  if (covered_ == position_) first_time_ = block.capture_time;
  last_time_ = block.capture_time;
  decode(block, [&](std::span<Event> events) { apply(events); });
  shared_.next_sequence = block.first_sequence + block.message_count;
}

template <KeyedBooks Books>
template <class Apply>
void MarketWorker<Books>::decode(const feed::MessageBlock& block, Apply&& apply) {
  itch50::EventCursor cursor(block.bytes, Sequence{block.first_sequence}, block.capture_time);
  std::uint64_t known = raw(position_) - (raw(told_) - block.message_count);
  while (known > 0 && !failure_) {
    const std::size_t count =
        cursor.decode(std::span(*batch_).first(std::min<std::size_t>(known, batch_size)));
    if (count == 0) note_bad_block(block);
    known -= count;
  }
  while (position_ < told_ && !failure_) {
    load_due();
    std::size_t count = std::min<std::size_t>(batch_size, raw(told_) - raw(position_));
    if (next_load_ < plan_.keys.size())
      count = std::min<std::size_t>(count, raw(plan_.keys[next_load_].saved_at) - raw(position_));
    if (cursor.decode(std::span(*batch_).first(count)) != count) return note_bad_block(block);
    apply(std::span(*batch_).first(count));
    position_ = stream::Position{raw(position_) + count};
    counters_.messages += count;
    if (rows_.batch().size_bytes() > config_.max_output_bytes) (void)append_rows();
  }
}

template <KeyedBooks Books>
void MarketWorker<Books>::note_bad_block(const feed::MessageBlock& block) {
  failure_ =
      Error{ErrorCode::corrupt,
            fmt::format("a batch of the feed's log lacks messages behind sequence {}: check the log with "
                        "tapeline log verify",
                        block.first_sequence)};
}

template <KeyedBooks Books>
std::size_t MarketWorker<Books>::keep_own(std::span<Event> events) {
  std::size_t kept = 0;
  for (const Event& event : events) {
    if (owned_[raw(event.locate)] == 0) continue;
    checkpointer_.touch(event.locate);
    events[kept++] = event;
  }
  counters_.own_messages += kept;
  return kept;
}

template <KeyedBooks Books>
void MarketWorker<Books>::apply(std::span<Event> events) {
  std::size_t begin = 0;
  std::uint64_t timer = raw(analytics_.next_timer());
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    if (owned_[raw(event.locate)] != 0 || raw(event.time) < timer) [[likely]]
      continue;
    // Of another worker, or not loaded yet: it moves the watermark, behind what came before it.
    const std::span<Event> before = events.subspan(begin, i - begin);
    books_.apply(before.first(keep_own(before)), analytics_);
    analytics_.on_event_begin(event);
    timer = raw(analytics_.next_timer());
    begin = i + 1;
  }
  const std::span<Event> rest = events.subspan(begin);
  books_.apply(rest.first(keep_own(rest)), analytics_);
}

template <KeyedBooks Books>
Result<void> MarketWorker<Books>::append_rows() {
  if (!failure_) failure_ = analytics_.failure();
  if (failure_) return std::unexpected(*failure_);
  stream::RowBatchBuilder& batch = rows_.batch();
  const std::uint32_t count = batch.row_count();
  const std::span<const std::byte> payload =
      batch.finish(shared_.session, own_, groups_.count(), covered_, position_);
  if (Result<void> done = lane_.append(payload, 1 + count, first_time_, last_time_); !done) return done;
  rows_.clear();
  covered_ = position_;
  marks_.note(lane_.end(), position_);
  counters_.rows += count;
  ++counters_.output_batches;
  return {};
}

template <KeyedBooks Books>
Result<void> MarketWorker<Books>::put_out() {
  // What was saved right here is part of the books, though no record may come for a while.
  load_due();
  if (!failure_) failure_ = analytics_.failure();
  if (failure_) return std::unexpected(*failure_);
  if (rows_.batch().row_count() != 0)
    if (Result<void> done = append_rows(); !done) return done;
  return {};
}

template <KeyedBooks Books>
void MarketWorker<Books>::save_some(std::uint64_t now_ns, stream::CheckpointExtent extent) {
  checkpointer_.set_position(position_);
  if (!checkpointer_.in_progress() &&
      (!last_barrier_ns_ || now_ns - *last_barrier_ns_ >= config_.checkpoint_interval_ns)) {
    last_barrier_ns_ = now_ns;
    checkpointer_.begin(shared_bytes(), extent);
  }
  checkpointer_.slice(*this);
}

template <KeyedBooks Books>
Result<void> MarketWorker<Books>::end_batch(std::uint64_t now_ns) {
  if (Result<void> done = put_out(); !done) return done;
  save_some(now_ns);
  return {};
}

}  // namespace tapeline::pipeline
