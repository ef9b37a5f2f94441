#include "pipeline/run/settings.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include <fmt/format.h>

#include "base/check.h"
#include "os/endpoint.h"

namespace tapeline::pipeline {

namespace {

Result<os::Endpoint> endpoint_of(const config::Address& address) {
  const Result<os::IpAddress> parsed = os::parse_address(address.host);
  if (!parsed)
    return fail(ErrorCode::usage, fmt::format("{}: write the address in numbers, as in 127.0.0.1:26400",
                                              config::to_string(address)));
  return os::Endpoint{*parsed, address.port};
}

event_log::SyncPolicy policy_of(config::Fsync fsync) {
  switch (fsync) {
    case config::Fsync::none: return event_log::SyncPolicy::none;
    case config::Fsync::interval: return event_log::SyncPolicy::interval;
    case config::Fsync::batch: return event_log::SyncPolicy::batch;
  }
  return event_log::SyncPolicy::interval;
}

TopicConfig topic_config(const config::Log& log, const config::LogTopic& topic) {
  TopicConfig made;
  made.options.segment_bytes = log.segment_bytes;
  made.options.segment_ns = log.segment_seconds * 1'000'000'000;
  made.options.retention_ns = topic.retention_hours * 3'600'000'000'000;
  made.options.retention_bytes = topic.retention_bytes;
  made.options.sync = policy_of(topic.fsync);
  made.options.sync_interval_ns = topic.fsync_interval_ms * 1'000'000;
  made.sync_interval_ns = topic.fsync_interval_ms * 1'000'000;
  return made;
}

Result<AnalyticsConfig> analytics_config(const config::Config& config) {
  const config::Analytics& from = config.analytics;
  AnalyticsConfig made;
  if (!from.microprice_model.empty()) {
    Result<analytics::MicropriceModel> model = analytics::read_microprice_model(from.microprice_model);
    if (!model) return fail(model.error().code, "analytics.microprice_model: " + model.error().message);
    made.microprice_model = std::make_shared<const analytics::MicropriceModel>(std::move(*model));
  }
  if (const Result<void> chosen = select_tables(from.tables, made); !chosen)
    return std::unexpected(chosen.error());
  made.bar_ns = config::bar_ns(config);
  made.interval_ns = config::interval_ns(config);
  made.snapshots_on_change = from.snapshots_on_change;
  made.levels = from.levels;
  made.metric_ns = config::nanoseconds(from.window_ms);
  made.step_ns = config::nanoseconds(from.return_step_ms);
  made.returns_ns = made.step_ns * from.return_steps;
  made.horizon_ns = config::nanoseconds(from.horizon_ms);
  made.sweep_shares = {static_cast<std::uint32_t>(from.sweep_small_shares),
                       static_cast<std::uint32_t>(from.sweep_shares),
                       static_cast<std::uint32_t>(from.sweep_large_shares)};
  made.bar_thresholds = {from.bar_trades, from.bar_shares, from.bar_dollars, from.bar_imbalance_shares};
  made.vpin_bucket_shares = static_cast<std::uint32_t>(from.vpin_bucket_shares);
  made.vpin_buckets = static_cast<std::uint32_t>(from.vpin_buckets);
  made.burst_gap_ns = config::nanoseconds(from.burst_gap_ms);
  made.queue_orders = from.queue_orders;
  made.feature_ns = config::nanoseconds(from.feature_ms);
  made.feature_events = static_cast<std::uint32_t>(from.feature_events);
  made.surveillance = config.surveillance;
  return made;
}

struct Login {
  FixedText<6> user = FixedText<6>("");
  FixedText<10> password = FixedText<10>("");
};
Result<Login> login_of(std::string_view setting, const std::string& user, const std::string& password_env) {
  if (user.size() > 6)
    return fail(ErrorCode::usage, fmt::format("feed.{}: '{}' has more than 6 characters", setting, user));
  Login login{.user = FixedText<6>(user)};
  const char* const password = std::getenv(password_env.c_str());
  if (password == nullptr) return login;
  if (std::string_view(password).size() > 10)
    return fail(ErrorCode::usage,
                fmt::format("the password in {} has more than 10 characters", password_env));
  login.password = FixedText<10>(password);
  return login;
}

Result<SnapshotServer> snapshot_server(const config::Feed& feed) {
  const Result<os::Endpoint> at = endpoint_of(feed.snapshot_server);
  if (!at) return std::unexpected(at.error());
  const Result<Login> login = login_of("snapshot_user", feed.snapshot_user, feed.snapshot_password_env);
  if (!login) return std::unexpected(login.error());
  return SnapshotServer{.at = *at, .user = login->user, .password = login->password};
}

WorkerIdle idle_of(config::Idle idle) {
  switch (idle) {
    case config::Idle::park: return WorkerIdle::park;
    case config::Idle::backoff: return WorkerIdle::backoff;
    case config::Idle::spin: return WorkerIdle::spin;
  }
  return WorkerIdle::park;
}

}  // namespace

Result<LivePipelineConfig> live_pipeline_config(const config::Config& config, unsigned cores) {
  const config::Feed& feed = config.feed;
  LivePipelineConfig made;
  const bool by_tcp = feed.protocol == config::Protocol::itch50_soupbintcp;
  if (by_tcp && !feed.retransmission_servers.empty())
    return fail(ErrorCode::usage,
                "feed.retransmission_servers: a feed by TCP loses nothing that could be "
                "asked for; leave them out, or choose itch50-moldudp64");
  made.loop.lines = feed.group_b.is_set() && !by_tcp ? 2 : 1;
  for (const config::Address& address : feed.retransmission_servers) {
    const Result<os::Endpoint> server = endpoint_of(address);
    if (!server) return std::unexpected(server.error());
    made.loop.retransmission_servers.push_back(*server);
  }
  feed::SequencerConfig& sequencer = made.ingest.sequencer;
  sequencer.retransmission.servers = static_cast<unsigned>(feed.retransmission_servers.size());
  if (feed.retransmit_max_messages == 0) sequencer.retransmission.servers = 0;
  sequencer.retransmission.reorder_grace_ns = feed.reorder_grace_us * 1'000;
  sequencer.retransmission.request_timeout_ns = feed.retransmit_timeout_us * 1'000;
  sequencer.retransmission.max_request_timeout_ns =
      std::max(sequencer.retransmission.max_request_timeout_ns, feed.retransmit_timeout_us * 1'000);
  sequencer.retransmission.max_tries = static_cast<unsigned>(feed.retransmit_tries);
  sequencer.retransmission.max_messages = feed.retransmit_max_messages;
  sequencer.line_down_after_ns = feed.silence_ms * 1'000'000;
  if (feed.snapshot_server.is_set()) {
    const Result<SnapshotServer> server = snapshot_server(feed);
    if (!server) return std::unexpected(server.error());
    made.loop.snapshot_server = *server;
    sequencer.max_snapshot_attempts = 10;
  }
  made.silence_ns = feed.silence_ms * 1'000'000;
  made.venue = feed.venue;
  made.key_groups =
      static_cast<std::uint16_t>(std::min<std::uint64_t>(config.stream.key_groups, stream::max_key_groups));
  made.feed = topic_config(config.log, config.log_feed);
  made.rows = topic_config(config.log, config.log_rows);
  made.pool.workers = static_cast<unsigned>(config::worker_count(config, cores));
  Result<AnalyticsConfig> analytics = analytics_config(config);
  if (!analytics) return std::unexpected(analytics.error());
  made.pool.worker.analytics = std::move(*analytics);
  if (Result<void> loaded = load_operators(config.analytics.operators, made.pool.worker.analytics); !loaded)
    return std::unexpected(loaded.error());
  made.pool.worker.checkpoint_interval_ns = config.stream.checkpoint_interval_ms * 1'000'000;
  made.pool.worker.checkpoint.checkpoint_bytes = config.stream.checkpoint_bytes;
  made.pool.thread.idle = idle_of(config.stream.idle);
  made.pool.thread.midnight_after_utc_ns = feed.midnight_minutes_after_utc * 60'000'000'000;
  made.pool.thread.max_idle_ns = config.stream.max_idle_us * 1'000;
  for (const std::uint64_t cpu : config.stream.pin_cpus) made.pool.cpus.push_back(static_cast<unsigned>(cpu));
  if (config.stream.ingest_cpu >= 0) made.ingest_cpu = static_cast<unsigned>(config.stream.ingest_cpu);
  return made;
}

Result<capture::UdpCaptureConfig> capture_config(const config::Config& config) {
  const config::Feed& feed = config.feed;
  capture::UdpCaptureConfig made;
  const Result<os::Endpoint> a = endpoint_of(feed.group_a);
  if (!a) return std::unexpected(a.error());
  made.channels.push_back({"A", *a, feed.interface});
  if (feed.group_b.is_set()) {
    const Result<os::Endpoint> b = endpoint_of(feed.group_b);
    if (!b) return std::unexpected(b.error());
    made.channels.push_back({"B", *b, feed.interface});
  }
  // Replies come to where requests are sent from.
  made.channels.push_back({"retransmission", {os::any_address, 0}, feed.interface});
  made.receive_buffer_bytes = feed.receive_buffer_bytes;
  made.wait = feed.busy_poll ? capture::UdpWait::spin : capture::UdpWait::block;
  made.datagram_bytes = 9'216;
  return made;
}

Result<capture::SoupCaptureConfig> soup_capture_config(const config::Config& config) {
  const config::Feed& feed = config.feed;
  if (!feed.tcp_server.is_set())
    return fail(ErrorCode::usage,
                "feed.protocol itch50-soupbintcp takes the feed from feed.tcp_server: set it");
  const Result<os::Endpoint> server = endpoint_of(feed.tcp_server);
  if (!server) return std::unexpected(server.error());
  const Result<Login> login = login_of("tcp_user", feed.tcp_user, feed.tcp_password_env);
  if (!login) return std::unexpected(login.error());
  return capture::SoupCaptureConfig{.server = *server, .user = login->user, .password = login->password};
}

FileSinkConfig file_sink_config(const config::Config& config) {
  FileSinkConfig made;
  made.folder = config::sink_folder(config);
  switch (config.sinks_file.format) {
    case config::RowFormat::csv: made.format = sinks::TableFormat::csv; break;
    case config::RowFormat::json: made.format = sinks::TableFormat::json_lines; break;
    case config::RowFormat::parquet: made.format = sinks::TableFormat::parquet; break;
  }
  made.levels = config.analytics.levels;
  made.part_ns = config.sinks_file.part_seconds * 1'000'000'000;
  made.part_rows = config.sinks_file.part_rows;
  return made;
}

std::uint64_t state_layout(const config::Config& config, const AnalyticsConfig& analytics) {
  // FNV-1a over what states depend on. The number in front changes with the layout of any state.
  constexpr std::uint64_t program_layout = 6;
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325;
  const auto add = [&](std::uint64_t value) {
    for (int i = 0; i < 8; ++i) hash = (hash ^ (value >> 8 * i & 0xFF)) * 0x0000'0100'0000'01B3;
  };
  add(program_layout);
  add(config.stream.key_groups);
  for (const std::uint64_t value :
       {analytics.bar_ns, analytics.interval_ns, analytics.metric_ns, analytics.step_ns, analytics.returns_ns,
        analytics.horizon_ns, analytics.bar_thresholds.trades, analytics.bar_thresholds.shares,
        analytics.bar_thresholds.dollars, analytics.bar_thresholds.imbalance_shares, analytics.burst_gap_ns,
        analytics.feature_ns, std::uint64_t{analytics.feature_events}, std::uint64_t{analytics.queue_orders}})
    add(value);
  for (const std::uint32_t shares : analytics.sweep_shares) add(shares);
  add(analytics.vpin_bucket_shares);
  add(analytics.vpin_buckets);
  add(analytics.levels);
  add(analytics.snapshots_on_change);
  add(surveillance::detectors_version);
#define ADD_PARAMETER(type, name, value, unit, limits, meaning) \
  add(std::bit_cast<std::uint64_t>(analytics.surveillance.name));
  CONFIG_SURVEILLANCE(ADD_PARAMETER)
#undef ADD_PARAMETER
  for (const auto* list : {&config.analytics.tables, &config.analytics.operators})
    for (const std::string& name : *list)
      for (const char c : name + ',') add(static_cast<unsigned char>(c));
  if (analytics.microprice_model != nullptr)
    for (const char c : analytics::to_json(*analytics.microprice_model)) add(static_cast<unsigned char>(c));
  return hash;
}

}  // namespace tapeline::pipeline
