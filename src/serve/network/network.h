#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/endpoint.h"

// The port between what Tapeline serves and how it travels: HTTP/1.1 and WebSocket connections of clients
// that may be slow, broken or hostile. The alternatives lie in sub-folders.
namespace tapeline::serve {

struct HttpRequest {
  std::string method;         // "GET"
  std::string target;         // "/v1/books/AAPL?levels=5"
  std::string if_none_match;  // Of that header; empty where there is none.
};

struct HttpResponse {
  unsigned status = 200;
  std::string_view content_type = "application/json";  // A constant.
  std::string body{};
  std::string_view static_body{};  // Instead of `body`: lives for ever.
  std::string etag{};              // Quotes included; empty: none.
  std::string_view cache_control = "no-store";
  std::string_view content_security_policy{};
  unsigned retry_after_s = 0;  // 0: no such header.
};

// A WebSocket connection; numbers are never used again.
enum class ClientId : std::uint64_t {};

// RFC 6455, section 7.4.1.
enum class CloseCode : std::uint16_t {
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  invalid_payload = 1007,
  policy_violation = 1008,
  too_big = 1009,
  internal_error = 1011,
  try_again_later = 1013,
};

// What the network tells. All calls come from its thread, which must not be kept waiting.
class NetworkHandler {
 public:
  using Reply = std::function<void(HttpResponse)>;
  virtual ~NetworkHandler() = default;

  // `reply` is called once, from any thread, now or later.
  virtual void on_request(HttpRequest request, Reply reply) = 0;
  virtual void on_open(ClientId client) = 0;
  virtual void on_text(ClientId client, std::string text) = 0;
  // The kernel has taken everything that was sent to the client.
  virtual void on_drained(ClientId client) = 0;
  virtual void on_close(ClientId client) = 0;  // Nothing follows.
};

struct NetworkConfig {
  os::Endpoint address;
  std::size_t max_connections = 256;
  std::size_t max_message_bytes = std::size_t{16} << 10;  // From a client.
  std::size_t max_header_bytes = std::size_t{8} << 10;
  std::uint64_t request_timeout_ms = 10'000;  // For a request's head to come in whole.
  std::uint64_t idle_timeout_ms = 30'000;     // Between requests, and for any sign of life of a WebSocket.
  std::string stream_path = "/v1/stream";     // Where a WebSocket may be opened.
  // Pages of these origins may ask, too: "https://desk.example", or "*" for all. The own page always may.
  std::vector<std::string> cors_origins{};
};

struct NetworkCounters {
  std::uint64_t connections = 0;  // Accepted, ever.
  std::uint64_t refused = 0;      // Beyond max_connections, or of a foreign origin.
  std::uint64_t open = 0;         // Now.
  std::uint64_t websockets = 0;   // Of those.
  std::uint64_t requests = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t protocol_errors = 0;  // Clients that were cut off for what they sent or failed to send.
};

// What is sent to a client at once: a text message, then a binary one; an empty one is left out.
struct Outgoing {
  std::string text{};
  std::string binary{};

  [[nodiscard]] bool empty() const { return text.empty() && binary.empty(); }
};

// May be called from any thread.
class Network {
 public:
  virtual ~Network() = default;  // Stops; no call of the handler follows.

  [[nodiscard]] virtual os::Endpoint endpoint() const = 0;
  // on_drained() follows once all of it is gone. Nothing where the client is gone.
  virtual void send(ClientId client, Outgoing messages) = 0;
  virtual void close(ClientId client, CloseCode code, std::string reason) = 0;
  [[nodiscard]] virtual NetworkCounters counters() const = 0;
};

}  // namespace tapeline::serve
