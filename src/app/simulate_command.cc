#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/interrupt_guard.h"
#include "app/json_writer.h"
#include "app/progress.h"
#include "app/standard_output.h"
#include "simulation/simulation.h"
#include "simulation/small_pages.h"

namespace tapeline::app {

namespace {

using Clock = std::chrono::steady_clock;
using simulation::Report;

constexpr std::string_view footer =
    R"(One run drives the live pipeline as it is, from the exchange's packets to the rows in the log, with a simulated
clock, network and disk. Everything is drawn from the seed: the market, the settings, what is lost, late, torn or full,
and when the process crashes or the power goes, be it in the middle of a recovery. A run takes milliseconds, and the same
seed gives the same run. Checked are:
  - each message of the exchange is in the log once, in order, or declared missing, and what can be recovered is
  - the rows are those of a run that never crashed: none missing, none twice
  - a book that says it is good is the exchange's, to the last order; one that a gap has touched says so
  - what was synced survives a loss of power, and a crash takes back nothing that was read
  - when the faults are over, everything is worked off; nothing hangs
If any of it does not hold, the seed is told with the command that runs it again, and the exit code is 1.

Examples:
  tapeline simulate --seed 42                      one run, in words
  tapeline simulate --seed 42 --verbose | less     everything that happens in it
  tapeline simulate --seeds 10000 --jobs 2         ten thousand runs
  tapeline simulate --seeds 1000000 --minutes 30   as many as fit into half an hour
  tapeline simulate --seeds 1000 --format json | jq .failed)";

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  double minutes = 0;
  unsigned jobs = 1;
  bool verbose = false;
  bool no_progress = false;
  std::string format = "text";
};

// The command that runs a seed again.
std::string replay_of(std::uint64_t seed) {
  return fmt::format("tapeline simulate --seed {} --verbose", seed);
}

// What all runs came to.
struct Totals {
  static constexpr std::size_t max_listed = 20;

  Report sum;
  std::uint64_t runs = 0;
  std::uint64_t failed = 0;
  std::vector<Report> listed;  // Of those that failed, the first.
  double seconds = 0;
  bool interrupted = false;

  void add(Report report) {
    ++runs;
    sum.add(report);
    if (report.wrong.empty()) return;
    ++failed;
    if (listed.size() < max_listed) listed.push_back(std::move(report));
  }
};

// Runs seeds on threads, each of which takes the next one.
class Runner {
 public:
  explicit Runner(const Options& options) : options_(options) {}

  Totals run() {
    const InterruptGuard guard(OnInterrupt::finish_in_order);
    const Clock::time_point start = Clock::now();
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < options_.jobs; ++i) threads.emplace_back([this] { work(); });
    watch(start);
    threads.clear();
    totals_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::ranges::sort(totals_.listed, {}, &Report::seed);
    return std::move(totals_);
  }

 private:
  void work() {
    for (;;) {
      const std::uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
      if (number >= options_.seeds || stop_.load(std::memory_order_relaxed)) break;
      simulation::SimulationOptions options;
      if (options_.verbose) options.print = [](std::string_view line) { fmt::print("{}\n", line); };
      Report report = simulation::simulate(options_.seed + number, options);
      const std::lock_guard lock(mutex_);
      totals_.add(std::move(report));
    }
    const std::lock_guard lock(mutex_);
    ++finished_;
    changed_.notify_one();
  }

  void watch(Clock::time_point start) {
    Progress progress(!options_.no_progress && !options_.verbose);
    const std::chrono::duration<double> most(options_.minutes * 60);
    std::unique_lock lock(mutex_);
    while (finished_ < options_.jobs) {
      changed_.wait_for(lock, std::chrono::milliseconds(50));
      const std::chrono::duration<double> taken = Clock::now() - start;
      double done = static_cast<double>(totals_.runs) / static_cast<double>(options_.seeds);
      if (options_.minutes > 0) done = std::max(done, taken / most);
      progress.show(totals_.sum.messages, done);
      totals_.interrupted = InterruptGuard::interrupted();
      if (totals_.interrupted || (options_.minutes > 0 && taken >= most)) stop_ = true;
    }
  }

  const Options& options_;
  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;  // Over what follows.
  std::condition_variable changed_;
  Totals totals_;
  unsigned finished_ = 0;
};

std::string text_of(const Report& report) {
  std::string text;
  auto to = std::back_inserter(text);
  fmt::format_to(to, "exchange    {} messages in {} sessions, {} restarts\n", report.messages,
                 report.sessions, report.exchange_restarts);
  fmt::format_to(to, "network     {} packets: {} lost, {} twice, {} damaged, {} late, {} in {} outages\n",
                 report.network.sent, report.network.lost, report.network.duplicated,
                 report.network.corrupted, report.network.delayed, report.network.suppressed, report.outages);
  fmt::format_to(
      to,
      "process     {} starts, {} of them cut short; {} crashes, {} losses of power ({} at a call to the "
      "disk), {} gave up, {} clean stops\n",
      report.starts, report.failed_starts, report.crashes, report.power_losses, report.crashes_at_disk,
      report.gave_up, report.clean_stops);
  fmt::format_to(to, "disk        {} calls failed, {} checkpoint commits failed and {} were lost\n",
                 report.disk_errors, report.failed_commits, report.lost_commits);
  fmt::format_to(to, "checkpoints {} commits, {} keys loaded from them, {} workers built anew from the log\n",
                 report.commits, report.process.restored_keys, report.process.rebuilds);
  fmt::format_to(
      to,
      "feed        {} messages in the log, {} of them recovered; {} replaced by {} snapshots; {} in {} "
      "gaps declared missing; {} never heard of\n",
      report.feed.messages, report.process.recovered_messages, report.feed.replaced, report.feed.snapshots,
      report.feed.lost, report.feed.gaps, report.feed.unknown);
  fmt::format_to(to, "checked     books {} times, {} rows\n", report.book_checks, report.rows);
  return text;
}

