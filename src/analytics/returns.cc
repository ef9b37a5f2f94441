#include "analytics/returns.h"

#include "analytics/columns.h"

namespace tapeline::analytics {

const table::Schema& returns_schema() {
  static const std::array columns{
      COLUMN(ReturnsRow, start, event_time, "ns", "Start of the window, included."),
      COLUMN(ReturnsRow, end, event_time, "ns", "End of the window, excluded."),
      COLUMN(ReturnsRow, locate, u16, "", "The exchange's code of the symbol for the day."),
      COLUMN(ReturnsRow, symbol, text8, "", "Ticker symbol."),
      COLUMN(ReturnsRow, steps, u32, "",
             "Steps whose return is known: both sides were there at start and end."),
      COLUMN(ReturnsRow, realised_variance, f64, "", "Sum of the squared log returns; null without a step."),
      COLUMN(ReturnsRow, bipower_variation, f64, "",
             "pi/2 times the sum of |return| times the |return| before it; null without a step."),
      COLUMN(ReturnsRow, realised_volatility, f64, "", "Square root of realised_variance, over the window."),
      COLUMN(ReturnsRow, bipower_volatility, f64, "", "Square root of bipower_variation, over the window."),
      COLUMN(ReturnsRow, kyle_lambda, f64, "dollars/share",
             "Slope of the mid's change on the shares bought less sold, over steps; null if these never "
             "differ."),
      COLUMN(ReturnsRow, kyle_r_squared, f64, "", "Share of the mid's variance that it explains."),
      COLUMN(ReturnsRow, traded_steps, u32, "", "Steps with a return and a displayed execution."),
      COLUMN(ReturnsRow, amihud, f64, "1/million dollars",
             "Mean of |return| over dollars traded, of those steps; null without one."),
      COLUMN(ReturnsRow, mid, price_f64, "dollars", "Mid at the end of the window; null if one-sided."),
      COLUMN(ReturnsRow, sequence, u64, "", "Position in the session of the last BBO change or execution."),
      QUALITY_COLUMN(ReturnsRow),
  };
  static const table::Schema schema{
      "returns", "Volatility, price impact and illiquidity from the mid's returns over fixed steps.",
      sizeof(ReturnsRow), columns};
  return schema;
}

}  // namespace tapeline::analytics
