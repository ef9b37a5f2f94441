#pragma once

#include "surveillance/parameters.h"

namespace tapeline::surveillance::testing {

// Parameters by which a random flow is full of alerts: for tests of what becomes of the rows and of the
// state.
inline Parameters wary_parameters() {
  Parameters wary;
  wary.large_order_ratio = 1;
  wary.large_order_near_bps = 10'000;
  wary.withdrawn_part = 0.1;
  wary.withdrawn_to_traded = 0;
  wary.stuffing_messages = 3;
  wary.stuffing_cancel_ratio = 0.1;
  wary.stuffing_trade_ratio = 1;
  wary.ignition_trades = 2;
  wary.ignition_retrace = 0.1;
  wary.ignition_against = 0.01;
  wary.wash_fills = 2;
  wary.cooldown_ms = 0.01;
  for (double* const threshold : {&wary.spoofing_threshold, &wary.layering_threshold,
                                  &wary.stuffing_threshold, &wary.ignition_threshold, &wary.wash_threshold})
    *threshold = 0.01;
  return wary;
}

}  // namespace tapeline::surveillance::testing
