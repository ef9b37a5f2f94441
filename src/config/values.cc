#include "config/values.h"

#include <charconv>

#include <arpa/inet.h>

namespace tapeline::config {

namespace {

constexpr std::size_t longest_host = 253;  // Of a name in the DNS.

bool is_host(std::string_view host, bool bracketed) {
  if (host.empty() || host.size() > longest_host) return false;
  for (const char c : host) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '.' && c != '-' && c != '_' && !(bracketed && (c == ':' || c == '%'))) return false;
  }
  return true;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!is_host(host, bracketed)) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  return Address{std::string(host), port};
}

std::string to_string(const Address& address) {
  if (!address.is_set()) return "";
  const bool bracketed = address.host.find(':') != std::string::npos;
  return (bracketed ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

bool is_multicast_group(const Address& address) {
  in_addr parsed{};
  return ::inet_pton(AF_INET, address.host.c_str(), &parsed) == 1 && IN_MULTICAST(ntohl(parsed.s_addr));
}

}  // namespace tapeline::config
