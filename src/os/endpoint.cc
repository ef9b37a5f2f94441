#include "os/endpoint.h"

#include <charconv>

#include <fmt/format.h>

namespace tapeline::os {

namespace {

// Takes a decimal number of at most `limit` off the front of the text.
std::optional<std::uint32_t> take_number(std::string_view& text, std::uint32_t limit) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number > limit) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<IpAddress> take_address(std::string_view& text) {
  IpAddress address = any_address;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) {
      if (!text.starts_with('.')) return std::nullopt;
      text.remove_prefix(1);
    }
    const std::optional<std::uint32_t> byte = take_number(text, 255);
    if (!byte) return std::nullopt;
    address.bytes[12 + i] = static_cast<std::uint8_t>(*byte);
  }
  return address;
}

}  // namespace

std::string to_text(const IpAddress& address) {
  const auto& b = address.bytes;
  if (address.is_v4()) return fmt::format("{}.{}.{}.{}", b[12], b[13], b[14], b[15]);
  std::string text;
  for (std::size_t i = 0; i < b.size(); i += 2)
    text += fmt::format("{}{:x}", i == 0 ? "" : ":", b[i] << 8 | b[i + 1]);
  return text;
}

std::string to_text(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) return fmt::format("{}:{}", to_text(endpoint.address), endpoint.port);
  return fmt::format("[{}]:{}", to_text(endpoint.address), endpoint.port);
}

Result<IpAddress> parse_address(std::string_view text) {
  std::string_view rest = text;
  if (const std::optional<IpAddress> address = take_address(rest); address && rest.empty()) return *address;
  return fail(ErrorCode::usage, fmt::format("'{}' is not an IPv4 address such as 239.255.42.1", text));
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  std::string_view rest = text;
  if (const std::optional<IpAddress> address = take_address(rest); address && rest.starts_with(':')) {
    rest.remove_prefix(1);
    const std::optional<std::uint32_t> port = take_number(rest, 0xffff);
    if (port && rest.empty()) return Endpoint{*address, static_cast<std::uint16_t>(*port)};
  }
  return fail(ErrorCode::usage,
              fmt::format("'{}' is not an address and a port such as 239.255.42.1:26400", text));
}

}  // namespace tapeline::os
