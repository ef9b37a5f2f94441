#include "serve/server.h"

#include <utility>

#include <fmt/format.h>

#include "serve/network/beast/beast_network.h"
#include "serve/web_assets.h"

namespace tapeline::serve {

namespace {

constexpr std::string_view page_policy =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

HttpResponse asset_response(const WebAsset& asset, const HttpRequest& request) {
  HttpResponse response;
  response.content_type = asset.content_type;
  response.etag = asset.etag;
  response.cache_control = asset.immutable ? "public, max-age=31536000, immutable" : "no-cache";
  response.content_security_policy = page_policy;
  if (request.if_none_match == asset.etag)
    response.status = 304;
  else
    response.static_body = asset.content;
  return response;
}

}  // namespace

Result<ServeConfig> serve_config(const config::Serve& section, std::string version) {
  const Result<os::IpAddress> address = os::parse_address(section.address);
  if (!address)
    return fail(ErrorCode::usage,
                fmt::format("serve.address: {}; 127.0.0.1 is this machine alone, 0.0.0.0 every address of it",
                            address.error().message));
  ServeConfig config;
  config.address = {*address, static_cast<std::uint16_t>(section.port)};
  config.max_clients = section.max_clients;
  config.send_queue_bytes = section.send_queue_bytes;
  config.cors_origins = section.cors_origins;
  config.keyframe_bytes = section.keyframe_bytes;
  config.rewind_timeout_ms = section.rewind_timeout_ms;
  config.version = std::move(version);
  return config;
}

class Server::Parts final : public NetworkHandler {
 public:
  Result<void> start(const ServeConfig& config) {
    NetworkConfig network;
    network.address = config.address;
    network.max_connections = config.max_clients;
    network.cors_origins = config.cors_origins;
    Result<std::unique_ptr<Network>> started = start_beast_network(network, *this);
    if (!started) return std::unexpected(started.error());
    network_ = std::move(*started);
    return {};
  }
  [[nodiscard]] os::Endpoint endpoint() const { return network_->endpoint(); }

  void on_request(HttpRequest request, Reply reply) override {
    const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
    if (path == "/healthz") return reply({.content_type = "text/plain; charset=utf-8", .body = "ok\n"});
    if (const std::optional<WebAsset> asset = find_web_asset(path))
      return reply(asset_response(*asset, request));
    reply({.status = 404, .body = R"({"error":"there is nothing here"})"});
  }
  void on_open(ClientId) override {}
  void on_text(ClientId, std::string) override {}
  void on_drained(ClientId) override {}
  void on_close(ClientId) override {}

 private:
  std::unique_ptr<Network> network_;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(const ServeConfig& config, event_log::EventLog&, StatusSource) {
  auto parts = std::make_unique<Parts>();
  if (Result<void> done = parts->start(config); !done) return std::unexpected(done.error());
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

os::Endpoint Server::endpoint() const {
  return parts_->endpoint();
}

void Server::stop() {
  parts_.reset();
}

}  // namespace tapeline::serve
