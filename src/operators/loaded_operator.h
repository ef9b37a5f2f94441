#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "operators/operator.h"
#include "operators/plugin.h"

namespace tapeline::operators {

// An operator of a user's library, from which each worker makes its own instance. The library stays loaded
// while this lives, and so must outlive the instances and their schemas.
class LoadedOperator {
 public:
  // `text` is FILE or FILE:NAME=VALUE,…. Makes one instance to see whether it can be made, and checks its
  // schema. Fails (usage, not_found, unsupported) with what to do about it.
  static Result<std::shared_ptr<const LoadedOperator>> load(std::string_view text);
  ~LoadedOperator();
  LoadedOperator(const LoadedOperator&) = delete;
  LoadedOperator& operator=(const LoadedOperator&) = delete;

  // A new instance; it was possible before.
  [[nodiscard]] std::unique_ptr<Operator> make() const;
  // What it was loaded from, as it was written.
  [[nodiscard]] const std::string& text() const { return text_; }
  // Of whole rows: the columns of RowKey, then the operator's own.
  [[nodiscard]] const table::Schema& schema() const { return schema_; }

 private:
  LoadedOperator() = default;

  std::string text_;
  void* library_ = nullptr;
  const Plugin* plugin_ = nullptr;
  Options options_;
  std::vector<table::Column> columns_;
  table::Schema schema_{};
};

// Fails (usage) with what is wrong with the schema of whole rows: names that a file format or SQL could not
// take, columns that leave the row or overlap, bytes that no column names and that could so be anything.
Result<void> check_schema(const table::Schema& schema);

}  // namespace tapeline::operators
