#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "os/machine.h"

// Whether a machine is fit for the live pipeline, and what to do where it is not.
namespace tapeline::doctor {

enum class Grade : std::uint8_t {
  ok,
  warn,  // It works, at a price or not under load.
  bad,   // Data will be lost, or it will not start.
};
[[nodiscard]] std::string_view to_string(Grade grade);

struct Finding {
  Grade grade;
  std::string area;          // "network"
  std::string subject;       // "receive buffer"
  std::string found;         // What is the case, and what follows from it.
  std::string command = {};  // What mends it, as it is typed; empty where nothing has to be or can be done.
};

// Every check, in the order of areas; what is fine is a finding, too.
[[nodiscard]] std::vector<Finding> examine(const config::Config& config, os::Machine& machine);

[[nodiscard]] bool anything_bad(const std::vector<Finding>& findings);

}  // namespace tapeline::doctor
