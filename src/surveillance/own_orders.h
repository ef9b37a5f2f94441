#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "feed/ouch50/messages.h"
#include "market/types.h"

namespace tapeline::surveillance {

// An execution whose both sides are own orders: what wash trading is made of, and no guess.
struct SelfTrade {
  MatchNumber match{};  // As the feed tells it, too.
  EventTime time{};
  Symbol symbol{""};
  Price price{};
  Shares shares = 0;
  ouch50::UserRefNum buy{};
  ouch50::UserRefNum sell{};
};

// The own order flow, from what the exchange answered over OUCH 5.0: which of the feed's orders are own, by
// the order references that both protocols share, and which executions were with oneself.
class OwnOrders {
 public:
  // A capture: outbound messages (from the exchange), each behind its big-endian 16-bit length; one of length
  // 0 may end it. Fails (corrupt) where the frames do not fill it. What is no outbound message of OUCH 5.0 is
  // counted.
  [[nodiscard]] static Result<OwnOrders> read(std::span<const std::byte> capture);

  [[nodiscard]] bool is_own(OrderRef ref) const { return user_refs_.contains(raw(ref)); }
  // By the time of the second side's execution. An execution with more than one own order on a side is told
  // for each pair.
  [[nodiscard]] const std::vector<SelfTrade>& self_trades() const { return self_trades_; }
  [[nodiscard]] std::size_t orders() const { return user_refs_.size(); }
  [[nodiscard]] std::uint64_t executions() const { return executions_; }
  [[nodiscard]] std::uint64_t unreadable() const { return unreadable_; }

 private:
  struct Order {
    Side side;
    Symbol symbol;
  };
  struct Fill {
    ouch50::UserRefNum order;
    Side side;
    Shares shares;
  };

  void take(const ouch50::Outbound& message);
  void accept(ouch50::UserRefNum user_ref, OrderRef ref, char side, const Symbol& symbol);
  void execute(const ouch50::Executed& message);

  std::unordered_map<std::uint64_t, ouch50::UserRefNum> user_refs_;  // By the exchange's reference.
  std::unordered_map<std::uint32_t, Order> orders_;                  // By our number.
  std::unordered_map<std::uint64_t, std::vector<Fill>> fills_;       // By match number.
  std::vector<SelfTrade> self_trades_;
  std::uint64_t executions_ = 0;
  std::uint64_t unreadable_ = 0;
};

}  // namespace tapeline::surveillance
