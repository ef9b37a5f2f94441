#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/config_options.h"
#include "app/standard_output.h"
#include "event_log/journal/journal.h"
#include "metrics/latency_histogram.h"
#include "os/posix/posix_file_system.h"
#include "os/posix/system_clock.h"
#include "pipeline/live/ingest.h"
#include "serve/binary_message.h"
#include "serve/network/beast/stream_clients.h"
#include "trace/logged_message.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(Opens many connections to the stream of a server at serve.address and serve.port, follows some symbols by each in the
binary form, and prints one object of JSON: what came, what was missed, how long the longest silence of a client was.
With --delays it looks every message up in the log of the data folder: how long after its packet a client had the newest
change, and the one that had waited longest.

Example:
  tapeline serve-load --clients 1000 --seconds 20 --symbols AAAA,AAAB --interval-ms 100)";

using Json = nlohmann::ordered_json;

struct Options {
  ConfigText config;
  std::vector<std::string> symbols;
  std::vector<std::string> tables{"bbo"};
  std::size_t clients = 50;
  std::size_t stalled = 0;
  std::uint64_t seconds = 20;
  std::uint64_t interval_ms = 10;
  bool delays = false;
};

// A message of a channel: what it told of last, what it tells of now, and when it came.
struct Sample {
  Symbol symbol;
  std::uint64_t after;
  std::uint64_t sequence;
  std::uint64_t received_ns;
};

class Load final : public serve::StreamClientsHandler {
 public:
  explicit Load(const Options& options) : options_(options), clients_(options.clients) {}

  void on_open(std::size_t client) override {
    ++opened_;
    clients_[client].heard_ns = clock_.monotonic_ns();
  }
  void on_lost(std::size_t, std::string_view why) override { ++lost_[std::string(why)]; }
  void on_message(std::size_t client, bool is_text, std::string_view message) override {
    const std::uint64_t now_ns = clock_.monotonic_ns();
    Client& of = clients_[client];
    longest_silence_ns_ = std::max(longest_silence_ns_, now_ns - of.heard_ns);
    of.heard_ns = now_ns;
    bytes_ += message.size();
    if (is_text)
      ++texts_;
    else
      take(of, message);
  }

  [[nodiscard]] Json account() const {
    Json json;
    json["clients"] = options_.clients;
    json["opened"] = opened_;
    json["lost"] = lost_;
    json["texts"] = texts_;
    json["messages"] = messages_;
    json["bytes"] = bytes_;
    json["gaps"] = gaps_;
    json["longest_silence_ms"] = longest_silence_ns_ / 1'000'000;
    return json;
  }
  [[nodiscard]] std::vector<Sample> take_samples() { return std::move(samples_); }

 private:
  struct Told {
    std::uint64_t n = 0;
    std::uint64_t sequence = 0;
  };
  struct Client {
    std::uint64_t heard_ns = 0;
    std::map<std::pair<std::uint8_t, Symbol>, Told> channels{};
  };
  static constexpr std::size_t most_samples = 4'000'000;

  void take(Client& client, std::string_view bytes) {
    const std::uint64_t received_ns = clock_.realtime_ns();
    while (bytes.size() >= sizeof(serve::BinaryHeader)) {
      serve::BinaryHeader header;
      std::memcpy(&header, bytes.data(), sizeof(header));
      if (header.size < sizeof(header) || header.size > bytes.size()) break;
      bytes.remove_prefix(header.size);
      ++messages_;
      Told& told = client.channels[{header.table, header.symbol}];
      if (header.n != told.n + 1) ++gaps_;
      if (options_.delays && header.kind == serve::BinaryHeader::delta && samples_.size() < most_samples)
        samples_.push_back({header.symbol, told.sequence, header.sequence, received_ns});
      told = {header.n, header.sequence};
    }
    if (!bytes.empty()) ++gaps_;  // What cannot be read is as good as missing.
  }

  const Options& options_;
  os::SystemClock clock_;
  std::vector<Client> clients_;
  std::uint64_t opened_ = 0;
  std::map<std::string, std::uint64_t> lost_;
  std::uint64_t texts_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t gaps_ = 0;
  std::uint64_t longest_silence_ns_ = 0;
  std::vector<Sample> samples_;
};

