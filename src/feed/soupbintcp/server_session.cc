#include "feed/soupbintcp/server_session.h"

#include "base/check.h"

namespace tapeline::soupbintcp {

ServerSession::ServerSession(const SessionLimits& limits, ServerCounters& counters, std::uint64_t now_ns)
    : link_(limits, PacketType::server_heartbeat), counters_(counters) {
  link_.reset(now_ns);
}

void ServerSession::count_end() {
  if (end_is_counted_ || !link_.is_over()) return;
  end_is_counted_ = true;
  ++counters_.ended[static_cast<std::size_t>(link_.end())];
}

std::optional<ServerEvent> ServerSession::next() {
  while (const std::optional<Packet> packet = link_.next()) {
    if (packet->type == PacketType::debug || packet->type == PacketType::client_heartbeat) continue;
    const std::optional<ServerEvent> event = take(*packet);
    count_end();
    if (event) return event;
  }
  count_end();
  return std::nullopt;
}

std::optional<ServerEvent> ServerSession::take(const Packet& packet) {
  if (packet.type == PacketType::login_request && state_ == State::waiting_for_login) {
    if (const std::optional<LoginRequest> login = parse_login_request(packet.payload)) {
      state_ = State::deciding;
      return ServerEvent{ServerEvent::Kind::login, *login, {}};
    }
  }
  if (packet.type == PacketType::logout_request) {
    link_.finish(SessionEnd::logged_out);
    return ServerEvent{ServerEvent::Kind::logout, {}, {}};
  }
  if (packet.type == PacketType::unsequenced_data && state_ == State::open)
    return ServerEvent{ServerEvent::Kind::unsequenced, {}, packet.payload};
  link_.finish(SessionEnd::against_protocol);
  return std::nullopt;
}

void ServerSession::accept(const FixedText<10>& session, std::uint64_t next_sequence, std::uint64_t now_ns) {
  if (is_over()) return;
  CHECK(state_ == State::deciding);
  state_ = State::open;
  next_sequence_ = next_sequence;
  ++counters_.accepted;
  link_.send_login(LoginAccepted{session, next_sequence}, now_ns);
}

void ServerSession::reject(RejectReason reason, std::uint64_t now_ns) {
  if (is_over()) return;
  CHECK(state_ == State::deciding);
  link_.send_login(LoginRejected{reason}, now_ns);
  link_.finish(SessionEnd::rejected);
  count_end();
}

bool ServerSession::send(std::span<const std::byte> message, std::uint64_t now_ns) {
  if (is_over()) return false;
  CHECK(state_ == State::open);
  const bool sent = link_.send(PacketType::sequenced_data, message, now_ns);
  if (sent) {
    ++next_sequence_;
    ++counters_.messages;
  }
  count_end();
  return sent;
}

void ServerSession::end_session(std::uint64_t now_ns) {
  if (is_open()) link_.send(PacketType::end_of_session, {}, now_ns);
  link_.finish(SessionEnd::end_of_session);
  count_end();
}

void ServerSession::on_timer(std::uint64_t now_ns) {
  link_.on_timer(now_ns, is_open());
  count_end();
}

}  // namespace tapeline::soupbintcp
