#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <thread>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "alerting/settings.h"
#include "app/commands.h"
#include "app/config_options.h"
#include "app/interrupt_guard.h"
#include "app/order_desk.h"
#include "app/tracing.h"
#include "capture/udp/udp_packet_source.h"
#include "event_log/journal/journal.h"
#include "http/beast/beast_http_client.h"
#include "metrics/quantity_text.h"
#include "os/cpu.h"
#include "os/doorbell.h"
#include "os/machine.h"
#include "os/posix/posix_file_system.h"
#include "os/posix/system_clock.h"
#include "pipeline/run/live_pipeline.h"
#include "pipeline/run/pipeline_status.h"
#include "pipeline/run/settings.h"
#include "serve/server.h"
#include "status/status_server.h"
#include "stream/rocksdb/rocksdb_checkpoint_store.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(Takes the feed off the network, puts it in order, writes every message to the log in the data folder and keeps books
and analytics of every symbol, whose rows go to the log as well. It goes on where the last run stopped, however that
ended. SIGTERM and ctrl-C end it in order; the exit code is 0 then.

`tapeline status` shows what it does, `tapeline log tail rows -f` what comes out, `tapeline scale 4` changes the number of
workers while it runs, `tapeline config` prints every setting, `tapeline doctor` tells whether this machine is fit.

Examples:
  tapeline exchange --group-a 239.255.42.1:26400 --group-b 239.255.42.2:26401 &
  tapeline run                                            listens to it with the defaults
  tapeline run --config tapeline.toml --set stream.workers=4
  tapeline run --until-end                                stops behind the end of the session)";

struct Options {
  ConfigText config;
  bool until_end = false;
};

