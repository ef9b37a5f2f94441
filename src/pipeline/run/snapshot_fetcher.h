#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "feed/glimpse/snapshot_client.h"
#include "os/clock.h"
#include "os/endpoint.h"
#include "os/tcp_socket.h"
#include "pipeline/live/ingest.h"

namespace tapeline::pipeline {

struct SnapshotServer {
  os::Endpoint at;
  FixedText<6> user = FixedText<6>("");
  FixedText<10> password = FixedText<10>("");
};

// Fetches the snapshots that the sequencer asks for, one at a time, over a connection that never blocks.
// Driven by the thread that drives the ingest.
class SnapshotFetcher final : private glimpse::SnapshotSink {
 public:
  // All must outlive it.
  SnapshotFetcher(const SnapshotServer& server, Ingest& ingest, const os::Clock& clock);

  // Begins an attempt; the one before it is dropped.
  void start(std::uint64_t attempt, std::uint64_t now_ns);
  void cancel() { connection_.reset(); }
  [[nodiscard]] bool is_active() const { return connection_.has_value(); }

  // Moves what the connection has, a bounded number of bytes. True where there was something.
  bool turn(std::uint64_t now_ns);

  // Why the last attempt failed; empty where none has.
  [[nodiscard]] const std::string& last_failure() const { return last_failure_; }

 private:
  void on_snapshot_messages(const feed::MessageBlock& block) override;
  void on_snapshot_complete(std::uint64_t next_sequence) override;
  void on_snapshot_failed(std::string_view reason) override;
  bool read(std::uint64_t now_ns);
  bool write();
  void lose(std::string_view reason);

  static constexpr int reads_per_turn = 16;

  SnapshotServer server_;
  Ingest& ingest_;
  const os::Clock& clock_;
  glimpse::SnapshotClient client_;
  std::optional<os::TcpConnection> connection_;
  bool connected_ = false;
  std::uint64_t attempt_ = 0;
  std::uint64_t now_ns_ = 0;
  CaptureTime captured_{0};
  std::string last_failure_;
  std::array<std::byte, std::size_t{64} << 10> buffer_;
};

}  // namespace tapeline::pipeline
