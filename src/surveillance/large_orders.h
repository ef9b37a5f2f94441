#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>

#include "book/book_types.h"
#include "market/event.h"
#include "stream/keyed_state.h"
#include "surveillance/alert.h"
#include "surveillance/parameters.h"
#include "surveillance/typical.h"

namespace tapeline::surveillance {

// Large young orders of one side, as they stood when an order of the other side traded, and what became of
// them since.
struct LargeOrderCase {
  EventTime traded_at;  // The last trade that found them all in place.
  std::uint64_t traded_sequence;
  EventTime start;  // Of the first of them.
  std::uint64_t first_sequence;
  std::uint64_t traded_shares;
  std::uint64_t withdrawn_shares;
  std::uint32_t orders;
  std::uint32_t price_levels;
  std::uint32_t withdrawn;
  std::uint32_t trades;
  Quality quality;
  std::array<std::uint8_t, 7> reserved;
};

// Follows the large orders near the best price that are young, of either side, for the detectors of spoofing
// and layering: what rests when the other side trades makes a case, and each withdrawal is told with it.
//
// An order that trades, even in part, is followed no longer: it was open to a trade. At most `followed` are
// kept of each side; a newer one takes the place of the oldest.
class LargeOrders : public WithoutTimers {
 public:
  static constexpr std::size_t followed = 12;

  explicit LargeOrders(const Parameters& parameters)
      : ratio_(parameters.large_order_ratio),
        near_(parameters.large_order_near_bps / 1e4),
        life_ns_(ns_of_ms(parameters.large_order_life_ms)),
        withdrawal_ns_(ns_of_ms(parameters.withdrawal_ms)),
        cooldown_ns_(ns_of_ms(parameters.cooldown_ms)) {}

  // A change of an order. Returns the case that a withdrawal belongs to; it stands until the next call.
  template <class Books>
  LargeOrderCase* process(const stream::Context& context, EventKind kind, const book::OrderChange& change,
                          const Typical& typical, const Books& books) {
    const bool executed = kind == EventKind::execute || kind == EventKind::execute_with_price;
    if (executed) note_trade(context, opposite(change.side), change.before - change.after, books);
    const double usual = typical.order(context.key);
    if (usual == 0 || std::max(change.before, change.after) < ratio_ * usual) return nullptr;
    if (change.before == 0) {
      follow(context, change, books);
      return nullptr;
    }
    if (raw(context.time) - raw(change.entered) > life_ns_) return nullptr;
    if (!executed && change.after != 0) return nullptr;
    return leave(context, change, executed, books);
  }

  // The case has been told: what is left of it is no other.
  void close(const stream::Context& context, Side side) {
    OneSide& one = states_[context.key].sides[raw(side)];
    one.open = {};
    one.quiet_until = EventTime{raw(context.time) + cooldown_ns_};
  }

  void save_key(Locate key, stream::StateWriter& writer) const {
    states_.save_key(key, writer, states_[key].in_use != 0);
  }
  void load_key(Locate key, stream::StateReader& reader) { states_.load_key(key, reader); }

 private:
  struct Order {
    OrderRef ref;  // 0: none.
    std::uint64_t sequence;
    EventTime entered;
    Price price;
    Shares shares;
  };
  struct OneSide {
    EventTime quiet_until;
    LargeOrderCase open;
    std::array<Order, followed> orders;
  };
  struct alignas(64) State {
    std::array<std::uint32_t, 2> count;  // Of the orders, by side.
    std::uint8_t in_use;
    std::array<std::uint8_t, 7> reserved;
    std::array<OneSide, 2> sides;
    std::array<std::uint8_t, 16> reserved2;
  };
  static_assert(sizeof(OneSide) == 80 + followed * 32);
  static_assert(sizeof(State) == 32 + 2 * sizeof(OneSide));

  template <class Books>
  void follow(const stream::Context& context, const book::OrderChange& change, const Books& books) {
    const book::Bbo bbo = books.bbo(context.key);
    const bool is_bid = change.side == Side::bid;
    const std::uint64_t best = is_bid ? bbo.bid.ticks : bbo.ask.ticks;
    const std::uint64_t at = change.price.ticks;
    const std::uint64_t behind = is_bid ? best - std::min(best, at) : at - std::min(best, at);
    if (best != 0 && static_cast<double>(behind) > near_ * static_cast<double>(best)) return;
    State& state = states_[context.key];
    OneSide& side = state.sides[raw(change.side)];
    Order* place = side.orders.data();
    for (Order& order : side.orders) {
      if (raw(order.ref) == 0) {
        place = &order;
        break;
      }
      if (order.sequence < place->sequence) place = &order;
    }
    state.count[raw(change.side)] += raw(place->ref) == 0;
    state.in_use = 1;
    *place = {change.ref, raw(context.sequence), context.time, change.price, change.after};
  }

