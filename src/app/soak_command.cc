#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/config_options.h"
#include "app/interrupt_guard.h"
#include "app/log_recomputation.h"
#include "app/progress.h"
#include "app/replay_options.h"
#include "app/row_consumer.h"
#include "app/standard_output.h"
#include "config/read.h"
#include "event_log/journal/journal.h"
#include "os/child_process.h"
#include "os/cpu.h"
#include "os/doorbell.h"
#include "os/posix/posix_file_system.h"
#include "os/posix/system_clock.h"
#include "os/udp_socket.h"
#include "status/status_server.h"

namespace tapeline::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view footer =
    R"(Starts an exchange, the pipeline and a consumer of its rows as processes of their own on this machine, kills the
pipeline now and then if told so, and then gives account: every message of the log is counted, everything is computed
once more from the log by 1, 2, 4 and 8 workers, and the digest of each output stream is compared. A row's latency is
from the kernel's receive timestamp of its packet to its reading by the consumer; the exchange keeps to its schedule
whatever the pipeline does, so a stall shows in every message that it delays. Traffic stays on the loopback interface.

The same --rate, --duration and --seed give the same messages and, if nothing is lost for good, the same digests,
whatever was killed and however many workers there were. Exit code 1: something was lost, doubled or differed.

Examples:
  tapeline soak --rate 200000 --duration 20s --seed 7
  tapeline soak --rate 200000 --duration 20s --seed 7 --kill-every 2s --faults loss=0.01,reorder,one-feed-down
  tapeline soak --rate 1000000 --duration 5m --no-recompute --format json)";

struct Options {
  double rate = 200'000;
  std::string duration = "20s";
  std::string kill_every;
  std::uint64_t seed = 1;
  std::uint32_t symbols = 500;
  std::string faults;
  unsigned workers = 0;
  unsigned exchange_restarts = 0;
  std::string folder = "tapeline-data/soak";
  std::vector<std::string> overrides;
  std::vector<unsigned> recompute_workers{1, 2, 4, 8};
  bool no_recompute = false;
  bool keep = false;
  bool json = false;
};

constexpr std::uint64_t second_ns = 1'000'000'000;

// What came of one process that was started again and again.
struct Usage {
  std::uint64_t cpu_ns = 0;
  std::uint64_t peak_resident_bytes = 0;
  void add(const os::ChildUsage& usage) {
    cpu_ns += usage.cpu_ns;
    peak_resident_bytes = std::max(peak_resident_bytes, usage.peak_resident_bytes);
  }
};

struct Ports {
  std::uint16_t a = 0;
  std::uint16_t b = 0;
  std::uint16_t requests = 0;
};

// Ports that are free now; who binds them next is told in time if they are not any more.
Result<Ports> find_ports() {
  std::vector<os::UdpSocket> sockets;
  std::array<std::uint16_t, 3> found{};
  for (std::uint16_t& port : found) {
    Result<os::UdpSocket> socket = os::UdpSocket::bind({os::loopback_address, 0});
    if (!socket) return std::unexpected(socket.error());
    const Result<os::Endpoint> at = socket->local_endpoint();
    if (!at) return std::unexpected(at.error());
    port = at->port;
    sockets.push_back(std::move(*socket));
  }
  return Ports{found[0], found[1], found[2]};
}

// One soak: its processes, and what is known of them.
class Soak {
 public:
  explicit Soak(const Options& options) : options_(options), random_(options.seed) {}

  Result<void> prepare();
  Result<void> run();
  Result<Json> account();
  [[nodiscard]] const std::string& folder() const { return options_.folder; }

 private:
  Result<void> start_consumer();
  Result<void> start_pipeline();
  Result<void> start_exchange(std::uint64_t duration_ns, unsigned round);
  Result<void> play(std::uint64_t duration_ns, unsigned round);
  Result<void> watch(std::uint64_t duration_ns, unsigned round);
  Result<void> kill_pipeline();
  void note_status();
  Result<void> wait_until_done();
  Result<void> stop_all();
  [[nodiscard]] std::uint64_t next_kill_ns();
  [[nodiscard]] std::vector<std::string> settings() const;
  [[nodiscard]] std::string status_socket() const { return options_.folder + "/data/tapeline.sock"; }
  [[nodiscard]] std::string log_file() const { return options_.folder + "/soak.log"; }
  Result<void> compare(event_log::EventLog& log, Json& json);
  void describe_messages(Json& json, const FeedAccount& feed) const;
  [[nodiscard]] Json resources() const;

