#include "feed/soupbintcp/session.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace tapeline::soupbintcp {

namespace {

constexpr std::size_t packet_overhead = length_size + 1;
// Kept free for packets that end a session and for heartbeats.
constexpr std::size_t reserve_bytes = 64;

}  // namespace

std::string_view to_string(SessionEnd end) {
  switch (end) {
    case SessionEnd::none: return "open";
    case SessionEnd::end_of_session: return "end of session";
    case SessionEnd::logged_out: return "logged out";
    case SessionEnd::rejected: return "rejected";
    case SessionEnd::silent: return "silent";
    case SessionEnd::slow: return "slow";
    case SessionEnd::damaged: return "damaged";
    case SessionEnd::against_protocol: return "against the protocol";
  }
  return "unknown";
}

void SessionLink::reset(std::uint64_t now_ns) {
  parser_.reset();
  output_.clear();
  sent_ = 0;
  last_sent_ns_ = now_ns;
  last_received_ns_ = now_ns;
  end_ = SessionEnd::none;
}

void SessionLink::consume_output(std::size_t size) {
  CHECK(size <= output_.size() - sent_);
  sent_ += size;
  // What was sent is taken away now and then, so that each byte moves about once.
  if (sent_ < output_.size() && sent_ < limits_.max_output_bytes) return;
  output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(sent_));
  sent_ = 0;
}

std::size_t SessionLink::room() const {
  const std::size_t taken = output().size() + packet_overhead + reserve_bytes;
  return taken < limits_.max_output_bytes ? std::min(limits_.max_output_bytes - taken, max_payload_size) : 0;
}

bool SessionLink::send(PacketType type, std::span<const std::byte> payload, std::uint64_t now_ns) {
  if (is_over()) return false;
  if (output().size() + packet_overhead + payload.size() > limits_.max_output_bytes) {
    finish(SessionEnd::slow);
    return false;
  }
  encode(type, payload, output_);
  last_sent_ns_ = now_ns;
  return true;
}

void SessionLink::feed(std::span<const std::byte> bytes, std::uint64_t now_ns) {
  if (!bytes.empty()) last_received_ns_ = now_ns;
  parser_.feed(bytes);
}

std::optional<Packet> SessionLink::next() {
  if (is_over()) return std::nullopt;
  const std::optional<Packet> packet = parser_.next();
  if (!packet && parser_.defect() != FrameDefect::none) finish(SessionEnd::damaged);
  return packet;
}

void SessionLink::on_timer(std::uint64_t now_ns, bool open) {
  if (is_over()) return;
  if (now_ns >= last_received_ns_ + limits_.silence_ns) return finish(SessionEnd::silent);
  if (open && now_ns >= last_sent_ns_ + limits_.heartbeat_after_ns) send(heartbeat_, {}, now_ns);
}

std::uint64_t SessionLink::next_deadline(bool open) const {
  if (is_over()) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t silence = last_received_ns_ + limits_.silence_ns;
  return open ? std::min(silence, last_sent_ns_ + limits_.heartbeat_after_ns) : silence;
}

void SessionLink::finish(SessionEnd end) {
  if (is_over()) return;
  end_ = end;
  // Nobody reads the rest.
  if (end == SessionEnd::slow || end == SessionEnd::silent) {
    output_.clear();
    sent_ = 0;
  }
}

}  // namespace tapeline::soupbintcp
