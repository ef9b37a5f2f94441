#include "analytics/microprice.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& microprice_schema() {
  static const std::array columns{
      COLUMN(MicropriceRow, sequence, u64, "", "Position of the message in the session."),
      COLUMN(MicropriceRow, time, event_time, "ns", "Exchange time."),
      COLUMN(MicropriceRow, captured, capture_time, "ns", "When its packet reached us; null for a file."),
      COLUMN(MicropriceRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(MicropriceRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(MicropriceRow, microprice, price_f64, "dollars",
             "mid + adjustment; null where the model has no answer."),
      COLUMN(MicropriceRow, mid, price_f64, "dollars", "Mid of the best prices; null if one-sided."),
      COLUMN(MicropriceRow, adjustment, price_f64, "dollars", "The model's G* of this state; null likewise."),
      COLUMN(MicropriceRow, bid_price, price, "dollars", "Best bid; null if there is none."),
      COLUMN(MicropriceRow, ask_price, price, "dollars", "Best ask; null if there is none."),
      COLUMN(MicropriceRow, spread_ticks, u8, "ticks", "Spread of the state; 0 if it is not in the model."),
      COLUMN(MicropriceRow, imbalance_bucket, u8, "",
             "Bucket of bid size / (bid size + ask size), from 0; 0 if the state is not in the model."),
      COLUMN(MicropriceRow, observations, u64, "",
             "Transitions from this state that the model was fitted from."),
      QUALITY_COLUMN(MicropriceRow),
  };
  static const table::Schema schema{"microprice",
                                    "Stoikov's microprice by a fitted model, after each change.",
                                    sizeof(MicropriceRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
