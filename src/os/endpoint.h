#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tapeline::os {

// An IPv6 address, or an IPv4 address in the last four bytes behind ::ffff (RFC 4291, section 2.5.5.2).
struct IpAddress {
  std::array<std::uint8_t, 16> bytes = {};

  [[nodiscard]] static constexpr IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c,
                                              std::uint8_t d) {
    return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
  }
  [[nodiscard]] constexpr bool is_v4() const {
    for (std::size_t i = 0; i < 10; ++i)
      if (bytes[i] != 0) return false;
    return bytes[10] == 0xff && bytes[11] == 0xff;
  }
  // Of IPv4 only: 224.0.0.0/4.
  [[nodiscard]] constexpr bool is_v4_multicast() const { return is_v4() && bytes[12] >> 4 == 0xe; }
  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

inline constexpr IpAddress any_address = IpAddress::v4(0, 0, 0, 0);
inline constexpr IpAddress loopback_address = IpAddress::v4(127, 0, 0, 1);

// "239.255.42.1", or IPv6 as eight groups of hexadecimal digits.
[[nodiscard]] std::string to_text(const IpAddress& address);
// "239.255.42.1:26400", "[fe80:…]:26400".
[[nodiscard]] std::string to_text(const Endpoint& endpoint);

// IPv4 in dotted notation; ErrorCode::usage otherwise.
[[nodiscard]] Result<IpAddress> parse_address(std::string_view text);
// ADDRESS:PORT, IPv4 only.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace tapeline::os
