#include "simulator/episodes.h"

namespace tapeline::simulator {

namespace {

constexpr std::uint64_t first_start = clock_time(9, 40);
constexpr std::uint64_t last_start = clock_time(15, 45);
constexpr std::uint64_t microsecond = 1'000;
constexpr std::uint64_t millisecond = 1'000'000;

bool rests(const Market& market, Slot slot, std::uint64_t ref) {
  return slot != no_slot && market.pool()[slot].ref == ref;
}

Sequence sequence_of_last(const Market& market) {
  return Sequence{market.feed.count()};
}

}  // namespace

Episodes::Episodes(Market& market) {
  const std::uint32_t wanted = market.config.spoofing_wanted();
  const std::uint64_t apart = (last_start - first_start) / std::max(1u, wanted);
  for (std::uint64_t i = wanted; i > 0; --i)
    starts_.push_back(first_start + (i - 1) * apart + market.rng.between(0, apart - 1));
  find_next_time();
}

void Episodes::find_next_time() {
  next_time_ = starts_.empty() ? never : starts_.back();
  for (const Active& active : active_) next_time_ = std::min(next_time_, active.next_time);
}

void Episodes::fire(Market& market) {
  if (!starts_.empty() && starts_.back() <= market.now_ns) {
    // Should no symbol be fit for it now, it is tried again a little later.
    if (begin(market) || market.now_ns > last_start + clock_time(0, 5))
      starts_.pop_back();
    else
      starts_.back() += 100 * millisecond;
  }
  for (std::size_t i = 0; i < active_.size();) {
    if (active_[i].next_time > market.now_ns || step(market, active_[i])) {
      ++i;
      continue;
    }
    finish(active_[i]);
    if (i + 1 < active_.size()) active_[i] = std::move(active_.back());
    active_.pop_back();
  }
  find_next_time();
}

bool Episodes::begin(Market& market) {
  const auto busy = static_cast<std::uint32_t>(market.size() / 5 + 1);
  for (int attempt = 0; attempt < 20; ++attempt) {
    const std::uint32_t index = market.universe.by_activity[market.rng.below(busy)];
    const SymbolState& symbol = market[index];
    const bool taken =
        std::any_of(active_.begin(), active_.end(), [&](const Active& a) { return a.symbol == index; });
    if (taken || symbol.state != TradingState::trading || market.universe.roles[index] != Role::ordinary)
      continue;
    if (symbol.book.empty(Side::bid) || symbol.book.empty(Side::ask)) continue;
    if (symbol.book.best_price(Side::bid) < 8) continue;
    const bool one_price = market.rng.below(3) == 0;
    const Side side = market.rng.below(2) == 0 ? Side::bid : Side::ask;
    active_.push_back({.episode = {.kind = one_price ? "spoofing" : "layering",
                                   .stock = symbol.stock,
                                   .locate = symbol.locate,
                                   .side = side,
                                   .start_ns = market.now_ns,
                                   .end_ns = market.now_ns,
                                   .orders = {},
                                   .genuine_order = OrderRef{0},
                                   .first_sequence = Sequence{market.feed.count() + 1},
                                   .last_sequence = Sequence{market.feed.count() + 1}},
                       .symbol = index,
                       .wanted = 4 + market.rng.below(5),
                       .distance = 1 + (one_price ? market.rng.below(2) : 0),
                       .slots = {},
                       .next_time = market.now_ns});
    return true;
  }
  return false;
}

bool Episodes::step(Market& market, Active& active) {
  // With no message to spare, what rests goes on resting.
  if (market.available() == 0 || market[active.symbol].state != TradingState::trading) return false;
  switch (active.phase) {
    case Phase::placing: place(market, active); return true;
    case Phase::quoting_genuine: quote_genuine(market, active); return true;
    case Phase::trading_genuine: trade_genuine(market, active); return true;
    case Phase::cancelling: return cancel_one(market, active);
  }
  return false;
}

void Episodes::place(Market& market, Active& active) {
  SymbolState& symbol = market[active.symbol];
  Episode& episode = active.episode;
  const auto count = static_cast<std::uint32_t>(active.slots.size());
  const std::uint32_t distance = active.distance + (episode.kind == "layering" ? count % 3 : 0);
  // A side without orders takes its touch from the mid.
  const std::uint32_t touch =
      symbol.book.empty(episode.side) ? symbol.mid : symbol.book.best_price(episode.side);
  const std::uint32_t wanted =
      episode.side == Side::bid ? touch - std::min(touch - 1, distance) : touch + distance;
  const std::uint32_t price = symbol.book.acceptable(episode.side, wanted);
  if (price > 0) {
    const Shares shares = 100 * (20 + market.rng.below(80));
    const Slot slot = market.add(symbol, episode.side, price, shares, 0, false);
    active.slots.push_back(slot);
    episode.orders.push_back(OrderRef{market.pool()[slot].ref});
  }
  active.next_time = market.now_ns + market.rng.between(40 * microsecond, 400 * microsecond);
  if (count + 1 >= active.wanted || price == 0) {
    active.phase = Phase::quoting_genuine;
    active.next_time = market.now_ns + market.rng.between(2 * millisecond, 15 * millisecond);
  }
}

// The genuine order stands alone at a better price if the spread has room; otherwise the front of the queue
// is what the misled will hit.
void Episodes::quote_genuine(Market& market, Active& active) {
  SymbolState& symbol = market[active.symbol];
  SymbolBook& book = symbol.book;
  const Side side = opposite(active.episode.side);
  if (!book.empty(Side::bid) && !book.empty(Side::ask) &&
      book.best_price(Side::ask) - book.best_price(Side::bid) >= 2) {
    const std::uint32_t price = side == Side::bid ? book.best_price(side) + 1 : book.best_price(side) - 1;
    active.genuine = market.add(symbol, side, price, 100 * (1 + market.rng.below(3)), 0, false);
    active.episode.genuine_order = OrderRef{market.pool()[active.genuine].ref};
  }
  active.phase = Phase::trading_genuine;
  active.next_time = market.now_ns + market.rng.between(200 * microsecond, 6 * millisecond);
}

void Episodes::trade_genuine(Market& market, Active& active) {
  SymbolState& symbol = market[active.symbol];
  const Side side = opposite(active.episode.side);
  const bool genuine_rests = rests(market, active.genuine, raw(active.episode.genuine_order));
  // If others were faster, the genuine order has traded already.
  if (!symbol.book.empty(side) && (genuine_rests || active.genuine == no_slot)) {
    const Slot front = symbol.book.best_order(side);
    const Order& order = market.pool()[front];
    if (active.genuine == no_slot) active.episode.genuine_order = OrderRef{order.ref};
    market.execute(symbol, front,
                   std::min<Shares>(order.shares, front == active.genuine ? order.shares : 200));
  }
  active.phase = Phase::cancelling;
  active.next_time = market.now_ns + market.rng.between(300 * microsecond, 4 * millisecond);
}

bool Episodes::cancel_one(Market& market, Active& active) {
  SymbolState& symbol = market[active.symbol];
  if (active.genuine != no_slot && rests(market, active.genuine, raw(active.episode.genuine_order))) {
    market.remove(symbol, active.genuine);
    active.next_time = market.now_ns + market.rng.between(20 * microsecond, 150 * microsecond);
    return true;
  }
  while (active.cancelled < active.slots.size()) {
    const std::uint32_t i = active.cancelled++;
    if (!rests(market, active.slots[i], raw(active.episode.orders[i]))) continue;
    market.remove(symbol, active.slots[i]);
    active.episode.end_ns = market.now_ns;
    active.episode.last_sequence = sequence_of_last(market);
    active.next_time = market.now_ns + market.rng.between(5 * microsecond, 120 * microsecond);
    return active.cancelled < active.slots.size();
  }
  return false;
}

void Episodes::finish(Active& active) {
  if (!active.episode.orders.empty()) finished_.push_back(std::move(active.episode));
}

}  // namespace tapeline::simulator
