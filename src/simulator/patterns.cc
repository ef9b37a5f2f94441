#include "simulator/patterns.h"

#include <algorithm>
#include <cmath>

namespace tapeline::simulator {

namespace {

constexpr std::uint64_t first_start = clock_time(9, 40);
constexpr std::uint64_t last_start = clock_time(15, 45);
constexpr std::uint64_t close_first_start = clock_time(15, 58, 5);
constexpr std::uint64_t close_last_start = clock_time(15, 58, 50);
constexpr std::uint64_t microsecond = 1'000;
constexpr std::uint64_t millisecond = 1'000'000;

bool rests(const Market& market, Slot slot, std::uint32_t ref) {
  return slot != no_slot && market.pool()[slot].ref == ref;
}

// From `weakest` to `strongest`, even on a logarithmic scale. By powers of two in whole steps: no library's
// pow() has a say in the bytes of a day.
std::uint32_t scaled(std::uint32_t weakest, std::uint32_t strongest, double strength) {
  double low = weakest;
  double high = strongest;
  for (int i = 0; i < 8; ++i) {
    const double middle = std::sqrt(low * high);
    strength *= 2;
    if (strength >= 1) {
      strength -= 1;
      low = middle;
    } else {
      high = middle;
    }
  }
  return static_cast<std::uint32_t>(low);
}

}  // namespace

Patterns::Patterns(const Market& market) : rng_(mix(market.config.seed) ^ 0x7061'7474'6572'6e73) {
  for (std::size_t kind = 0; kind < pattern_count; ++kind) {
    const std::uint32_t wanted = market.config.episodes[kind];
    const bool at_close = kind == static_cast<std::size_t>(PatternKind::marking_the_close);
    const std::uint64_t first = at_close ? close_first_start : first_start;
    const std::uint64_t last = at_close ? close_last_start : last_start;
    const std::uint64_t apart = (last - first) / std::max(1u, wanted);
    for (std::uint32_t i = 0; i < wanted; ++i)
      starts_.push_back({first + i * apart + rng_.between(0, apart - 1), static_cast<PatternKind>(kind), i});
  }
  std::ranges::stable_sort(starts_, [](const Start& a, const Start& b) { return a.time_ns > b.time_ns; });
  find_next_time();
}

void Patterns::find_next_time() {
  next_time_ = starts_.empty() ? never : starts_.back().time_ns;
  for (const Active& active : active_) next_time_ = std::min(next_time_, active.next_time);
}

void Patterns::fire(Market& market) {
  if (!starts_.empty() && starts_.back().time_ns <= market.now_ns) {
    const Start start = starts_.back();
    starts_.pop_back();
    // Should no symbol be fit for it now, it is tried again a little later.
    const bool is_too_late =
        market.now_ns >
        (start.kind == PatternKind::marking_the_close ? close_last_start : last_start + clock_time(0, 5));
    if (!begin(market, start) && !is_too_late) {
      const Start again{market.now_ns + 100 * millisecond, start.kind, start.number};
      starts_.insert(
          std::ranges::upper_bound(starts_, again.time_ns, std::ranges::greater{}, &Start::time_ns), again);
    }
  }
  for (std::size_t i = 0; i < active_.size();) {
    if (active_[i].next_time > market.now_ns || step(market, active_[i])) {
      ++i;
      continue;
    }
    if (!active_[i].episode.orders.empty()) finished_.push_back(std::move(active_[i].episode));
    if (i + 1 < active_.size()) active_[i] = std::move(active_.back());
    active_.pop_back();
  }
  find_next_time();
}

bool Patterns::begin(Market& market, const Start& start) {
  const auto busy = static_cast<std::uint32_t>(market.size() / 5 + 1);
  for (int attempt = 0; attempt < 20; ++attempt) {
    const std::uint32_t index = market.universe.by_activity[rng_.below(busy)];
    const SymbolState& symbol = market[index];
    const bool taken =
        std::any_of(active_.begin(), active_.end(), [&](const Active& a) { return a.symbol == index; });
    if (taken || symbol.state != TradingState::trading || market.universe.roles[index] != Role::ordinary)
      continue;
    if (symbol.book.orders(Side::bid) < 8 || symbol.book.orders(Side::ask) < 8) continue;
    if (symbol.book.best_price(Side::bid) < 40) continue;
    Active active{};
    active.kind = start.kind;
    active.symbol = index;
    active.strength = rng_.unit();
    active.next_time = market.now_ns;
    active.price = symbol.mid;
    active.episode = {.kind = pattern_names[static_cast<std::size_t>(start.kind)],
                      .stock = symbol.stock,
                      .locate = symbol.locate,
                      .side = rng_.below(2) == 0 ? Side::bid : Side::ask,
                      .start_ns = market.now_ns,
                      .end_ns = market.now_ns,
                      .orders = {},
                      .genuine_order = OrderRef{0},
                      .first_sequence = Sequence{market.feed.count() + 1},
                      .last_sequence = Sequence{market.feed.count() + 1}};
    set_up(active, start.number);
    active_.push_back(std::move(active));
    return true;
  }
  return false;
}

void Patterns::set_up(Active& active, std::uint32_t number) {
  const double strength = active.strength;
  switch (active.kind) {
    case PatternKind::spoofing:
      active.wanted = 1 + rng_.below(4);
      active.distance = rng_.below(3);
      active.shares = 100 * scaled(8, 100, strength);
      return;
    case PatternKind::layering:
      active.wanted = 4 + rng_.below(6);
      active.distance = 1;
      active.levels = 3 + rng_.below(3);
      active.shares = 100 * scaled(6, 60, strength);
      active.wanted = std::max(active.wanted, active.levels);
      return;
    case PatternKind::quote_stuffing: active.wanted = scaled(40, 2'000, strength); return;
    case PatternKind::momentum_ignition: active.wanted = scaled(3, 14, strength); return;
    case PatternKind::marking_the_close: active.wanted = scaled(5, 25, strength); return;
    case PatternKind::wash_trading:
      active.wanted = 3 + rng_.below(8);
      active.shares = 100 * scaled(1, 30, strength);
      return;
    case PatternKind::decoy: break;
  }
  active.phase = 10 * (1 + number % 3);
  if (active.phase == 10) {
    active.wanted = 3 + rng_.below(5);
    active.distance = 1;
    active.levels = 1 + rng_.below(4);
    active.shares = 100 * scaled(8, 60, strength);
  } else {
    active.wanted = active.phase == 20 ? scaled(3, 14, strength) : scaled(40, 400, strength);
  }
}

void Patterns::wait(const Market& market, Active& active, std::uint64_t low_ns, std::uint64_t high_ns) {
  active.next_time = market.now_ns + rng_.between(low_ns, high_ns);
}

bool Patterns::step(Market& market, Active& active) {
  // With no message to spare, what rests goes on resting.
  if (market.available() < 16 || market[active.symbol].state != TradingState::trading) return false;
  const std::uint64_t before = market.feed.count();
  const bool goes_on = [&] {
    switch (active.kind) {
      case PatternKind::spoofing:
      case PatternKind::layering: return step_withdrawal(market, active);
      case PatternKind::quote_stuffing: return step_stuffing(market, active);
      case PatternKind::momentum_ignition: return step_ignition(market, active);
      case PatternKind::marking_the_close: return step_close(market, active);
      case PatternKind::wash_trading: return step_wash(market, active);
      case PatternKind::decoy: break;
    }
    return active.phase >= 30   ? step_stuffing(market, active)
           : active.phase >= 20 ? step_ignition(market, active)
                                : step_withdrawal(market, active);
  }();
  if (market.feed.count() != before) {
    if (active.episode.orders.empty()) active.episode.first_sequence = Sequence{before + 1};
    active.episode.end_ns = market.now_ns;
    active.episode.last_sequence = Sequence{market.feed.count()};
  }
  return goes_on;
}

Slot Patterns::add(Market& market, Active& active, Side side, std::uint32_t price, Shares shares) {
  SymbolState& symbol = market[active.symbol];
  const std::uint32_t at = symbol.book.acceptable(side, price);
  if (at == 0) return no_slot;
  // What a decoy leaves behind, the others withdraw in time.
  const Slot slot =
      market.add(symbol, side, at, shares, 0, active.kind == PatternKind::decoy && active.phase >= 30);
  active.episode.orders.push_back(OrderRef{market.pool()[slot].ref});
  return slot;
}

// Phases: placing, the genuine order, its trade, withdrawing. A decoy leaves out the two in the middle.
bool Patterns::step_withdrawal(Market& market, Active& active) {
  const bool is_decoy = active.kind == PatternKind::decoy;
  switch (active.phase % 10) {
    case 0: place_large(market, active); return true;
    case 1:
    case 2:
      if (!is_decoy) trade_across(market, active);
      ++active.phase;
      wait(market, active, 200 * microsecond, 6 * millisecond);
      return true;
    default: return withdraw_next(market, active);
  }
}

void Patterns::place_large(Market& market, Active& active) {
  const SymbolBook& book = market[active.symbol].book;
  const Side side = active.episode.side;
  const std::uint32_t distance = active.distance + active.done % active.levels;
  if (active.done == 0) active.price = book.empty(side) ? active.price : book.best_price(side);
  const std::uint32_t price =
      side == Side::bid ? active.price - std::min(active.price - 1, distance) : active.price + distance;
  const Slot slot = add(market, active, side, price, active.shares + 100 * rng_.below(3));
  if (slot != no_slot) active.slots.push_back(slot);
  wait(market, active, 40 * microsecond, 400 * microsecond);
  if (++active.done < active.wanted) return;
  active.wanted = static_cast<std::uint32_t>(active.slots.size());
  ++active.phase;
  wait(market, active, 2 * millisecond, 15 * millisecond);
}

// First the genuine order, alone at a better price if the spread has room; then what the misled hit: it, or
// the front of the queue.
void Patterns::trade_across(Market& market, Active& active) {
  SymbolState& symbol = market[active.symbol];
  SymbolBook& book = symbol.book;
  const Side side = opposite(active.episode.side);
  if (book.empty(Side::bid) || book.empty(Side::ask)) return;
  if (active.phase == 1) {
    if (book.best_price(Side::ask) - book.best_price(Side::bid) < 2) return;
    const std::uint32_t price = side == Side::bid ? book.best_price(side) + 1 : book.best_price(side) - 1;
    active.slot = market.add(symbol, side, price, 100 * (1 + rng_.below(3)), 0, false);
    active.ref = market.pool()[active.slot].ref;
    active.episode.genuine_order = OrderRef{active.ref};
    return;
  }
  const Slot front = book.best_order(side);
  const Order& order = market.pool()[front];
  if (raw(active.episode.genuine_order) == 0) active.episode.genuine_order = OrderRef{order.ref};
  market.execute(symbol, front, std::min<Shares>(order.shares, front == active.slot ? order.shares : 200));
}

bool Patterns::withdraw_next(Market& market, Active& active) {
  SymbolState& symbol = market[active.symbol];
  if (rests(market, active.slot, active.ref)) {
    market.remove(symbol, active.slot);
    active.slot = no_slot;
    wait(market, active, 20 * microsecond, 150 * microsecond);
    return true;
  }
  while (active.wanted > 0) {
    const std::size_t i = active.slots.size() - active.wanted--;
    if (!rests(market, active.slots[i], static_cast<std::uint32_t>(raw(active.episode.orders[i])))) continue;
    market.remove(symbol, active.slots[i]);
    wait(market, active, 5 * microsecond, 120 * microsecond);
    return active.wanted > 0;
  }
  return false;
}

// An order comes and goes, some ticks behind the touch. Those of a decoy stay a while, and a part of them
// trades.
bool Patterns::step_stuffing(Market& market, Active& active) {
  SymbolState& symbol = market[active.symbol];
  const bool is_decoy = active.kind == PatternKind::decoy;
  if (rests(market, active.slot, active.ref) && !(is_decoy && rng_.below(4) != 0)) {
    market.remove(symbol, active.slot);
    active.slot = no_slot;
  } else {
    if (active.done++ >= active.wanted) return false;
    const Side side = rng_.below(8) == 0 ? opposite(active.episode.side) : active.episode.side;
    if (symbol.book.empty(side)) return false;
    if (is_decoy && active.done % 8 == 0) {
      (void)sweep(market, active, side, 1);
    } else {
      const std::uint32_t best = symbol.book.best_price(side);
      const std::uint32_t behind = 2 + rng_.below(9);
      active.slot = add(market, active, side,
                        side == Side::bid ? best - std::min(best - 1, behind) : best + behind, 100);
      active.ref = active.slot == no_slot ? 0 : market.pool()[active.slot].ref;
    }
  }
  wait(market, active, 8 * microsecond, 50 * microsecond);
  return true;
}

bool Patterns::sweep(Market& market, Active& active, Side resting, std::uint32_t most) {
  SymbolState& symbol = market[active.symbol];
  SymbolBook& book = symbol.book;
  // What is left must be a book.
  if (book.orders(resting) <= most + 1) return false;
  const std::uint32_t best = book.best_price(resting);
  for (std::uint32_t i = 0; i < most && book.best_price(resting) == best; ++i) {
    const Slot front = book.best_order(resting);
    active.episode.orders.push_back(OrderRef{market.pool()[front].ref});
    market.execute(symbol, front, market.pool()[front].shares);
  }
  return true;
}

// Others follow a sweep with an order at the price that it has cleared, on the side of those who took.
void Patterns::follow(Market& market, Active& active, Side taker, std::uint32_t cleared) {
  SymbolState& symbol = market[active.symbol];
  const std::uint32_t price = symbol.book.acceptable(taker, cleared);
  if (price != 0) market.add(symbol, taker, price, 100 * (1 + rng_.below(5)), 0, true);
}

// Phases: the run, the pause, the way back. The mid that others trade around follows the run, and returns; on
// news (a decoy) it stays, and there is no way back.
bool Patterns::step_ignition(Market& market, Active& active) {
  SymbolState& symbol = market[active.symbol];
  SymbolBook& book = symbol.book;
  const bool is_run = active.phase % 10 == 0;
  const Side taker = is_run ? active.episode.side : opposite(active.episode.side);
  if (book.empty(Side::bid) || book.empty(Side::ask)) return false;
  const std::uint32_t cleared = book.best_price(opposite(taker));
  constexpr std::uint32_t most_orders = 12;
  if (is_run) {
    if (active.done++ < active.wanted && sweep(market, active, opposite(taker), most_orders)) {
      follow(market, active, taker, cleared);
      symbol.mid = std::clamp((book.best_price(Side::bid) + book.best_price(Side::ask)) / 2, symbol.lowest,
                              symbol.highest);
      wait(market, active, 2 * millisecond, 60 * millisecond);
      return true;
    }
    symbol.anchor = active.kind == PatternKind::decoy ? symbol.mid : symbol.anchor;
    ++active.phase;
    active.done = 0;
    wait(market, active, 50 * millisecond, 500 * millisecond);
    return active.kind != PatternKind::decoy;
  }
  // Down to where it began, or up.
  symbol.mid = active.price;
  const bool is_back = taker == Side::ask ? cleared <= active.price : cleared >= active.price;
  if (is_back || active.done++ >= 2 * active.wanted || !sweep(market, active, opposite(taker), most_orders))
    return false;
  follow(market, active, taker, cleared);
  wait(market, active, 5 * millisecond, 80 * millisecond);
  return true;
}

bool Patterns::step_close(Market& market, Active& active) {
  SymbolState& symbol = market[active.symbol];
  const Side taker = active.episode.side;
  if (active.done++ >= active.wanted || market.now_ns >= clock_time(15, 59, 55)) return false;
  if (!sweep(market, active, opposite(taker), 4)) return false;
  const std::uint32_t by = symbol.half_spread;
  symbol.mid = symbol.anchor =
      std::clamp(taker == Side::bid ? symbol.mid + by : symbol.mid - std::min(symbol.mid, by), symbol.lowest,
                 symbol.highest);
  wait(market, active, 200 * millisecond, 3'000 * millisecond);
  return true;
}

// An order alone at a better price, filled whole; where the spread has no room the next try comes soon.
bool Patterns::step_wash(Market& market, Active& active) {
  SymbolState& symbol = market[active.symbol];
  SymbolBook& book = symbol.book;
  if (rests(market, active.slot, active.ref)) {
    market.execute(symbol, active.slot, market.pool()[active.slot].shares);
    active.slot = no_slot;
    ++active.done;
    wait(market, active, 20 * millisecond, 2'000 * millisecond);
    return active.done < active.wanted;
  }
  constexpr std::uint32_t most_tries = 500;
  if (++active.levels > most_tries || book.empty(Side::bid) || book.empty(Side::ask)) return false;
  active.slot = no_slot;
  if (book.best_price(Side::ask) - book.best_price(Side::bid) < 2) {
    wait(market, active, 5 * millisecond, 50 * millisecond);
    return true;
  }
  const Side side = rng_.below(2) == 0 ? Side::bid : Side::ask;
  active.slot = add(market, active, side,
                    side == Side::bid ? book.best_price(side) + 1 : book.best_price(side) - 1, active.shares);
  active.ref = active.slot == no_slot ? 0 : market.pool()[active.slot].ref;
  wait(market, active, 20 * microsecond, 900 * microsecond);
  return true;
}

}  // namespace tapeline::simulator
