#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "exchange/publisher.h"
#include "exchange/tcp_service.h"
#include "feed/soupbintcp/server_session.h"
#include "os/clock.h"

namespace tapeline::exchange {

// The feed over SoupBinTCP, for those who would rather have it by TCP: from the message asked for on, as far
// back as the publisher keeps them, and then as they are published. No sockets and no clock. Used by one
// thread, which may be another one than the publisher's: the publisher is touched under the mutex only, and
// never for longer than it takes to copy `chunk_bytes`.
class FeedService {
 public:
  // Both must outlive it.
  FeedService(const Publisher& publisher, std::mutex& publisher_mutex)
      : publisher_(publisher), mutex_(publisher_mutex) {}

  // One end of a connection; must not outlive the service.
  [[nodiscard]] std::unique_ptr<ByteSession> make_session(std::uint64_t now_ns);

  [[nodiscard]] const soupbintcp::ServerCounters& counters() const { return counters_; }

  static constexpr std::size_t chunk_bytes = 64 * 1024;

 private:
  class Session;

  const Publisher& publisher_;
  std::mutex& mutex_;
  soupbintcp::ServerCounters counters_;
};

// A feed service behind a TCP port.
class FeedServer {
 public:
  // All but the address must outlive it.
  static Result<std::unique_ptr<FeedServer>> start(const os::Endpoint& at, const Publisher& publisher,
                                                   std::mutex& publisher_mutex, const os::Clock& clock);

  [[nodiscard]] const os::Endpoint& endpoint() const { return tcp_->endpoint(); }
  Result<void> stop() { return tcp_->stop(); }

  // After stop().
  [[nodiscard]] const soupbintcp::ServerCounters& counters() const { return service_.counters(); }

 private:
  FeedServer(const Publisher& publisher, std::mutex& publisher_mutex)
      : service_(publisher, publisher_mutex) {}

  FeedService service_;
  std::unique_ptr<TcpService> tcp_;  // Its thread uses the service.
};

}  // namespace tapeline::exchange
