#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The types that a setting can have.
namespace tapeline::config {

using Text = std::string;
using Count = std::uint64_t;
using Whole = std::int64_t;
using Real = double;
using Flag = bool;
using TextList = std::vector<std::string>;
using CountList = std::vector<std::uint64_t>;

// "host:port"; an empty host means that there is none.
struct Address {
  std::string host;
  std::uint16_t port = 0;

  [[nodiscard]] bool is_set() const { return !host.empty(); }
  bool operator==(const Address&) const = default;
};
using AddressList = std::vector<Address>;

// "239.255.42.1:26400", "exchange.example:26410", "[::1]:26410"; nothing where it is none of these.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
[[nodiscard]] std::string to_string(const Address& address);
[[nodiscard]] bool is_multicast_group(const Address& address);  // An IPv4 address of 224.0.0.0/4.

// Enumerations whose values have a name each, in the order of their values.
enum class Protocol : std::uint8_t { itch50_moldudp64, itch50_soupbintcp };
enum class Fsync : std::uint8_t { none, interval, batch };
enum class Idle : std::uint8_t { park, backoff, spin };
enum class RowFormat : std::uint8_t { csv, json, parquet };
enum class LogLevel : std::uint8_t { debug, info, warn, error };

template <class Choice>
inline constexpr std::array<std::string_view, 0> names_of{};
template <>
inline constexpr std::array<std::string_view, 2> names_of<Protocol>{"itch50-moldudp64", "itch50-soupbintcp"};
template <>
inline constexpr std::array<std::string_view, 3> names_of<Fsync>{"none", "interval", "batch"};
template <>
inline constexpr std::array<std::string_view, 3> names_of<Idle>{"park", "backoff", "spin"};
template <>
inline constexpr std::array<std::string_view, 3> names_of<RowFormat>{"csv", "json", "parquet"};
template <>
inline constexpr std::array<std::string_view, 4> names_of<LogLevel>{"debug", "info", "warn", "error"};

template <class Choice>
  requires(names_of<Choice>.size() > 0)
[[nodiscard]] constexpr std::string_view to_string(Choice choice) {
  return names_of<Choice>[static_cast<std::size_t>(choice)];
}

inline constexpr auto table_names = std::to_array<std::string_view>(
    {"bbo",  "trades",     "bars",      "spread",          "depth",    "snapshots", "trade_bars",
     "flow", "costs",      "liquidity", "activity",        "returns",  "vpin",      "auction",
     "luld", "microprice", "bursts",    "queue_positions", "features", "alerts"});
// What a list of tables may hold: their names, or all of them.
inline constexpr std::array<std::string_view, table_names.size() + 1> table_choices = [] {
  std::array<std::string_view, table_names.size() + 1> choices;
  for (std::size_t i = 0; i < table_names.size(); ++i) choices[i] = table_names[i];
  choices.back() = "all";
  return choices;
}();

// Which values a setting takes. For a list it holds of each element.
struct Limits {
  double least = 0;
  double most = 9'007'199'254'740'992;      // Whole numbers are exact up to here.
  bool may_be_empty = true;                 // Of texts and addresses.
  bool multicast = false;                   // Of addresses.
  const std::string_view* words = nullptr;  // Of texts: the only ones there are.
  std::size_t word_count = 0;
  std::string_view never{};  // A word that is asked for by mistake …
  std::string_view why{};    // … and why it is none.
};

constexpr Limits anything() {
  return {};
}
constexpr Limits between(double least, double most) {
  return {.least = least, .most = most};
}
constexpr Limits not_empty() {
  return {.may_be_empty = false};
}
constexpr Limits group() {
  return {.may_be_empty = false, .multicast = true};
}
constexpr Limits group_or_none() {
  return {.multicast = true};
}
constexpr Limits of_tables() {
  return {.may_be_empty = false,
          .words = table_choices.data(),
          .word_count = table_choices.size(),
          .never = "labels",
          .why = "for research only: replay --labels"};
}

// For defaults of lists in a table of macros, where braces would fall apart at their commas.
template <class... Words>
TextList texts(Words... words) {
  return TextList{words...};
}

}  // namespace tapeline::config
