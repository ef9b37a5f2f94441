#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "exchange/tcp_session_server.h"
#include "os/clock.h"

namespace tapeline::exchange {

// Sessions behind a TCP port on a thread of their own: nothing that they do may hold up the feeds.
class TcpService {
 public:
  // `follow` does a piece of what the sessions wait for, on that thread, and says whether there is more. Both
  // functions and the clock must outlive the service.
  static Result<std::unique_ptr<TcpService>> start(const std::string& name, const os::Endpoint& at,
                                                   TcpSessionServer::MakeSession make_session,
                                                   std::function<bool()> follow, const os::Clock& clock);
  ~TcpService() { (void)stop(); }
  TcpService(const TcpService&) = delete;
  TcpService& operator=(const TcpService&) = delete;

  [[nodiscard]] const os::Endpoint& endpoint() const { return server_->endpoint(); }

  // Ends the thread; connections stay as they are. What ended it early, if something did.
  Result<void> stop();

  // After stop().
  [[nodiscard]] const TcpServerCounters& connections() const { return server_->counters(); }

 private:
  explicit TcpService(std::function<bool()> follow) : follow_(std::move(follow)) {}
  Result<void> run(const std::stop_token& stop);

  std::function<bool()> follow_;
  std::optional<TcpSessionServer> server_;
  Result<void> ended_;  // Of the thread.
  std::jthread thread_;
};

}  // namespace tapeline::exchange
