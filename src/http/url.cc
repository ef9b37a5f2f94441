#include "http/url.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace tapeline::http {

namespace {

constexpr std::uint16_t plain_port = 80;
constexpr std::uint16_t secure_port = 443;
constexpr std::size_t longest_url = 2'048;

bool is_fit(char c) {
  return c > ' ' && c <= '~' && c != '"' && c != '<' && c != '>' && c != '\\' && c != '#';
}

bool is_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_';
}

bool is_of_ipv6(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == '.' || c == ':';
}

}  // namespace

std::string Url::host_header() const {
  const std::string name = host.contains(':') ? '[' + host + ']' : host;
  return port == (secure ? secure_port : plain_port) ? name : fmt::format("{}:{}", name, port);
}

std::string Url::origin() const {
  return fmt::format("{}://{}", secure ? "https" : "http", host_header());
}

// What is wrong is told without the text, as a path may hold a secret.
Result<Url> parse_url(std::string_view text) {
  const auto wrong = [](std::string_view what) {
    return fail(ErrorCode::usage, fmt::format("{}; write it as in https://host.example:8080/path", what));
  };
  if (text.size() > longest_url) return wrong("the address is too long");
  if (!std::ranges::all_of(text, is_fit)) return wrong("the address holds a character that none may hold");
  Url url;
  if (text.starts_with("https://"))
    url.secure = true;
  else if (!text.starts_with("http://"))
    return wrong("the address begins with neither http:// nor https://");
  text.remove_prefix(url.secure ? 8 : 7);
  const std::size_t slash = text.find_first_of("/?");
  std::string_view authority = text.substr(0, slash);
  const std::string_view target = slash == std::string_view::npos ? "" : text.substr(slash);
  url.target = target.starts_with('/') ? std::string(target) : '/' + std::string(target);
  if (authority.contains('@')) return wrong("the address holds a user's name, which has no place in it");
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return wrong("the address lacks a closing bracket");
    url.host = authority.substr(1, end - 1);
    if (!url.host.contains(':') || !std::ranges::all_of(url.host, is_of_ipv6))
      return wrong("the address has brackets around what is no IPv6 address");
    port = authority.substr(end + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    if (!std::ranges::all_of(url.host, is_of_name))
      return wrong("the address has a host's name that is none");
    port = authority.substr(colon);
  }
  if (url.host.empty()) return wrong("the address names no host");
  url.port = url.secure ? secure_port : plain_port;
  if (port.empty()) return url;
  const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), url.port);
  if (port[0] != ':' || error != std::errc() || end != port.data() + port.size() || url.port == 0)
    return wrong("the address has a port that is none");
  return url;
}

}  // namespace tapeline::http
