#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "exchange/publisher.h"
#include "os/clock.h"
#include "os/poller.h"
#include "os/udp_socket.h"

namespace tapeline::exchange {

struct ServerConfig {
  // Groups, or addresses of machines. Port 0 takes one that is free here.
  os::Endpoint feed_a{os::IpAddress::v4(239, 255, 42, 1), 0};
  os::Endpoint feed_b{os::IpAddress::v4(239, 255, 42, 2), 0};
  os::MulticastOutput output;                      // Nothing leaves the machine unless told so.
  os::Endpoint requests{os::loopback_address, 0};  // Where requests for retransmission are answered.
  std::size_t send_buffer_bytes = std::size_t{4} << 20;
};

struct ServerCounters {
  std::array<std::uint64_t, feed_count> packets{};  // Sent, faults taken into account.
  std::array<std::uint64_t, feed_count> bytes{};
  std::uint64_t refused = 0;          // Packets that the kernel would not take for a while.
  std::uint64_t replies_refused = 0;  // To requesters who cannot be reached.
};

// Carries a publisher's datagrams over UDP sockets and answers requests, on the calling thread.
class Server {
 public:
  // The publisher and the clock must outlive the server.
  static Result<Server> open(const ServerConfig& config, Publisher& publisher, const os::Clock& clock);

  // As bound, with their ports.
  [[nodiscard]] const os::Endpoint& feed(Feed feed) const { return feeds_[static_cast<std::size_t>(feed)]; }
  [[nodiscard]] const os::Endpoint& requests() const { return request_endpoint_; }

  // Held while the publisher is used; for others who want to look at it meanwhile.
  [[nodiscard]] std::mutex& publisher_mutex() { return *mutex_; }

  // Plays until the publisher is over. Once `stop` says so, the session is ended in order.
  Result<void> run(const std::function<bool()>& stop);

  [[nodiscard]] const ServerCounters& counters() const { return counters_; }

 private:
  Server(os::UdpSocket feeds, os::UdpSocket requests, os::Poller poller, Publisher& publisher,
         const os::Clock& clock);
  Result<void> advance();
  Result<void> send_batch();
  Result<void> send_all(std::span<const os::OutgoingDatagram> datagrams);
  Result<void> answer_requests();

  // Requests looked at before the feeds have their turn again.
  static constexpr std::size_t requests_at_once = 64;

  os::UdpSocket feed_socket_;
  os::UdpSocket request_socket_;
  os::Poller poller_;
  Publisher* publisher_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  const os::Clock* clock_;
  std::array<os::Endpoint, feed_count> feeds_;
  os::Endpoint request_endpoint_;
  DatagramBatch batch_;
  std::vector<os::OutgoingDatagram> outgoing_;
  os::ReceiveBatch requests_;
  ServerCounters counters_;
};

}  // namespace tapeline::exchange
