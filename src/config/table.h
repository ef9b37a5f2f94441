#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

// settings.def as a table that a program can walk: what reads, checks, prints and documents settings.
namespace tapeline::config {

// A value as a file holds it.
using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>,
                           std::vector<std::int64_t>>;

enum class Kind : std::uint8_t {
  flag,
  whole,
  real,
  text,
  choice,
  address,
  text_list,
  whole_list,
  address_list
};

struct Setting {
  std::string_view section;  // "log.feed"
  std::string_view name;     // "fsync"
  Kind kind;
  std::string_view unit;  // Empty where it has none.
  Limits limits;
  std::string_view meaning;

  Value (*get)(const Config&);
  // `value` is of the alternative that belongs to `kind`. What is wrong with it, in words; nothing where it
  // was taken.
  std::optional<std::string> (*set)(Config&, const Value&, const Limits&);

  [[nodiscard]] std::string path() const;  // "log.feed.fsync"
};

struct Section {
  std::string_view path;
  std::string_view meaning;
};

// In the order of settings.def.
[[nodiscard]] std::span<const Setting> settings();
[[nodiscard]] std::span<const Section> sections();
[[nodiscard]] const Setting* find_setting(std::string_view path);

// "a whole number of ms from 10 to 3600000", "one of none, interval and batch".
[[nodiscard]] std::string describe_values(const Setting& setting);

}  // namespace tapeline::config
