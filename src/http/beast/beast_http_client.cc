#include "http/beast/beast_http_client.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
#include <chrono>
#include <optional>

#include <fmt/format.h>

namespace tapeline::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = boost::asio::ssl;
using tcp = asio::ip::tcp;
using beast::error_code;
using Request = beast::http::request<beast::http::string_body>;
using SecureStream = beast::ssl_stream<beast::tcp_stream>;

// One request: its steps follow each other on `context`, which is run until they are over or time is up.
class Exchange {
 public:
  Exchange(asio::io_context& context, ssl::context& tls, const Post& post, const std::string& user_agent)
      : url_(post.url), resolver_(context), request_(beast::http::verb::post, post.url.target, 11) {
    if (url_.secure)
      secure_.emplace(context, tls);
    else
      plain_.emplace(context);
    request_.set(beast::http::field::host, url_.host_header());
    request_.set(beast::http::field::user_agent, user_agent);
    request_.set(beast::http::field::content_type,
                 beast::string_view(post.content_type.data(), post.content_type.size()));
    for (const auto& [name, value] : post.headers) request_.set(name, value);
    request_.keep_alive(false);
    request_.body() = post.body;
    request_.prepare_payload();
    parser_.eager(true);
  }

  void start() {
    resolver_.async_resolve(url_.host, std::to_string(url_.port),
                            [this](error_code error, tcp::resolver::results_type found) {
                              if (error) return end("find", error);
                              connect(found);
                            });
  }
  void cancel() {
    resolver_.cancel();
    tcp_layer().close();
  }

  [[nodiscard]] bool is_over() const { return over_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] Answer answer() const {
    const auto& message = parser_.get();
    Answer answer{message.result_int(), message.body().substr(0, HttpClient::most_answer_bytes)};
    const beast::string_view after = message[beast::http::field::retry_after];
    std::from_chars(after.data(), after.data() + after.size(), answer.retry_after_s);
    return answer;
  }

 private:
  beast::tcp_stream& tcp_layer() { return secure_ ? beast::get_lowest_layer(*secure_) : *plain_; }

  void connect(const tcp::resolver::results_type& found) {
    tcp_layer().async_connect(found, [this](error_code error, const tcp::endpoint&) {
      if (error) return end("connect to", error);
      if (!secure_) return send(*plain_);
      secure_->set_verify_mode(ssl::verify_peer);
      secure_->set_verify_callback(ssl::host_name_verification(url_.host));
      // A number is no name.
      error_code none;
      asio::ip::make_address(url_.host, none);
      if (none && SSL_set_tlsext_host_name(secure_->native_handle(), url_.host.c_str()) != 1)
        return end("name", error_code(static_cast<int>(::ERR_get_error()), asio::error::get_ssl_category()));
      secure_->async_handshake(ssl::stream_base::client, [this](error_code refused) {
        if (refused) return end("speak TLS with", refused);
        send(*secure_);
      });
    });
  }

  template <class Stream>
  void send(Stream& stream) {
    beast::http::async_write(stream, request_, [this, &stream](error_code error, std::size_t) {
      if (error) return end("send to", error);
      receive(stream);
    });
  }

  // Piece by piece, until it is whole or long enough.
  template <class Stream>
  void receive(Stream& stream) {
    beast::http::async_read_some(stream, buffer_, parser_, [this, &stream](error_code error, std::size_t) {
      if (error) return end("get an answer from", error);
      over_ = parser_.is_done() || parser_.get().body().size() >= HttpClient::most_answer_bytes;
      if (!over_) receive(stream);
    });
  }

  void end(std::string_view what, error_code error) {
    failure_ = fmt::format("cannot {} {}: {}", what, url_.origin(), error.message());
    over_ = true;
  }

  const Url url_;
  tcp::resolver resolver_;
  std::optional<beast::tcp_stream> plain_;
  std::optional<SecureStream> secure_;
  Request request_;
  beast::flat_buffer buffer_;
  beast::http::response_parser<beast::http::string_body> parser_;
  bool over_ = false;
  std::string failure_;
};

class BeastHttpClient final : public HttpClient {
 public:
  explicit BeastHttpClient(std::string user_agent) : user_agent_(std::move(user_agent)) {
    error_code ignored;  // Without authorities no server is trusted, which the request then tells.
    tls_.set_default_verify_paths(ignored);
    tls_.set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, ignored);
  }

  Result<Answer> post(const Post& request, std::uint64_t timeout_ms) override {
    // Of its own: whatever a request leaves behind ends with it.
    asio::io_context context(1);
    Exchange exchange(context, tls_, request, user_agent_);
    exchange.start();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    constexpr std::chrono::milliseconds step(20);  // How soon a stop is noticed.
    while (!exchange.is_over() && !stopping_ && std::chrono::steady_clock::now() < deadline)
      context.run_one_for(
          std::min<std::chrono::nanoseconds>(step, deadline - std::chrono::steady_clock::now()));
    const bool over = exchange.is_over();
    exchange.cancel();
    context.restart();
    context.poll();  // What was on its way is told that it is over.
    if (stopping_) return fail(ErrorCode::interrupted, "stopped");
    if (!over)
      return fail(ErrorCode::io,
                  fmt::format("no answer from {} within {} ms", request.url.origin(), timeout_ms));
    if (!exchange.failure().empty()) return fail(ErrorCode::io, exchange.failure());
    return exchange.answer();
  }

  void stop() override { stopping_ = true; }

 private:
  const std::string user_agent_;
  ssl::context tls_{ssl::context::tls_client};
  std::atomic<bool> stopping_{false};
};

}  // namespace

std::unique_ptr<HttpClient> make_beast_http_client(std::string user_agent) {
  return std::make_unique<BeastHttpClient>(std::move(user_agent));
}

}  // namespace tapeline::http
