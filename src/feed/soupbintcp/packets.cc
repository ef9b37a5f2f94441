#include "feed/soupbintcp/packets.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace tapeline::soupbintcp {

namespace {

constexpr std::size_t session_size = 10;
constexpr std::size_t sequence_size = 20;
constexpr std::size_t user_size = 6;
constexpr std::size_t password_size = 10;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

template <std::size_t N>
void append_text(std::vector<std::byte>& to, const FixedText<N>& text) {
  const auto bytes = std::as_bytes(std::span(text.bytes));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// Numbers, and the session too, are padded on the left (the session from memory: receivers accept either
// side).
void append_right_justified(std::vector<std::byte>& to, std::string_view text, std::size_t size) {
  to.insert(to.end(), size - text.size(), static_cast<std::byte>(' '));
  const auto bytes = std::as_bytes(std::span(text));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_sequence(std::vector<std::byte>& to, std::uint64_t sequence) {
  std::array<char, sequence_size> digits;  // 2^64 has 20.
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), sequence).ptr;
  append_right_justified(to, {digits.data(), static_cast<std::size_t>(end - digits.data())}, sequence_size);
}

std::optional<std::uint64_t> parse_sequence(std::span<const std::byte> bytes) {
  const std::string_view digits = trim(text_of(bytes));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

bool is_known(PacketType type) {
  return std::string_view("+AJSHZLURO").find(static_cast<char>(type)) != std::string_view::npos;
}

void encode(PacketType type, std::span<const std::byte> payload, std::vector<std::byte>& to) {
  CHECK(payload.size() <= max_payload_size);
  const std::size_t at = to.size();
  to.resize(at + length_size + 1);
  store_be(to.data() + at, static_cast<std::uint16_t>(1 + payload.size()));
  to[at + length_size] = static_cast<std::byte>(type);
  to.insert(to.end(), payload.begin(), payload.end());
}

void encode(const LoginRequest& request, std::vector<std::byte>& to) {
  std::vector<std::byte> payload;
  append_text(payload, request.user);
  append_text(payload, request.password);
  append_right_justified(payload, request.session.view(), session_size);
  append_sequence(payload, request.sequence);
  encode(PacketType::login_request, payload, to);
}

void encode(const LoginAccepted& accepted, std::vector<std::byte>& to) {
  std::vector<std::byte> payload;
  append_right_justified(payload, accepted.session.view(), session_size);
  append_sequence(payload, accepted.sequence);
  encode(PacketType::login_accepted, payload, to);
}

void encode(const LoginRejected& rejected, std::vector<std::byte>& to) {
  const std::array<std::byte, 1> payload = {static_cast<std::byte>(rejected.reason)};
  encode(PacketType::login_rejected, payload, to);
}

std::optional<LoginRequest> parse_login_request(std::span<const std::byte> payload) {
  if (payload.size() != user_size + password_size + session_size + sequence_size) return std::nullopt;
  const std::optional<std::uint64_t> sequence = parse_sequence(payload.last(sequence_size));
  if (!sequence) return std::nullopt;
  return LoginRequest{trim(text_of(payload.first(user_size))),
                      trim(text_of(payload.subspan(user_size, password_size))),
                      trim(text_of(payload.subspan(user_size + password_size, session_size))), *sequence};
}

std::optional<LoginAccepted> parse_login_accepted(std::span<const std::byte> payload) {
  if (payload.size() != session_size + sequence_size) return std::nullopt;
  const std::optional<std::uint64_t> sequence = parse_sequence(payload.last(sequence_size));
  if (!sequence) return std::nullopt;
  return LoginAccepted{trim(text_of(payload.first(session_size))), *sequence};
}

std::optional<LoginRejected> parse_login_rejected(std::span<const std::byte> payload) {
  if (payload.size() != 1) return std::nullopt;
  return LoginRejected{static_cast<RejectReason>(payload[0])};
}

}  // namespace tapeline::soupbintcp
