#include "surveillance/own_orders.h"

#include <algorithm>
#include <variant>

#include "base/bytes.h"
#include "feed/ouch50/codec.h"

namespace tapeline::surveillance {

Result<OwnOrders> OwnOrders::read(std::span<const std::byte> capture) {
  OwnOrders own;
  while (!capture.empty()) {
    const std::size_t length = capture.size() < 2 ? SIZE_MAX : load_be<std::uint16_t>(capture.data());
    if (length == 0 && capture.size() == 2) break;
    if (length > capture.size() - 2 || capture.size() < 2)
      return fail(
          ErrorCode::corrupt,
          "the capture of OUCH ends in the middle of a message: it has to be messages, each behind its "
          "big-endian 16-bit length");
    ouch50::Outbound message;
    if (ouch50::decode_outbound(capture.subspan(2, length), message) == ouch50::Defect::none)
      own.take(message);
    else
      ++own.unreadable_;
    capture = capture.subspan(2 + length);
  }
  return own;
}

void OwnOrders::take(const ouch50::Outbound& message) {
  if (const auto* const accepted = std::get_if<ouch50::Accepted>(&message))
    accept(accepted->user_ref_num, accepted->order_ref, accepted->side, accepted->symbol);
  else if (const auto* const replaced = std::get_if<ouch50::Replaced>(&message))
    accept(replaced->user_ref_num, replaced->order_ref, replaced->side, replaced->symbol);
  else if (const auto* const executed = std::get_if<ouch50::Executed>(&message))
    execute(*executed);
}

void OwnOrders::accept(ouch50::UserRefNum user_ref, OrderRef ref, char side, const Symbol& symbol) {
  if (raw(ref) != 0) user_refs_[raw(ref)] = user_ref;
  // T and E, sell short and sell short exempt, are sales as S is.
  orders_[raw(user_ref)] = {side == 'B' ? Side::bid : Side::ask, symbol};
}

void OwnOrders::execute(const ouch50::Executed& message) {
  const auto order = orders_.find(raw(message.user_ref_num));
  if (order == orders_.end()) {
    ++unreadable_;
    return;
  }
  ++executions_;
  std::vector<Fill>& fills = fills_[raw(message.match_number)];
  const Fill now{message.user_ref_num, order->second.side, message.quantity};
  for (const Fill& other : fills) {
    if (other.side == now.side) continue;
    SelfTrade trade;
    trade.match = message.match_number;
    trade.time = message.timestamp;
    trade.symbol = order->second.symbol;
    trade.price = Price{static_cast<std::uint32_t>(std::min<std::uint64_t>(message.price.ticks, UINT32_MAX))};
    trade.shares = std::min(now.shares, other.shares);
    trade.buy = now.side == Side::bid ? now.order : other.order;
    trade.sell = now.side == Side::bid ? other.order : now.order;
    self_trades_.push_back(trade);
  }
  fills.push_back(now);
}

}  // namespace tapeline::surveillance
