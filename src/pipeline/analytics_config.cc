#include "pipeline/analytics_config.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "operators/loaded_operator.h"
#include "pipeline/row_tables.h"

namespace tapeline::pipeline {

Result<void> select_tables(std::span<const std::string> names, AnalyticsConfig& config) {
#define TURN_OFF(name, number, row, schema) config.name = false;
  ROW_TABLES(TURN_OFF)
#undef TURN_OFF
  for (const std::string& chosen : names) {
    bool known = chosen == "none" && names.size() == 1;
#define TURN_ON(name, number, row, schema)     \
  if (chosen == #name || chosen == "all") {    \
    config.name = true;                        \
    known = true;                              \
  }
    ROW_TABLES(TURN_ON)
#undef TURN_ON
    if (chosen == "labels")
      return fail(ErrorCode::usage,
                  "labels look into the future: they are for research alone, as in "
                  "`tapeline replay day.itch --labels 100ms,1s`, and no table of the live pipeline");
    if (!known)
      return fail(ErrorCode::usage, fmt::format("there is no table '{}'; choose of {}, or all, or none",
                                                chosen, fmt::join(row_table_names, ", ")));
    if (chosen == "microprice" && config.microprice_model == nullptr)
      return fail(ErrorCode::usage,
                  "the table microprice needs a model: make one by `tapeline fit microprice day.itch -o "
                  "microprice.json` and name it with --microprice-model, or analytics.microprice_model");
  }
  config.microprice = config.microprice && config.microprice_model != nullptr;
  return {};
}

Result<void> load_operators(std::span<const std::string> texts, AnalyticsConfig& config) {
  if (texts.size() > max_user_tables)
    return fail(ErrorCode::usage,
                fmt::format("{} operators are named, {} are the limit", texts.size(), max_user_tables));
  for (const std::string& text : texts) {
    Result<std::shared_ptr<const operators::LoadedOperator>> loaded = operators::LoadedOperator::load(text);
    if (!loaded) return std::unexpected(loaded.error());
    const std::string_view name = (*loaded)->schema().name;
    if (std::ranges::find(row_table_names, name) != row_table_names.end() ||
        std::ranges::any_of(config.operators,
                            [&](const auto& other) { return other->schema().name == name; }))
      return fail(ErrorCode::usage, fmt::format("{}: there is a table {} already", text, name));
    config.operators.push_back(std::move(*loaded));
  }
  return {};
}

Result<void> check(const AnalyticsConfig& config) {
  if (config.step_ns == 0 || config.returns_ns % config.step_ns != 0)
    return fail(ErrorCode::usage, fmt::format("the windows of returns ({} ns) must hold whole steps ({} ns)",
                                              config.returns_ns, config.step_ns));
  for (const std::uint32_t shares : config.sweep_shares)
    if (shares == 0) return fail(ErrorCode::usage, "a size to trade is at least one share");
  if (config.vpin_bucket_shares == 0 || config.vpin_buckets == 0 ||
      config.vpin_buckets > analytics::Vpin::max_buckets)
    return fail(ErrorCode::usage, fmt::format("vpin takes buckets of at least one share, and 1 to {} of them",
                                              analytics::Vpin::max_buckets));
  return {};
}

}  // namespace tapeline::pipeline
