#include "analytics/luld.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& luld_schema() {
  static const std::array columns{
      COLUMN(LuldRow, time, event_time, "ns",
             "The moment just before which the book is shown: whole half minutes."),
      COLUMN(LuldRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(LuldRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(LuldRow, tier, character, "", "LULD tier, 1 or 2; null if the feed has not said."),
      COLUMN(LuldRow, reference, price, "dollars",
             "Reference price by the plan, from this exchange's trades; null if unknown."),
      COLUMN(LuldRow, lower_band, price, "dollars",
             "Lower band; null outside 09:30 to 16:00 and if unknown."),
      COLUMN(LuldRow, upper_band, price, "dollars", "Upper band; likewise."),
      COLUMN(LuldRow, bid_price, price, "dollars", "Best bid; null if there is none."),
      COLUMN(LuldRow, ask_price, price, "dollars", "Best ask; null if there is none."),
      COLUMN(LuldRow, lower_distance_bps, f64, "basis points",
             "(bid_price - lower_band) / mid; null without either."),
      COLUMN(LuldRow, upper_distance_bps, f64, "basis points",
             "(upper_band - ask_price) / mid; null without either."),
      COLUMN(LuldRow, trades, u32, "", "Trades of the five minutes that the reference was held against."),
      COLUMN(LuldRow, collar_reference, price, "dollars",
             "Reference of the last reopening auction's collar, from the feed."),
      COLUMN(LuldRow, collar_lower, price, "dollars", "Its lower end."),
      COLUMN(LuldRow, collar_upper, price, "dollars", "Its upper end."),
      COLUMN(LuldRow, sequence, u64, "", "Position in the session of the last BBO change or trade."),
      QUALITY_COLUMN(LuldRow),
  };
  static const table::Schema schema{"luld", "Distance of the best prices from the Limit Up-Limit Down bands.",
                                    sizeof(LuldRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
