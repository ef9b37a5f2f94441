#include "pipeline/run/snapshot_fetcher.h"

#include <fmt/format.h>

namespace tapeline::pipeline {

SnapshotFetcher::SnapshotFetcher(const SnapshotServer& server, Ingest& ingest, const os::Clock& clock)
    : server_(server),
      ingest_(ingest),
      clock_(clock),
      client_(soupbintcp::SessionLimits{}, server.user, server.password, *this) {}

void SnapshotFetcher::start(std::uint64_t attempt, std::uint64_t now_ns) {
  attempt_ = attempt;
  now_ns_ = now_ns;
  connected_ = false;
  connection_.reset();
  Result<os::TcpConnection> connection = os::TcpConnection::connect(server_.at);
  if (!connection) return on_snapshot_failed(connection.error().message);
  connection_ = std::move(*connection);
}

bool SnapshotFetcher::turn(std::uint64_t now_ns) {
  if (!connection_) return false;
  now_ns_ = now_ns;
  if (!connected_) {
    const Result<bool> connected = connection_->connected();
    if (!connected) {
      lose(connected.error().message);
      return true;
    }
    if (!*connected) return false;
    connected_ = true;
    client_.connect(now_ns);
  }
  bool moved = write();
  for (int i = 0; i < reads_per_turn && connection_; ++i) {
    if (!read(now_ns)) break;
    moved = true;
  }
  if (!connection_) return moved;
  client_.on_timer(now_ns);
  moved |= write();
  // Behind the end the server closes, or we do once the farewell is sent.
  if (connection_ && client_.is_over() && client_.output().empty()) connection_.reset();
  return moved;
}

bool SnapshotFetcher::read(std::uint64_t now_ns) {
  const Result<os::TcpConnection::Transfer> got = connection_->read(buffer_);
  if (!got || got->closed) {
    lose(got ? "the connection was closed" : got.error().message);
    return false;
  }
  if (got->bytes == 0) return false;
  captured_ = CaptureTime{clock_.realtime_ns()};
  client_.on_bytes(std::span(buffer_).first(got->bytes), captured_, now_ns);
  return true;
}

bool SnapshotFetcher::write() {
  if (!connection_ || client_.output().empty()) return false;
  const Result<os::TcpConnection::Transfer> sent = connection_->write(client_.output());
  if (!sent || sent->closed) {
    lose(sent ? "the connection was closed" : sent.error().message);
    return false;
  }
  client_.consume_output(sent->bytes);
  return sent->bytes > 0;
}

// An attempt that has not come to its end tells so itself.
void SnapshotFetcher::lose(std::string_view reason) {
  connection_.reset();
  if (!connected_) return on_snapshot_failed(reason);
  if (!client_.is_over()) last_failure_ = reason;
  client_.on_disconnect();
}

void SnapshotFetcher::on_snapshot_messages(const feed::MessageBlock& block) {
  ingest_.on_snapshot_messages(attempt_, block, now_ns_);
}

void SnapshotFetcher::on_snapshot_complete(std::uint64_t next_sequence) {
  last_failure_.clear();
  ingest_.on_snapshot_complete(attempt_, next_sequence, captured_, now_ns_);
}

void SnapshotFetcher::on_snapshot_failed(std::string_view reason) {
  last_failure_ = fmt::format("the snapshot server {} gave no snapshot: {}", os::to_text(server_.at), reason);
  ingest_.on_snapshot_failed(attempt_, now_ns_);
}

}  // namespace tapeline::pipeline
