#include "evidence/replay.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <unordered_map>

#include <fmt/format.h>

#include "base/bytes.h"
#include "book/order_books.h"
#include "feed/itch50/event_decoder.h"
#include "stream/state.h"
#include "surveillance/parameters.h"
#include "surveillance/surveillance.h"

namespace tapeline::evidence {

namespace {

using surveillance::AlertRow;

class Stage : public book::NullBookHandler {
 public:
  Stage(const surveillance::Parameters& parameters, Locate locate)
      : books_({.expected_orders = std::size_t{1} << 12, .max_blocks = std::size_t{1} << 22}),
        detectors_(parameters),
        locate_(locate) {}

  [[nodiscard]] bool load(std::span<const std::byte> state) {
    stream::StateReader reader(state);
    if (!books_.load_book(locate_, reader)) return false;
    detectors_.load_key(locate_, reader);
    return reader.complete();
  }
  // False where the item is of another symbol.
  [[nodiscard]] bool apply(const Item& item);
  [[nodiscard]] BookPicture picture() const;

  [[nodiscard]] const std::vector<AlertRow>& alerts() const { return alerts_; }
  Replay take() { return std::move(made_); }
  Replay& made() { return made_; }

  void emit(const AlertRow& row) { alerts_.push_back(row); }
  void on_order(const Event& event, const book::OrderChange& change) {
    tell(event, change);
    detectors_.on_order(context(event), event.kind, change, books_, *this);
  }
  void on_bbo(const Event& event, const book::Bbo& before, const book::Bbo& after, Quality) {
    detectors_.on_bbo(context(event), before, after, books_, *this);
  }
  void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo& prevailing, Quality) {
    const bool has_taker = trade.kind == book::TradeKind::displayed;
    made_.trades.push_back({event.time, event.sequence, trade.price, trade.shares,
                            has_taker ? surveillance::side_code(opposite(trade.resting_side)) : ' '});
    detectors_.on_trade(context(event), trade, prevailing, books_, *this);
  }

 private:
  static stream::Context context(const Event& event) {
    return {event.locate, event.sequence, event.time, event.captured, Quality::good};
  }
  void tell(const Event& event, const book::OrderChange& change);

  book::OrderBooks books_;
  surveillance::Surveillance detectors_;
  Locate locate_;
  std::vector<AlertRow> alerts_;
  Replay made_;
  std::unordered_map<std::uint64_t, std::size_t> places_;  // Of the stories, by reference.
  std::vector<std::byte> padded_;
};

bool Stage::apply(const Item& item) {
  if (item.kind == Item::Kind::quality) {
    books_.unmark(locate_, static_cast<Quality>(0xFF));
    books_.mark(locate_, static_cast<Quality>(item.bytes[0]));
    return true;
  }
  padded_.assign(item.bytes.begin(), item.bytes.end());
  padded_.resize(item.bytes.size() + decode_padding);
  Event event;
  itch50::decode_event(padded_.data(), item.bytes.size(), item.sequence, item.captured, event);
  if (event.locate != locate_) return false;
  books_.apply({&event, 1}, *this);
  ++made_.messages;
  return true;
}

BookPicture Stage::picture() const {
  BookPicture picture;
  picture.quality = books_.quality(locate_);
  for (const Side side : {Side::bid, Side::ask}) {
    std::vector<book::LevelView>& levels = side == Side::bid ? picture.bids : picture.asks;
    levels.resize(BookPicture::depth);
    levels.resize(books_.levels(locate_, side, levels));
  }
  return picture;
}

void Stage::tell(const Event& event, const book::OrderChange& change) {
  const auto [place, is_new] = places_.try_emplace(raw(change.ref), made_.orders.size());
  if (is_new) {
    OrderStory story;
    story.ref = change.ref;
    story.side = change.side;
    story.price = change.price;
    story.shares = change.before == 0 ? change.after : change.before;
    story.entered = change.entered;
    story.first_sequence = event.sequence;
    story.rested = change.before != 0;
    story.attribution = change.attribution;
    made_.orders.push_back(story);
  }
  OrderStory& story = made_.orders[place->second];
  story.last_sequence = event.sequence;
  story.remaining = change.after;
  if (change.before == 0) return;
  const bool is_executed = event.kind == EventKind::execute || event.kind == EventKind::execute_with_price;
  (is_executed ? story.executed : story.withdrawn) += change.before - change.after;
  if (change.after == 0) story.left = event.time;
}

}  // namespace

Result<Replay> replay(const Bundle& bundle) {
  if (bundle.detectors_version != surveillance::detectors_version)
    return fail(
        ErrorCode::unsupported,
        fmt::format("this evidence was sealed by tapeline {} with detectors of version {}, and this program "
                    "has version {}: play it again with that program",
                    bundle.program, bundle.detectors_version, surveillance::detectors_version));
  const Result<surveillance::Parameters> parameters = parameters_of(bundle.parameters);
  if (!parameters) return std::unexpected(parameters.error());
  const auto stage = std::make_unique<Stage>(*parameters, bundle.alert.locate);
  if (!stage->load(bundle.state))
    return fail(ErrorCode::corrupt, "the state in this evidence is not one of a book and its detectors");
  stage->made().before = stage->picture();
  for (std::size_t i = 0; i < bundle.items.size(); ++i)
    if (!stage->apply(bundle.items[i]))
      return fail(ErrorCode::corrupt, fmt::format("item {} of this evidence is of another symbol", i));
  stage->made().after = stage->picture();
  // Others may come to light on the way; this one is the last word.
  for (const AlertRow& row : stage->alerts()) {
    if (row.id != bundle.alert.id || std::memcmp(&row, &bundle.alert, sizeof row) != 0) continue;
    Replay made = stage->take();
    made.alert = row;
    return made;
  }
  return fail(ErrorCode::corrupt,
              fmt::format("played again, this evidence does not come to alert {}: {} other alerts came out",
                          surveillance::alert_id_text(bundle.alert.id), stage->alerts().size()));
}

}  // namespace tapeline::evidence
