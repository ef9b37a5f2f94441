#include <boost/asio/buffer.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "serve/network/beast/connections.h"

namespace tapeline::serve::beast_detail {

namespace {

namespace websocket = boost::beast::websocket;

// One client of the stream. The handler sends more only once what it has sent is gone, so that nothing grows
// here. Pings find out peers that are gone; a peer that takes nothing answers none.
class WebSocketConnection : public WebSocketClient, public std::enable_shared_from_this<WebSocketConnection> {
 public:
  WebSocketConnection(Shared& shared, beast::tcp_stream stream, OpenCount open)
      : shared_(shared),
        stream_(std::move(stream)),
        open_(std::move(open)),
        websockets_(shared.counters.websockets),
        number_(shared.next_client++) {}
  ~WebSocketConnection() override { leave(); }

  void start(const Request& request) {
    websocket::stream_base::timeout timeout{};
    timeout.handshake_timeout = std::chrono::milliseconds(shared_.config.request_timeout_ms);
    timeout.idle_timeout = std::chrono::milliseconds(shared_.config.idle_timeout_ms);
    timeout.keep_alive_pings = true;
    stream_.set_option(timeout);
    stream_.read_message_max(shared_.config.max_message_bytes);
    stream_.auto_fragment(false);
    beast::get_lowest_layer(stream_).expires_never();
    stream_.async_accept(request,
                         beast::bind_front_handler(&WebSocketConnection::on_accepted, shared_from_this()));
  }

  void send(Outgoing messages) override {
    if (closing_ || messages.empty()) return;
    CHECK(!writing_);  // The handler waits for on_drained().
    outgoing_ = std::move(messages);
    write_next();
  }

  void close(CloseCode code, const std::string& reason) override {
    if (closing_) return;
    closing_ = true;
    ++shared_.counters.protocol_errors;
    close_reason_.code = static_cast<websocket::close_code>(code);
    // A control frame carries 125 bytes, two of them for the code.
    close_reason_.reason = reason.substr(0, 120);
    if (!writing_) close_now();
  }

 private:
  void on_accepted(beast::error_code error) {
    if (error) return;
    shared_.clients[number_] = this;
    told_ = true;
    shared_.handler.on_open(ClientId{number_});
    read();
  }

  void read() {
    stream_.async_read(buffer_, beast::bind_front_handler(&WebSocketConnection::on_read, shared_from_this()));
  }

  void on_read(beast::error_code error, std::size_t) {
    if (error) {
      if (error == websocket::error::message_too_big || error == beast::error::timeout ||
          error == websocket::condition::protocol_violation)
        ++shared_.counters.protocol_errors;
      return leave();
    }
    if (!stream_.got_text()) {
      buffer_.consume(buffer_.size());
      close(CloseCode::unsupported_data, "requests are JSON in text messages");
      return read();
    }
    std::string text = beast::buffers_to_string(buffer_.data());
    buffer_.consume(buffer_.size());
    if (!closing_) shared_.handler.on_text(ClientId{number_}, std::move(text));
    read();  // Also while closing: the peer's close frame has to be read.
  }

  void write_next() {
    writing_ = true;
    const bool is_text = !outgoing_.text.empty();
    written_ = std::exchange(is_text ? outgoing_.text : outgoing_.binary, {});
    stream_.text(is_text);
    stream_.async_write(asio::buffer(written_),
                        beast::bind_front_handler(&WebSocketConnection::on_written, shared_from_this()));
  }

  void on_written(beast::error_code error, std::size_t bytes) {
    writing_ = false;
    shared_.counters.bytes_sent += bytes;
    if (error) return leave();
    if (closing_) return close_now();
    if (!outgoing_.empty()) return write_next();
    if (told_) shared_.handler.on_drained(ClientId{number_});
  }

  void close_now() {
    stream_.async_close(close_reason_, [self = shared_from_this()](beast::error_code) { self->leave(); });
  }

  void leave() {
    if (!told_) return;
    told_ = false;
    closing_ = true;
    shared_.clients.erase(number_);
    shared_.handler.on_close(ClientId{number_});
  }

  Shared& shared_;
  websocket::stream<beast::tcp_stream> stream_;
  OpenCount open_;
  OpenCount websockets_;
  std::uint64_t number_;
  beast::flat_buffer buffer_;
  std::string written_;  // On its way.
  Outgoing outgoing_;    // Behind it.
  websocket::close_reason close_reason_;
  bool writing_ = false;
  bool closing_ = false;
  bool told_ = false;  // The handler knows of this client.
};

}  // namespace

void serve_websocket(Shared& shared, beast::tcp_stream stream, const Request& request, OpenCount open) {
  std::make_shared<WebSocketConnection>(shared, std::move(stream), std::move(open))->start(request);
}

}  // namespace tapeline::serve::beast_detail
