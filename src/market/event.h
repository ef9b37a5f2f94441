#pragma once

#include <cstdint>

#include "market/types.h"

namespace tapeline {

// What a feed says, whatever its protocol. Kinds up to `last_order_kind` change the displayed book, those up
// to `last_trade_kind` are trades or undo one, the rest is state of a symbol or of the market.
enum class EventKind : std::uint8_t {
  add,
  execute,             // At the resting order's own price.
  execute_with_price,  // At the price in the event; may be excluded from volume.
  cancel,              // Part of the order.
  remove,              // All of it.
  replace,             // Loses priority; inherits side, symbol and attribution.
  trade,               // Against an order that was never displayed.
  cross,
  broken_trade,
  imbalance,
  system,
  directory,
  trading_action,
  short_sale,
  participant,
  circuit_breaker_levels,
  circuit_breaker_status,
  ipo,
  price_collar,
  operational_halt,
  retail_interest,
  direct_listing,
  unknown,    // A message type that the protocol's specification does not know.
  malformed,  // A known type with a wrong length or an impossible field.
};
inline constexpr EventKind last_order_kind = EventKind::replace;
inline constexpr EventKind last_trade_kind = EventKind::broken_trade;
inline constexpr std::size_t event_kind_count = static_cast<std::size_t>(EventKind::malformed) + 1;

// The body of order and trade events. Fields that the kind does not name are zero.
struct OrderBody {
  OrderRef ref;          // add, execute…, cancel, remove, replace (the old one), trade
  std::uint64_t second;  // replace: the new reference; execute…, trade, broken_trade: the match number
  Shares shares;         // add, trade, replace: all; execute…: executed; cancel: cancelled
  Price price;           // add, replace, execute_with_price, trade
  Symbol symbol;         // add, trade
};

struct CrossBody {
  std::uint64_t shares;
  MatchNumber match;
  Price price;
  std::uint32_t reserved;
  Symbol symbol;
};

struct ImbalanceBody {
  std::uint64_t paired_shares;
  std::uint64_t imbalance_shares;
  Price far_price;
  Price near_price;
  Price reference_price;
  char cross_type;
  char price_variation;
  std::uint16_t reserved;
};

// State of a symbol; `Event::code` and `detail` say which.
struct StatusBody {
  Symbol symbol;
  Price price1;          // price_collar: reference; ipo: price; direct_listing: near
  Price price2;          // price_collar, direct_listing: upper
  Price price3;          // price_collar, direct_listing: lower
  std::uint32_t number;  // directory: round lot; ipo: release time in seconds; price_collar: extension
  Code4 reason;          // trading_action; participant: the MPID
  char flags[4];         // directory: market category, financial status, LULD tier, ETP flag
};

struct CircuitBreakerBody {
  Price8 level[3];
  std::uint64_t reserved;
};

// One message of a feed in host byte order: a cache line, made from the wire by a decoder in feed/.
struct alignas(64) Event {
  EventKind kind;
  // add, trade: side 'B' or 'S'; execute_with_price: printable 'Y' or 'N'; cross: cross type;
  // imbalance: direction; status kinds: their main code (trading state, Reg SHO action, event code…).
  char code;
  Locate locate;
  Mpid attribution;  // add of an attributed order; zero otherwise
  EventTime time;
  CaptureTime captured;
  Sequence sequence;
  union {
    OrderBody order;
    CrossBody cross;
    ImbalanceBody imbalance;
    StatusBody status;
    CircuitBreakerBody circuit_breaker;
  };

  // Whether what it says can be trusted, its time included.
  [[nodiscard]] bool is_readable() const { return kind < EventKind::unknown; }
  // Without a branch: which side comes next is a coin toss.
  [[nodiscard]] Side side() const { return static_cast<Side>(code == 'S'); }
  [[nodiscard]] OrderRef new_ref() const { return OrderRef{order.second}; }
  [[nodiscard]] MatchNumber match() const { return MatchNumber{order.second}; }
};
static_assert(sizeof(OrderBody) == 32 && sizeof(ImbalanceBody) == 32 + 0 && sizeof(StatusBody) == 32);
static_assert(sizeof(Event) == 64);

}  // namespace tapeline
