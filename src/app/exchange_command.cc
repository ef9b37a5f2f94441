#include <cstdio>
#include <limits>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/interrupt_guard.h"
#include "app/json_writer.h"
#include "app/standard_output.h"
#include "exchange/feed_service.h"
#include "exchange/generated_source.h"
#include "exchange/glimpse_server.h"
#include "exchange/server.h"
#include "feed/source/open_message_source.h"
#include "os/cpu.h"
#include "os/posix/system_clock.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(An exchange for tests: it plays a BinaryFILE or capture (also in gzip or zstd), or a market that it generates, as
MoldUDP64 on two multicast groups, answers requests for retransmission by unicast UDP, and gives who joins late a
GLIMPSE snapshot of its books by TCP. It runs until the messages
end, --count or --duration is reached, or SIGTERM or SIGINT comes; then it ends the session in order, exits with 0 and
prints what it did. Nothing leaves the machine unless --interface and --ttl say so.

At a rate, a generated market carries the time of day at which each message goes out, in nanoseconds since midnight of
UTC, so that the delay to a capture on the same machine can be measured. --no-restamp keeps the market's own times.

Faults are probabilities of each packet (0.01 where none is given), drawn for each feed by itself from --seed:
  loss=P duplicate=P reorder=P (sent behind the next one) delay=P (by delay-ms=5) corrupt=P (damage that a receiver
  can tell) one-feed-down[=A|B[@FROM-UNTIL]] (in seconds) session-change=SECONDS (then a new session begins)

Examples:
  tapeline exchange                                      10,000 messages a second of a generated market
  tapeline exchange day.itch.gz --real-time --speed 10   a day ten times as fast
  tapeline exchange --rate 1000000 --preload --duration 10
                                                         a million a second, generated before they are sent
  tapeline exchange --rate 50000 --burst 20 --faults loss=0.01,reorder=0.01,one-feed-down=B@5-8
  tapeline exchange --format json > exchange.jsonl &     a script reads the addresses from its first line)";

struct Options {
  std::string file;
  exchange::PublisherConfig publisher;
  exchange::ServerConfig server;
  simulator::Config market;
  std::optional<std::uint64_t> market_messages = std::nullopt;
  std::optional<double> duration_s = std::nullopt;
  bool real_time = false;
  bool unpaced = false;
  bool preload = false;
  std::optional<bool> restamp = std::nullopt;
  double burst_ms = 100;
  double burst_every_ms = 1000;
  double flush_us = 200;
  double heartbeat_ms = 1000;
  double linger_ms = 500;
  std::uint64_t keep_mib = 1024;
  std::string session = "TAPE000001";
  std::string group_a = "239.255.42.1:0";
  std::string group_b = "239.255.42.2:0";
  std::string requests = "127.0.0.1:0";
  std::string glimpse = "127.0.0.1:0";
  os::Endpoint glimpse_endpoint{};
  bool no_glimpse = false;
  std::string tcp;
  os::Endpoint tcp_endpoint{};
  std::string faults;
  std::optional<unsigned> core = std::nullopt;
  bool json = false;
};

// What a number on the command line may be; CLI11's own message names the option.
Result<void> require(bool condition, std::string_view message) {
  if (condition) return {};
  return fail(ErrorCode::usage, std::string(message));
}

std::uint64_t to_ns(double value, double unit_ns) {
  return static_cast<std::uint64_t>(value * unit_ns);
}

