#include "feed/glimpse/end_of_snapshot.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace tapeline::glimpse {

std::array<std::byte, end_of_snapshot_size> encode_end_of_snapshot(std::uint64_t next_sequence) {
  std::array<char, end_of_snapshot_size - 1> digits;  // 2^64 has 20.
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), next_sequence).ptr;
  std::array<std::byte, end_of_snapshot_size> message;
  message.fill(static_cast<std::byte>(' '));
  message[0] = static_cast<std::byte>(end_of_snapshot_type);
  const auto count = static_cast<std::size_t>(end - digits.data());
  std::transform(digits.data(), end, message.end() - count, [](char c) { return static_cast<std::byte>(c); });
  return message;
}

std::optional<std::uint64_t> parse_end_of_snapshot(std::span<const std::byte> message) {
  if (message.size() != end_of_snapshot_size) return std::nullopt;
  std::string_view text(reinterpret_cast<const char*>(message.data()), message.size());
  if (text.front() != end_of_snapshot_type) return std::nullopt;
  text.remove_prefix(1);
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return std::nullopt;
  text = text.substr(begin, text.find_last_not_of(' ') - begin + 1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace tapeline::glimpse
