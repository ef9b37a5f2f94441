#include "serve/server.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "os/posix/system_clock.h"
#include "serve/alert_desk.h"
#include "serve/network/beast/beast_network.h"
#include "serve/rest_api.h"
#include "serve/rest_request.h"
#include "serve/serving_thread.h"
#include "serve/web_assets.h"

namespace tapeline::serve {

namespace {

constexpr std::string_view page_policy =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: "
    "wss:; "
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

// Asks for the pipeline's status on a thread of its own, as that may have to wait for another process.
class StatusThread {
 public:
  StatusThread(Server::StatusSource source, ServingThread& serving)
      : source_(std::move(source)), serving_(serving), thread_([this] { run(); }) {}
  ~StatusThread() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  StatusThread(const StatusThread&) = delete;
  StatusThread& operator=(const StatusThread&) = delete;

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      status::Status status = source_ ? source_() : status::Status{};
      (void)serving_.post([held = std::move(status)](ServingState& state) {
        if (held.version.empty())
          state.pipeline.reset();
        else
          state.pipeline = held;
        state.status_json = status_json(state);
        ++state.status_version;
      });
      lock.lock();
      wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; });
    }
  }

  Server::StatusSource source_;
  ServingThread& serving_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

// What the stages of serving note their times in.
struct StageRecorders {
  std::shared_ptr<trace::FlightRecorder> books{};
  std::shared_ptr<trace::FlightRecorder> clients{};
};

Result<StageRecorders> make_recorders(trace::Recorders* recorders) {
  StageRecorders made;
  if (recorders == nullptr) return made;
  auto books = recorders->make("serve");
  if (!books) return std::unexpected(books.error());
  auto clients = recorders->make("clients");
  if (!clients) return std::unexpected(clients.error());
  return StageRecorders{std::move(*books), std::move(*clients)};
}

HubConfig hub_config(const ServeConfig& config, std::shared_ptr<trace::FlightRecorder> recorder) {
  HubConfig hub;
  hub.recorder = std::move(recorder);
  hub.max_text_bytes = config.send_queue_bytes;
  hub.version = config.version;
  return hub;
}

}  // namespace

Result<ServeConfig> serve_config(const config::Serve& section, const config::Surveillance& surveillance,
                                 std::string version) {
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
  config.watch = {section.watch_symbols, section.watch_count, section.watch_levels};
  config.surveillance = surveillance;
  config.version = std::move(version);
  return config;
}

// Members are destroyed in the reverse order: first who asks, then who answers, the network in between, as
// replies belong to its connections.
class Server::Parts final : public NetworkHandler {
 public:
  Parts(const ServeConfig& config, event_log::EventLog& log, StageRecorders recorders)
      : serving_(log, clock_, hub_config(config, std::move(recorders.clients)), config.keyframe_bytes,
                 config.watch, std::move(recorders.books)),
        rewinder_(std::make_unique<Rewinder>(log, clock_, config.rewind_timeout_ms * 1'000'000)),
        alerts_(std::make_unique<AlertDesk>(log, clock_, config.surveillance, config.version,
                                            config.rewind_timeout_ms * 1'000'000)),
        api_(*rewinder_, *alerts_) {}
  ~Parts() override {
    status_.reset();
    serving_.stop();
    rewinder_.reset();
    alerts_.reset();
    network_.reset();
  }

  Result<void> start(const ServeConfig& config, StatusSource status) {
    NetworkConfig network;
    network.address = config.address;
    network.max_connections = config.max_clients;
    network.cors_origins = config.cors_origins;
    Result<std::unique_ptr<Network>> started = start_beast_network(network, *this);
    if (!started) return std::unexpected(started.error());
    network_ = std::move(*started);
    api_.set_network(*network_);
    serving_.start(*network_);
    status_ = std::make_unique<StatusThread>(std::move(status), serving_);
    return {};
  }
  [[nodiscard]] os::Endpoint endpoint() const { return network_->endpoint(); }

  void on_request(HttpRequest request, Reply reply) override {
    Result<RestRequest> parsed = parse_rest_request(request.target);
    if (!parsed) return reply(error_response(parsed.error()));
    if (parsed->kind == RestRequest::Kind::health)
      return reply({.content_type = "text/plain; charset=utf-8", .body = "ok\n"});
    if (parsed->kind == RestRequest::Kind::asset) {
      const std::optional<WebAsset> asset = find_web_asset(parsed->path);
      return reply(asset ? asset_response(*asset, request) : error_response(404, "there is nothing here"));
    }
    const bool taken = serving_.post(
        [this, held = std::move(*parsed), reply](ServingState& state) { api_.answer(state, held, reply); });
    if (!taken) reply(error_response(503, "too much is waiting to be answered"));
  }
  void on_open(ClientId client) override {
    (void)serving_.post([client](ServingState& state) { state.hub.on_open(client, state.view); }, true);
  }
  void on_text(ClientId client, std::string text) override {
    const bool taken = serving_.post([client, held = std::move(text)](ServingState& state) {
      state.hub.on_text(client, held, state.view);
    });
    if (!taken) network_->close(client, CloseCode::try_again_later, "too much is waiting to be answered");
  }
  void on_drained(ClientId client) override {
    (void)serving_.post([client](ServingState& state) { state.hub.on_drained(client); }, true);
  }
  void on_close(ClientId client) override {
    (void)serving_.post([client](ServingState& state) { state.hub.on_close(client); }, true);
  }

 private:
  os::SystemClock clock_;
  ServingThread serving_;
  std::unique_ptr<Rewinder> rewinder_;
  std::unique_ptr<AlertDesk> alerts_;
  RestApi api_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<StatusThread> status_;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(const ServeConfig& config, event_log::EventLog& log,
                                              StatusSource status) {
  Result<StageRecorders> recorders = make_recorders(config.recorders);
  if (!recorders) return std::unexpected(recorders.error());
  auto parts = std::make_unique<Parts>(config, log, std::move(*recorders));
  if (Result<void> done = parts->start(config, std::move(status)); !done)
    return std::unexpected(done.error());
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

os::Endpoint Server::endpoint() const {
  return parts_->endpoint();
}

void Server::stop() {
  parts_.reset();
}

}  // namespace tapeline::serve
