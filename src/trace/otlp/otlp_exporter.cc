#include "trace/otlp/otlp_exporter.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>

#include <fmt/format.h>

namespace tapeline::trace {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

constexpr std::uint64_t most_answer_bytes = std::uint64_t{64} << 10;

asio::ip::address address_of(const os::IpAddress& address) {
  if (!address.is_v4()) return asio::ip::address_v6(address.bytes);
  asio::ip::address_v4::bytes_type bytes;
  std::copy(address.bytes.begin() + 12, address.bytes.end(), bytes.begin());
  return asio::ip::address_v4(bytes);
}

// One request and its answer, within the time.
class Exchange {
 public:
  explicit Exchange(const OtlpConfig& config) : config_(config), stream_(context_) {
    parser_.body_limit(most_answer_bytes);
  }

  Result<unsigned> run(std::string body) {
    request_ = {http::verb::post, beast::string_view(config_.path.data(), config_.path.size()), 11};
    request_.set(http::field::host, os::to_text(config_.at));
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::user_agent, "tapeline");
    request_.keep_alive(false);
    request_.body() = std::move(body);
    request_.prepare_payload();
    stream_.expires_after(std::chrono::nanoseconds(config_.timeout_ns));
    stream_.async_connect(tcp::endpoint(address_of(config_.at.address), config_.at.port),
                          [this](beast::error_code error) {
                            if (!failed(error)) write();
                          });
    context_.run();
    if (error_)
      return fail(ErrorCode::io, fmt::format("no traces could be sent to {}: {}; see trace.otlp_endpoint",
                                             os::to_text(config_.at), error_.message()));
    return parser_.get().result_int();
  }

 private:
  bool failed(beast::error_code error) {
    error_ = error;
    return static_cast<bool>(error);
  }
  void write() {
    http::async_write(stream_, request_, [this](beast::error_code error, std::size_t) {
      if (!failed(error)) read();
    });
  }
  void read() {
    http::async_read(stream_, buffer_, parser_,
                     [this](beast::error_code error, std::size_t) { (void)failed(error); });
  }

  const OtlpConfig& config_;
  asio::io_context context_{1};
  beast::tcp_stream stream_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
  beast::error_code error_;
};

class OtlpExporter final : public SpanExporter {
 public:
  explicit OtlpExporter(OtlpConfig config) : config_(std::move(config)) {}

  Result<void> send(std::span<const Trace> traces) override {
    const Result<unsigned> status = Exchange(config_).run(otlp_json(config_.resource, traces));
    if (!status) return std::unexpected(status.error());
    constexpr unsigned ok = 200;
    if (*status != ok)
      return fail(ErrorCode::io,
                  fmt::format("{} answered traces with HTTP status {}; see trace.otlp_endpoint",
                              os::to_text(config_.at), *status));
    return {};
  }

 private:
  OtlpConfig config_;
};

}  // namespace

std::unique_ptr<SpanExporter> make_otlp_exporter(OtlpConfig config) {
  return std::make_unique<OtlpExporter>(std::move(config));
}

}  // namespace tapeline::trace
