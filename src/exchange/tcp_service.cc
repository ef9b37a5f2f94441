#include "exchange/tcp_service.h"

#include "os/cpu.h"

namespace tapeline::exchange {

namespace {

// How far what is followed may be behind the feed while nobody sends anything.
constexpr std::uint64_t idle_wait_ns = 2'000'000;

}  // namespace

Result<std::unique_ptr<TcpService>> TcpService::start(const std::string& name, const os::Endpoint& at,
                                                      TcpSessionServer::MakeSession make_session,
                                                      std::function<bool()> follow, const os::Clock& clock) {
  std::unique_ptr<TcpService> service(new TcpService(std::move(follow)));
  Result<TcpSessionServer> listening = TcpSessionServer::listen(at, {}, std::move(make_session), clock);
  if (!listening) return std::unexpected(listening.error());
  service->server_.emplace(std::move(*listening));
  service->thread_ = std::jthread([raw = service.get(), name](const std::stop_token& stop) {
    os::name_this_thread(name);
    raw->ended_ = raw->run(stop);
  });
  return service;
}

Result<void> TcpService::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const bool more = follow_();
    if (auto polled = server_->poll(more ? 0 : idle_wait_ns); !polled) return polled;
  }
  return {};
}

Result<void> TcpService::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  return ended_;
}

}  // namespace tapeline::exchange
