#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "feed/message_block.h"
#include "feed/soupbintcp/client_session.h"

namespace tapeline::glimpse {

// What becomes of a snapshot. One of the last two comes once, and nothing behind it.
class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;

  // The bytes are valid during the call. Messages count from 1.
  virtual void on_snapshot_messages(const feed::MessageBlock& block) = 0;
  virtual void on_snapshot_complete(std::uint64_t next_sequence) = 0;
  // `reason` is fit for a log line.
  virtual void on_snapshot_failed(std::string_view reason) = 0;
};

// Takes one snapshot over one connection: logs in, passes the messages on, logs out behind the end. The
// caller owns the connection as with soupbintcp::ClientSession, and tells of its loss.
class SnapshotClient {
 public:
  // A snapshot longer than this is none: a server that never ends must not keep a recovery open for ever.
  static constexpr std::uint64_t max_messages = 100'000'000;

  // The sink must outlive it.
  SnapshotClient(const soupbintcp::SessionLimits& limits, const FixedText<6>& user,
                 const FixedText<10>& password, SnapshotSink& sink);

  // A new connection is there, and with it a new snapshot. It fails if it is of another session than the one
  // asked for; blank stands for any.
  void connect(std::uint64_t now_ns, const FixedText<10>& session = FixedText<10>(""));
  void on_bytes(std::span<const std::byte> bytes, CaptureTime captured, std::uint64_t now_ns);
  void on_timer(std::uint64_t now_ns);
  void on_disconnect();
  [[nodiscard]] std::uint64_t next_deadline() const { return client_.next_deadline(); }

  [[nodiscard]] std::span<const std::byte> output() const { return client_.output(); }
  void consume_output(std::size_t size) { client_.consume_output(size); }
  // The connection can be closed once the output is sent.
  [[nodiscard]] bool is_over() const { return over_; }

 private:
  void add(std::span<const std::byte> message, CaptureTime captured);
  void flush(CaptureTime captured);
  void fail(std::string_view reason);
  void fail_where_session_is_over();

  static constexpr std::size_t max_block_bytes = 64 * 1024;

  soupbintcp::ClientSession client_;
  FixedText<6> user_;
  FixedText<10> password_;
  SnapshotSink& sink_;
  bool over_ = true;
  std::uint64_t messages_ = 0;    // Passed on or in block_.
  std::vector<std::byte> block_;  // With decode_padding behind it; the first block_bytes_ are messages.
  std::size_t block_bytes_ = 0;
  std::uint32_t block_messages_ = 0;
};

}  // namespace tapeline::glimpse