spdlog::level::level_enum level_of(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::debug: return spdlog::level::debug;
    case config::LogLevel::info: return spdlog::level::info;
    case config::LogLevel::warn: return spdlog::level::warn;
    case config::LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

// Everything that a run stands on, in the order in which it is made.
class LiveRun {
 public:
  explicit LiveRun(const config::Config& config) : config_(config) {}

  Result<void> start();
  Result<void> run(bool until_end);

 private:
  Result<void> open_parts(const pipeline::AnalyticsConfig& analytics);
  Result<void> start_alerter();
  status::Status take_status();
  Result<void> open_udp();
  Result<void> open_tcp();
  // What fires, for the next start to resolve.
  [[nodiscard]] std::string alerts_file() const { return config_.data.folder + "/alerts.json"; }
  Result<void> serve_status();
  Result<void> serve_page();
  Result<void> start_file_sink();
  Result<void> start_tracing();
  Result<std::string> carry_out(const std::string& order);
  void tell_start() const;
  void tell_changes();
  void tell_end(bool saved) const;

  config::Config config_;
  os::SystemClock clock_;
  const std::uint64_t started_ns_ = clock_.monotonic_ns();
  os::PosixFileSystem files_;
  std::unique_ptr<trace::Recorders> recorders_;
  std::optional<event_log::journal::Journal> log_;
  std::unique_ptr<stream::CheckpointStore> store_;
  std::optional<capture::UdpPacketSource> udp_;
  std::unique_ptr<capture::SoupPacketSource> tcp_;  // One of the two.
  std::unique_ptr<os::SharedDoorbell> bell_;
  std::unique_ptr<pipeline::LivePipeline> pipeline_;
  std::unique_ptr<os::CommandRunner> runner_;
  std::unique_ptr<os::ClockQualityMonitor> clock_quality_;
  std::unique_ptr<pipeline::PipelineStatus> status_;
  std::unique_ptr<alerting::Alerter> alerter_;
  std::unique_ptr<pipeline::FileSinkThread> file_sink_;
  std::unique_ptr<trace::TracingThread> tracing_;
  OrderDesk desk_;
  std::unique_ptr<status::StatusServer> server_;  // Their threads use the members above.
  std::unique_ptr<serve::Server> page_;
  std::string told_state_;
  std::set<std::string> told_warnings_;
};

Result<void> LiveRun::open_udp() {
  const Result<capture::UdpCaptureConfig> config = pipeline::capture_config(config_);
  if (!config) return std::unexpected(config.error());
  Result<capture::UdpPacketSource> source = capture::UdpPacketSource::open(*config, clock_);
  if (!source) return std::unexpected(source.error());
  udp_.emplace(std::move(*source));
  for (const std::string& note : udp_->notes()) spdlog::warn("{}", note);
  return {};
}

Result<void> LiveRun::open_tcp() {
  const Result<capture::SoupCaptureConfig> config = pipeline::soup_capture_config(config_);
  if (!config) return std::unexpected(config.error());
  const Result<std::optional<feed::FeedPosition>> position = pipeline::logged_position(*log_);
  if (!position) return std::unexpected(position.error());
  Result<std::unique_ptr<capture::SoupPacketSource>> source =
      capture::SoupPacketSource::open(*config, position->value_or(feed::FeedPosition{}), clock_,
                                      [](const std::string& what) { spdlog::info("{}", what); });
  if (!source) return std::unexpected(source.error());
  tcp_ = std::move(*source);
  return {};
}

Result<void> LiveRun::open_parts(const pipeline::AnalyticsConfig& analytics) {
  if (Result<void> made = files_.make_folder(config_.data.folder); !made) return made;
  log_.emplace(files_, config::journal_folder(config_));
  Result<stream::OpenedCheckpointStore> store = stream::open_rocksdb_checkpoint_store(
      config::checkpoint_folder(config_),
      {.layout = pipeline::state_layout(config_, analytics), .sync = config_.stream.checkpoint_sync});
  if (!store) return std::unexpected(store.error());
  if (!store->warning.empty()) spdlog::warn("{}", store->warning);
  store_ = std::move(store->store);
  // Behind the store, which one process at a time has: the records of one that runs are not to be removed.
  Result<std::unique_ptr<trace::Recorders>> recorders =
      trace::Recorders::open(files_, config::trace_folder(config_), config_.trace.recorded_batches);
  if (!recorders) return std::unexpected(recorders.error());
  recorders_ = std::move(*recorders);
  const bool by_tcp = config_.feed.protocol == config::Protocol::itch50_soupbintcp;
  if (Result<void> opened = by_tcp ? open_tcp() : open_udp(); !opened) return opened;
  Result<std::unique_ptr<os::SharedDoorbell>> bell =
      os::SharedDoorbell::create(config_.data.folder + "/rows.bell");
  if (!bell) return std::unexpected(bell.error());
  bell_ = std::move(*bell);
  return {};
}

Result<void> LiveRun::start() {
  const Result<pipeline::LivePipelineConfig> config =
      pipeline::live_pipeline_config(config_, os::usable_cores());
  if (!config) return std::unexpected(config.error());
  if (Result<void> opened = open_parts(config->pool.worker.analytics); !opened) return opened;
  capture::LivePacketSource& source = tcp_ ? static_cast<capture::LivePacketSource&>(*tcp_) : *udp_;
  capture::DatagramSender& sender = tcp_ ? static_cast<capture::DatagramSender&>(*tcp_) : *udp_;
  Result<std::unique_ptr<pipeline::LivePipeline>> pipeline = pipeline::LivePipeline::start(
      *config, {*log_, *store_, source, sender, clock_, bell_->bell(), *recorders_});
  if (!pipeline) return std::unexpected(pipeline.error());
  pipeline_ = std::move(*pipeline);
  if (Result<void> started = start_tracing(); !started) return started;
  if (Result<void> served = serve_status(); !served) return served;
  if (Result<void> started = start_file_sink(); !started) return started;
  return config_.serve.enabled ? serve_page() : Result<void>();
}

Result<void> LiveRun::serve_status() {
  runner_ = os::make_command_runner();
  constexpr std::uint64_t clock_interval_ms = 10'000;
  clock_quality_ = std::make_unique<os::ClockQualityMonitor>(*runner_, clock_interval_ms);
  status_ =
      std::make_unique<pipeline::PipelineStatus>(*pipeline_, *clock_quality_, TAPELINE_VERSION, started_ns_);
  if (Result<void> started = start_alerter(); !started) return started;
  Result<std::unique_ptr<status::StatusServer>> server = status::StatusServer::start(
      config::status_socket(config_), [this] { return take_status(); }, {},
      [this](std::string_view order) { return desk_.give(order); });
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  return {};
}

Result<void> LiveRun::start_alerter() {
  if (!config_.alerts.enabled) return {};
  const Result<alerting::AlerterConfig> config = alerting::alerter_config(
      config_, alerting::secrets_of_this_process(), os::host_name(), TAPELINE_VERSION);
  if (!config) return std::unexpected(config.error());
  alerter_ = std::make_unique<alerting::Alerter>(
      *config, [] { return http::make_beast_http_client("tapeline/" TAPELINE_VERSION); }, clock_,
      [](const std::string& line) { spdlog::warn("{}", line); });
  const Result<std::vector<std::byte>> kept = os::read_whole_file(files_, alerts_file());
  if (!kept && kept.error().code == ErrorCode::not_found) return {};
  const Result<void> restored =
      kept ? alerter_->restore({reinterpret_cast<const char*>(kept->data()), kept->size()})
           : std::unexpected(kept.error());
  if (!restored)
    spdlog::warn("alerts that fired before this start are not known any more: {}", restored.error().message);
  return {};
}

// On the status server's thread, once a second.
status::Status LiveRun::take_status() {
  status::Status status = status_->take();
  if (tracing_) {
    const trace::TracingCounters counters = tracing_->counters();
    status.traces = {counters.sampled, counters.slow,    counters.slow_untraced,
                     counters.sent,    counters.dropped, counters.missed_records};
    if (!counters.failure.empty()) status.warnings.push_back(counters.failure);
  }
  if (!alerter_) return status;
  const std::vector<alerting::Notification> changes = alerter_->judge(status);
  for (const alerting::Notification& change : changes)
    spdlog::log(change.resolved ? spdlog::level::info : spdlog::level::warn, "{} {}: {}",
                alerting::key_of(change.alert), change.resolved ? "is over" : "fires", change.alert.summary);
  if (changes.empty()) return status;
  const std::string firing = alerter_->memory();
  if (const Result<void> kept = os::replace_file(files_, alerts_file(), std::as_bytes(std::span(firing)));
      !kept)
    status.warnings.push_back("what fires cannot be kept for the next start: " + kept.error().message);
  return status;
}

Result<void> LiveRun::start_file_sink() {
  if (!config_.sinks_file.enabled) return {};
  pipeline::FileSinkConfig config = pipeline::file_sink_config(config_);
  for (const auto& loaded : pipeline_->config().pool.worker.analytics.operators)
    config.user_tables.push_back(&loaded->schema());
  Result<std::unique_ptr<pipeline::FileSinkThread>> sink =
      pipeline::FileSinkThread::start(config, *log_, files_, clock_, *recorders_, [](const Error& error) {
        spdlog::error("the file sink has stopped, the next start goes on where it was: {}", error.message);
      });
  if (!sink) return std::unexpected(sink.error());
  file_sink_ = std::move(*sink);
  spdlog::info("rows go to files in {}", config.folder);
  return {};
}

Result<void> LiveRun::serve_page() {
  Result<serve::ServeConfig> config =
      serve::serve_config(config_.serve, config_.surveillance, TAPELINE_VERSION);
  if (!config) return std::unexpected(config.error());
  config->recorders = recorders_.get();
  Result<std::unique_ptr<serve::Server>> page =
      serve::Server::start(*config, *log_, [this] { return *server_->latest(); });
  if (!page) return std::unexpected(page.error());
  page_ = std::move(*page);
  return {};
}

Result<void> LiveRun::start_tracing() {
  Result<std::unique_ptr<trace::TracingThread>> tracing =
      start_tracing_thread(config_, {}, *log_, clock_, [this] { return recorders_->readers(); });
  if (!tracing) return std::unexpected(tracing.error());
  tracing_ = std::move(*tracing);
  if (tracing_) spdlog::info("traces go to {}", config::to_string(config_.trace.otlp_endpoint));
  return {};
}

void LiveRun::tell_start() const {
  if (udp_)
    for (const capture::UdpPacketSource::ChannelStatus& channel : udp_->status())
      spdlog::debug("channel {} at {}, {} of buffer", channel.name, os::to_text(channel.at),
                    metrics::bytes_text(channel.receive_buffer_bytes));
  const pipeline::IngestReport ingest = pipeline_->ingest_report();
  const config::Feed& feed = config_.feed;
  const std::string from =
      tcp_ ? config::to_string(feed.tcp_server) + " by TCP"
           : fmt::format("{}{} on {}", config::to_string(feed.group_a),
                         feed.group_b.is_set() ? " and " + config::to_string(feed.group_b) : "",
                         feed.interface);
  spdlog::info("started in {}: feed {}, {} workers, data in {}", metrics::time_text(pipeline_->start_ns()),
               from, pipeline_->config().pool.workers, config_.data.folder);
  if (page_) spdlog::info("the page is at http://{}/", os::to_text(page_->endpoint()));
  if (ingest.position.in_session)
    spdlog::info("going on in session {} at message {}", ingest.position.session.view(),
                 ingest.position.next_sequence);
}

// Says once what has become different: a person reads this, so a state, not a stream.
void LiveRun::tell_changes() {
  const std::shared_ptr<const status::Status> status = server_->latest();
  if (status->version.empty()) return;
  const std::string state = fmt::format("{} {}", status->feed.session, status->feed.state);
  if (state != told_state_)
    spdlog::info("session {}: {}, next message {}",
                 status->feed.session.empty() ? "none yet" : status->feed.session, status->feed.state,
                 status->feed.next_sequence);
  told_state_ = state;
  std::set<std::string> warnings;
  for (const std::string& warning : status->warnings) {
    // Numbers in a warning change from second to second; the warning is the same.
    std::string kind;
    for (const char c : warning)
      if (c < '0' || c > '9') kind += c;
    if (!told_warnings_.contains(kind)) spdlog::warn("{}", warning);
    warnings.insert(kind);
  }
  told_warnings_ = std::move(warnings);
}

void LiveRun::tell_end(bool saved) const {
  const pipeline::IngestReport ingest = pipeline_->ingest_report();
  if (!saved)
    spdlog::warn("not all state could be saved in time: the next start replays a little of the log");
  spdlog::info("stopped: {} messages in {} batches of the log, {} recovered, {} lost",
               ingest.sequencer.messages, ingest.log.batches, ingest.sequencer.recovered_messages,
               ingest.sequencer.lost_messages);
}

Result<std::string> LiveRun::carry_out(const std::string& order) {
  constexpr std::string_view scale = "workers ";
  constexpr std::string_view savepoint = "savepoint ";
  if (order.starts_with(scale)) {
    unsigned workers = 0;
    const char* const end = order.data() + order.size();
    const auto [stop, error] = std::from_chars(order.data() + scale.size(), end, workers);
    if (error != std::errc() || stop != end) return fail(ErrorCode::usage, "workers takes a whole number");
    const std::uint64_t begin_ns = clock_.monotonic_ns();
    if (Result<void> done = pipeline_->rescale(workers); !done) return std::unexpected(done.error());
    const std::string text =
        fmt::format("{} workers, after {}", workers, metrics::time_text(clock_.monotonic_ns() - begin_ns));
    spdlog::info("{}", text);
    return text;
  }
  if (order.starts_with(savepoint)) {
    const std::string name = order.substr(savepoint.size());
    if (Result<void> done = pipeline_->savepoint(name); !done) return std::unexpected(done.error());
    spdlog::info("savepoint {}", name);
    return fmt::format("{}.savepoints/{}", config::checkpoint_folder(config_), name);
  }
  return fail(ErrorCode::usage, fmt::format("no such order: {}", order));
}

Result<void> LiveRun::run(bool until_end) {
  tell_start();
  std::uint64_t next_look_ns = 0;
  Result<void> ended;
  while (!InterruptGuard::interrupted()) {
    if (const std::optional<Error> failure = pipeline_->failure()) {
      ended = std::unexpected(*failure);
      break;
    }
    desk_.serve([this](const std::string& order) { return carry_out(order); });
    const std::uint64_t now_ns = clock_.monotonic_ns();
    if (now_ns >= next_look_ns) {
      tell_changes();
      next_look_ns = now_ns + 1'000'000'000;
    }
    if (until_end && pipeline_->ingest_report().position.ended) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(pipeline_->note_caught_up() ? 20 : 2));
  }
  desk_.close();
  page_.reset();
  server_.reset();
  tell_end(pipeline_->stop());
  file_sink_.reset();  // Takes what the log has by now.
  tracing_.reset();
  return ended;
}

Result<void> run(const Options& options) {
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  spdlog::set_default_logger(spdlog::stderr_color_mt("tapeline"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  spdlog::set_level(level_of(config->log_output.level));
  const InterruptGuard guard(OnInterrupt::finish_in_order);
  LiveRun live(*config);
  if (Result<void> started = live.start(); !started) return started;
  return live.run(options.until_end);
}

}  // namespace

void add_run_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("run", "Run the live pipeline: packets to books and analytics, exactly once");
  auto options = std::make_shared<Options>();
  add_config_options(*command, options->config);
  command->add_flag("--until-end", options->until_end, "Stop, in order, once the session has ended");
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
