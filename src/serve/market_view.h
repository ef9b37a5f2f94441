#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "book/order_books.h"
#include "event_log/event_log.h"
#include "market/event.h"
#include "serve/feed_books.h"
#include "serve/symbol_record.h"

namespace tapeline::serve {

// The market as the feed's log has it: every book, and per symbol the newest trades, bars and activity.
// Memory follows what happens, up to the bounds in SymbolRecord for each symbol. One thread at a time; no
// clock.
class MarketView : public book::NullBookHandler {
 public:
  explicit MarketView(const book::OrderBooksConfig& config = {}) : feed_(config, *this), records_(65'536) {}

  Result<void> take(const event_log::Batch& batch) { return feed_.take(batch); }

  [[nodiscard]] const book::OrderBooks& books() const { return feed_.books(); }
  [[nodiscard]] const FeedBooks<MarketView>& feed() const { return feed_; }
  // Null where nothing has been said of the symbol.
  [[nodiscard]] const SymbolRecord* record(Locate locate) const { return records_[raw(locate)].get(); }
  [[nodiscard]] SymbolRecord* record(Locate locate) { return records_[raw(locate)].get(); }
  [[nodiscard]] std::optional<Locate> find_symbol(std::string_view symbol) const;
  // Symbols with a name, in the order in which the feed named them.
  [[nodiscard]] std::span<const Locate> symbols() const { return symbols_; }
  // The same, the busiest first, as of the last tick.
  [[nodiscard]] std::span<const Locate> ranking();

  // When the session's first message was; 0 before it.
  [[nodiscard]] EventTime began() const { return began_; }

  // The log cannot be followed any more: every book is what it was.
  void mark_stale() { feed_.mark_stale(); }

  // Grows when all books may have changed: a new session, a gap, a recovery.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] std::uint64_t session_count() const { return session_count_; }
  // Grows whenever `rate` and the ranking do.
  [[nodiscard]] std::uint64_t ticks() const { return ticks_; }

  // Of OrderBooks and FeedBooks.
  void on_new_session();
  void on_all_books();
  EventTime on_timer(EventTime time);
  void on_bbo(const Event& event, const book::Bbo& before, const book::Bbo& after, Quality quality);
  void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo&, Quality quality);
  void on_broken_trade(const Event& event);
  void on_event_end(const Event& event);

 private:
  SymbolRecord& record_of(Locate locate) {
    std::unique_ptr<SymbolRecord>& record = records_[raw(locate)];
    if (!record) record = std::make_unique<SymbolRecord>();
    return *record;
  }
  void learn_name(Locate locate);

  FeedBooks<MarketView> feed_;
  std::vector<std::unique_ptr<SymbolRecord>> records_;  // By locate.
  std::vector<Locate> symbols_;
  std::vector<Locate> ranking_;
  std::uint64_t ranked_at_ = 0;  // Of ticks_.
  std::unordered_map<std::string, Locate> names_;
  EventTime began_{0};
  EventTime last_tick_{0};
  std::uint64_t epoch_ = 0;
  std::uint64_t session_count_ = 0;
  std::uint64_t ticks_ = 0;
};

}  // namespace tapeline::serve
