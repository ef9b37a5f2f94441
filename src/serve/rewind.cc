#include "serve/rewind.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "pipeline/live/ingest.h"
#include "serve/feed_books.h"
#include "stream/state.h"

namespace tapeline::serve {

namespace {

// Follows one symbol and takes its book at each step.
class RewindView : public book::NullBookHandler {
 public:
  explicit RewindView(const RewindRequest& request)
      : request_(request),
        feed_({.expected_orders = std::size_t{1} << 14, .max_blocks = std::size_t{1} << 22}, *this) {
    feed_.keep_only(request.locate);
    feed_.set_limits({request.until, request.last_sequence});
  }

  Result<void> start() {
    const ReplayStart& from = request_.start;
    feed_.resume(from.mark.at, from.mark.position, from.mark.watermark, from.mark.default_quality);
    if (from.keyframe) {
      stream::StateReader reader(*from.keyframe->book);
      if (!feed_.books().load_book(request_.locate, reader) || !reader.complete())
        return fail(ErrorCode::corrupt, "a book that was kept cannot be read back");
      last_ = from.keyframe->last;
    }
    feed_.set_timer(request_.step_ns == 0 ? EventTime{UINT64_MAX} : EventTime{raw(next_frame()) + 1});
    return {};
  }
  Result<void> take(const event_log::Batch& batch) { return feed_.take(batch); }
  [[nodiscard]] bool stopped() const { return feed_.stopped(); }
  [[nodiscard]] event_log::Offset end() const { return feed_.end(); }

  RewindAnswer finish() {
    RewindAnswer answer;
    answer.session = feed_.position().session.view();
    if (request_.step_ns == 0) {
      const bool by_time = raw(request_.until) != UINT64_MAX;
      add_frame(by_time ? request_.until : feed_.watermark());
    }
    while (request_.step_ns != 0 && next_frame() <= request_.until) add_frame(next_frame());
    answer.frames = std::move(frames_);
    answer.trades = std::move(trades_);
    return answer;
  }

  void on_new_session() { last_ = {}; }
  void on_all_books() {}
  // Before the first event behind a frame's time.
  EventTime on_timer(EventTime time) {
    if (request_.step_ns == 0) return EventTime{UINT64_MAX};
    while (next_frame() < time && next_frame() <= request_.until) add_frame(next_frame());
    return EventTime{raw(next_frame()) + 1};
  }
  void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo&, Quality quality) {
    if (trade.shares == 0) return;
    last_ = last_trade_of(event, trade);
    if (event.time >= request_.from) trades_.push(TapeTrade::of(event, trade, quality));
  }
  void on_broken_trade(const Event& event) {
    if (last_.shares != 0 && last_.match == event.match()) last_.broken = true;
    if (event.time >= request_.from)
      trades_.push(TapeTrade::broken(event, feed_.books().quality(event.locate)));
  }

 private:
  [[nodiscard]] EventTime next_frame() const {
    return EventTime{raw(request_.from) + frames_.size() * request_.step_ns};
  }
  void add_frame(EventTime time) {
    RewindFrame frame{time, feed_.sequence(),
                      terminal::take_snapshot(feed_.books(), request_.locate, time, request_.levels)};
    frame.book.last_trade = last_;
    if (frame.book.symbol.view().empty()) frame.book.symbol = request_.symbol;
    frames_.push_back(std::move(frame));
  }

  const RewindRequest& request_;
  FeedBooks<RewindView> feed_;
  terminal::LastTrade last_;
  std::vector<RewindFrame> frames_;
  Ring<TapeTrade> trades_{RewindAnswer::most_trades};
};

}  // namespace

Result<RewindAnswer> rewind(event_log::EventLog& log, const os::Clock& clock, std::uint64_t timeout_ns,
                            const std::atomic<bool>& cancelled, const RewindRequest& request) {
  const std::uint64_t deadline = clock.monotonic_ns() + timeout_ns;
  Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(pipeline::feed_topic, 0);
  if (!reader) return std::unexpected(reader.error());
  const event_log::Offset from = request.start.mark.at;
  if (Result<void> done = (*reader)->seek(from); !done) return std::unexpected(done.error());
  RewindView view(request);
  if (Result<void> done = view.start(); !done) return std::unexpected(done.error());
  while (!view.stopped()) {
    const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) break;
    if (Result<void> done = view.take(**batch); !done) return std::unexpected(done.error());
    if (cancelled || clock.monotonic_ns() > deadline)
      return fail(ErrorCode::interrupted,
                  fmt::format("the rewind was given up after {} messages; see serve.rewind_timeout_ms",
                              view.end() - from));
  }
  RewindAnswer answer = view.finish();
  answer.replayed = view.end() - std::min(from, view.end());
  return answer;
}

Rewinder::Rewinder(event_log::EventLog& log, const os::Clock& clock, std::uint64_t timeout_ns)
    : log_(log), clock_(clock), timeout_ns_(timeout_ns), thread_([this] { run(); }) {}

Rewinder::~Rewinder() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  wake_.notify_all();
  thread_.join();
}

bool Rewinder::ask(RewindRequest request, Reply reply) {
  const std::scoped_lock lock(mutex_);
  if (stopping_ || waiting_.size() >= most_waiting) {
    ++refused_;
    return false;
  }
  waiting_.emplace_back(std::move(request), std::move(reply));
  wake_.notify_one();
  return true;
}

RewindCounters Rewinder::counters() const {
  return {done_, failed_, refused_, replayed_};
}

void Rewinder::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const auto [request, reply] = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    Result<RewindAnswer> answer = rewind(log_, clock_, timeout_ns_, stopping_, request);
    ++(answer ? done_ : failed_);
    if (answer) replayed_ += answer->replayed;
    reply(std::move(answer));
    lock.lock();
  }
}

}  // namespace tapeline::serve
