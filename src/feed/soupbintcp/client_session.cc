#include "feed/soupbintcp/client_session.h"

namespace tapeline::soupbintcp {

namespace {

constexpr std::uint64_t max_sequence = std::uint64_t{1} << 63;

}  // namespace

void ClientSession::log_in(const LoginRequest& request, std::uint64_t now_ns) {
  link_.reset(now_ns);
  open_ = false;
  session_ = request.session;
  next_sequence_ = request.sequence;
  reject_reason_.reset();
  link_.send_login(request, now_ns);
}

void ClientSession::log_out(std::uint64_t now_ns) {
  link_.send(PacketType::logout_request, {}, now_ns);
  link_.finish(SessionEnd::logged_out);
}

bool ClientSession::send(std::span<const std::byte> payload, std::uint64_t now_ns) {
  return open_ && link_.send(PacketType::unsequenced_data, payload, now_ns);
}

std::optional<ClientEvent> ClientSession::next() {
  while (const std::optional<Packet> packet = link_.next()) {
    // Debug packets are text for a human reader of the bytes.
    if (packet->type == PacketType::debug || packet->type == PacketType::server_heartbeat) continue;
    if (const std::optional<ClientEvent> event = open_ ? take(*packet) : take_login_answer(*packet))
      return event;
  }
  return std::nullopt;
}

std::optional<ClientEvent> ClientSession::take_login_answer(const Packet& packet) {
  if (packet.type == PacketType::login_rejected) {
    if (const std::optional<LoginRejected> rejected = parse_login_rejected(packet.payload))
      reject_reason_ = rejected->reason;
    link_.finish(SessionEnd::rejected);
    return std::nullopt;
  }
  const std::optional<LoginAccepted> accepted =
      packet.type == PacketType::login_accepted ? parse_login_accepted(packet.payload) : std::nullopt;
  const bool is_session_asked_for = accepted && (session_.view().empty() || session_ == accepted->session);
  // Messages are numbered from 1, and no session is so long that counting on could overflow.
  if (!is_session_asked_for || accepted->sequence == 0 || accepted->sequence > max_sequence) {
    link_.finish(SessionEnd::against_protocol);
    return std::nullopt;
  }
  open_ = true;
  session_ = accepted->session;
  next_sequence_ = accepted->sequence;
  return ClientEvent{ClientEvent::Kind::accepted, next_sequence_, {}};
}

std::optional<ClientEvent> ClientSession::take(const Packet& packet) {
  switch (packet.type) {
    case PacketType::sequenced_data:
      return ClientEvent{ClientEvent::Kind::message, next_sequence_++, packet.payload};
    case PacketType::unsequenced_data: return ClientEvent{ClientEvent::Kind::unsequenced, 0, packet.payload};
    case PacketType::end_of_session:
      link_.finish(SessionEnd::end_of_session);
      return ClientEvent{ClientEvent::Kind::end_of_session, next_sequence_, {}};
    default: link_.finish(SessionEnd::against_protocol); return std::nullopt;
  }
}

}  // namespace tapeline::soupbintcp
