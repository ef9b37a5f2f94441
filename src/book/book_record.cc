#include "book/book_record.h"

#include <fmt/format.h>

namespace tapeline::book {

namespace {

bool same(const OrderChange& a, const OrderChange& b) {
  return a.ref == b.ref && a.side == b.side && a.price == b.price && a.before == b.before &&
         a.after == b.after && a.entered == b.entered && a.attribution == b.attribution;
}

bool same(const TradeReport& a, const TradeReport& b) {
  return a.price == b.price && a.shares == b.shares && a.match == b.match && a.resting == b.resting &&
         a.resting_side == b.resting_side && a.kind == b.kind && a.printable == b.printable &&
         a.cross_type == b.cross_type;
}

char letter(Side side) {
  return side == Side::bid ? 'B' : 'S';
}

std::string side_text(Price price, std::uint64_t shares) {
  return shares == 0 ? "-" : fmt::format("{:.4f} x {}", price.dollars(), shares);
}

}  // namespace

bool operator==(const BookRecord& a, const BookRecord& b) {
  return a.kind == b.kind && a.sequence == b.sequence && a.locate == b.locate && same(a.order, b.order) &&
         a.before == b.before && a.after == b.after && same(a.trade, b.trade) && a.broken == b.broken &&
         a.quality == b.quality && a.trading == b.trading;
}

std::string to_string(const Bbo& bbo) {
  return side_text(bbo.bid, bbo.bid_shares) + " / " + side_text(bbo.ask, bbo.ask_shares);
}

std::string to_string(const BookRecord& record) {
  const unsigned locate = raw(record.locate);
  switch (record.kind) {
    case BookRecord::Kind::order:
      return fmt::format("order locate={} ref={} {} {:.4f} {} -> {} entered={} mpid='{}'", locate,
                         raw(record.order.ref), letter(record.order.side), record.order.price.dollars(),
                         record.order.before, record.order.after, raw(record.order.entered),
                         std::string_view(record.order.attribution.bytes.data(), 4));
    case BookRecord::Kind::bbo:
      return fmt::format("bbo locate={} {} -> {} {}", locate, to_string(record.before),
                         to_string(record.after), tapeline::to_string(record.quality));
    case BookRecord::Kind::trade:
      return fmt::format("trade locate={} {:.4f} x {} match={} resting={} {} kind={} {} cross='{}' at {} {}",
                         locate, record.trade.price.dollars(), record.trade.shares, raw(record.trade.match),
                         raw(record.trade.resting), letter(record.trade.resting_side),
                         static_cast<int>(record.trade.kind),
                         record.trade.printable ? "printable" : "non-printable",
                         record.trade.cross_type == 0 ? ' ' : record.trade.cross_type,
                         to_string(record.after), tapeline::to_string(record.quality));
    case BookRecord::Kind::broken_trade: return fmt::format("broken_trade match={}", raw(record.broken));
    case BookRecord::Kind::status:
      return fmt::format("status locate={} trading={}", locate, static_cast<int>(record.trading));
    case BookRecord::Kind::event_end: break;
  }
  return fmt::format("event_end sequence={}", raw(record.sequence));
}

BookRecord& BookRecorder::append(BookRecord::Kind kind, const Event& event) {
  BookRecord& record = records_.emplace_back();
  record.kind = kind;
  record.sequence = event.sequence;
  record.locate = event.locate;
  return record;
}

void BookRecorder::on_order(const Event& event, const OrderChange& change) {
  append(BookRecord::Kind::order, event).order = change;
}

void BookRecorder::on_bbo(const Event& event, const Bbo& before, const Bbo& after, Quality quality) {
  BookRecord& record = append(BookRecord::Kind::bbo, event);
  record.before = before;
  record.after = after;
  record.quality = quality;
}

void BookRecorder::on_trade(const Event& event, const TradeReport& trade, const Bbo& prevailing,
                            Quality quality) {
  BookRecord& record = append(BookRecord::Kind::trade, event);
  record.trade = trade;
  record.after = prevailing;
  record.quality = quality;
}

void BookRecorder::on_broken_trade(const Event& event) {
  append(BookRecord::Kind::broken_trade, event).broken = event.match();
}

void BookRecorder::on_status(const Event& event, const SymbolState& state) {
  append(BookRecord::Kind::status, event).trading = state.trading;
}

void BookRecorder::on_event_end(const Event& event) {
  append(BookRecord::Kind::event_end, event);
}

}  // namespace tapeline::book