  template <class Books>
  LargeOrderCase* leave(const stream::Context& context, const book::OrderChange& change, bool executed,
                        const Books& books) {
    State& state = states_[context.key];
    if (state.count[raw(change.side)] == 0) return nullptr;
    OneSide& side = state.sides[raw(change.side)];
    const auto found =
        std::ranges::find_if(side.orders, [&](const Order& order) { return order.ref == change.ref; });
    if (found == side.orders.end()) return nullptr;
    const Order order = *found;
    *found = {};
    --state.count[raw(change.side)];
    LargeOrderCase& open = side.open;
    if (executed || open.orders == 0 || order.sequence > open.traded_sequence ||
        raw(context.time) - raw(open.traded_at) > withdrawal_ns_ || context.time < side.quiet_until)
      return nullptr;
    ++open.withdrawn;
    open.withdrawn_shares += change.before;
    open.quality |= books.quality(context.key);
    return &open;
  }

  // An order of the side across has traded.
  template <class Books>
  void note_trade(const stream::Context& context, Side large_side, Shares shares, const Books& books) {
    State& state = states_[context.key];
    if (state.count[raw(large_side)] == 0) return;
    OneSide& side = state.sides[raw(large_side)];
    LargeOrderCase& open = side.open;
    const bool goes_on = open.orders != 0 && raw(context.time) - raw(open.traded_at) <= withdrawal_ns_;
    if (goes_on && open.withdrawn != 0) {
      open.traded_shares += shares;
      ++open.trades;
      return;
    }
    LargeOrderCase now{};
    now.traded_at = context.time;
    now.traded_sequence = raw(context.sequence);
    now.start = context.time;
    now.first_sequence = raw(context.sequence);
    now.traded_shares = shares + (goes_on ? open.traded_shares : 0);
    now.trades = 1 + (goes_on ? open.trades : 0);
    now.quality = books.quality(context.key);
    for (std::size_t i = 0; i < followed; ++i) {
      const Order& order = side.orders[i];
      if (!is_young(order, context.time)) continue;
      ++now.orders;
      if (order.sequence < now.first_sequence) {
        now.first_sequence = order.sequence;
        now.start = order.entered;
      }
      bool is_new_price = true;
      for (std::size_t j = 0; j < i; ++j)
        is_new_price &= !is_young(side.orders[j], context.time) || side.orders[j].price != order.price;
      now.price_levels += is_new_price;
    }
    open = now.orders != 0 ? now : LargeOrderCase{};
  }
  [[nodiscard]] bool is_young(const Order& order, EventTime now) const {
    return raw(order.ref) != 0 && raw(now) - raw(order.entered) <= life_ns_;
  }

  double ratio_;
  double near_;
  std::uint64_t life_ns_;
  std::uint64_t withdrawal_ns_;
  std::uint64_t cooldown_ns_;
  stream::KeyedState<State> states_;
};
static_assert(stream::KeyedOperator<LargeOrders>);

// What spoofing and layering have in common: enough of the orders are gone, and they were much more than what
// traded across. The score is what was withdrawn, in typical orders. Nothing below the threshold.
template <class Books>
[[nodiscard]] std::optional<AlertRow> withdrawal_alert(Detector detector, double threshold,
                                                       const Parameters& parameters,
                                                       const stream::Context& context,
                                                       const book::OrderChange& change,
                                                       const LargeOrderCase& found, const Typical& typical,
                                                       const Books& books) {
  const double part = static_cast<double>(found.withdrawn) / found.orders;
  const double score = static_cast<double>(found.withdrawn_shares) / typical.order(context.key);
  if (part < parameters.withdrawn_part || score < threshold ||
      static_cast<double>(found.withdrawn_shares) <
          parameters.withdrawn_to_traded * static_cast<double>(found.traded_shares))
    return std::nullopt;
  AlertRow row = alert_of(detector, context, books, score, threshold);
  row.start = found.start;
  row.first_sequence = found.first_sequence;
  row.side = side_code(change.side);
  row.orders = found.withdrawn;
  row.price_levels = found.price_levels;
  row.shares = found.withdrawn_shares;
  row.other_shares = found.traded_shares;
  row.trades = found.trades;
  row.ratio = part;
  row.move_bps = std::numeric_limits<double>::quiet_NaN();
  row.price = change.price;
  row.quality |= found.quality;
  row.id = alert_id(row);
  return row;
}

}  // namespace tapeline::surveillance
