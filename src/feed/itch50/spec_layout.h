#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tapeline::itch50 {

// The wire layout of every message, written down from the specification's tables (sections 4.1 to 4.10) a
// second time and by hand, so that tests do not hold messages.def against itself. Offsets count from the type
// byte.
struct SpecField {
  std::string_view name;
  std::size_t offset;
  std::size_t size;
};
struct SpecMessage {
  char type;
  std::size_t length;
  std::vector<SpecField> fields;
};

inline const std::vector<SpecMessage>& spec_messages() {
  static const std::vector<SpecMessage> all{
      {'S', 12, {{"event_code", 11, 1}}},
      {'R',
       39,
       {{"stock", 11, 8},
        {"market_category", 19, 1},
        {"financial_status", 20, 1},
        {"round_lot_size", 21, 4},
        {"round_lots_only", 25, 1},
        {"issue_classification", 26, 1},
        {"issue_sub_type", 27, 2},
        {"authenticity", 29, 1},
        {"short_sale_threshold", 30, 1},
        {"ipo_flag", 31, 1},
        {"luld_reference_tier", 32, 1},
        {"etp_flag", 33, 1},
        {"etp_leverage", 34, 4},
        {"inverse_indicator", 38, 1}}},
      {'H', 25, {{"stock", 11, 8}, {"trading_state", 19, 1}, {"reserved", 20, 1}, {"reason", 21, 4}}},
      {'Y', 20, {{"stock", 11, 8}, {"action", 19, 1}}},
      {'L',
       26,
       {{"mpid", 11, 4},
        {"stock", 15, 8},
        {"primary_market_maker", 23, 1},
        {"mode", 24, 1},
        {"state", 25, 1}}},
      {'V', 35, {{"level1", 11, 8}, {"level2", 19, 8}, {"level3", 27, 8}}},
      {'W', 12, {{"breached_level", 11, 1}}},
      {'K', 28, {{"stock", 11, 8}, {"release_time", 19, 4}, {"release_qualifier", 23, 1}, {"price", 24, 4}}},
      {'J',
       35,
       {{"stock", 11, 8},
        {"reference_price", 19, 4},
        {"upper_price", 23, 4},
        {"lower_price", 27, 4},
        {"extension", 31, 4}}},
      {'h', 21, {{"stock", 11, 8}, {"market_code", 19, 1}, {"action", 20, 1}}},
      {'A',
       36,
       {{"order_ref", 11, 8}, {"side", 19, 1}, {"shares", 20, 4}, {"stock", 24, 8}, {"price", 32, 4}}},
      {'F',
       40,
       {{"order_ref", 11, 8},
        {"side", 19, 1},
        {"shares", 20, 4},
        {"stock", 24, 8},
        {"price", 32, 4},
        {"attribution", 36, 4}}},
      {'E', 31, {{"order_ref", 11, 8}, {"shares", 19, 4}, {"match_number", 23, 8}}},
      {'C',
       36,
       {{"order_ref", 11, 8},
        {"shares", 19, 4},
        {"match_number", 23, 8},
        {"printable", 31, 1},
        {"price", 32, 4}}},
      {'X', 23, {{"order_ref", 11, 8}, {"shares", 19, 4}}},
      {'D', 19, {{"order_ref", 11, 8}}},
      {'U', 35, {{"order_ref", 11, 8}, {"new_order_ref", 19, 8}, {"shares", 27, 4}, {"price", 31, 4}}},
      {'P',
       44,
       {{"order_ref", 11, 8},
        {"side", 19, 1},
        {"shares", 20, 4},
        {"stock", 24, 8},
        {"price", 32, 4},
        {"match_number", 36, 8}}},
      {'Q',
       40,
       {{"shares", 11, 8},
        {"stock", 19, 8},
        {"price", 27, 4},
        {"match_number", 31, 8},
        {"cross_type", 39, 1}}},
      {'B', 19, {{"match_number", 11, 8}}},
      {'I',
       50,
       {{"paired_shares", 11, 8},
        {"imbalance_shares", 19, 8},
        {"imbalance_direction", 27, 1},
        {"stock", 28, 8},
        {"far_price", 36, 4},
        {"near_price", 40, 4},
        {"reference_price", 44, 4},
        {"cross_type", 48, 1},
        {"price_variation", 49, 1}}},
      {'N', 20, {{"stock", 11, 8}, {"interest_flag", 19, 1}}},
      {'O',
       48,
       {{"stock", 11, 8},
        {"eligibility", 19, 1},
        {"minimum_price", 20, 4},
        {"maximum_price", 24, 4},
        {"near_price", 28, 4},
        {"near_time", 32, 8},
        {"lower_collar", 40, 4},
        {"upper_collar", 44, 4}}},
  };
  return all;
}

// A message whose byte at each place is one that stands nowhere else, so that no field can be swapped with
// another or shifted without being seen. Printable, so that text fields read as text. The bytes behind the
// message go on in the same way: a field that reaches over the end shows.
inline constexpr unsigned first_byte = 0x30;
inline std::array<std::byte, 128> numbered_bytes(char type) {
  std::array<std::byte, 128> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(first_byte + i);
  bytes[0] = static_cast<std::byte>(type);
  return bytes;
}

// The big-endian integer that such a message holds at an offset.
inline std::uint64_t number_at(std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | (first_byte + offset + i);
  return value;
}

inline std::uint32_t number_at4(std::size_t offset) {
  return static_cast<std::uint32_t>(number_at(offset, 4));
}
inline char character_at(std::size_t offset) {
  return static_cast<char>(first_byte + offset);
}

}  // namespace tapeline::itch50
