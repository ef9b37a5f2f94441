#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/examination.h"

// The checks of one area each; `examine` calls them in turn.
namespace tapeline::doctor {

struct Examination {
  const config::Config& config;
  os::Machine& machine;
  std::vector<Finding> findings{};

  void add(Finding finding) { findings.push_back(std::move(finding)); }
  // The file's text as a number; nothing where it is not there or none.
  [[nodiscard]] std::optional<std::uint64_t> number(const std::string& path) const;
};

void check_network(Examination& examination);
void check_processors(Examination& examination);
void check_memory(Examination& examination);
void check_disk(Examination& examination);
void check_clock(Examination& examination);

// The processors that a list like "0-3,8" names; nothing where it is no list.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> parse_cpu_list(std::string_view text);

}  // namespace tapeline::doctor
