#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "market/types.h"

namespace tapeline::soupbintcp {

// SoupBinTCP 3.00: length u16 big-endian, which counts the type but not itself, type 1, payload.
inline constexpr std::size_t length_size = 2;
inline constexpr std::size_t max_packet_size = length_size + 0xffff;
inline constexpr std::size_t max_payload_size = 0xffff - 1;

// Both directions use '+', and letters are unique across them.
enum class PacketType : char {
  debug = '+',
  login_accepted = 'A',
  login_rejected = 'J',
  sequenced_data = 'S',
  server_heartbeat = 'H',
  end_of_session = 'Z',
  login_request = 'L',
  unsequenced_data = 'U',
  client_heartbeat = 'R',
  logout_request = 'O',
};

[[nodiscard]] bool is_known(PacketType type);

struct Packet {
  PacketType type;
  std::span<const std::byte> payload;
};

// Appends a packet. The payload is at most max_payload_size.
void encode(PacketType type, std::span<const std::byte> payload, std::vector<std::byte>& to);

// A blank session asks for the current one.
struct LoginRequest {
  FixedText<6> user;
  FixedText<10> password;
  FixedText<10> session;
  std::uint64_t sequence;  // Of the first message wanted; 0 asks for the newest on.
  friend bool operator==(const LoginRequest&, const LoginRequest&) = default;
};

struct LoginAccepted {
  FixedText<10> session;
  std::uint64_t sequence;  // Of the next sequenced data packet.
  friend bool operator==(const LoginAccepted&, const LoginAccepted&) = default;
};

enum class RejectReason : char { not_authorised = 'A', no_such_session = 'S' };

struct LoginRejected {
  RejectReason reason;
  friend bool operator==(const LoginRejected&, const LoginRejected&) = default;
};

void encode(const LoginRequest& request, std::vector<std::byte>& to);
void encode(const LoginAccepted& accepted, std::vector<std::byte>& to);
void encode(const LoginRejected& rejected, std::vector<std::byte>& to);

// From a packet's payload; nothing where its size or its number is wrong. Text fields come back
// left-justified, whichever side they were padded on.
[[nodiscard]] std::optional<LoginRequest> parse_login_request(std::span<const std::byte> payload);
[[nodiscard]] std::optional<LoginAccepted> parse_login_accepted(std::span<const std::byte> payload);
[[nodiscard]] std::optional<LoginRejected> parse_login_rejected(std::span<const std::byte> payload);

}  // namespace tapeline::soupbintcp
