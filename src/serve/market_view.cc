#include "serve/market_view.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace tapeline::serve {

namespace {

constexpr double rate_memory_s = 10;

}  // namespace

std::optional<Locate> MarketView::find_symbol(std::string_view symbol) const {
  const auto found = names_.find(std::string(symbol));
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

void MarketView::on_new_session() {
  for (std::unique_ptr<SymbolRecord>& record : records_) record.reset();
  symbols_.clear();
  ranking_.clear();
  names_.clear();
  began_ = last_tick_ = EventTime{0};
  ++epoch_;
  ++session_count_;
  ++ticks_;
}

// A snapshot may have named symbols without a single event.
void MarketView::on_all_books() {
  ++epoch_;
  for (const Locate locate : books().locates()) learn_name(locate);
}

// A feed that names a locate anew takes the old name away.
void MarketView::learn_name(Locate locate) {
  SymbolRecord& record = record_of(locate);
  const Symbol& name = books().symbol(locate);
  if (name == record.name || name.view().empty()) return;
  const auto old = names_.find(std::string(record.name.view()));
  if (old != names_.end() && old->second == locate) names_.erase(old);
  if (record.name.view().empty()) symbols_.push_back(locate);
  record.name = name;
  names_[std::string(name.view())] = locate;
}

std::span<const Locate> MarketView::ranking() {
  if (ranked_at_ == ticks_ && ranking_.size() == symbols_.size()) return ranking_;
  ranking_ = symbols_;
  ranked_at_ = ticks_;
  std::ranges::sort(ranking_, [this](Locate a, Locate b) {
    const SymbolRecord& x = *records_[raw(a)];
    const SymbolRecord& y = *records_[raw(b)];
    if (x.rate != y.rate) return x.rate > y.rate;
    return x.messages != y.messages ? x.messages > y.messages : a < b;
  });
  return ranking_;
}

// Rates are of event time, so that a replay shows the market's pace and not that of the disk.
EventTime MarketView::on_timer(EventTime time) {
  const EventTime next{(raw(time) / nanoseconds_per_second + 1) * nanoseconds_per_second};
  if (raw(last_tick_) != 0 && time > last_tick_) {
    const double seconds = static_cast<double>(raw(time) - raw(last_tick_)) / 1e9;
    const double kept = std::exp(-seconds / rate_memory_s);
    for (const Locate locate : symbols_) {
      SymbolRecord& record = *records_[raw(locate)];
      const auto come = static_cast<double>(record.messages - record.messages_at_tick);
      record.rate = record.rate * kept + come / seconds * (1 - kept);
      record.messages_at_tick = record.messages;
    }
    ++ticks_;
  }
  last_tick_ = time;
  if (raw(began_) == 0) began_ = time;
  return raw(time) == 0 ? EventTime{0} : next;
}

void MarketView::on_bbo(const Event& event, const book::Bbo& before, const book::Bbo& after,
                        Quality quality) {
  SymbolRecord& record = record_of(event.locate);
  record.seconds.note_bbo(event.time, event.sequence, before, after, quality);
  record.minutes.note_bbo(event.time, event.sequence, before, after, quality);
}

void MarketView::on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo&,
                          Quality quality) {
  if (trade.shares == 0) return;  // A cross in which nothing met.
  SymbolRecord& record = record_of(event.locate);
  record.last = last_trade_of(event, trade);
  record.tape.push(TapeTrade::of(event, trade, quality));
  record.seconds.note_trade(event.time, event.sequence, trade, quality);
  record.minutes.note_trade(event.time, event.sequence, trade, quality);
  if (!trade.printable) return;
  if (record.trades == 0) record.open = record.high = record.low = trade.price;
  record.high = std::max(record.high, trade.price);
  record.low = std::min(record.low, trade.price);
  ++record.trades;
  record.volume += trade.shares;
  record.notional += trade.price.dollars() * static_cast<double>(trade.shares);
}

void MarketView::on_broken_trade(const Event& event) {
  SymbolRecord& record = record_of(event.locate);
  if (record.last.shares != 0 && record.last.match == event.match()) record.last.broken = true;
  record.tape.push(TapeTrade::broken(event, books().quality(event.locate)));
}

void MarketView::on_event_end(const Event& event) {
  SymbolRecord& record = record_of(event.locate);
  ++record.messages;
  if (record.name.bytes[0] == ' ' || event.kind == EventKind::directory) [[unlikely]]
    learn_name(event.locate);
}

}  // namespace tapeline::serve
