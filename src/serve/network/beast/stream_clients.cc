#include "serve/network/beast/stream_clients.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <chrono>
#include <memory>
#include <vector>

namespace tapeline::serve {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;

// What all clients share, on one thread.
struct Crowd {
  Crowd(const StreamClientsConfig& clients, StreamClientsHandler& listener, const tcp::endpoint& server)
      : config(clients), handler(listener), at(server) {}

  const StreamClientsConfig& config;
  StreamClientsHandler& handler;
  tcp::endpoint at;
  asio::io_context context{1};
  std::vector<std::shared_ptr<void>> stalled;  // Until the end, with their sockets open.
  std::size_t next = 0;                        // The next one to connect.
  bool over = false;

  void open_next();
};

class StreamClient : public std::enable_shared_from_this<StreamClient> {
 public:
  StreamClient(Crowd& crowd, std::size_t number) : crowd_(crowd), number_(number), stream_(crowd.context) {}

  void start() {
    stream_.next_layer().async_connect(crowd_.at, [self = shared_from_this()](beast::error_code error) {
      if (self->went_wrong(error, "connect")) return self->crowd_.open_next();
      beast::error_code ignored;
      self->stream_.next_layer().socket().set_option(tcp::no_delay(true), ignored);
      self->handshake();
    });
  }

 private:
  [[nodiscard]] bool stalls() const { return number_ + crowd_.config.stalled >= crowd_.config.clients; }

  bool went_wrong(beast::error_code error, std::string_view doing) {
    if (!error) return false;
    if (!crowd_.over)
      crowd_.handler.on_lost(number_, std::string(doing).append(": ").append(error.message()));
    return true;
  }
  void handshake() {
    const std::string host = os::to_text(crowd_.config.at);
    stream_.async_handshake(host, crowd_.config.path, [self = shared_from_this()](beast::error_code error) {
      self->crowd_.open_next();
      if (self->went_wrong(error, "open")) return;
      self->crowd_.handler.on_open(self->number_);
      self->ask();
    });
  }
  void ask() {
    stream_.text(true);
    stream_.async_write(asio::buffer(crowd_.config.request),
                        [self = shared_from_this()](beast::error_code error, std::size_t) {
                          if (self->went_wrong(error, "write")) return;
                          if (self->stalls())
                            self->crowd_.stalled.push_back(self);
                          else
                            self->read();
                        });
  }
  void read() {
    stream_.async_read(buffer_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (error == websocket::error::closed) {
        const websocket::close_reason& reason = self->stream_.reason();
        self->crowd_.handler.on_lost(
            self->number_, "closed with " + std::to_string(reason.code) + ": " + reason.reason.c_str());
        return;
      }
      if (self->went_wrong(error, "read")) return;
      const auto bytes = self->buffer_.data();
      self->crowd_.handler.on_message(self->number_, self->stream_.got_text(),
                                      {static_cast<const char*>(bytes.data()), bytes.size()});
      self->buffer_.consume(self->buffer_.size());
      self->read();
    });
  }

  Crowd& crowd_;
  std::size_t number_;
  websocket::stream<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
};

void Crowd::open_next() {
  if (next < config.clients && !over) std::make_shared<StreamClient>(*this, next++)->start();
}

}  // namespace

Result<void> run_stream_clients(const StreamClientsConfig& config, StreamClientsHandler& handler) {
  if (!config.at.address.is_v4()) return fail(ErrorCode::usage, "clients take an IPv4 address");
  asio::ip::address_v4::bytes_type address;
  std::copy(config.at.address.bytes.begin() + 12, config.at.address.bytes.end(), address.begin());
  Crowd crowd(config, handler, {asio::ip::address_v4(address), config.at.port});
  for (std::size_t i = 0; i < config.opening_at_once; ++i) crowd.open_next();
  crowd.context.run_for(std::chrono::nanoseconds(config.duration_ns));
  crowd.over = true;
  return {};
}

}  // namespace tapeline::serve
