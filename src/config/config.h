#pragma once

#include <cstddef>
#include <string>

#include "config/settings.def"
#include "config/values.h"

// The settings of the live pipeline as plain structs, with the defaults of settings.def.
namespace tapeline::config {

#define CONFIG_MEMBER(type, name, value, unit, limits, meaning) type name = value;
#define CONFIG_STRUCT(Name, settings)           \
  struct Name {                                 \
    settings(CONFIG_MEMBER)                     \
    bool operator==(const Name&) const = default; \
  };
CONFIG_STRUCTS(CONFIG_STRUCT)
#undef CONFIG_STRUCT
#undef CONFIG_MEMBER

#define CONFIG_UNWRAPPED(...) __VA_ARGS__
#define CONFIG_MEMBER(Type, name, path, settings, overridden, meaning) \
  Type name = Type{CONFIG_UNWRAPPED overridden};
struct Config {  // The defaults.
  Config();

  CONFIG_SECTIONS(CONFIG_MEMBER)
  bool operator==(const Config&) const = default;
};
#undef CONFIG_MEMBER
#undef CONFIG_UNWRAPPED

// What settings mean that are left to Tapeline.
[[nodiscard]] std::string journal_folder(const Config& config);
[[nodiscard]] std::string checkpoint_folder(const Config& config);
[[nodiscard]] std::string sink_folder(const Config& config);
[[nodiscard]] std::string trace_folder(const Config& config);
[[nodiscard]] std::string status_socket(const Config& config);
// `cores`: the processors that this process may run on.
[[nodiscard]] std::size_t worker_count(const Config& config, std::size_t cores);
[[nodiscard]] std::uint64_t nanoseconds(Real milliseconds);
[[nodiscard]] std::uint64_t bar_ns(const Config& config);
[[nodiscard]] std::uint64_t interval_ns(const Config& config);

}  // namespace tapeline::config