Result<void> settle_pacing(Options& options) {
  exchange::Pacing& pacing = options.publisher.pacing;
  if (options.real_time) pacing.mode = exchange::PacingMode::event_time;
  if (options.unpaced) pacing.mode = exchange::PacingMode::unpaced;
  pacing.burst_length_ns = to_ns(options.burst_ms, 1e6);
  pacing.burst_period_ns = to_ns(options.burst_every_ms, 1e6);
  if (auto right =
          require(!(options.real_time && options.unpaced), "choose --real-time or --unpaced, not both");
      !right)
    return right;
  if (auto right = require(pacing.messages_per_second >= 0.001 && pacing.messages_per_second <= 1e9,
                           "--rate takes 0.001 to 1000000000 messages a second");
      !right)
    return right;
  if (auto right = require(pacing.speed >= 0.001 && pacing.speed <= 1e6, "--speed takes 0.001 to 1000000");
      !right)
    return right;
  if (auto right = require(pacing.burst_factor >= 1 && pacing.burst_factor <= 1e6,
                           "--burst takes a factor from 1 to 1000000");
      !right)
    return right;
  return require(
      pacing.burst_length_ns <= pacing.burst_period_ns && pacing.burst_period_ns > 0 &&
          options.burst_every_ms <= 1e9,
      "a burst (--burst-ms) must not be longer than the time from one to the next (--burst-every-ms)");
}

Result<void> settle_addresses(Options& options) {
  const auto parse = [](const std::string& text, os::Endpoint& to) -> Result<void> {
    const Result<os::Endpoint> endpoint = os::parse_endpoint(text);
    if (!endpoint) return std::unexpected(endpoint.error());
    to = *endpoint;
    return {};
  };
  if (auto done = parse(options.group_a, options.server.feed_a); !done) return done;
  if (auto done = parse(options.group_b, options.server.feed_b); !done) return done;
  if (options.server.feed_a == options.server.feed_b && options.server.feed_a.port != 0)
    return fail(ErrorCode::usage, "--group-a and --group-b must differ, in address or port");
  if (auto done = parse(options.glimpse, options.glimpse_endpoint); !done) return done;
  if (!options.tcp.empty())
    if (auto done = parse(options.tcp, options.tcp_endpoint); !done) return done;
  return parse(options.requests, options.server.requests);
}

// How many messages the generated day has: as many as will be sent, as far as that is known.
std::uint64_t wanted_messages(const Options& options) {
  const exchange::PublisherConfig& publisher = options.publisher;
  std::uint64_t messages = options.market_messages.value_or(10'000'000);
  if (!options.market_messages && publisher.max_messages) messages = *publisher.max_messages;
  if (!options.market_messages && !publisher.max_messages && options.duration_s &&
      publisher.pacing.mode == exchange::PacingMode::rate) {
    const exchange::Pacing& pacing = publisher.pacing;
    const double in_bursts = (pacing.burst_factor - 1) * options.burst_ms / options.burst_every_ms;
    messages = static_cast<std::uint64_t>(
        std::min(1e9, pacing.messages_per_second * (*options.duration_s + 1) * (1 + in_bursts)));
  }
  return std::clamp(messages, options.market.minimum_messages(), simulator::Config::max_messages);
}

Result<void> settle(Options& options) {
  if (auto done = settle_pacing(options); !done) return done;
  if (auto done = settle_addresses(options); !done) return done;
  exchange::PublisherConfig& publisher = options.publisher;
  const Result<exchange::Faults> faults = exchange::parse_faults(options.faults);
  if (!faults) return std::unexpected(faults.error());
  publisher.faults = *faults;
  if (auto right =
          require(!options.session.empty() && options.session.size() <= 10 &&
                      std::ranges::all_of(options.session, [](char c) { return c > ' ' && c <= '~'; }),
                  "--session takes 1 to 10 ASCII characters without spaces");
      !right)
    return right;
  publisher.session = feed::SessionName(options.session);
  if (auto right = require(publisher.datagram_bytes >= 128 && publisher.datagram_bytes <= 65'000,
                           "--datagram-bytes takes 128 to 65000");
      !right)
    return right;
  constexpr double longest_s = 1e6;
  if (auto right =
          require(options.flush_us >= 0 && options.flush_us <= longest_s && options.linger_ms >= 0 &&
                      options.linger_ms <= longest_s && options.heartbeat_ms >= 1 &&
                      options.heartbeat_ms <= longest_s && options.duration_s.value_or(1) > 0 &&
                      options.duration_s.value_or(1) <= longest_s,
                  "times are positive and at most 1000000; heartbeats come at most each millisecond");
      !right)
    return right;
  publisher.flush_ns = to_ns(options.flush_us, 1e3);
  publisher.heartbeat_ns = to_ns(options.heartbeat_ms, 1e6);
  publisher.linger_ns = to_ns(options.linger_ms, 1e6);
  if (options.duration_s) publisher.duration_ns = to_ns(*options.duration_s, 1e9);
  publisher.kept_bytes = std::min<std::uint64_t>(options.keep_mib, 1 << 20) << 20;
  publisher.seed = options.market.seed;
  const bool generated = options.file.empty();
  publisher.restamp =
      options.restamp.value_or(generated && publisher.pacing.mode == exchange::PacingMode::rate);
  if (!generated) return {};
  options.market.messages = wanted_messages(options);
  return options.market.validate();
}

