#include "analytics/vpin.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& vpin_schema() {
  static const std::array columns{
      COLUMN(VpinRow, time, event_time, "ns", "Exchange time of the execution that completed the bucket."),
      COLUMN(VpinRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(VpinRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(VpinRow, bucket, u64, "", "Number of the bucket, from 1."),
      COLUMN(VpinRow, completed, u32, "", "Buckets that this execution completed."),
      COLUMN(VpinRow, imbalance, u32, "shares", "|bought - sold| in the bucket."),
      COLUMN(VpinRow, vpin, f64, "", "Mean imbalance of the last n buckets over their size; null before n."),
      COLUMN(VpinRow, sequence, u64, "", "Position of the execution in the session."),
      QUALITY_COLUMN(VpinRow),
  };
  static const table::Schema schema{"vpin", "Probability of informed trading by buckets of volume.",
                                    sizeof(VpinRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