Json json_of(const metrics::HistogramSnapshot& histogram) {
  return {{"count", histogram.count()},
          {"p50_us", histogram.percentile(0.5) / 1'000},
          {"p90_us", histogram.percentile(0.9) / 1'000},
          {"p99_us", histogram.percentile(0.99) / 1'000},
          {"p999_us", histogram.percentile(0.999) / 1'000},
          {"max_us", histogram.max() / 1'000}};
}

// When the packets of each symbol's messages came, by sequence.
using Captures = std::map<Symbol, std::vector<std::pair<std::uint64_t, std::uint64_t>>>;

Result<Captures> captures_of(const std::vector<Sample>& samples, const config::Config& config) {
  std::uint64_t first = UINT64_MAX;
  std::uint64_t last = 0;
  Captures captures;
  for (const Sample& sample : samples) {
    first = std::min(first, sample.after);
    last = std::max(last, sample.sequence);
    captures[sample.symbol];
  }
  os::PosixFileSystem files;
  event_log::journal::Journal journal(files, config::journal_folder(config));
  const Result<event_log::PartitionDescription> log = journal.describe(pipeline::feed_topic, 0);
  if (!log) return std::unexpected(log.error());
  Result<std::unique_ptr<event_log::Reader>> reader = journal.open_reader(pipeline::feed_topic, 0);
  if (!reader) return std::unexpected(reader.error());
  trace::MessageLookup lookup(std::move(*reader));
  const auto begin = lookup.find(std::max<std::uint64_t>(first, 1), log->oldest.value, log->end.value);
  if (!begin) return std::unexpected(begin.error());
  if (!*begin) return fail(ErrorCode::not_found, "the log does not hold what the clients were told");
  std::unordered_map<std::uint16_t, Captures::iterator> by_locate;
  const auto note = [&](const trace::LoggedMessage& message) {
    if (const auto named = captures.find(message.symbol); named != captures.end())
      by_locate.emplace(raw(message.locate), named);
    if (const auto known = by_locate.find(raw(message.locate)); known != by_locate.end())
      known->second->second.emplace_back(message.sequence, message.captured_ns);
    return message.sequence < last;
  };
  if (Result<void> done = lookup.for_each((*begin)->offset, log->end.value, note); !done)
    return std::unexpected(done.error());
  return captures;
}

Result<Json> delays_of(const std::vector<Sample>& samples, const config::Config& config) {
  Json json;
  if (samples.empty()) return json;
  const Result<Captures> captures = captures_of(samples, config);
  if (!captures) return std::unexpected(captures.error());
  metrics::LatencyHistogram newest;
  metrics::LatencyHistogram oldest;
  for (const Sample& sample : samples) {
    const auto& messages = captures->at(sample.symbol);
    const auto begin =
        std::ranges::upper_bound(messages, sample.after, {}, &std::pair<std::uint64_t, std::uint64_t>::first);
    const auto end = std::ranges::upper_bound(messages, sample.sequence, {},
                                              &std::pair<std::uint64_t, std::uint64_t>::first);
    if (begin >= end) continue;  // Told for the sake of a gap or a session, not of a message.
    const auto delay = [&](std::uint64_t captured_ns) {
      return sample.received_ns - std::min(sample.received_ns, captured_ns);
    };
    oldest.record(delay(begin->second));
    newest.record(delay(std::prev(end)->second));
  }
  json["newest_change"] = json_of(newest.snapshot());
  json["oldest_change"] = json_of(oldest.snapshot());
  return json;
}

Result<void> run(const Options& options) {
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  const Result<os::IpAddress> address = os::parse_address(config->serve.address);
  if (!address) return std::unexpected(address.error());
  if (options.symbols.empty()) return fail(ErrorCode::usage, "which symbols? Name some by --symbols");
  const Json request{{"op", "subscribe"},
                     {"id", 1},
                     {"tables", options.tables},
                     {"symbols", options.symbols},
                     {"interval_ms", options.interval_ms},
                     {"format", "binary"}};
  serve::StreamClientsConfig clients;
  clients.at = {*address, static_cast<std::uint16_t>(config->serve.port)};
  clients.clients = options.clients;
  clients.stalled = options.stalled;
  clients.request = request.dump();
  clients.duration_ns = options.seconds * 1'000'000'000;
  Load load(options);
  if (Result<void> done = serve::run_stream_clients(clients, load); !done) return done;
  Json json = load.account();
  if (options.delays) {
    Result<Json> delays = delays_of(load.take_samples(), *config);
    if (!delays) return std::unexpected(delays.error());
    json["delays"] = std::move(*delays);
  }
  return write_standard_output(json.dump() + '\n');
}

}  // namespace

void add_serve_load_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("serve-load", "Put a server of the stream under the load of many clients");
  command->group("");  // For who works on the server.
  auto options = std::make_shared<Options>();
  add_config_options(*command, options->config);
  command->add_option("--clients", options->clients, "Connections")
      ->check(CLI::Range(1, 20'000))
      ->capture_default_str();
  command->add_option("--stalled", options->stalled, "How many of them never read")->capture_default_str();
  command->add_option("--seconds", options->seconds, "How long, in seconds")
      ->check(CLI::Range(1, 3'600))
      ->capture_default_str();
  command->add_option("--symbols", options->symbols, "Symbols that each client follows")->delimiter(',');
  command->add_option("--tables", options->tables, "Tables that it follows")
      ->delimiter(',')
      ->capture_default_str();
  command
      ->add_option("--interval-ms", options->interval_ms,
                   "Least time between two messages of a channel, in ms")
      ->capture_default_str();
  command->add_flag("--delays", options->delays, "Look the delays up in the log of the data folder");
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