Result<std::unique_ptr<feed::MessageSource>> open_source(const Options& options, std::uint64_t session) {
  std::unique_ptr<feed::MessageSource> source;
  if (options.file.empty()) {
    simulator::Config market = options.market;
    market.seed += session;
    source = std::make_unique<exchange::GeneratedSource>(market);
  } else {
    Result<std::unique_ptr<feed::MessageSource>> opened = feed::open_message_source(options.file);
    if (!opened) return opened;
    source = std::move(*opened);
  }
  if (!options.preload) return source;
  return exchange::PreloadedSource::load(
      *source, options.publisher.max_messages.value_or(std::numeric_limits<std::uint64_t>::max()));
}

// What is served by TCP; null where it is not.
struct TcpServers {
  std::unique_ptr<exchange::GlimpseServer> glimpse;
  std::unique_ptr<exchange::FeedServer> feed;
};

Result<void> announce(const Options& options, const exchange::Server& server, const TcpServers& tcp,
                      const exchange::Publisher& publisher) {
  const std::string a = os::to_text(server.feed(exchange::Feed::a));
  const std::string b = os::to_text(server.feed(exchange::Feed::b));
  const std::string requests = os::to_text(server.requests());
  const std::string snapshots = tcp.glimpse == nullptr ? "none" : os::to_text(tcp.glimpse->endpoint());
  const std::string by_tcp = tcp.feed == nullptr ? "none" : os::to_text(tcp.feed->endpoint());
  if (!options.json) {
    fmt::print(stderr, "feed A {}, feed B {} on {}; requests {}; snapshots {}; feed by TCP {}; session {}\n",
               a, b, options.server.output.interface, requests, snapshots, by_tcp,
               publisher.session().view());
    return {};
  }
  JsonWriter json;
  json.begin_object(true);
  json.member("event", "start");
  json.member("session", publisher.session().view());
  json.member("feed_a", a);
  json.member("feed_b", b);
  json.member("interface", options.server.output.interface);
  json.member("requests", requests);
  json.key("glimpse");
  if (tcp.glimpse == nullptr)
    json.null();
  else
    json.text(snapshots);
  json.key("tcp");
  if (tcp.feed == nullptr)
    json.null();
  else
    json.text(by_tcp);
  json.end();
  return write_standard_output(json.take());
}

struct Usage {
  double seconds;
  double process_cpu_s;
  double thread_cpu_s;
};

void add_feed(JsonWriter& json, std::string_view name, std::uint64_t packets,
              const exchange::FaultCounters& faults) {
  json.key(name);
  json.begin_object(true);
  json.member("packets", packets);
  json.member("lost", faults.lost);
  json.member("duplicated", faults.duplicated);
  json.member("reordered", faults.reordered);
  json.member("delayed", faults.delayed);
  json.member("corrupted", faults.corrupted);
  json.member("suppressed", faults.suppressed);
  json.end();
}

