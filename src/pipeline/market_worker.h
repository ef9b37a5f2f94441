#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/result.h"
#include "book/book_types.h"
#include "book/order_books.h"
#include "feed/itch50/event_decoder.h"
#include "feed/message_block.h"
#include "feed/message_source.h"
#include "market/event.h"
#include "market/quality.h"
#include "pipeline/market_analytics.h"
#include "pipeline/row_collector.h"
#include "stream/key_checkpointer.h"
#include "stream/key_groups.h"
#include "stream/output_marks.h"
#include "stream/restore_plan.h"
#include "stream/row_lane.h"
#include "stream/state.h"

namespace tapeline::pipeline {

// Books whose state can be carried book by book: orders in their queues, name, state and quality. load_book()
// puts a book without orders where save_book() found it, and says whether it could.
template <class Books>
concept KeyedBooks = std::derived_from<Books, book::OrderBooks> &&
                     std::constructible_from<Books, const book::OrderBooksConfig&> &&
                     requires(Books& books, const Books& saved, Locate locate, stream::StateWriter& writer,
                              stream::StateReader& reader) {
                       saved.save_book(locate, writer);
                       { books.load_book(locate, reader) } -> std::convertible_to<bool>;
                     };

struct MarketWorkerConfig {
  book::OrderBooksConfig books;
  AnalyticsConfig analytics;
  stream::CheckpointConfig checkpoint;
  std::uint64_t checkpoint_interval_ns = 200'000'000;   // From one barrier to the next, at least.
  std::size_t max_output_bytes = std::size_t{4} << 20;  // A batch of rows is appended when it is larger.
  // How much further back than it must a restart looks for rows: times in the log do not go back, but those
  // of packets that were held behind a gap do within a batch.
  std::uint64_t clock_slack_ns = 1'000'000'000;
};

struct MarketWorkerCounters {
  std::uint64_t messages = 0;  // Of the feed, whoever owns them.
  std::uint64_t own_messages = 0;
  std::uint64_t rows = 0;             // Appended.
  std::uint64_t suppressed_rows = 0;  // That were in the log already.
  std::uint64_t output_batches = 0;
  std::uint64_t missed_records = 0;  // Of the input, removed before they were read.
  std::uint64_t restored_keys = 0;
};

// Keeps the books and the analytics of some groups of symbols. It is told everything that the feed's log
// holds, in order: of the messages of other groups it takes the time only, so that windows close at the same
// message whatever the number of workers. Its rows go to a lane of the log of rows, its state to a
// checkpoint; both follow from the log alone.
//
// For each batch of the log: begin_batch(), its records (see feed/feed_consumer.h for what each means),
// end_batch(). One thread at a time. No clock and no I/O but through what it is given.
template <KeyedBooks Books>
class MarketWorker {
 public:
  // What it is given must outlive it. `output_ends` is for all groups: up to which position of the input
  // their rows are in the log.
  MarketWorker(const MarketWorkerConfig& config, const stream::KeyGroups& groups, stream::GroupRange own,
               stream::CheckpointWriter& writer, stream::RowLane& lane,
               std::vector<stream::Position> output_ends)
      : config_(config),
        groups_(groups),
        own_(own),
        lane_(lane),
        marks_(lane.number()),
        books_(config.books),
        checkpointer_(groups, own, writer, config.checkpoint),
        rows_(groups, own, std::move(output_ends), checkpointer_),
        analytics_(config.analytics, books_, rows_),
        batch_(std::make_unique<std::array<Event, batch_size>>()) {
    for (std::size_t key = 0; key < owned_.size(); ++key)
      owned_[key] = own.contains(groups.group_of(Locate{static_cast<std::uint16_t>(key)}));
  }
  MarketWorker(const MarketWorker&) = delete;
  MarketWorker& operator=(const MarketWorker&) = delete;

  // Takes over where a run before this one stopped. Called once, first; reading begins at position() then.
  // All rows before the output ends are on the disk, the lane's own as well.
  Result<void> restore(stream::RestorePlan plan);

  // How many records of the log have been taken in, and so the offset of the next.
  [[nodiscard]] stream::Position position() const { return position_; }

  // The next record that is told has this offset, and the feed is in this session there. Records before
  // position() are passed over; where it is behind position(), those in between are gone, and every book is
  // gapped.
  void begin_batch(stream::Position first, const feed::SessionName& session);

  void on_session_started(const feed::SessionName& session, std::uint64_t next_sequence);
  void on_messages(const feed::MessageBlock& block);
  void on_gap_declared(std::uint64_t from, std::uint64_t to);
  void on_recovery_started();
  void on_snapshot_messages(const feed::MessageBlock& block);
  void on_snapshot_complete(std::uint64_t next_sequence, CaptureTime time);
  void on_end_of_session(std::uint64_t next_sequence);

  // Appends the rows of the batches since the last call. After a failure to append (`io`) nothing is lost:
  // call it again until it succeeds, before the next batch. Any other failure is for good.
  Result<void> put_out();
  // Saves some state, behind put_out(); `now_ns` is of any clock that only goes forward.
  void save_some(std::uint64_t now_ns, stream::CheckpointExtent extent = stream::CheckpointExtent::budget);
  // Both.
  Result<void> end_batch(std::uint64_t now_ns);

