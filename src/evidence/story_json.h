#pragma once

#include <string>

#include "evidence/bundle.h"
#include "evidence/replay.h"
#include "surveillance/alert.h"

namespace tapeline::evidence {

// One alert as a JSON object: prices in dollars, times in nanoseconds since the exchange's midnight, null
// where a number means nothing.
[[nodiscard]] std::string alert_json(const surveillance::AlertRow& alert);

// Evidence played again, as JSON: the alert, the life of each order, the trades, the book before and after.
[[nodiscard]] std::string story_json(const Bundle& bundle, const Replay& replay);

}  // namespace tapeline::evidence
