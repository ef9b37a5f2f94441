#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/live_packet_source.h"
#include "feed/feed_consumer.h"
#include "feed/soupbintcp/feed_client.h"
#include "os/clock.h"
#include "os/poller.h"
#include "os/tcp_socket.h"

namespace tapeline::capture {

struct SoupCaptureConfig {
  Endpoint server;
  FixedText<6> user = FixedText<6>("");
  FixedText<10> password = FixedText<10>("");
  // Between two attempts to connect; doubled by each that fails, up to the longest.
  std::uint64_t least_wait_ns = 50'000'000;
  std::uint64_t most_wait_ns = 5'000'000'000;
};

// A feed taken over SoupBinTCP as one channel of MoldUDP64 packets, so that all behind it is what takes a
// feed by multicast: each run of messages is a packet of its session and sequence, a server's heartbeat is
// one, and so is the end of the session. A lost connection is made anew and goes on behind the last message;
// what the server no longer has shows as the gap that it is. There are no requests for retransmission: TCP
// loses nothing.
class SoupPacketSource final : public LivePacketSource, public DatagramSender, private feed::FeedConsumer {
 public:
  // Goes on at `position`. The clock must outlive it. `tell` hears, on the polling thread, one sentence when
  // the connection stands and when it is lost, each once.
  static Result<std::unique_ptr<SoupPacketSource>> open(const SoupCaptureConfig& config,
                                                        const feed::FeedPosition& position,
                                                        const os::Clock& clock,
                                                        std::function<void(const std::string&)> tell);
  SoupPacketSource(const SoupPacketSource&) = delete;
  SoupPacketSource& operator=(const SoupPacketSource&) = delete;

  Result<std::span<const Packet>> poll(std::uint64_t timeout_ns) override;
  [[nodiscard]] std::span<const ChannelCounters> counters() const override { return {&counters_, 1}; }
  // Has nowhere to send to.
  Result<void> send(std::size_t channel, const Endpoint& to, std::span<const std::byte> payload) override;

 private:
  SoupPacketSource(const SoupCaptureConfig& config, const feed::FeedPosition& position,
                   const os::Clock& clock, os::Poller poller, std::function<void(const std::string&)> tell);

  void on_session_started(const feed::SessionStarted& item) override;
  void on_messages(const feed::MessageBlock& block) override;
  void on_gap_declared(const feed::GapDeclared&) override {}  // The next packet's sequence tells.
  void on_recovery_started(const feed::RecoveryStarted&) override {}
  void on_snapshot_messages(const feed::MessageBlock&) override {}
  void on_snapshot_complete(const feed::SnapshotComplete&) override {}
  void on_end_of_session(const feed::SessionEnded& item) override;

  void connect(std::uint64_t now_ns);
  Result<void> wait(std::uint64_t timeout_ns, std::uint64_t now_ns);
  void transfer();
  // False where there is nothing more, or no connection any more.
  bool read(std::uint64_t now_ns);
  bool write(std::uint64_t now_ns);
  void lose(const std::string& reason, std::uint64_t now_ns);
  void add_packet(std::uint64_t sequence, std::uint16_t count, std::span<const std::byte> messages);

  static constexpr std::size_t read_bytes = std::size_t{64} << 10;
  static constexpr int reads_per_poll = 4;

  SoupCaptureConfig config_;
  const os::Clock& clock_;
  os::Poller poller_;
  std::function<void(const std::string&)> tell_;
  soupbintcp::FeedClient client_;
  std::optional<os::TcpConnection> connection_;
  bool connected_ = false;
  bool is_writing_ = false;
  bool is_told_up_ = false;
  bool is_told_lost_ = false;
  std::uint64_t wait_ns_;
  std::uint64_t next_attempt_ns_ = 0;
  ChannelCounters counters_;
  std::vector<std::byte> buffer_;
  CaptureTime captured_{0};

  struct Made {
    std::size_t at;
    std::size_t size;
    CaptureTime captured;
  };
  std::vector<std::byte> bytes_;  // Of the packets of this poll, each with decode_padding behind it.
  std::vector<Made> made_;
  std::vector<Packet> packets_;
};

}  // namespace tapeline::capture