Result<void> summarise_json(const exchange::Server& server, const TcpServers& tcp,
                            const exchange::Publisher& publisher, const Usage& usage) {
  const exchange::PublisherCounters& counters = publisher.counters();
  JsonWriter json;
  json.begin_object(true);
  json.member("event", "end");
  json.member("messages", counters.messages);
  json.member("seconds", usage.seconds, 6);
  json.member("messages_per_second", static_cast<double>(counters.messages) / usage.seconds, 1);
  json.member("sessions", counters.sessions);
  json.member("message_packets", counters.packets);
  json.member("heartbeats", counters.heartbeats);
  add_feed(json, "feed_a", server.counters().packets[0], publisher.faults(exchange::Feed::a));
  add_feed(json, "feed_b", server.counters().packets[1], publisher.faults(exchange::Feed::b));
  json.member("requests", counters.requests);
  json.member("requests_served", counters.requests_served);
  json.member("requests_malformed", counters.requests_malformed);
  json.member("requests_empty", counters.requests_empty);
  json.member("requests_throttled", counters.requests_throttled);
  json.member("messages_resent", counters.messages_resent);
  json.member("snapshots_taken", tcp.glimpse == nullptr ? 0 : tcp.glimpse->counters().taken);
  json.member("snapshots_sent", tcp.glimpse == nullptr ? 0 : tcp.glimpse->counters().sent);
  json.member("tcp_logins", tcp.feed == nullptr ? 0 : tcp.feed->counters().accepted);
  json.member("tcp_messages", tcp.feed == nullptr ? 0 : tcp.feed->counters().messages);
  json.member("messages_too_long", counters.too_long);
  json.member("packets_refused", server.counters().refused);
  json.member("postponed_seconds", static_cast<double>(counters.postponed_ns) / 1e9, 6);
  json.member("cpu_seconds", usage.process_cpu_s, 6);
  json.member("sending_cpu_seconds", usage.thread_cpu_s, 6);
  json.end();
  return write_standard_output(json.take());
}

void print_feed(char name, std::uint64_t packets, const exchange::FaultCounters& faults) {
  fmt::print(stderr, "feed {}: {} packets; {} lost, {} duplicated, {} reordered, {} delayed, {} corrupted",
             name, packets, faults.lost, faults.duplicated, faults.reordered, faults.delayed,
             faults.corrupted);
  if (faults.suppressed > 0) fmt::print(stderr, ", {} not sent while it was down", faults.suppressed);
  fmt::print(stderr, "\n");
}

void summarise(const exchange::Server& server, const TcpServers& tcp, const exchange::Publisher& publisher,
               const Usage& usage) {
  const exchange::PublisherCounters& counters = publisher.counters();
  fmt::print(stderr, "{} messages in {:.3f} s: {:.0f} messages/s; {} packets, {} heartbeats, {} sessions\n",
             counters.messages, usage.seconds, static_cast<double>(counters.messages) / usage.seconds,
             counters.packets, counters.heartbeats, counters.sessions);
  print_feed('A', server.counters().packets[0], publisher.faults(exchange::Feed::a));
  print_feed('B', server.counters().packets[1], publisher.faults(exchange::Feed::b));
  fmt::print(
      stderr,
      "requests: {}, of which {} served with {} messages, {} malformed, {} for nothing, {} throttled\n",
      counters.requests, counters.requests_served, counters.messages_resent, counters.requests_malformed,
      counters.requests_empty, counters.requests_throttled);
  if (tcp.glimpse != nullptr && tcp.glimpse->connections().accepted > 0)
    fmt::print(stderr, "snapshots: {} taken, {} sent on {} connections\n", tcp.glimpse->counters().taken,
               tcp.glimpse->counters().sent, tcp.glimpse->connections().accepted);
  if (tcp.feed != nullptr)
    fmt::print(stderr, "feed by TCP: {} messages in {} sessions\n", tcp.feed->counters().messages,
               tcp.feed->counters().accepted);
  if (counters.too_long > 0) fmt::print(stderr, "{} messages fit no packet\n", counters.too_long);
  if (counters.postponed_ns > 0)
    fmt::print(stderr, "the schedule was moved by {:.3f} s because the machine was late\n",
               static_cast<double>(counters.postponed_ns) / 1e9);
  if (server.counters().refused > 0)
    fmt::print(stderr, "{} packets were refused by the kernel\n", server.counters().refused);
  fmt::print(stderr,
             "processor time: {:.3f} s, {:.2f} of a core; the sending thread {:.3f} s, {:.2f} of a core\n",
             usage.process_cpu_s, usage.process_cpu_s / usage.seconds, usage.thread_cpu_s,
             usage.thread_cpu_s / usage.seconds);
}