  Options options_;
  std::mt19937_64 random_;
  os::SystemClock clock_;
  std::uint64_t duration_ns_ = 0;
  std::uint64_t kill_every_ns_ = 0;
  Ports ports_;
  std::unique_ptr<os::ChildProcess> exchange_;
  std::unique_ptr<os::ChildProcess> pipeline_;
  std::unique_ptr<os::ChildProcess> consumer_;
  Usage exchange_usage_;
  Usage pipeline_usage_;
  Usage consumer_usage_;
  Json exchange_end_;
  Json consumer_end_;
  std::uint64_t sent_ = 0;
  std::uint64_t kills_ = 0;
  std::uint64_t killed_at_ns_ = 0;
  std::uint64_t noted_start_ns_ = 0;
  std::vector<std::uint64_t> recoveries_ns_;
  double back_pressure_sum_ = 0;
  double back_pressure_max_ = 0;
  std::uint64_t back_pressure_count_ = 0;
  std::uint64_t checkpoints_ = 0;
  std::uint64_t recovered_ = 0;  // By pipelines that were killed.
  std::uint64_t longest_stall_us_ = 0;
  std::uint64_t longest_checkpoint_us_ = 0;
  std::uint64_t most_live_orders_ = 0;
  std::uint64_t first_resident_bytes_ = 0;
  std::uint64_t last_resident_bytes_ = 0;
  status::Status last_status_;
};

Result<void> Soak::prepare() {
  const Result<std::uint64_t> duration = parse_duration(options_.duration);
  if (!duration) return std::unexpected(duration.error());
  duration_ns_ = *duration;
  if (!options_.kill_every.empty()) {
    const Result<std::uint64_t> kill = parse_duration(options_.kill_every);
    if (!kill) return std::unexpected(kill.error());
    kill_every_ns_ = *kill;
  }
  if (duration_ns_ < second_ns / 10 || (kill_every_ns_ != 0 && kill_every_ns_ < second_ns / 10))
    return fail(ErrorCode::usage, "--duration and --kill-every take at least 100ms");
  std::error_code error;
  std::filesystem::remove_all(options_.folder, error);
  std::filesystem::create_directories(options_.folder, error);
  if (error)
    return fail(ErrorCode::io,
                fmt::format("cannot make the folder {}: {}", options_.folder, error.message()));
  const Result<Ports> ports = find_ports();
  if (!ports) return std::unexpected(ports.error());
  ports_ = *ports;
  return {};
}

// The settings of the pipeline, for its process and for computing once more.
std::vector<std::string> Soak::settings() const {
  std::vector<std::string> settings{
      fmt::format("data.folder={}/data", options_.folder),
      fmt::format("feed.group_a=239.255.42.1:{}", ports_.a),
      fmt::format("feed.group_b=239.255.42.2:{}", ports_.b),
      fmt::format("feed.retransmission_servers=127.0.0.1:{}", ports_.requests),
      // Whatever a killed pipeline has missed is asked for: a snapshot would leave out what happened.
      "feed.retransmit_max_messages=10000000", "feed.retransmit_tries=50", "feed.retransmit_timeout_us=5000",
      "serve.enabled=false", fmt::format("stream.workers={}", options_.workers)};
  settings.insert(settings.end(), options_.overrides.begin(), options_.overrides.end());
  return settings;
}

Result<void> Soak::start_consumer() {
  auto started = os::ChildProcess::start(
      {os::own_program(), "soak-consumer", "--data", options_.folder + "/data"}, log_file());
  if (!started) return std::unexpected(started.error());
  consumer_ = std::move(*started);
  return {};
}

Result<void> Soak::start_pipeline() {
  std::vector<std::string> arguments{os::own_program(), "run"};
  for (const std::string& setting : settings()) {
    arguments.emplace_back("--set");
    arguments.push_back(setting);
  }
  auto started = os::ChildProcess::start(arguments, log_file());
  if (!started) return std::unexpected(started.error());
  pipeline_ = std::move(*started);
  return {};
}

