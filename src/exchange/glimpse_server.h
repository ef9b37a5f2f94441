#pragma once

#include <memory>
#include <mutex>

#include "exchange/glimpse_service.h"
#include "exchange/tcp_service.h"
#include "os/clock.h"

namespace tapeline::exchange {

// A GLIMPSE service behind a TCP port: making a snapshot must not hold up the feeds.
class GlimpseServer {
 public:
  // All but the address must outlive it.
  static Result<std::unique_ptr<GlimpseServer>> start(const os::Endpoint& at, const Publisher& publisher,
                                                      std::mutex& publisher_mutex, const os::Clock& clock) {
    std::unique_ptr<GlimpseServer> server(new GlimpseServer(publisher, publisher_mutex));
    GlimpseService& service = server->service_;
    Result<std::unique_ptr<TcpService>> started = TcpService::start(
        "glimpse", at, [&service](std::uint64_t now_ns) { return service.make_session(now_ns); },
        [&service] { return service.follow(); }, clock);
    if (!started) return std::unexpected(started.error());
    server->tcp_ = std::move(*started);
    return server;
  }

  [[nodiscard]] const os::Endpoint& endpoint() const { return tcp_->endpoint(); }
  Result<void> stop() { return tcp_->stop(); }

  // After stop().
  [[nodiscard]] const GlimpseCounters& counters() const { return service_.counters(); }
  [[nodiscard]] const TcpServerCounters& connections() const { return tcp_->connections(); }

 private:
  GlimpseServer(const Publisher& publisher, std::mutex& publisher_mutex)
      : service_(publisher, publisher_mutex) {}

  GlimpseService service_;
  std::unique_ptr<TcpService> tcp_;  // Its thread uses the service.
};

}  // namespace tapeline::exchange
