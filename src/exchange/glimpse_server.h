#pragma once

#include <memory>
#include <mutex>
#include <thread>

#include "exchange/glimpse_service.h"
#include "exchange/tcp_session_server.h"
#include "os/clock.h"

namespace tapeline::exchange {

// A GLIMPSE service behind a TCP port, on a thread of its own: making a snapshot must not hold up the feeds.
class GlimpseServer {
 public:
  // All but the address must outlive it.
  static Result<std::unique_ptr<GlimpseServer>> start(const os::Endpoint& at, const Publisher& publisher,
                                                      std::mutex& publisher_mutex, const os::Clock& clock);
  ~GlimpseServer() { stop(); }
  GlimpseServer(const GlimpseServer&) = delete;
  GlimpseServer& operator=(const GlimpseServer&) = delete;

  [[nodiscard]] const os::Endpoint& endpoint() const { return server_->endpoint(); }

  // Ends the thread; connections stay as they are. What ended it early, if something did.
  Result<void> stop();

  // After stop().
  [[nodiscard]] const GlimpseCounters& counters() const { return service_.counters(); }
  [[nodiscard]] const TcpServerCounters& connections() const { return server_->counters(); }

 private:
  GlimpseServer(const Publisher& publisher, std::mutex& publisher_mutex)
      : service_(publisher, publisher_mutex) {}
  Result<void> run(const std::stop_token& stop);

  GlimpseService service_;
  std::optional<TcpSessionServer> server_;
  Result<void> ended_;  // Of the thread.
  std::jthread thread_;
};

}  // namespace tapeline::exchange