Result<void> Soak::start_exchange(std::uint64_t duration_ns, unsigned round) {
  constexpr double most_preloaded = 12e6;
  std::vector<std::string> arguments{
      os::own_program(),
      "exchange",
      "--format=json",
      "--no-restamp",  // Times of the market, so that every run computes the same.
      fmt::format("--rate={}", options_.rate),
      fmt::format("--count={}",
                  static_cast<std::uint64_t>(options_.rate * static_cast<double>(duration_ns) / 1e9)),
      fmt::format("--seed={}", options_.seed + round),
      fmt::format("--session=SOAK{:06}", round + 1),
      fmt::format("--symbols={}", options_.symbols),
      fmt::format("--group-a=239.255.42.1:{}", ports_.a),
      fmt::format("--group-b=239.255.42.2:{}", ports_.b),
      fmt::format("--requests=127.0.0.1:{}", ports_.requests),
      "--no-glimpse",  // All is fetched by request; the exchange's own books would take a fifth of a core.
      "--linger-ms=60000",
      "--keep-mib=4096"};
  if (!options_.faults.empty()) arguments.push_back("--faults=" + options_.faults);
  if (options_.rate * static_cast<double>(duration_ns) / 1e9 <= most_preloaded)
    arguments.emplace_back("--preload");
  auto started = os::ChildProcess::start(arguments, log_file());
  if (!started) return std::unexpected(started.error());
  exchange_ = std::move(*started);
  constexpr std::uint64_t most_preload_ns = 120 * second_ns;
  if (!exchange_->read_line(most_preload_ns))
    return fail(ErrorCode::io, fmt::format("the exchange did not start: {} says why", log_file()));
  return {};
}

std::uint64_t Soak::next_kill_ns() {
  if (kill_every_ns_ == 0) return UINT64_MAX;
  // Anywhere from half to one and a half times the interval.
  return clock_.monotonic_ns() + kill_every_ns_ / 2 + random_() % (kill_every_ns_ + 1);
}

