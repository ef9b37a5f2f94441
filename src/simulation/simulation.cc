#include "simulation/simulation.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/check.h"
#include "simulation/book_check.h"
#include "simulation/feed_check.h"
#include "simulation/row_check.h"

namespace tapeline::simulation {

namespace {

constexpr std::uint64_t wall_start_ns = 1'790'000'000'000'000'000;
constexpr std::uint64_t most_events = 5'000'000;
constexpr std::uint64_t poll_ns = 1'000'000;
constexpr double checked_share = 0.02;  // Of the times that a worker has caught up.

class World {
 public:
  World(const Plan& plan, const SimulationOptions& options);
  Report run();

 private:
  enum class Down : std::uint8_t { crash, power_loss, clean_stop, gave_up };

  void plan_weather();
  void begin_outage(const Outage& outage, bool begins);
  void fill_disk(bool full);
  void calm_down();
  void watch();
  void start_process();
  void plan_crash();
  void take_down(Down how);
  void on_stop(const std::string& wrong);
  void plan_restart();
  void check_worker(const pipeline::LogWorker& worker);
  void check_end();
  void check_losses(const FeedFindings& feed);
  void answer(unsigned server, const Datagram& request);
  void violate(std::string wrong);
  [[nodiscard]] bool is_calm() const { return events_.now_ns() >= plan_.active_ns; }
  [[nodiscard]] std::uint64_t deadline_ns() const;

