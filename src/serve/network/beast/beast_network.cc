#include "serve/network/beast/beast_network.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "serve/network/beast/connections.h"

namespace tapeline::serve {

namespace {

using namespace beast_detail;

asio::ip::address address_of(const os::IpAddress& address) {
  if (!address.is_v4()) return asio::ip::address_v6(address.bytes);
  asio::ip::address_v4::bytes_type bytes;
  std::copy(address.bytes.begin() + 12, address.bytes.end(), bytes.begin());
  return asio::ip::address_v4(bytes);
}

class BeastNetwork final : public Network {
 public:
  BeastNetwork(const NetworkConfig& config, NetworkHandler& handler)
      : shared_(config, handler), acceptor_(shared_.context), retry_(shared_.context) {}

  ~BeastNetwork() override {
    if (!thread_.joinable()) return;
    asio::post(shared_.context, [this] {
      shared_.stopping = true;
      beast::error_code ignored;
      acceptor_.close(ignored);
      retry_.cancel();
      for (const auto& [number, client] : std::vector(shared_.clients.begin(), shared_.clients.end()))
        client->close(CloseCode::going_away, "the server stops");
      // Time for the close frames to leave; who does not take them is cut off.
      last_ = std::make_unique<asio::steady_timer>(shared_.context, std::chrono::milliseconds(100));
      last_->async_wait([this](beast::error_code) { shared_.context.stop(); });
    });
    thread_.join();
  }

  Result<void> listen() {
    const os::Endpoint& at = shared_.config.address;
    const tcp::endpoint wanted(address_of(at.address), at.port);
    beast::error_code error;
    acceptor_.open(wanted.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(wanted, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use)
      return fail(ErrorCode::io,
                  fmt::format("{} is taken by another program: set serve.port to a free one, or "
                              "to 0 for any",
                              os::to_text(at)));
    if (error)
      return fail(ErrorCode::io, fmt::format("cannot serve at {}: {}; see serve.address and serve.port",
                                             os::to_text(at), error.message()));
    endpoint_ = {at.address, acceptor_.local_endpoint(error).port()};
    accept();
    thread_ = std::thread([this] { shared_.context.run(); });
    return {};
  }

  [[nodiscard]] os::Endpoint endpoint() const override { return endpoint_; }

  void send(ClientId client, Outgoing messages) override {
    asio::post(shared_.context, [this, client, held = std::move(messages)]() mutable {
      const auto found = shared_.clients.find(static_cast<std::uint64_t>(client));
      if (found != shared_.clients.end()) found->second->send(std::move(held));
    });
  }

  void close(ClientId client, CloseCode code, std::string reason) override {
    asio::post(shared_.context, [this, client, code, held = std::move(reason)] {
      const auto found = shared_.clients.find(static_cast<std::uint64_t>(client));
      if (found != shared_.clients.end()) found->second->close(code, held);
    });
  }

  [[nodiscard]] NetworkCounters counters() const override {
    const Counters& from = shared_.counters;
    return {from.connections, from.refused,    from.open,           from.websockets,
            from.requests,    from.bytes_sent, from.protocol_errors};
  }

 private:
  void accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (shared_.stopping) return;
      if (error) {  // Out of descriptors, most likely: others may close meanwhile.
        retry_.expires_after(std::chrono::milliseconds(100));
        return retry_.async_wait([this](beast::error_code stopped) {
          if (!stopped) accept();
        });
      }
      take(std::move(socket));
      accept();
    });
  }

  void take(tcp::socket socket) {
    ++shared_.counters.connections;
    beast::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    // What waits in the kernel grows old there: a client that is slow had better be sent less.
    socket.set_option(asio::socket_base::send_buffer_size(128 << 10), ignored);
    if (shared_.counters.open >= shared_.config.max_connections) {
      ++shared_.counters.refused;
      static constexpr std::string_view busy =
          "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: "
          "0\r\n\r\n";
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(busy.data(), busy.size()), ignored);
      return;
    }
    serve_http(shared_, std::move(socket), OpenCount(shared_.counters.open));
  }

  Shared shared_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  std::unique_ptr<asio::steady_timer> last_;
  os::Endpoint endpoint_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Network>> start_beast_network(const NetworkConfig& config, NetworkHandler& handler) {
  auto network = std::make_unique<BeastNetwork>(config, handler);
  if (Result<void> done = network->listen(); !done) return std::unexpected(done.error());
  return network;
}

}  // namespace tapeline::serve
