#include "capture/soupbintcp/soup_packet_source.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/bytes.h"
#include "feed/moldudp64/packet.h"

namespace tapeline::capture {

namespace {

constexpr std::uint32_t token = 0;

}  // namespace

SoupPacketSource::SoupPacketSource(const SoupCaptureConfig& config, const feed::FeedPosition& position,
                                   const os::Clock& clock, os::Poller poller,
                                   std::function<void(const std::string&)> tell)
    : config_(config),
      clock_(clock),
      poller_(std::move(poller)),
      tell_(std::move(tell)),
      client_(soupbintcp::SessionLimits{}, config.user, config.password, *this, position),
      wait_ns_(config.least_wait_ns),
      buffer_(read_bytes) {}

Result<std::unique_ptr<SoupPacketSource>> SoupPacketSource::open(
    const SoupCaptureConfig& config, const feed::FeedPosition& position, const os::Clock& clock,
    std::function<void(const std::string&)> tell) {
  Result<os::Poller> poller = os::Poller::open();
  if (!poller) return std::unexpected(poller.error());
  return std::unique_ptr<SoupPacketSource>(
      new SoupPacketSource(config, position, clock, std::move(*poller), std::move(tell)));
}

Result<void> SoupPacketSource::send(std::size_t, const Endpoint& to, std::span<const std::byte>) {
  return fail(ErrorCode::unsupported,
              fmt::format("nothing can be sent to {}: the feed comes by TCP", os::to_text(to)));
}

Result<std::span<const Packet>> SoupPacketSource::poll(std::uint64_t timeout_ns) {
  bytes_.clear();
  made_.clear();
  const std::uint64_t now_ns = clock_.monotonic_ns();
  if (!connection_ && now_ns >= next_attempt_ns_) connect(now_ns);
  if (Result<void> waited = wait(timeout_ns, now_ns); !waited) return std::unexpected(waited.error());
  if (connection_) transfer();
  packets_.clear();
  for (const Made& made : made_) {
    Packet packet{};
    packet.payload = std::span(bytes_).subspan(made.at, made.size);
    packet.capture_time = made.captured;
    packet.source = config_.server;
    packet.transport = Transport::tcp;
    packets_.push_back(packet);
  }
  counters_.packets += packets_.size();
  counters_.largest_batch = std::max<std::uint64_t>(counters_.largest_batch, packets_.size());
  return packets_;
}

Result<void> SoupPacketSource::wait(std::uint64_t timeout_ns, std::uint64_t now_ns) {
  // While the connection is being made, its socket tells.
  if (!connection_ || connected_) {
    const std::uint64_t until_ns = connection_ ? client_.next_deadline() : next_attempt_ns_;
    timeout_ns = std::min(timeout_ns, until_ns > now_ns ? until_ns - now_ns : 0);
  }
  const Result<std::span<const os::Poller::Ready>> ready = poller_.wait(timeout_ns);
  return ready ? Result<void>() : std::unexpected(ready.error());
}

void SoupPacketSource::connect(std::uint64_t now_ns) {
  connected_ = false;
  Result<os::TcpConnection> connection = os::TcpConnection::connect(config_.server);
  if (!connection) return lose(connection.error().message, now_ns);
  connection_ = std::move(*connection);
  is_writing_ = true;  // It becomes writable once it stands.
  if (const Result<void> added = poller_.add(connection_->descriptor(), token, {.writing = true}); !added)
    lose(added.error().message, now_ns);
}

void SoupPacketSource::transfer() {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  if (!connected_) {
    const Result<bool> connected = connection_->connected();
    if (!connected) return lose(connected.error().message, now_ns);
    if (!*connected) return;
    connected_ = true;
    client_.connect(now_ns);
  }
  for (int i = 0; i < reads_per_poll && read(now_ns); ++i) {
  }
  if (!connection_) return;
  client_.on_timer(now_ns);
  if (!write(now_ns)) return;
  if (!client_.session().is_over()) return;
  const bool ended = client_.position().ended;
  const std::string reason = ended ? "the session is over" : std::string(to_string(client_.session().end()));
  lose(reason, now_ns);
}

bool SoupPacketSource::read(std::uint64_t now_ns) {
  const Result<os::TcpConnection::Transfer> got = connection_->read(buffer_);
  if (!got || got->closed) {
    lose(got ? "the server has closed the connection" : got.error().message, now_ns);
    return false;
  }
  if (got->bytes == 0) return false;
  counters_.bytes += got->bytes;
  captured_ = CaptureTime{clock_.realtime_ns()};
  const std::size_t before = made_.size();
  client_.on_bytes(std::span(buffer_).first(got->bytes), captured_, now_ns);
  const feed::FeedPosition& position = client_.position();
  // A session that is over may be told of again and again until the next one begins.
  if (client_.session().is_open() && !position.ended) wait_ns_ = config_.least_wait_ns;
  if (client_.session().is_open() && !position.ended && !is_told_up_) {
    is_told_up_ = true;
    tell_(fmt::format("the feed comes from {}, session {}", os::to_text(config_.server),
                      client_.session().session().view()));
  }
  // A heartbeat, or a part of a message: the line is up.
  if (made_.size() == before && position.in_session && !position.ended)
    add_packet(position.next_sequence, moldudp64::heartbeat_count, {});
  return got->bytes == buffer_.size();
}

bool SoupPacketSource::write(std::uint64_t now_ns) {
  const std::span<const std::byte> output = client_.session().output();
  if (!output.empty()) {
    const Result<os::TcpConnection::Transfer> sent = connection_->write(output);
    if (!sent || sent->closed) {
      lose(sent ? "the server has closed the connection" : sent.error().message, now_ns);
      return false;
    }
    client_.session().consume_output(sent->bytes);
  }
  const bool writing = !client_.session().output().empty();
  if (writing == is_writing_) return true;
  is_writing_ = writing;
  if (const Result<void> changed = poller_.change(connection_->descriptor(), token, {.writing = writing});
      !changed) {
    lose(changed.error().message, now_ns);
    return false;
  }
  return true;
}

void SoupPacketSource::lose(const std::string& reason, std::uint64_t now_ns) {
  connection_.reset();
  connected_ = false;
  next_attempt_ns_ = now_ns + wait_ns_;
  wait_ns_ = std::min(wait_ns_ * 2, config_.most_wait_ns);
  if (is_told_up_ || !is_told_lost_)
    tell_(fmt::format("no feed from {}: {}; trying again until it comes back", os::to_text(config_.server),
                      reason));
  is_told_up_ = false;
  is_told_lost_ = true;
}

void SoupPacketSource::on_session_started(const feed::SessionStarted& item) {
  add_packet(item.next_sequence, moldudp64::heartbeat_count, {});
}

void SoupPacketSource::on_messages(const feed::MessageBlock& block) {
  add_packet(block.first_sequence, static_cast<std::uint16_t>(block.message_count), block.bytes);
}

void SoupPacketSource::on_end_of_session(const feed::SessionEnded& item) {
  add_packet(item.next_sequence, moldudp64::end_of_session_count, {});
}

void SoupPacketSource::add_packet(std::uint64_t sequence, std::uint16_t count,
                                  std::span<const std::byte> messages) {
  const std::size_t at = bytes_.size();
  const std::size_t size = moldudp64::header_size + messages.size();
  bytes_.resize(at + size + decode_padding);
  moldudp64::encode_header(
      {client_.session().session(), sequence, count},
      std::span<std::byte, moldudp64::header_size>(bytes_.data() + at, moldudp64::header_size));
  if (!messages.empty())
    std::memcpy(bytes_.data() + at + moldudp64::header_size, messages.data(), messages.size());
  made_.push_back({at, size, captured_});
}

}  // namespace tapeline::capture