  Plan plan_;
  SimulationOptions options_;
  simulator::Rng rng_;
  EventQueue events_;
  Trace trace_;
  os::SimulatedFileSystem disk_;
  SimulatedStore store_;
  LogMemory memory_;
  Saboteur saboteur_;
  SimulatedExchange exchange_;
  std::vector<Link> lines_;     // From the exchange.
  std::vector<Link> requests_;  // To each retransmission server …
  std::vector<Link> replies_;   // … and back.
  std::array<int, 2> cuts_{};   // Outages of each line that overlap now.
  TrueBooks truth_;
  std::vector<Locate> locates_;
  Surroundings surroundings_;
  std::shared_ptr<Process> process_;
  unsigned crashes_left_;
  std::uint64_t started_ns_ = 0;  // The process, last.
  bool finished_ = false;         // The exchange was told to close.
  bool done_ = false;
  Report report_;
};

World::World(const Plan& plan, const SimulationOptions& options)
    : plan_(plan),
      options_(options),
      rng_(simulator::mix(plan.seed + 1)),
      trace_(options.print),
      disk_(simulator::mix(plan.seed + 2)),
      store_(disk_, simulator::mix(plan.seed + 3)),
      saboteur_(options.sabotage),
      exchange_(events_, plan_.exchange, simulator::mix(plan.seed + 4),
                [this](exchange::Feed feed, std::span<const std::byte> packet) {
                  lines_[static_cast<std::size_t>(feed)].send(packet);
                }),
      truth_(exchange_.published()),
      locates_(locates_of(plan_.exchange.market, simulator::mix(plan.seed + 4))),
      surroundings_{
          events_,
          disk_,
          store_,
          memory_,
          saboteur_,
          exchange_,
          trace_,
          plan_.connection,
          [this](unsigned server, std::span<const std::byte> request) { requests_[server].send(request); },
          [this](const std::string& wrong) { on_stop(wrong); },
          [this](const pipeline::LogWorker& worker) {
            if (rng_.chance(checked_share)) check_worker(worker);
          }},
      crashes_left_(plan.crashes.count) {
  report_.seed = plan.seed;
  report_.plan = describe(plan);
  if (options.sabotage == Sabotage::drop_replies) {
    plan_.jammed = true;
    plan_.connection.refused = 1;
  }
  const auto deliver_to_process = [this](Origin origin, unsigned server) {
    return [this, origin, server](const Datagram& datagram) {
      if (process_ != nullptr) process_->receive(origin, server, datagram);
    };
  };
  for (const std::size_t line : {0u, 1u})
    lines_.emplace_back(events_, plan_.lines[line], rng_.next(),
                        deliver_to_process(line == 0 ? Origin::line_a : Origin::line_b, 0));
  for (unsigned server = 0; server < plan_.process.ingest.sequencer.retransmission.servers; ++server) {
    requests_.emplace_back(events_, plan_.recovery_path, rng_.next(),
                           [this, server](const Datagram& request) { answer(server, request); });
    replies_.emplace_back(events_, plan_.recovery_path, rng_.next(),
                          deliver_to_process(Origin::retransmission, server));
  }
}

void World::violate(std::string wrong) {
  if (report_.wrong.empty()) {
    report_.wrong = std::move(wrong);
    trace_.explain(events_.now_ns(), [&] { return "WRONG: " + report_.wrong; });
  }
  done_ = true;
}

void World::answer(unsigned server, const Datagram& request) {
  if (plan_.jammed) return;
  const auto reply = exchange_.answer(request.payload());
  trace_.note(events_.now_ns(), "reply", server, reply ? reply->size() : 0);
  if (reply) replies_[server].send(*reply);
}

// ---- What happens at a set time.

void World::plan_weather() {
  events_.at(0, [this] { exchange_.start(); });
  events_.at(plan_.process_start_ns, [this] { start_process(); });
  for (const std::uint64_t at_ns : plan_.exchange_restarts)
    events_.at(at_ns, [this] {
      ++report_.exchange_restarts;
      trace_.note(events_.now_ns(), "exchange restarts");
      if (process_ != nullptr) process_->on_exchange_restart();
      exchange_.restart();
    });
  for (const Outage& outage : plan_.outages) {
    events_.at(outage.from_ns, [this, &outage] { begin_outage(outage, true); });
    events_.at(outage.until_ns, [this, &outage] { begin_outage(outage, false); });
  }
  disk_.set_fault_rates(plan_.disk.rates);
  store_.set_failure_rate(plan_.disk.failed_commits);
  if (plan_.disk.full_for_ns > 0) {
    const std::uint64_t from_ns = rng_.between(0, plan_.active_ns);
    events_.at(from_ns, [this] { fill_disk(true); });
    events_.at(from_ns + plan_.disk.full_for_ns, [this] { fill_disk(false); });
  }
  events_.at(plan_.active_ns, [this] { calm_down(); });
}

void World::begin_outage(const Outage& outage, bool begins) {
  if (is_calm()) return;
  report_.outages += begins;
  trace_.note(events_.now_ns(), begins ? "outage begins" : "outage ends", outage.line_a, outage.line_b);
  for (const std::size_t line : {0u, 1u}) {
    if (!(line == 0 ? outage.line_a : outage.line_b)) continue;
    cuts_[line] += begins ? 1 : -1;
    lines_[line].cut(cuts_[line] > 0);
  }
}

void World::fill_disk(bool full) {
  trace_.note(events_.now_ns(), full ? "disk is full" : "disk has room");
  disk_.set_capacity(full && !is_calm() ? disk_.used() + rng_.below(20'000) : UINT64_MAX);
}

// Faults are over; the exchange goes on for a while and closes once there is somebody to hear it.
void World::calm_down() {
  trace_.note(events_.now_ns(), "calm");
  for (Link& line : lines_) line.heal();
  for (Link& link : requests_) link.heal();
  for (Link& link : replies_) link.heal();
  disk_.set_fault_rates({});
  disk_.set_capacity(UINT64_MAX);
  store_.set_failure_rate(0);
  disk_.call_off_crash();
  crashes_left_ = 0;
  if (!plan_.jammed)
    plan_.connection = {.latency_ns = plan_.connection.latency_ns, .max_piece = plan_.connection.max_piece};
  events_.after(plan_.calm_ns, [this] { watch(); });
}

// Long enough for everything that may be waited for in turn.
std::uint64_t World::deadline_ns() const {
  const feed::SequencerConfig& sequencer = plan_.process.ingest.sequencer;
  const std::uint64_t a_gap_ns =
      std::min<std::uint64_t>(sequencer.retransmission.give_up_after_ns, 10'000'000'000) +
      10 * (sequencer.snapshot_timeout_ns + sequencer.snapshot_retry_ns);
  return plan_.active_ns + plan_.calm_ns + 2'000'000'000 + 4 * a_gap_ns;
}

void World::watch() {
  // Somebody has to be there for a while, and a session, for its end to be heard.
  const exchange::PublisherConfig& publisher = plan_.exchange.publisher;
  const std::uint64_t heard_ns = std::max(started_ns_, plan_.active_ns) + 3 * publisher.heartbeat_ns +
                                 publisher.linger_ns + plan_.process.ingest.sequencer.session_silence_ns;
  if (!finished_ && process_ != nullptr && process_->is_running() && events_.now_ns() >= heard_ns &&
      exchange_.is_in_session()) {
    finished_ = true;
    trace_.note(events_.now_ns(), "exchange closes");
    exchange_.finish();
  }
  if (finished_ && exchange_.is_over() && process_ != nullptr && process_->is_settled()) {
    done_ = true;
    return;
  }
  if (events_.now_ns() > deadline_ns())
    return violate(fmt::format("it hangs: {} ms after the last fault {}",
                               (events_.now_ns() - plan_.active_ns) / 1'000'000,
                               process_ == nullptr ? "no process runs" : process_->describe()));
  events_.after(poll_ns, [this] { watch(); });
}

// ---- The process and its end.

void World::start_process() {
  if (process_ != nullptr) return;
  ++report_.starts;
  started_ns_ = events_.now_ns();
  disk_.restart();
  plan_crash();
  const unsigned most = plan_.most_workers;
  const unsigned workers = 1 + rng_.below(rng_.chance(0.5) ? std::min(most, 2u) : most);
  const std::uint64_t step_ns = plan_.most_clock_step_ns;
  const std::uint64_t wall_offset_ns =
      wall_start_ns - step_ns + (step_ns > 0 ? rng_.between(0, 2 * step_ns) : 0);
  process_ = std::make_shared<Process>(plan_.process, surroundings_, rng_.next(), wall_offset_ns);
  trace_.note(events_.now_ns(), "start", workers);
  const Result<void> started = process_->start(workers);
  if (!started) {
    ++report_.failed_starts;
    trace_.explain(events_.now_ns(), [&] { return started.error().message; });
    if (!disk_.has_crashed() && started.error().code != ErrorCode::io)
      return violate("the pipeline does not start: " + started.error().message);
    return take_down(disk_.has_crashed() ? Down::crash : Down::gave_up);
  }
  if (const std::optional<std::string> wrong = memory_.compare(process_->log())) return violate(*wrong);
  process_->go();
}

// Of each process one crash at most is planned.
void World::plan_crash() {
  if (crashes_left_ == 0 || is_calm()) return;
  --crashes_left_;
  if (rng_.chance(plan_.crashes.at_change)) {
    disk_.crash_at_change(1 + rng_.between(0, plan_.crashes.most_changes));
    return;
  }
  const std::uint64_t longest_ns =
      std::max<std::uint64_t>(1, 2 * plan_.active_ns / (1 + plan_.crashes.count));
  events_.after(rng_.between(1, longest_ns), [this, number = report_.starts] {
    if (process_ == nullptr || report_.starts != number || is_calm()) return;
    if (rng_.chance(plan_.crashes.clean)) return take_down(Down::clean_stop);
    take_down(Down::crash);
  });
}

void World::on_stop(const std::string& wrong) {
  if (!wrong.empty()) return violate(wrong);
  if (process_ == nullptr) return;
  take_down(disk_.has_crashed() ? Down::crash : Down::gave_up);
}

void World::take_down(Down how) {
  const bool at_disk = disk_.has_crashed();
  if (how == Down::clean_stop && process_->stop_cleanly()) {
    ++report_.clean_stops;
    trace_.note(events_.now_ns(), "clean stop");
    report_.process += process_->counters();
    process_->let_go();
  } else {
    report_.process += process_->counters();
    disk_.crash_process();
    process_->let_go();
    if (how == Down::crash && !is_calm() && rng_.chance(plan_.crashes.power)) how = Down::power_loss;
    report_.crashes += how == Down::crash;
    report_.gave_up += how == Down::gave_up;
    report_.power_losses += how == Down::power_loss;
    report_.crashes_at_disk += at_disk;
    trace_.note(events_.now_ns(),
                how == Down::power_loss ? "power loss"
                : how == Down::crash    ? "crash"
                                        : "gave up",
                at_disk);
    if (how == Down::power_loss) {
      disk_.lose_power();
      store_.lose_power();
      memory_.lose_power();
      if (options_.sabotage == Sabotage::forget_synced) disk_.lose_everything();
    }
  }
  process_.reset();
  events_.after(rng_.between(10'000, plan_.crashes.longest_down_ns), [this] { start_process(); });
}

// ---- Checks.

void World::check_worker(const pipeline::LogWorker& worker) {
  const std::optional<FeedState> state = memory_.of(pipeline::feed_topic, 0).state_at(raw(worker.position()));
  if (!state)
    return violate(
        fmt::format("a worker is at offset {}, where no batch of the log ends", raw(worker.position())));
  static const stream::KeyGroups groups;
  std::vector<Locate> own;
  for (const Locate locate : locates_)
    if (worker.groups().contains(groups.group_of(locate))) own.push_back(locate);
  ++report_.book_checks;
  const std::string wrong = check_books(worker.worker().books(), own, *state, exchange_.published(), truth_);
  if (!wrong.empty()) violate(wrong);
}

void World::check_losses(const FeedFindings& feed) {
  if (!plan_.lossless) return;
  if (feed.lost > 0 || feed.gaps > 0)
    violate(fmt::format("{} messages in {} gaps are declared missing, and every one could be recovered",
                        feed.lost, feed.gaps));
  if (feed.unknown > 0 || feed.missed_sessions > 0)
    violate(
        fmt::format("{} messages and {} sessions are not in the log", feed.unknown, feed.missed_sessions));
}

void World::check_end() {
  for (const auto& worker : process_->workers()) {
    if (!report_.wrong.empty()) return;
    check_worker(*worker);
  }
  report_.feed = check_feed(process_->log(), exchange_.published());
  if (!report_.feed.wrong.empty()) return violate(report_.feed.wrong);
  check_losses(report_.feed);
  const Result<Rows> rows = read_rows(process_->log());
  if (!rows) return violate("the rows cannot be read: " + rows.error().message);
  report_.rows = rows->digest.rows();
  report_.digest = rows->digest.hex();
  const Result<Rows> uncrashed = rows_of_uncrashed_run(process_->log(), plan_.process.worker);
  if (!uncrashed) return violate("the log cannot be replayed: " + uncrashed.error().message);
  if (const std::string wrong = compare_rows(*rows, *uncrashed); !wrong.empty()) violate(wrong);
}

Report World::run() {
  plan_weather();
  while (!done_ && events_.count() < most_events && events_.step()) {
  }
  if (!done_) violate(fmt::format("it hangs: {} events, and no end", events_.count()));
  if (report_.wrong.empty()) check_end();
  if (process_ != nullptr) report_.process += process_->counters();
  report_.events = events_.count();
  report_.simulated_ns = events_.now_ns();
  report_.sessions = exchange_.published().sessions().size();
  report_.messages = exchange_.published().messages();
  for (const std::vector<Link>* links : {&lines_, &requests_, &replies_})
    for (const Link& link : *links) report_.network += link.counters();
  report_.disk_errors = disk_.failed_calls();
  report_.commits = store_.commits();
  report_.lost_commits = store_.lost();
  report_.failed_commits = store_.failed();
  trace_.note(events_.now_ns(), report_.digest, report_.rows);
  report_.trace_hash = trace_.hash();
  if (process_ != nullptr) process_->let_go();
  return report_;
}

}  // namespace

Report simulate(const Plan& plan, const SimulationOptions& options) {
  return World(plan, options).run();
}

Report simulate(std::uint64_t seed, const SimulationOptions& options) {
  return simulate(draw_plan(seed), options);
}

// The hash of many runs does not depend on their order.
void Report::add(const Report& other) {
  trace_hash += simulator::mix(other.trace_hash ^ other.seed);
  if (plan.empty()) {
    plan = other.plan;
    digest = other.digest;
  }
  events += other.events;
  simulated_ns += other.simulated_ns;
  sessions += other.sessions;
  messages += other.messages;
  feed.records += other.feed.records;
  feed.messages += other.feed.messages;
  feed.sessions += other.feed.sessions;
  feed.gaps += other.feed.gaps;
  feed.lost += other.feed.lost;
  feed.snapshots += other.feed.snapshots;
  feed.replaced += other.feed.replaced;
  feed.unknown += other.feed.unknown;
  feed.missed_sessions += other.feed.missed_sessions;
  network += other.network;
  process += other.process;
  starts += other.starts;
  failed_starts += other.failed_starts;
  crashes += other.crashes;
  crashes_at_disk += other.crashes_at_disk;
  power_losses += other.power_losses;
  clean_stops += other.clean_stops;
  gave_up += other.gave_up;
  exchange_restarts += other.exchange_restarts;
  outages += other.outages;
  disk_errors += other.disk_errors;
  commits += other.commits;
  lost_commits += other.lost_commits;
  failed_commits += other.failed_commits;
  book_checks += other.book_checks;
  rows += other.rows;
}

}  // namespace tapeline::simulation
