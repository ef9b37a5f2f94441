#include "book/random_flow.h"

#include <array>

namespace tapeline::book {

Event RandomFlow::next() {
  Event event = live_.size() > 8 && percent(profile_.bad_percent) ? bad() : good();
  event.sequence = Sequence{++sequence_};
  event.time = EventTime{34'200'000'000'000 + sequence_ * 1'000};
  return event;
}

std::uint64_t RandomFlow::new_ref() {
  if (profile_.collide_in_hash) {
    constexpr std::uint64_t multiplier = 0x9E37'79B9'7F4A'7C15;
    constexpr unsigned top_bits = 10;
    do ref_ += 4;
    while (((ref_ >> 2) * multiplier) >> (64 - top_bits) != 0);
    return ref_ | below(4);
  }
  ref_ += profile_.ref_step;
  if (percent(profile_.random_high_percent)) return ref_ | (random_() << 32);
  return ref_;
}

std::uint32_t RandomFlow::price_for(char side) {
  const std::uint32_t step = 100;
  std::uint32_t away = profile_.hot_level_percent != 0 && percent(profile_.hot_level_percent)
                           ? 2
                           : static_cast<std::uint32_t>(1 + below(profile_.spread_levels));
  if (profile_.may_cross && percent(3)) away = -away;
  return side == 'B' ? profile_.middle_ticks - away * step : profile_.middle_ticks + away * step;
}

void RandomFlow::forget(Live& order) {
  order = live_.back();
  live_.pop_back();
}

Event RandomFlow::good() {
  if (profile_.status_permille != 0 && below(1'000) < profile_.status_permille) {
    static constexpr std::array<char, 5> states{'H', 'T', 'P', 'Q', 'T'};
    return make_trading_action(any_locate(), states[below(states.size())]);
  }
  const bool grow = below(2 * profile_.live_orders) >= live_.size();
  const std::uint64_t choice = below(100);
  if (live_.empty() || (grow ? choice < 60 : choice < 30)) return add();
  if (choice >= 97) return other();
  Live& order = any_live();
  return choice >= 82 ? replace(order) : reduce(order);
}

Event RandomFlow::add() {
  const Live order{any_locate(), new_ref(), static_cast<Shares>(1 + below(1'000)), percent(50) ? 'B' : 'S'};
  live_.push_back(order);
  Event event = make_add(order.locate, order.ref, order.side, order.shares, price_for(order.side));
  static constexpr std::array<std::string_view, 4> mpids{"GSCO", "NITE", "AB", "ZZZZ"};
  if (percent(10)) event.attribution = Mpid(mpids[below(mpids.size())]);
  return event;
}

Event RandomFlow::reduce(Live& order) {
  const Locate locate = order.locate;
  const std::uint64_t ref = order.ref;
  if (percent(45)) {
    forget(order);
    return make_reduction(EventKind::remove, locate, ref, 0);
  }
  const Shares by = percent(30) ? order.shares : static_cast<Shares>(1 + below(order.shares));
  order.shares -= by;
  if (order.shares == 0) forget(order);
  switch (below(3)) {
    case 0: return make_reduction(EventKind::cancel, locate, ref, by);
    case 1: return make_reduction(EventKind::execute, locate, ref, by, sequence_);
    default:
      return make_execute_with_price(locate, ref, by, price_for('B'), percent(50) ? 'Y' : 'N', sequence_);
  }
}

Event RandomFlow::replace(Live& order) {
  const std::uint64_t old = order.ref;
  order.ref = new_ref();
  order.shares = static_cast<Shares>(1 + below(1'000));
  return make_replace(order.locate, old, order.ref, order.shares, price_for(order.side));
}

Event RandomFlow::other() {
  switch (below(5)) {
    case 0: return make_hidden_trade(any_locate(), percent(50) ? 'B' : 'S', 100, price_for('B'), sequence_);
    case 1: return make_cross(any_locate(), below(100'000), price_for('S'), 'O', sequence_);
    case 2: return make_reduction(EventKind::broken_trade, any_locate(), 0, 0, sequence_);
    case 3: return make_event(EventKind::system, Locate{0}, 'Q');
    default: return make_directory(any_locate(), "NAMED");
  }
}

Event RandomFlow::bad() {
  Live& order = any_live();
  const Live copy = order;
  switch (below(13)) {
    case 0: return make_reduction(EventKind::remove, any_locate(), random_(), 0);
    case 1: return make_reduction(EventKind::execute, copy.locate, ~copy.ref, 10, sequence_);
    case 2:
      return make_replace(copy.locate, copy.ref ^ (std::uint64_t{1} << 40), new_ref(), 10, price_for('B'));
    case 3: return make_add(copy.locate, copy.ref, percent(50) ? 'B' : 'S', 77, price_for('B'));
    case 4: return make_replace(copy.locate, copy.ref, any_live().ref, copy.shares, price_for(copy.side));
    case 5: return make_replace(copy.locate, copy.ref, copy.ref, copy.shares, price_for(copy.side));
    case 6:  // Another book's order: unknown where the message says it is.
      return make_reduction(EventKind::cancel, Locate{static_cast<std::uint16_t>(raw(copy.locate) + 1)},
                            copy.ref, 1);
    case 7: {  // The same reference in two books.
      const Locate other{static_cast<std::uint16_t>(1 + raw(copy.locate) % profile_.locates)};
      live_.push_back({other, copy.ref, 50, 'B'});
      return make_add(other, copy.ref, 'B', 50, price_for('B'));
    }
    case 8:
      forget(order);
      return make_reduction(percent(50) ? EventKind::execute : EventKind::cancel, copy.locate, copy.ref,
                            copy.shares + 1 + static_cast<Shares>(below(1'000)), sequence_);
    case 9: {  // A price at the end of the range.
      live_.push_back({copy.locate, new_ref(), 9, copy.side});
      static constexpr std::array<std::uint32_t, 4> ends{0, 1, 0xFFFF'FFFE, 0xFFFF'FFFF};
      return make_add(copy.locate, live_.back().ref, copy.side, 9, ends[below(4)]);
    }
    case 10: return make_event(percent(50) ? EventKind::unknown : EventKind::malformed, any_locate());
    default: return bad_field(order);
  }
}

Event RandomFlow::bad_field(Live& order) {
  const Live copy = order;
  switch (below(5)) {
    case 0: return make_add(copy.locate, new_ref(), 'B', 0, price_for('B'));
    case 1: return make_add(copy.locate, new_ref(), 'X', 10, price_for('B'));
    case 2: forget(order); return make_replace(copy.locate, copy.ref, new_ref(), 0, price_for(copy.side));
    case 3: return make_reduction(EventKind::execute, copy.locate, copy.ref, 0, sequence_);
    default: return make_reduction(EventKind::cancel, copy.locate, copy.ref, 0);
  }
}

}  // namespace tapeline::book
