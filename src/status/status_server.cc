#include "status/status_server.h"

#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include <fmt/format.h>

namespace tapeline::status {

class StatusServer::Handler : public os::LineHandler {
 public:
  Handler(Source source, Orders orders) : source_(std::move(source)), orders_(std::move(orders)) {}

  void on_tick() override { take(); }
  std::string on_line(std::string_view line) override {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line == "status") return document_;
    constexpr std::string_view order = "order ";
    if (!line.starts_with(order) || !orders_) return R"({"error":"ask for status"})";
    const Result<std::string> done = orders_(line.substr(order.size()));
    take();
    return nlohmann::json{{done ? "done" : "error", done ? *done : done.error().message}}.dump(
        -1, ' ', true, nlohmann::json::error_handler_t::replace);
  }

  [[nodiscard]] std::shared_ptr<const Status> latest() const {
    const std::lock_guard lock(mutex_);
    return latest_;
  }

 private:
  void take() {
    auto status = std::make_shared<const Status>(source_());
    document_ = encode(*status);
    const std::lock_guard lock(mutex_);
    latest_ = std::move(status);
  }

  Source source_;
  Orders orders_;
  std::string document_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Status> latest_ = std::make_shared<Status>();
};

StatusServer::StatusServer(Source source, Orders orders)
    : handler_(std::make_unique<Handler>(std::move(source), std::move(orders))) {}

StatusServer::~StatusServer() = default;

std::shared_ptr<const Status> StatusServer::latest() const {
  return handler_->latest();
}

Result<std::unique_ptr<StatusServer>> StatusServer::start(const std::string& path, Source source,
                                                          const os::LineServerOptions& options,
                                                          Orders orders) {
  std::unique_ptr<StatusServer> server(new StatusServer(std::move(source), std::move(orders)));
  auto started = os::start_line_server(path, *server->handler_, options);
  if (!started) return std::unexpected(started.error());
  server->server_ = std::move(*started);
  return server;
}

namespace {

Result<std::string> ask(const std::string& path, std::string_view line, std::uint64_t timeout_ms) {
  Result<std::string> answer = os::ask_line_server(path, line, timeout_ms);
  if (!answer && answer.error().code == ErrorCode::not_found)
    return fail(
        ErrorCode::not_found,
        fmt::format("no pipeline runs here: nobody serves {}; start one with `tapeline run`, or name its "
                    "configuration with --config or its folder with --set data.folder=DIR",
                    path));
  return answer;
}

}  // namespace

Result<Status> ask_status(const std::string& path) {
  constexpr std::uint64_t timeout_ms = 2'000;
  const Result<std::string> answer = ask(path, "status", timeout_ms);
  if (!answer) return std::unexpected(answer.error());
  return decode(*answer);
}

Result<std::string> give_order(const std::string& path, std::string_view order) {
  constexpr std::uint64_t timeout_ms = 30'000;
  const Result<std::string> answer = ask(path, fmt::format("order {}", order), timeout_ms);
  if (!answer) return std::unexpected(answer.error());
  const nlohmann::json document = nlohmann::json::parse(*answer, nullptr, false);
  if (document.is_object() && document.contains("done") && document["done"].is_string())
    return document["done"].get<std::string>();
  if (document.is_object() && document.contains("error") && document["error"].is_string())
    return fail(ErrorCode::usage, document["error"].get<std::string>());
  return fail(ErrorCode::corrupt, fmt::format("{} gave an answer that is none: {}", path, *answer));
}

}  // namespace tapeline::status
