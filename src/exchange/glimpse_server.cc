#include "exchange/glimpse_server.h"

#include "os/cpu.h"

namespace tapeline::exchange {

namespace {

// How far the books may lag behind the feed while nobody asks.
constexpr std::uint64_t idle_wait_ns = 2'000'000;

}  // namespace

Result<std::unique_ptr<GlimpseServer>> GlimpseServer::start(const os::Endpoint& at,
                                                            const Publisher& publisher,
                                                            std::mutex& publisher_mutex,
                                                            const os::Clock& clock) {
  std::unique_ptr<GlimpseServer> server(new GlimpseServer(publisher, publisher_mutex));
  GlimpseService& service = server->service_;
  Result<TcpSessionServer> listening = TcpSessionServer::listen(
      at, {}, [&service](std::uint64_t now_ns) { return service.make_session(now_ns); }, clock);
  if (!listening) return std::unexpected(listening.error());
  server->server_.emplace(std::move(*listening));
  server->thread_ =
      std::jthread([raw = server.get()](const std::stop_token& stop) { raw->ended_ = raw->run(stop); });
  return server;
}

Result<void> GlimpseServer::run(const std::stop_token& stop) {
  os::name_this_thread("glimpse");
  while (!stop.stop_requested()) {
    const bool more = service_.follow();
    if (auto polled = server_->poll(more ? 0 : idle_wait_ns); !polled) return polled;
  }
  return {};
}

Result<void> GlimpseServer::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  return ended_;
}

}  // namespace tapeline::exchange
