#include "analytics/auction.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& auction_schema() {
  static const std::array columns{
      COLUMN(AuctionRow, sequence, u64, "", "Position of the message in the session."),
      COLUMN(AuctionRow, time, event_time, "ns", "Exchange time."),
      COLUMN(AuctionRow, captured, capture_time, "ns", "When its packet reached us; null for a file."),
      COLUMN(AuctionRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(AuctionRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(AuctionRow, cross_type, character, "", "O opening, C closing, H halt or IPO, A extended."),
      COLUMN(AuctionRow, paired_shares, u64, "shares", "That match at the reference price."),
      COLUMN(AuctionRow, imbalance_shares, u64, "shares", "That are left over."),
      COLUMN(AuctionRow, direction, character, "",
             "Side of what is left over: B, S, N none, O too few orders to tell, P paused."),
      COLUMN(AuctionRow, signed_imbalance, i64, "shares",
             "imbalance_shares, negative for S, 0 where there is no side."),
      COLUMN(AuctionRow, imbalance_ratio, f64, "",
             "signed_imbalance / (paired_shares + imbalance_shares); null if both are 0."),
      COLUMN(AuctionRow, reference_price, price, "dollars", "Price at which the imbalance is told."),
      COLUMN(AuctionRow, near_price, price, "dollars",
             "Clearing price with the orders of the continuous book."),
      COLUMN(AuctionRow, far_price, price, "dollars", "Clearing price of the auction's orders alone."),
      COLUMN(AuctionRow, price_variation, character, "",
             "How far near_price is from the reference: L below 1 %, 1 to 9, A, B, C in tens of per cent."),
      COLUMN(AuctionRow, bid_price, price, "dollars", "Best bid then."),
      COLUMN(AuctionRow, ask_price, price, "dollars", "Best ask then."),
      COLUMN(AuctionRow, near_bps, f64, "basis points",
             "near_price over the mid less one; null without either."),
      QUALITY_COLUMN(AuctionRow),
  };
  static const table::Schema schema{"auction", "The exchange's account of an auction to come (NOII).",
                                    sizeof(AuctionRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