  // Bytes of rows that wait for put_out().
  [[nodiscard]] std::size_t waiting_bytes() const { return rows_.batch().size_bytes(); }
  [[nodiscard]] EventTime watermark() const { return analytics_.watermark(); }
  // The code of the session's last system event, to the one worker that owns those; 0 elsewhere and until
  // there is one since the start.
  [[nodiscard]] char system_event() const { return analytics_.system_event(); }
  [[nodiscard]] const Books& books() const { return books_; }
  [[nodiscard]] const stream::KeyCheckpointer& checkpointer() const { return checkpointer_; }
  [[nodiscard]] MarketWorkerCounters counters() const {
    MarketWorkerCounters counters = counters_;
    counters.suppressed_rows = rows_.suppressed();
    return counters;
  }

  // For KeyCheckpointer; see stream::CheckpointSource.
  void save_key(Locate key, stream::StateWriter& writer) const {
    books_.save_book(key, writer);
    analytics_.save_key(key, writer);
  }
  bool flush_output() { return covered_ == position_ || append_rows().has_value(); }
  void save_output_mark(stream::StateWriter& writer) {
    marks_.settle(lane_.synced());
    writer.put(marks_.settled());
  }
  [[nodiscard]] std::span<const stream::StoredKey> keys_to_load() const {
    return std::span(plan_.keys).subspan(next_load_);
  }

 private:
  static constexpr std::size_t batch_size = 256;

  // What all keys share. Every worker comes to the same at the same position.
  struct Shared {
    feed::SessionName session{""};
    std::array<std::uint8_t, 2> reserved{};
    std::uint32_t control_records = 0;  // Of this session, so far.
    EventTime watermark{0};
    std::uint64_t next_sequence = 1;
    Quality default_quality = Quality::good;  // Of books that no message has named.
    bool books_emptied = false;               // For the snapshot that is coming in.
    std::array<std::uint8_t, 6> reserved2{};
  };
  static_assert(sizeof(Shared) == 40);

  // Tells the collector which message the rows come from.
  class Analytics : public MarketAnalytics<RowCollector> {
   public:
    Analytics(const AnalyticsConfig& config, const book::OrderBooks& books, RowCollector& out)
        : MarketAnalytics<RowCollector>(config, books, out), rows_(out) {}
    void on_event_begin(const Event& event) {
      rows_.begin_message(event.sequence);
      MarketAnalytics<RowCollector>::on_event_begin(event);
    }
    void on_status(const Event& event, const book::SymbolState& state) {
      if (event.kind == EventKind::system) system_event_ = event.code;
      MarketAnalytics<RowCollector>::on_status(event, state);
    }
    [[nodiscard]] char system_event() const { return system_event_; }
    void note_system_event(char code) { system_event_ = code; }

   private:
    RowCollector& rows_;
    char system_event_ = 0;
  };

  // Whether the next `count` records, which begin a record of the log, are all before position().
  [[nodiscard]] bool pass_over(std::uint64_t count) {
    told_ = stream::Position{raw(told_) + count};
    return told_ <= position_;
  }
  void begin_control(std::uint64_t sequence);
  void end_control() { position_ = stream::Position{raw(position_) + 1}; }
  void start_session(const feed::SessionName& session, std::uint64_t next_sequence, stream::Position at);
  void load_due();
  void load(const stream::StoredKey& stored);
  // Decodes what lies behind position() and hands it to apply(events), split where a key is to be loaded.
  template <class Apply>
  void decode(const feed::MessageBlock& block, Apply&& apply);
  void apply(std::span<Event> events);
  void note_bad_block(const feed::MessageBlock& block);
  // Moves the events of keys that are owned and loaded to the front and returns how many they are.
  [[nodiscard]] std::size_t keep_own(std::span<Event> events);
  void mark_all(Quality flags);
  void unmark_all(Quality flags);
  [[nodiscard]] std::array<std::byte, sizeof(Shared)> shared_bytes() {
    shared_.watermark = analytics_.watermark();
    return std::bit_cast<std::array<std::byte, sizeof(Shared)>>(shared_);
  }
  Result<void> append_rows();

  MarketWorkerConfig config_;
  const stream::KeyGroups& groups_;
  stream::GroupRange own_;
  stream::RowLane& lane_;
  stream::OutputMarks marks_;
  Books books_;
  stream::KeyCheckpointer checkpointer_;
  RowCollector rows_;
  Analytics analytics_;
  stream::RestorePlan plan_;
  std::size_t next_load_ = 0;
  std::array<std::uint8_t, 65'536> owned_;  // By key: of this worker, and loaded if there was state.
  Shared shared_;
  stream::Position position_ = stream::log_start;
  stream::Position told_ = stream::log_start;     // Behind the last record that was told.
  stream::Position covered_ = stream::log_start;  // The lane has the rows of all before it.
  CaptureTime first_time_{0};                     // Of the messages whose rows wait.
  CaptureTime last_time_{0};
  std::optional<std::uint64_t> last_barrier_ns_;
  std::optional<Error> failure_;  // For good: nothing is put out any more.
  MarketWorkerCounters counters_;
  std::unique_ptr<std::array<Event, batch_size>> batch_;
};

}  // namespace tapeline::pipeline

#include "pipeline/market_worker_impl.h"