std::string text_of(const Totals& totals, const Options& options) {
  const Report& sum = totals.sum;
  std::string text;
  if (options.seeds == 1) {
    text += fmt::format("seed        {}: {}\n", options.seed, sum.plan);
  } else {
    text += fmt::format("runs        {} from seed {} on, {:.1f} a second\n", totals.runs, options.seed,
                        static_cast<double>(totals.runs) / std::max(totals.seconds, 1e-9));
  }
  text += text_of(sum);
  text += fmt::format("simulated   {:.3f} s in {} events\n", static_cast<double>(sum.simulated_ns) / 1e9,
                      sum.events);
  if (options.seeds == 1) text += fmt::format("digest      {} of the rows\n", sum.digest);
  text += fmt::format("trace hash  {:016x}\n", sum.trace_hash);
  for (const Report& report : totals.listed)
    text += fmt::format("WRONG       seed {}: {}\n            again: {}\n", report.seed, report.wrong,
                        replay_of(report.seed));
  if (totals.failed > totals.listed.size())
    text += fmt::format("WRONG       … and {} more\n", totals.failed - totals.listed.size());
  if (totals.failed == 0 && totals.runs > 0) text += "result      everything that is checked holds\n";
  return text;
}

std::string json_of(const Totals& totals, const Options& options) {
  const Report& sum = totals.sum;
  JsonWriter json;
  json.begin_object(/*on_one_line=*/true);
  json.member("first_seed", options.seed);
  json.member("runs", totals.runs);
  json.member("failed", totals.failed);
  json.member("seconds", totals.seconds, 3);
  json.member("simulated_ns", sum.simulated_ns);
  json.member("events", sum.events);
  json.member("sessions", sum.sessions);
  json.member("messages", sum.messages);
  json.member("packets", sum.network.sent);
  json.member("packets_lost", sum.network.lost + sum.network.suppressed);
  json.member("exchange_restarts", sum.exchange_restarts);
  json.member("starts", sum.starts);
  json.member("crashes", sum.crashes);
  json.member("crashes_at_disk", sum.crashes_at_disk);
  json.member("power_losses", sum.power_losses);
  json.member("gave_up", sum.gave_up);
  json.member("clean_stops", sum.clean_stops);
  json.member("disk_errors", sum.disk_errors);
  json.member("commits", sum.commits);
  json.member("logged_messages", sum.feed.messages);
  json.member("recovered_messages", sum.process.recovered_messages);
  json.member("snapshots", sum.feed.snapshots);
  json.member("declared_lost", sum.feed.lost);
  json.member("book_checks", sum.book_checks);
  json.member("rows", sum.rows);
  if (options.seeds == 1) json.member("digest", sum.digest);
  json.member("trace_hash", fmt::format("{:016x}", sum.trace_hash));
  json.key("violations");
  json.begin_array(true);
  for (const Report& report : totals.listed) {
    json.begin_object(true);
    json.member("seed", report.seed);
    json.member("wrong", report.wrong);
    json.member("replay", replay_of(report.seed));
    json.end();
  }
  json.end();
  json.end();
  return json.take();
}

Result<void> run(const Options& options) {
  if (options.verbose && options.seeds > 1)
    return fail(ErrorCode::usage, "--verbose is for one run: leave --seeds out");
  simulation::use_small_pages();
  const Totals totals = Runner(options).run();
  std::fflush(stdout);
  const Result<void> written =
      write_standard_output(options.format == "json" ? json_of(totals, options) : text_of(totals, options));
  if (!written) return written;
  if (totals.failed > 0)
    return fail(found_a_bug,
                fmt::format("{} of {} runs found something wrong; `{}` runs the first of them again",
                            totals.failed, totals.runs, replay_of(totals.listed.front().seed)));
  if (totals.interrupted)
    return fail(ErrorCode::interrupted, fmt::format("interrupted after {} runs", totals.runs));
  return {};
}

}  // namespace

void add_simulate_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "simulate",
      "Run the whole live pipeline under faults, simulated from a seed, and check what comes out");
  auto options = std::make_shared<Options>();
  command->add_option("--seed", options->seed, "The run, or the first of them")->capture_default_str();
  command->add_option("--seeds", options->seeds, "How many runs: this seed and those that follow it")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
  command->add_option("--minutes", options->minutes, "Begin no run after so many minutes; 0 for no limit")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6));
  command->add_option("--jobs", options->jobs, "Runs at the same time, each on a thread")
      ->capture_default_str()
      ->check(CLI::Range(1u, 256u));
  command->add_flag("--verbose", options->verbose, "Tell everything that happens in the run");
  command->add_option("--format", options->format, "How to write the result: text, or one line of JSON")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_flag("--no-progress", options->no_progress, "Show no progress on standard error");
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
