#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tapeline::http {

// Where a request goes: http:// or https://, a host, a port, a path with its query. User names and fragments
// have no place in it.
struct Url {
  bool secure = false;
  std::string host{};  // IPv6 without its brackets.
  std::uint16_t port = 0;
  std::string target{};  // "/v2/enqueue"

  // Without the path, which may hold a secret: what a log may say.
  [[nodiscard]] std::string origin() const;
  // What the header Host holds: the port where it is not the usual one, brackets around IPv6.
  [[nodiscard]] std::string host_header() const;
};

// `usage` with what is wrong.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace tapeline::http