void Soak::note_status() {
  const Result<status::Status> status = status::ask_status(status_socket());
  if (!status) return;
  last_status_ = *status;
  for (const status::Worker& worker : status->workers) {
    back_pressure_sum_ += worker.back_pressure;
    back_pressure_max_ = std::max(back_pressure_max_, worker.back_pressure);
    ++back_pressure_count_;
  }
  std::uint64_t live = 0;
  for (const status::Worker& worker : status->workers) live += worker.live_orders;
  most_live_orders_ = std::max(most_live_orders_, live);
  longest_stall_us_ = std::max(longest_stall_us_, status->checkpoints.longest_stall_us);
  longest_checkpoint_us_ = std::max(longest_checkpoint_us_, status->checkpoints.duration_us);
  last_resident_bytes_ = status->memory.resident_bytes;
  if (status->uptime_ms > 2'000 && first_resident_bytes_ == 0)
    first_resident_bytes_ = status->memory.resident_bytes;
  // One entry for each restart.
  if (killed_at_ns_ != 0 && status->caught_up_at_ns > killed_at_ns_ &&
      status->started_at_ns != noted_start_ns_) {
    noted_start_ns_ = status->started_at_ns;
    recoveries_ns_.push_back(status->caught_up_at_ns - killed_at_ns_);
  }
}

Result<void> Soak::kill_pipeline() {
  note_status();
  checkpoints_ += last_status_.checkpoints.taken;
  recovered_ += last_status_.feed.retransmitted_messages;
  last_status_ = {};
  killed_at_ns_ = clock_.monotonic_ns();
  pipeline_->kill();
  const std::optional<os::ChildUsage> usage = pipeline_->wait(10 * second_ns);
  if (usage) pipeline_usage_.add(*usage);
  ++kills_;
  return start_pipeline();
}

Result<void> Soak::watch(std::uint64_t duration_ns, unsigned round) {
  Progress progress;
  const std::uint64_t begin_ns = clock_.monotonic_ns();
  std::uint64_t kill_at_ns = next_kill_ns();
  std::uint64_t look_at_ns = begin_ns;
  while (!InterruptGuard::interrupted()) {
    const std::uint64_t now_ns = clock_.monotonic_ns();
    const std::uint64_t gone_ns = now_ns - begin_ns;
    if (gone_ns >= duration_ns || exchange_->poll()) return {};
    if (now_ns >= kill_at_ns) {
      if (Result<void> done = kill_pipeline(); !done) return done;
      kill_at_ns = next_kill_ns();
    }
    if (const auto ended = pipeline_->poll())
      return fail(ErrorCode::io, fmt::format("the pipeline ended with exit code {}: {} says why",
                                             ended->exit_code, log_file()));
    if (now_ns >= look_at_ns) {
      note_status();
      look_at_ns = now_ns + second_ns / 2;
    }
    const double played =
        static_cast<double>(round) * static_cast<double>(duration_ns) + static_cast<double>(gone_ns);
    progress.show(static_cast<std::uint64_t>(options_.rate * played / 1e9),
                  played / static_cast<double>(duration_ns_));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return fail(ErrorCode::interrupted, "interrupted: what was written lies in " + options_.folder);
}

// Plays one session of the feed to its end, until the pipeline has all of it.
Result<void> Soak::play(std::uint64_t duration_ns, unsigned round) {
  if (Result<void> started = start_exchange(duration_ns, round); !started) return started;
  if (Result<void> watched = watch(duration_ns, round); !watched) return watched;
  if (Result<void> done = wait_until_done(); !done) return done;
  exchange_->terminate();
  const std::optional<std::string> end = exchange_->read_line(20 * second_ns);
  const std::optional<os::ChildUsage> usage = exchange_->wait(20 * second_ns);
  if (usage) exchange_usage_.add(*usage);
  exchange_end_ = Json::parse(end.value_or("{}"), nullptr, false);
  if (!exchange_end_.is_object() || !exchange_end_.contains("messages"))
    return fail(ErrorCode::io, fmt::format("the exchange gave no account: {} says why", log_file()));
  sent_ += exchange_end_["messages"].get<std::uint64_t>();
  return {};
}

// The exchange goes on telling where its session ends, and answers requests, while this waits.
Result<void> Soak::wait_until_done() {
  const std::uint64_t deadline_ns = clock_.monotonic_ns() + 50 * second_ns;
  while (clock_.monotonic_ns() < deadline_ns && !InterruptGuard::interrupted()) {
    note_status();
    std::uint64_t lag = 0;
    for (const status::Worker& worker : last_status_.workers) lag += worker.lag_messages;
    if (last_status_.feed.state == "ended" && lag == 0 && last_status_.caught_up_at_ns != 0) return {};
    if (const auto ended = pipeline_->poll())
      return fail(ErrorCode::io, fmt::format("the pipeline ended with exit code {}: {} says why",
                                             ended->exit_code, log_file()));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return fail(ErrorCode::io,
              fmt::format("the pipeline did not come to the end of the session within 50 s; it is "
                          "{} at message {}: {} says more",
                          last_status_.feed.state, last_status_.feed.next_sequence, log_file()));
}

Result<void> Soak::stop_all() {
  checkpoints_ += last_status_.checkpoints.taken;
  pipeline_->terminate();
  const std::optional<os::ChildUsage> pipeline = pipeline_->wait(30 * second_ns);
  if (!pipeline || pipeline->exit_code != 0)
    return fail(ErrorCode::io, fmt::format("the pipeline did not stop in order: {} says why", log_file()));
  pipeline_usage_.add(*pipeline);
  consumer_->terminate();
  const std::optional<std::string> line = consumer_->read_line(60 * second_ns);
  if (const auto usage = consumer_->wait(20 * second_ns)) consumer_usage_.add(*usage);
  consumer_end_ = Json::parse(line.value_or("{}"), nullptr, false);
  if (!consumer_end_.is_object() || !consumer_end_.contains("digests"))
    return fail(ErrorCode::io, fmt::format("the consumer gave no account: {} says why", log_file()));
  return {};
}

Result<void> Soak::run() {
  if (Result<void> started = start_pipeline(); !started) return started;
  const std::uint64_t deadline_ns = clock_.monotonic_ns() + 20 * second_ns;
  while (!status::ask_status(status_socket())) {
    if (pipeline_->poll() || clock_.monotonic_ns() > deadline_ns)
      return fail(ErrorCode::io, fmt::format("the pipeline did not start: {} says why", log_file()));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (Result<void> started = start_consumer(); !started) return started;
  const unsigned rounds = options_.exchange_restarts + 1;
  for (unsigned round = 0; round < rounds; ++round)
    if (Result<void> played = play(duration_ns_ / rounds, round); !played) return played;
  return stop_all();
}

void Soak::describe_messages(Json& json, const FeedAccount& feed) const {
  json["sent"] = sent_;
  const std::uint64_t captured = feed.messages + feed.removed;
  json["captured"] = captured;
  json["lost"] = sent_ - std::min(sent_, captured);
  if (feed.removed > 0) json["removed_by_retention"] = feed.removed;
  json["duplicated"] = feed.doubled;
  json["recovered"] = recovered_ + last_status_.feed.retransmitted_messages;
  json["declared_missing"] = feed.declared;
  json["snapshots"] = feed.snapshots;
  json["sessions"] = feed.sessions;
}

Json Soak::resources() const {
  const auto of = [&](const Usage& usage) {
    return Json{
        {"cpu_cores", std::round(static_cast<double>(usage.cpu_ns) /
                                 static_cast<double>(std::max<std::uint64_t>(duration_ns_, 1)) * 1000) /
                          1000},
        {"peak_rss_mb", usage.peak_resident_bytes >> 20}};
  };
  return {{"pipeline", of(pipeline_usage_)},
          {"consumer", of(consumer_usage_)},
          {"exchange", of(exchange_usage_)}};
}

// Everything once more from the log, by different numbers of workers.
Result<void> Soak::compare(event_log::EventLog& log, Json& json) {
  const Result<config::Config> config = config::read("", "the settings of the soak", settings());
  if (!config) return std::unexpected(config.error());
  Json found = Json::object();
  bool equal = true;
  for (const unsigned workers : options_.recompute_workers) {
    const Result<Recomputation> again = recompute(log, *config, workers, options_.folder + "/again");
    if (!again) return std::unexpected(again.error());
    const Json digests = Json::parse(digests_json(again->digests));
    const bool same = digests == consumer_end_["digests"];
    equal &= same;
    found[std::to_string(workers)] = {
        {"equal", same},
        {"messages_per_second",
         static_cast<std::uint64_t>(static_cast<double>(again->messages) / again->seconds)},
        {"longest_stall_us", again->checkpoint_stall_us}};
    if (!same) found[std::to_string(workers)]["digests"] = digests;
  }
  json["recomputed"] = found;
  json["equal"] = equal;
  return {};
}

Result<Json> Soak::account() {
  os::PosixFileSystem files;
  event_log::journal::Journal log(files, options_.folder + "/data/journal");
  const Result<FeedAccount> feed = account_for_feed(log);
  if (!feed) return std::unexpected(feed.error());
  Json json;
  json["rate"] = options_.rate;
  json["duration_s"] = static_cast<double>(duration_ns_) / 1e9;
  json["seed"] = options_.seed;
  json["workers"] = last_status_.workers.size();
  json["messages"] = Json::object();
  describe_messages(json["messages"], *feed);
  json["latency_us"] = consumer_end_["latency_us"];
  Json stages = Json::object();
  for (const status::Latency& latency : last_status_.latencies)
    stages[latency.name] = {{"p50", static_cast<double>(latency.p50_ns) / 1e3},
                            {"p99", static_cast<double>(latency.p99_ns) / 1e3},
                            {"p99.9", static_cast<double>(latency.p999_ns) / 1e3},
                            {"max", static_cast<double>(latency.max_ns) / 1e3}};
  stages.erase("exchange to capture");  // The market's times are not of this day.
  json["stages_us"] = stages;
  json["checkpoints"] = {{"taken", checkpoints_},
                         {"longest_stall_us", longest_stall_us_},
                         {"longest_us", longest_checkpoint_us_}};
  std::ranges::sort(recoveries_ns_);
  const auto ms = [](std::uint64_t ns) { return static_cast<double>(ns / 1'000) / 1e3; };
  json["kills"] = kills_;
  json["recoveries"] = {
      {"count", recoveries_ns_.size()},
      {"median_ms", recoveries_ns_.empty() ? 0.0 : ms(recoveries_ns_[recoveries_ns_.size() / 2])},
      {"max_ms", recoveries_ns_.empty() ? 0.0 : ms(recoveries_ns_.back())}};
  json["back_pressure"] = {
      {"mean",
       back_pressure_count_ == 0 ? 0.0 : back_pressure_sum_ / static_cast<double>(back_pressure_count_)},
      {"max", back_pressure_max_}};
  json["peak_rss_mb"] = pipeline_usage_.peak_resident_bytes >> 20;
  json["rss_mb"] = {{"early", first_resident_bytes_ >> 20}, {"late", last_resident_bytes_ >> 20}};
  json["live_orders"] = most_live_orders_;
  json["processes"] = resources();
  json["postponed_s"] = exchange_end_.value("postponed_seconds", 0.0);
  json["digests"] = consumer_end_["digests"];
  if (!options_.no_recompute)
    if (Result<void> compared = compare(log, json); !compared) return std::unexpected(compared.error());
  const bool sound = json["messages"]["lost"] == 0 && json["messages"]["duplicated"] == 0 &&
                     feed->missing == 0 && json.value("equal", true);
  json["sound"] = sound;
  return json;
}

std::string text_of(const Json& json) {
  std::string text;
  for (const auto& [name, value] : json.items()) text += fmt::format("{:<14} {}\n", name, value.dump());
  return text;
}

Result<void> soak(const Options& options) {
  const InterruptGuard guard(OnInterrupt::finish_in_order);
  Soak soak(options);
  if (Result<void> prepared = soak.prepare(); !prepared) return prepared;
  if (Result<void> ran = soak.run(); !ran) return ran;
  const Result<Json> json = soak.account();
  if (!json) return std::unexpected(json.error());
  if (Result<void> written = write_standard_output(options.json ? json->dump() + '\n' : text_of(*json));
      !written)
    return written;
  if (!(*json)["sound"].get<bool>())
    return fail(
        ErrorCode::corrupt,
        fmt::format("messages or rows were lost, doubled or differ; everything lies in {}", options.folder));
  std::error_code ignored;
  if (!options.keep) std::filesystem::remove_all(options.folder, ignored);
  return {};
}

// The process that reads rows. It ends behind the last row once it is told to.
Result<void> consume(const std::string& data) {
  const InterruptGuard guard(OnInterrupt::finish_in_order);
  os::PosixFileSystem files;
  const os::SystemClock clock;
  os::name_this_thread("consumer");
  os::put_this_thread_ahead();
  os::set_timer_slack_ns(1'000);
  event_log::journal::Journal log(files, data + "/journal");
  RowConsumer consumer(log, clock);
  Result<std::unique_ptr<os::SharedDoorbell>> bell = os::SharedDoorbell::open(data + "/rows.bell");
  if (!bell) return std::unexpected(bell.error());
  os::Doorbell& rows_bell = (*bell)->bell();
  for (;;) {
    const std::uint32_t ticket = rows_bell.ticket();
    const bool last = InterruptGuard::interrupted();
    const Result<bool> any = consumer.turn();
    if (!any) return std::unexpected(any.error());
    if (*any) continue;
    if (last) break;
    constexpr std::uint64_t most_wait_ns = 1'000'000;
    rows_bell.wait(ticket, most_wait_ns);
  }
  return write_standard_output(fmt::format(R"({{"batches":{},"missed":{},"latency_us":{},"digests":{}}})",
                                           consumer.batches(), consumer.missed(),
                                           delays_json(consumer.delays()), digests_json(consumer.digests())) +
                               '\n');
}

}  // namespace

void add_soak_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "soak", "Prove the live pipeline: an exchange, the pipeline and a consumer, under load and kills");
  auto options = std::make_shared<Options>();
  command->add_option("--rate", options->rate, "Messages a second")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 1e8));
  command->add_option("--duration", options->duration, "How long to play, as in 20s or 5m")
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Of the market, the faults and the kills")
      ->capture_default_str();
  command->add_option("--kill-every", options->kill_every,
                      "kill -9 the pipeline about so often, as in 2s, and start it again");
  command->add_option("--faults", options->faults, "What goes wrong on the way: see tapeline exchange")
      ->type_name("LIST");
  command
      ->add_option("--workers", options->workers, "Workers of the pipeline; 0: as many as it takes by itself")
      ->capture_default_str();
  command->add_option("--symbols", options->symbols, "Securities of the market")->capture_default_str();
  command
      ->add_option("--exchange-restarts", options->exchange_restarts,
                   "How often the exchange is stopped and started again meanwhile: sessions of their own")
      ->capture_default_str();
  command
      ->add_option("--recompute", options->recompute_workers,
                   "Numbers of workers that compute everything once more, afterwards")
      ->delimiter(',')
      ->capture_default_str();
  command->add_flag("--no-recompute", options->no_recompute, "Only count the messages in the log");
  command->add_option("--folder", options->folder, "Where everything is written; emptied before")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_flag("--keep", options->keep, "Leave the folder as it is at the end");
  command->add_option("--set", options->overrides, "Change a setting of the pipeline, as for tapeline run")
      ->type_name("SECTION.KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      ->add_option_function<std::string>(
          "--format", [options](const std::string& format) { options->json = format == "json"; },
          "json: one line")
      ->check(CLI::IsMember({"text", "json"}));
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return soak(*options); }; });

  // Part of a soak, not for people.
  CLI::App* consumer = program.add_subcommand("soak-consumer")->group("");
  auto data = std::make_shared<std::string>();
  consumer->add_option("--data", *data)->required();
  consumer->callback([&action, data] { action = [data] { return consume(*data); }; });
}

}  // namespace tapeline::app