Result<void> play(Options options) {
  if (auto settled = settle(options); !settled) return settled;
  const InterruptGuard guard(OnInterrupt::finish_in_order);
  const os::SystemClock clock;
  // The first session's messages are at hand before its clock starts.
  Result<std::unique_ptr<feed::MessageSource>> first = open_source(options, 0);
  if (!first) return std::unexpected(first.error());
  exchange::Publisher publisher(options.publisher, [&](std::uint64_t session) {
    return session == 0 ? std::move(first) : open_source(options, session);
  });
  Result<exchange::Server> server = exchange::Server::open(options.server, publisher, clock);
  if (!server) return std::unexpected(server.error());
  if (options.core)
    if (auto pinned = os::pin_this_thread(*options.core); !pinned) return pinned;
  // The schedule is in microseconds; the usual slack of 50 would show in it.
  os::set_timer_slack_ns(1'000);
  TcpServers tcp;
  if (!options.no_glimpse) {
    auto started =
        exchange::GlimpseServer::start(options.glimpse_endpoint, publisher, server->publisher_mutex(), clock);
    if (!started) return std::unexpected(started.error());
    tcp.glimpse = std::move(*started);
  }
  if (!options.tcp.empty()) {
    auto started =
        exchange::FeedServer::start(options.tcp_endpoint, publisher, server->publisher_mutex(), clock);
    if (!started) return std::unexpected(started.error());
    tcp.feed = std::move(*started);
  }
  if (auto announced = announce(options, *server, tcp, publisher); !announced) return announced;
  const std::uint64_t start_ns = clock.monotonic_ns();
  const std::uint64_t process_before_ns = os::process_cpu_ns();
  const std::uint64_t thread_before_ns = os::this_thread_cpu_ns();
  Result<void> played = server->run([] { return InterruptGuard::interrupted(); });
  // Without the time for which the end of the last session lingered.
  const std::uint64_t end_ns = publisher.last_session_ended_ns().value_or(clock.monotonic_ns());
  const Usage usage{static_cast<double>(std::max<std::uint64_t>(1, end_ns - start_ns)) / 1e9,
                    static_cast<double>(os::process_cpu_ns() - process_before_ns) / 1e9,
                    static_cast<double>(os::this_thread_cpu_ns() - thread_before_ns) / 1e9};
  if (tcp.glimpse != nullptr)
    if (auto stopped = tcp.glimpse->stop(); played && !stopped) played = stopped;
  if (tcp.feed != nullptr)
    if (auto stopped = tcp.feed->stop(); played && !stopped) played = stopped;
  if (options.json) {
    if (auto written = summarise_json(*server, tcp, publisher, usage); !written) return written;
  } else {
    summarise(*server, tcp, publisher, usage);
  }
  return played;
}

void add_pacing_options(CLI::App& command, Options& options) {
  exchange::Pacing& pacing = options.publisher.pacing;
  CLI::Option* rate =
      command.add_option("--rate", pacing.messages_per_second, "Messages a second")->capture_default_str();
  command
      .add_flag("--real-time", options.real_time, "As the messages' own times are apart, instead of a rate")
      ->excludes(rate);
  command.add_option("--speed", pacing.speed, "With --real-time: so many times as fast")
      ->capture_default_str();
  command.add_flag("--unpaced", options.unpaced, "As fast as it goes, instead of a rate")->excludes(rate);
  command.add_option("--burst", pacing.burst_factor, "Bursts as at an open: so many times the rate")
      ->capture_default_str();
  command.add_option("--burst-ms", options.burst_ms, "How long a burst lasts, in milliseconds")
      ->capture_default_str();
  command
      .add_option("--burst-every-ms", options.burst_every_ms,
                  "From the beginning of a burst to that of the next, in milliseconds")
      ->capture_default_str();
  command.add_option("--count", options.publisher.max_messages, "Stop after so many messages");
  command.add_option("--duration", options.duration_s, "Stop after so many seconds");
  command.add_option("--core", options.core, "Keep the sending thread on this core, from 0");
}

void add_market_options(CLI::App& command, Options& options) {
  command.add_option("--messages", options.market_messages,
                     "Size of the generated day; unset: what --count or --rate and --duration need, else "
                     "10000000");
  command.add_option("--symbols", options.market.symbols, "Securities of the generated market")
      ->capture_default_str();
  command.add_option("--seed", options.market.seed, "Another seed, another market and other faults")
      ->capture_default_str();
  command.add_flag("--preload", options.preload,
                   "Read or generate all messages into memory first: for a million a second and beyond");
  const auto set_restamp = [&options](bool to) { return [&options, to] { options.restamp = to; }; };
  CLI::Option* restamp = command.add_flag_callback("--restamp", set_restamp(true),
                                                   "Messages carry the time of day (UTC) at which they are "
                                                   "sent; default for a generated market at a rate");
  command.add_flag_callback("--no-restamp", set_restamp(false), "Messages keep their own times")
      ->excludes(restamp);
}

void add_network_options(CLI::App& command, Options& options) {
  command.add_option("--group-a", options.group_a, "Feed A goes to this group; port 0 takes a free one")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command.add_option("--group-b", options.group_b, "Feed B goes to this group; port 0 takes a free one")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command.add_option("--requests", options.requests, "Where requests for retransmission are answered")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command.add_option("--glimpse", options.glimpse, "Where GLIMPSE snapshots of the books are served, by TCP")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command
      .add_option(
          "--tcp", options.tcp,
          "Where the feed is served by TCP, too, as SoupBinTCP; unset: it is not, port 0 takes a free one")
      ->type_name("ADDRESS:PORT");
  command.add_flag("--no-glimpse", options.no_glimpse,
                   "No snapshots: saves the processor time of the exchange's own books");
  command.add_option("--interface", options.server.output.interface, "Network interface of the groups")
      ->capture_default_str();
  command
      .add_option("--ttl", options.server.output.ttl, "Routers that multicast may pass, plus 1; 0 stays here")
      ->check(CLI::Range(0, 255))
      ->capture_default_str();
  command.add_option("--session", options.session, "Name of the first session, up to 10 characters")
      ->capture_default_str();
  command.add_option("--datagram-bytes", options.publisher.datagram_bytes, "Largest packet")
      ->capture_default_str();
  command
      .add_option("--flush-us", options.flush_us,
                  "No message waits longer for its packet to fill, in microseconds")
      ->capture_default_str();
  command.add_option("--heartbeat-ms", options.heartbeat_ms, "Silence before a heartbeat, in milliseconds")
      ->capture_default_str();
  command
      .add_option("--linger-ms", options.linger_ms,
                  "How long the end of a session is repeated and requests are answered, in milliseconds")
      ->capture_default_str();
  command
      .add_option("--keep-mib", options.keep_mib, "Memory for messages that may be asked for again, in MiB")
      ->capture_default_str();
  command
      .add_option("--replies-per-second", options.publisher.replies_per_second,
                  "Requests beyond that get no answer")
      ->capture_default_str();
}

}  // namespace

void add_exchange_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "exchange", "Play a feed on the network as an exchange does, with faults on demand");
  auto options = std::make_shared<Options>();
  command->add_option("file", options->file, "What to play; a generated market where none is named")
      ->type_name("FILE");
  add_pacing_options(*command, *options);
  add_market_options(*command, *options);
  add_network_options(*command, *options);
  command->add_option("--faults", options->faults, "What goes wrong on the way, as listed below")
      ->type_name("LIST");
  command
      ->add_option_function<std::string>(
          "--format", [options](const std::string& format) { options->json = format == "json"; },
          "json: one line at the start with the addresses and one at the end, on standard output")
      ->check(CLI::IsMember({"text", "json"}));
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return play(*options); }; });
}

}  // namespace tapeline::app
