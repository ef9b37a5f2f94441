#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "serve/network/network.h"

// What the connections of one network share. Everything here runs on the network's thread, save the counters.
namespace tapeline::serve::beast_detail {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = boost::asio::ip::tcp;
using Request = http::request<http::string_body>;

class WebSocketClient {
 public:
  virtual ~WebSocketClient() = default;
  virtual void send(Outgoing messages) = 0;
  virtual void close(CloseCode code, const std::string& reason) = 0;
};

// Written by the network's thread, read by any.
struct Counters {
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> websockets{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> bytes_sent{0};
  std::atomic<std::uint64_t> protocol_errors{0};
};

struct Shared {
  Shared(const NetworkConfig& network_config, NetworkHandler& network_handler)
      : config(network_config), handler(network_handler) {}

  const NetworkConfig config;
  NetworkHandler& handler;
  Counters counters;
  std::uint64_t next_client = 1;
  std::unordered_map<std::uint64_t, WebSocketClient*> clients;  // Open ones; each leaves when it ends.
  bool stopping = false;
  asio::io_context context{1};  // Last, as it owns the connections, which use the others.
};

// Counts a connection for as long as it lives.
class OpenCount {
 public:
  explicit OpenCount(std::atomic<std::uint64_t>& count) : count_(&count) { ++*count_; }
  ~OpenCount() {
    if (count_ != nullptr) --*count_;
  }
  OpenCount(OpenCount&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  OpenCount(const OpenCount&) = delete;
  OpenCount& operator=(const OpenCount&) = delete;
  OpenCount& operator=(OpenCount&&) = delete;

 private:
  std::atomic<std::uint64_t>* count_;
};

// The value of the header Access-Control-Allow-Origin for a request; empty where the origin is foreign or the
// request has none.
std::string allowed_origin(const NetworkConfig& config, const Request& request);
// Whether the request comes from a page of somebody else: a browser tells, other programs do not.
bool is_foreign(const NetworkConfig& config, const Request& request);

// Each keeps itself alive until its connection ends.
void serve_http(Shared& shared, tcp::socket socket, OpenCount open);
void serve_websocket(Shared& shared, beast::tcp_stream stream, const Request& request, OpenCount open);

}  // namespace tapeline::serve::beast_detail
