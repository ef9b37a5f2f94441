#include "feed/itch50/event_decoder.h"

#include <algorithm>

namespace tapeline::itch50 {

namespace detail {

namespace {

// Where the fields of an order message go. An offset of 0 says that the message has no such field.
struct OrderLayout {
  std::size_t code = 0;
  std::size_t second = 0;
  std::size_t shares = 0;
  std::size_t price = 0;
  std::size_t symbol = 0;
};

consteval EventPlan order_plan(EventKind kind, std::size_t wire_size, OrderLayout layout, bool irregular) {
  EventPlan plan{};
  plan.kind = kind;
  plan.wire_size = static_cast<std::uint8_t>(wire_size);
  plan.irregular = irregular;
  plan.code_offset = static_cast<std::uint8_t>(layout.code);
  plan.code_mask = layout.code != 0 ? 0xFF : 0;
  plan.second_offset = static_cast<std::uint8_t>(layout.second != 0 ? layout.second : header_wire_size);
  plan.second_mask = layout.second != 0 ? ~std::uint64_t{0} : 0;
  plan.shuffle.fill(shuffle_zero);
  std::size_t start = 255;
  for (const std::size_t field : {layout.shares, layout.price, layout.symbol})
    if (field != 0) start = std::min(start, field);
  if (start == 255) start = header_wire_size;
  plan.tail_offset = static_cast<std::uint8_t>(start);
  constexpr std::size_t base = offsetof(OrderBody, shares);
  const auto place = [&](std::size_t host, std::size_t wire, std::size_t size, bool reversed) {
    if (wire == 0) return;
    if (wire + size - start > 16) throw "the field lies outside the 16-byte window";
    shuffle_field(plan.shuffle, host - base, wire - start, size, reversed);
  };
  place(offsetof(OrderBody, shares), layout.shares, 4, true);
  place(offsetof(OrderBody, price), layout.price, 4, true);
  place(offsetof(OrderBody, symbol), layout.symbol, 8, false);
  return plan;
}

consteval EventPlan status_plan(EventKind kind, std::size_t wire_size) {
  EventPlan plan{};
  plan.kind = kind;
  plan.wire_size = static_cast<std::uint8_t>(wire_size);
  plan.irregular = 1;
  plan.shuffle.fill(shuffle_zero);
  return plan;
}

template <class M>
consteval EventPlan plan_for() {
  if constexpr (std::is_same_v<M, AddOrder> || std::is_same_v<M, AddOrderAttributed>)
    return order_plan(EventKind::add, M::wire_size,
                      {.code = wire_offset<M>("side"),
                       .shares = wire_offset<M>("shares"),
                       .price = wire_offset<M>("price"),
                       .symbol = wire_offset<M>("stock")},
                      std::is_same_v<M, AddOrderAttributed>);
  else if constexpr (std::is_same_v<M, OrderExecuted>)
    return order_plan(EventKind::execute, M::wire_size,
                      {.second = wire_offset<M>("match_number"), .shares = wire_offset<M>("shares")}, false);
  else if constexpr (std::is_same_v<M, OrderExecutedWithPrice>)  // Its price lies outside the window.
    return order_plan(EventKind::execute_with_price, M::wire_size,
                      {.code = wire_offset<M>("printable"),
                       .second = wire_offset<M>("match_number"),
                       .shares = wire_offset<M>("shares")},
                      true);
  else if constexpr (std::is_same_v<M, OrderCancel>)
    return order_plan(EventKind::cancel, M::wire_size, {.shares = wire_offset<M>("shares")}, false);
  else if constexpr (std::is_same_v<M, OrderDelete>)
    return order_plan(EventKind::remove, M::wire_size, {}, false);
  else if constexpr (std::is_same_v<M, OrderReplace>)
    return order_plan(EventKind::replace, M::wire_size,
                      {.second = wire_offset<M>("new_order_ref"),
                       .shares = wire_offset<M>("shares"),
                       .price = wire_offset<M>("price")},
                      false);
  else if constexpr (std::is_same_v<M, Trade>)
    return order_plan(EventKind::trade, M::wire_size,
                      {.code = wire_offset<M>("side"),
                       .second = wire_offset<M>("match_number"),
                       .shares = wire_offset<M>("shares"),
                       .price = wire_offset<M>("price"),
                       .symbol = wire_offset<M>("stock")},
                      false);
  else
    return status_plan(EventKind::malformed, M::wire_size);
}

void set_status(Event& out, EventKind kind, char code, const Symbol& symbol) {
  out.kind = kind;
  out.code = code;
  out.status.symbol = symbol;
}

void put(const SystemEvent& m, Event& out) {
  set_status(out, EventKind::system, m.event_code, Symbol(""));
}

void put(const StockDirectory& m, Event& out) {
  set_status(out, EventKind::directory, m.authenticity, m.stock);
  out.status.number = m.round_lot_size;
  out.status.flags[0] = m.market_category;
  out.status.flags[1] = m.financial_status;
  out.status.flags[2] = m.luld_reference_tier;
  out.status.flags[3] = m.etp_flag;
}

void put(const TradingAction& m, Event& out) {
  set_status(out, EventKind::trading_action, m.trading_state, m.stock);
  out.status.reason = m.reason;
}

void put(const RegSho& m, Event& out) {
  set_status(out, EventKind::short_sale, m.action, m.stock);
}

void put(const ParticipantPosition& m, Event& out) {
  set_status(out, EventKind::participant, m.state, m.stock);
  out.status.reason = m.mpid;
  out.status.flags[0] = m.primary_market_maker;
  out.status.flags[1] = m.mode;
}

void put(const MwcbLevels& m, Event& out) {
  out.kind = EventKind::circuit_breaker_levels;
  out.circuit_breaker = {{m.level1, m.level2, m.level3}, 0};
}

void put(const MwcbStatus& m, Event& out) {
  set_status(out, EventKind::circuit_breaker_status, m.breached_level, Symbol(""));
}

void put(const IpoQuoting& m, Event& out) {
  set_status(out, EventKind::ipo, m.release_qualifier, m.stock);
  out.status.number = m.release_time;
  out.status.price1 = m.price;
}

void put(const LuldCollar& m, Event& out) {
  set_status(out, EventKind::price_collar, 0, m.stock);
  out.status.price1 = m.reference_price;
  out.status.price2 = m.upper_price;
  out.status.price3 = m.lower_price;
  out.status.number = m.extension;
}

void put(const OperationalHalt& m, Event& out) {
  set_status(out, EventKind::operational_halt, m.action, m.stock);
  out.status.flags[0] = m.market_code;
}

void put(const CrossTrade& m, Event& out) {
  out.kind = EventKind::cross;
  out.code = m.cross_type;
  out.cross = {m.shares, m.match_number, m.price, 0, m.stock};
}

void put(const BrokenTrade& m, Event& out) {
  out.kind = EventKind::broken_trade;
  out.order.second = raw(m.match_number);
}

void put(const Noii& m, Event& out) {
  out.kind = EventKind::imbalance;
  out.code = m.imbalance_direction;
  out.imbalance = {m.paired_shares,   m.imbalance_shares, m.far_price,       m.near_price,
                   m.reference_price, m.cross_type,       m.price_variation, 0};
}

void put(const Rpii& m, Event& out) {
  set_status(out, EventKind::retail_interest, m.interest_flag, m.stock);
}

void put(const DirectListing& m, Event& out) {
  set_status(out, EventKind::direct_listing, m.eligibility, m.stock);
  out.status.price1 = m.near_price;
  out.status.price2 = m.upper_collar;
  out.status.price3 = m.lower_collar;
}

// The two order types that the first step leaves unfinished.
void put(const AddOrderAttributed& m, Event& out) {
  out.attribution = m.attribution;
}
void put(const OrderExecutedWithPrice& m, Event& out) {
  out.order.price = m.price;
}

template <class M>
inline constexpr bool is_complete_in_first_step =
    std::is_same_v<M, AddOrder> || std::is_same_v<M, OrderExecuted> || std::is_same_v<M, OrderCancel> ||
    std::is_same_v<M, OrderDelete> || std::is_same_v<M, OrderReplace> || std::is_same_v<M, Trade>;

}  // namespace

constinit const std::array<EventPlan, message_type_count + 1> event_plans = [] {
  std::array<EventPlan, message_type_count + 1> plans{};
  plans[0] = status_plan(EventKind::unknown, 0);
  std::size_t next = 1;
  for_each_message_type([&]<class M>() { plans[next++] = plan_for<M>(); });
  return plans;
}();

void finish_irregular(const std::byte* wire, std::size_t length, Event& out) {
  // A frame too short for the common header has neither locate nor time.
  if (length < header_wire_size) {
    out.locate = Locate{0};
    out.time = EventTime{0};
  }
  Message message;
  const DecodeStatus status = decode(wire, length, message);
  const bool is_order_type = out.kind <= EventKind::trade && status == DecodeStatus::ok;
  if (!is_order_type) {
    out.code = 0;
    out.order = {};
  }
  if (status != DecodeStatus::ok) {
    const bool unknown = length == 0 || status == DecodeStatus::unknown_type;
    out.kind = unknown ? EventKind::unknown : EventKind::malformed;
    return;
  }
  visit(message, [&out]<class M>(const M& m) {
    if constexpr (!is_complete_in_first_step<M>) put(m, out);
  });
}

}  // namespace detail

}  // namespace tapeline::itch50
