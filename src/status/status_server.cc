#include "status/status_server.h"

#include <utility>

#include <fmt/format.h>

namespace tapeline::status {

class StatusServer::Handler : public os::LineHandler {
 public:
  explicit Handler(Source source) : source_(std::move(source)) {}

  void on_tick() override { document_ = encode(source_()); }
  std::string on_line(std::string_view line) override {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line == "status" ? document_ : R"({"error":"ask for status"})";
  }

 private:
  Source source_;
  std::string document_;
};

StatusServer::StatusServer(Source source) : handler_(std::make_unique<Handler>(std::move(source))) {}

StatusServer::~StatusServer() = default;

Result<std::unique_ptr<StatusServer>> StatusServer::start(const std::string& path, Source source,
                                                          const os::LineServerOptions& options) {
  std::unique_ptr<StatusServer> server(new StatusServer(std::move(source)));
  auto started = os::start_line_server(path, *server->handler_, options);
  if (!started) return std::unexpected(started.error());
  server->server_ = std::move(*started);
  return server;
}

Result<Status> ask_status(const std::string& path) {
  const Result<std::string> answer = os::ask_line_server(path, "status");
  if (!answer && answer.error().code == ErrorCode::not_found)
    return fail(
        ErrorCode::not_found,
        fmt::format("no pipeline runs here: nobody serves {}; start one with `tapeline run`, or name its "
                    "configuration with --config or its folder with --set data.folder=DIR",
                    path));
  if (!answer) return std::unexpected(answer.error());
  return decode(*answer);
}

}  // namespace tapeline::status
