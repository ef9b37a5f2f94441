#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <optional>

#include "serve/network/beast/connections.h"

namespace tapeline::serve::beast_detail {

namespace {

using Response = http::response<http::span_body<const char>>;
using std::chrono::milliseconds;

std::string text_of(beast::string_view text) {
  return {text.data(), text.size()};
}

// Serves one connection, request after request: the next one is read only once the last answer is gone, so a
// client cannot make this process hold more than one of each.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(Shared& shared, tcp::socket socket, OpenCount open)
      : shared_(shared), stream_(std::move(socket)), open_(std::move(open)) {}

  void start() { read(shared_.config.request_timeout_ms); }

 private:
  void read(std::uint64_t timeout_ms) {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_.config.max_header_bytes));
    parser_->body_limit(std::uint64_t{1} << 10);
    stream_.expires_after(milliseconds(timeout_ms));
    http::async_read(stream_, buffer_, *parser_,
                     beast::bind_front_handler(&HttpConnection::on_read, shared_from_this()));
  }

  void on_read(beast::error_code error, std::size_t) {
    if (error) return on_bad_read(error);
    stream_.expires_never();
    ++shared_.counters.requests;
    request_ = parser_->release();
    if (beast::websocket::is_upgrade(request_)) return upgrade();
    if (request_.method() == http::verb::options) return write({.status = 204});
    if (request_.method() != http::verb::get && request_.method() != http::verb::head)
      return write({.status = 405, .body = R"({"error":"only GET and HEAD are served here"})"});
    HttpRequest request{text_of(request_.method_string()), text_of(request_.target()),
                        text_of(request_[http::field::if_none_match])};
    // The reply may come from another thread, and after this network has been told to stop.
    shared_.handler.on_request(std::move(request), [self = shared_from_this()](HttpResponse response) {
      asio::post(self->stream_.get_executor(),
                 [self, held = std::move(response)]() mutable { self->write(std::move(held)); });
    });
  }

  void on_bad_read(beast::error_code error) {
    if (error == http::error::end_of_stream) return close();
    if (error == http::error::header_limit || error == http::error::body_limit) {
      ++shared_.counters.protocol_errors;
      keep_alive_ = false;
      request_ = {};
      return write({.status = 431, .body = R"({"error":"the request is too large"})"}, false);
    }
    if (error == beast::error::timeout ||
        error.category() == http::make_error_code(http::error::bad_method).category())
      ++shared_.counters.protocol_errors;
    close();
  }

  void upgrade() {
    const std::string path = text_of(request_.target()).substr(0, text_of(request_.target()).find('?'));
    if (path != shared_.config.stream_path)
      return write({.status = 404, .body = R"({"error":"streams are served at /v1/stream"})"});
    if (is_foreign(shared_.config, request_)) {
      ++shared_.counters.refused;
      return write(
          {.status = 403, .body = R"({"error":"the page's origin is not among serve.cors_origins"})"});
    }
    serve_websocket(shared_, std::move(stream_), request_, std::move(open_));
  }

  void write(HttpResponse response, bool may_keep_alive = true) {
    held_ = std::move(response);
    keep_alive_ = may_keep_alive && request_.keep_alive() && !shared_.stopping;
    response_ = Response(static_cast<http::status>(held_.status), request_.version() == 10 ? 10 : 11);
    set_fields();
    const std::string_view body =
        held_.static_body.empty() ? std::string_view(held_.body) : held_.static_body;
    const bool bodiless = held_.status == 204 || held_.status == 304;
    if (!bodiless) response_.content_length(body.size());
    if (!bodiless && request_.method() != http::verb::head)
      response_.body() = boost::beast::span<const char>(body.data(), body.size());
    response_.keep_alive(keep_alive_);
    stream_.expires_after(milliseconds(shared_.config.idle_timeout_ms));
    auto done = beast::bind_front_handler(&HttpConnection::on_written, shared_from_this());
    if (request_.method() != http::verb::head) return http::async_write(stream_, response_, std::move(done));
    serializer_.emplace(response_);
    http::async_write_header(stream_, *serializer_, std::move(done));
  }

  void set_fields() {
    const auto set = [this](auto field, std::string_view value) {
      response_.set(field, beast::string_view(value.data(), value.size()));
    };
    set(http::field::server, "tapeline");
    if (held_.status != 204) set(http::field::content_type, held_.content_type);
    set(http::field::cache_control, held_.cache_control);
    set("X-Content-Type-Options", "nosniff");
    if (!held_.etag.empty()) set(http::field::etag, held_.etag);
    if (!held_.content_security_policy.empty()) set("Content-Security-Policy", held_.content_security_policy);
    if (held_.retry_after_s != 0) set(http::field::retry_after, std::to_string(held_.retry_after_s));
    if (held_.status == 405) set(http::field::allow, "GET, HEAD, OPTIONS");
    set(http::field::vary, "Origin");
    const std::string origin = allowed_origin(shared_.config, request_);
    if (origin.empty()) return;
    set(http::field::access_control_allow_origin, origin);
    if (request_.method() != http::verb::options) return;
    set(http::field::access_control_allow_methods, "GET, HEAD");
    set(http::field::access_control_max_age, "600");
  }

  void on_written(beast::error_code error, std::size_t bytes) {
    shared_.counters.bytes_sent += bytes;
    if (error || !keep_alive_) return close();
    read(shared_.config.idle_timeout_ms);
  }

  void close() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  Shared& shared_;
  beast::tcp_stream stream_;
  OpenCount open_;
  beast::flat_buffer buffer_{std::size_t{16} << 10};
  std::optional<http::request_parser<http::string_body>> parser_;
  Request request_;
  HttpResponse held_;  // What `response_` points into.
  Response response_;
  std::optional<http::response_serializer<http::span_body<const char>>> serializer_;
  bool keep_alive_ = false;
};

}  // namespace

std::string allowed_origin(const NetworkConfig& config, const Request& request) {
  const std::string origin = text_of(request[http::field::origin]);
  if (origin.empty()) return "";
  for (const std::string& allowed : config.cors_origins)
    if (allowed == "*" || allowed == origin) return allowed;
  return "";
}

bool is_foreign(const NetworkConfig& config, const Request& request) {
  const std::string origin = text_of(request[http::field::origin]);
  if (origin.empty() || !allowed_origin(config, request).empty()) return false;
  const std::string host = text_of(request[http::field::host]);
  return origin != "http://" + host && origin != "https://" + host;
}

void serve_http(Shared& shared, tcp::socket socket, OpenCount open) {
  std::make_shared<HttpConnection>(shared, std::move(socket), std::move(open))->start();
}

}  // namespace tapeline::serve::beast_detail
