#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "book/book_types.h"
#include "market/event.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct AuctionRow {
  std::uint64_t sequence;
  EventTime time;
  CaptureTime captured;
  std::uint64_t paired_shares;
  std::uint64_t imbalance_shares;
  std::int64_t signed_imbalance;
  double imbalance_ratio;
  double near_bps;
  Price far_price;
  Price near_price;
  Price reference_price;
  Price bid_price;
  Price ask_price;
  Symbol symbol;
  Locate locate;
  char direction;
  char cross_type;
  char price_variation;
  Quality quality;
  std::array<std::uint8_t, 6> reserved = {};
};

[[nodiscard]] const table::Schema& auction_schema();

// What the exchange tells of an auction to come, one row for each Net Order Imbalance Indicator:
//
//   signed imbalance = imbalance shares, negative where sellers outweigh (null of direction N and O: 0)
//   imbalance ratio  = signed imbalance / (paired shares + imbalance shares), from -1 to 1
//   near bps         = (near price - mid) / mid * 10^4, the expected clearing price against the continuous
//   book
//
// Stateless. Source: NASDAQ TotalView-ITCH 5.0, section "Net Order Imbalance Indicator (NOII) Message".
class Auction {
 public:
  template <class Books, class Out>
  void process(const stream::Context& context, const Event& event, const Books& books, Out& out) {
    const ImbalanceBody& body = event.imbalance;
    const book::Bbo bbo = books.bbo(context.key);
    AuctionRow row{};
    row.sequence = raw(context.sequence);
    row.time = context.time;
    row.captured = context.captured;
    row.paired_shares = body.paired_shares;
    row.imbalance_shares = body.imbalance_shares;
    const auto shares = static_cast<std::int64_t>(body.imbalance_shares);
    row.signed_imbalance = event.code == 'B' ? shares : event.code == 'S' ? -shares : 0;
    row.imbalance_ratio =
        static_cast<double>(row.signed_imbalance) /
        (static_cast<double>(body.paired_shares) + static_cast<double>(body.imbalance_shares));
    row.near_bps = std::numeric_limits<double>::quiet_NaN();
    if (body.near_price.ticks != 0 && bbo.bid_shares != 0 && bbo.ask_shares != 0) {
      const double twice_mid = static_cast<double>(bbo.bid.ticks) + bbo.ask.ticks;
      row.near_bps = (2 * static_cast<double>(body.near_price.ticks) - twice_mid) / twice_mid * 10'000;
    }
    row.far_price = body.far_price;
    row.near_price = body.near_price;
    row.reference_price = body.reference_price;
    row.bid_price = bbo.bid;
    row.ask_price = bbo.ask;
    row.symbol = books.symbol(context.key);
    row.locate = context.key;
    row.direction = event.code;
    row.cross_type = body.cross_type;
    row.price_variation = body.price_variation;
    row.quality = context.quality;
    out.emit(row);
  }
};

}  // namespace tapeline::analytics
