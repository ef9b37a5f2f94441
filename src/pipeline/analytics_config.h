#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "analytics/microprice_model.h"
#include "analytics/trade_bars.h"
#include "base/result.h"
#include "market/types.h"
#include "surveillance/parameters.h"

namespace tapeline::operators {
class LoadedOperator;
}

namespace tapeline::pipeline {

// Which tables are computed, and how.
struct AnalyticsConfig {
  bool bbo = true;
  bool trades = true;
  bool bars = true;
  bool spread = false;
  bool depth = false;
  bool snapshots = false;
  std::uint64_t bar_ns = 10'000'000;
  std::uint64_t interval_ns = nanoseconds_per_second;  // Of spread, depth and snapshots.
  bool snapshots_on_change = false;
  std::size_t levels = 10;  // Of depth, snapshots and slopes.

  bool trade_bars = false;
  bool flow = false;
  bool costs = false;
  bool liquidity = false;
  bool activity = false;
  bool returns = false;
  bool vpin = false;
  bool auction = false;
  bool luld = false;
  bool microprice = false;
  bool bursts = false;
  bool queue_positions = false;
  bool features = false;
  bool alerts = false;
  analytics::BarThresholds bar_thresholds{};
  std::uint64_t metric_ns = 10 * nanoseconds_per_second;    // Windows of flow, liquidity and activity.
  std::uint64_t returns_ns = 300 * nanoseconds_per_second;  // Windows of returns, a multiple of their steps:
  std::uint64_t step_ns = nanoseconds_per_second;
  std::uint64_t horizon_ns = 5 * nanoseconds_per_second;  // Of realised spread and impact.
  std::array<std::uint32_t, 3> sweep_shares{100, 1'000, 10'000};
  std::uint32_t vpin_bucket_shares = 10'000;
  std::uint32_t vpin_buckets = 50;
  std::shared_ptr<const analytics::MicropriceModel> microprice_model =
      nullptr;  // There is no microprice then.
  std::uint64_t burst_gap_ns = 100'000'000;
  std::size_t queue_orders = 10;  // Of each side.
  std::uint64_t feature_ns = nanoseconds_per_second;
  std::uint32_t feature_events = 0;  // 0: features have no clock of events.
  surveillance::Parameters surveillance{};

  // Of users: see pipeline/user_operators.h. At most max_user_tables.
  std::vector<std::shared_ptr<const operators::LoadedOperator>> operators{};
};

// Turns the named tables on and the others off; "all" is every one, microprice only where there is a model,
// and "none" alone is no one. Fails (usage) on a name that is none, and on microprice by name without a
// model.
Result<void> select_tables(std::span<const std::string> names, AnalyticsConfig& config);

// Loads users' operators, each written as FILE or FILE:NAME=VALUE,…. Fails as LoadedOperator::load() does,
// and (usage) where there are too many, or two tables have one name.
Result<void> load_operators(std::span<const std::string> texts, AnalyticsConfig& config);

// Fails (usage) where the settings do not fit each other.
Result<void> check(const AnalyticsConfig& config);

}  // namespace tapeline::pipeline
