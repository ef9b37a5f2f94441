#include "simulation/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "simulation/row_check.h"

namespace tapeline::simulation {

namespace {

constexpr std::uint64_t us = 1'000;
constexpr std::uint64_t ms = 1'000'000;

// A packet of one session never comes in the session after the next one, as on a real network.
constexpr std::uint64_t most_delay_ns = 5 * ms;
constexpr std::uint64_t least_session_ns = 8 * ms;

class PlanDraw {
 public:
  explicit PlanDraw(std::uint64_t seed) : rng_(simulator::mix(seed) ^ 0x5eed) { plan_.seed = seed; }

  Plan draw() {
    has_network_faults_ = rng_.chance(0.8);
    has_disk_faults_ = rng_.chance(0.5);
    has_crashes_ = rng_.chance(0.8);
    draw_market();
    draw_exchange();
    draw_network();
    draw_recovery();
    draw_process();
    draw_topics();
    draw_disk();
    draw_crashes();
    return plan_;
  }

 private:
  void draw_market();
  void draw_exchange();
  void draw_network();
  void draw_recovery();
  void draw_process();
  void draw_topics();
  void draw_disk();
  void draw_crashes();
  LinkFaults draw_link();

  // Small numbers as often as large ones. Without a logarithm, whose last bit differs from machine to
  // machine.
  std::uint64_t scaled(double low, double high) {
    std::uint32_t doublings = 1;
    for (double at = 2 * low; at < high; at *= 2) ++doublings;
    double from = low;
    for (std::uint32_t i = rng_.below(doublings); i > 0; --i) from *= 2;
    return static_cast<std::uint64_t>(from + (std::min(2 * from, high) - from) * rng_.unit());
  }
  // At times nothing, mostly a little, seldom a lot.
  double rate(double often, double most) {
    const double part = rng_.unit();
    return rng_.chance(often) ? most * part * part * part : 0;
  }

  simulator::Rng rng_;
  Plan plan_;
  bool has_network_faults_ = false;
  bool has_disk_faults_ = false;
  bool has_crashes_ = false;
};

void PlanDraw::draw_market() {
  Market& market = plan_.exchange.market;
  market.symbols = static_cast<unsigned>(scaled(1, 60));
  market.max_locate = static_cast<std::uint16_t>(market.symbols + rng_.below(100));
  market.live_orders = static_cast<unsigned>(scaled(20, 600));
  market.step_ns = scaled(1e3, 1e6);
  market.bad_permille = rng_.chance(0.3) ? 1 + rng_.below(10) : 0;
}

void PlanDraw::draw_exchange() {
  plan_.active_ns = scaled(30e6, 200e6);
  plan_.calm_ns = scaled(5e6, 20e6);
  exchange::PublisherConfig& publisher = plan_.exchange.publisher;
  const double messages = static_cast<double>(scaled(300, 3'000));
  const double seconds = static_cast<double>(plan_.active_ns + plan_.calm_ns) / 1e9;
  publisher.pacing.messages_per_second = messages / seconds;
  if (rng_.chance(0.3)) {
    publisher.pacing.burst_factor = 1 + rng_.unit() * 8;
    publisher.pacing.burst_length_ns = scaled(1e6, 5e6);
    publisher.pacing.burst_period_ns = 10 * publisher.pacing.burst_length_ns;
    publisher.pacing.messages_per_second /= 0.9 + 0.1 * publisher.pacing.burst_factor;
  }
  publisher.datagram_bytes = scaled(100, 1'400);
  publisher.flush_ns = scaled(50e3, 500e3);
  publisher.heartbeat_ns = scaled(2e6, 10e6);
  publisher.linger_ns = scaled(2e6, 20e6);
  publisher.kept_bytes = std::size_t{2} << 20;
  publisher.replies_per_second = static_cast<std::uint32_t>(scaled(5e3, 5e5));
  plan_.exchange.glimpse.snapshot_every_ns = scaled(100e3, 5e6);
  if (rng_.chance(0.35))
    publisher.faults.session_change_ns =
        std::max(least_session_ns, (plan_.active_ns + plan_.calm_ns) / (2 + rng_.below(4)));
  if (rng_.chance(0.15))
    for (unsigned i = 1 + rng_.below(2); i > 0; --i)
      plan_.exchange_restarts.push_back(rng_.between(0, plan_.active_ns));
  std::ranges::sort(plan_.exchange_restarts);
  if (plan_.exchange_restarts.size() == 2)
    plan_.exchange_restarts[1] =
        std::max(plan_.exchange_restarts[1], plan_.exchange_restarts[0] + least_session_ns);
}

LinkFaults PlanDraw::draw_link() {
  LinkFaults link;
  link.latency_ns = scaled(2e3, 100e3);
  if (!has_network_faults_) return link;
  link.loss = rate(0.7, 0.6);
  link.duplicate = rate(0.5, 0.3);
  link.corrupt = rate(0.5, 0.2);
  link.delay = rate(0.4, 0.2);
  link.delay_ns = scaled(100e3, most_delay_ns);
  link.jitter_ns = rng_.chance(0.5) ? scaled(1e3, 1e6) : 0;
  return link;
}

void PlanDraw::draw_network() {
  plan_.lines = {draw_link(), draw_link()};
  plan_.recovery_path = draw_link();
  plan_.connection.latency_ns = scaled(5e3, 200e3);
  plan_.connection.max_piece = scaled(20, 20e3);
  if (!has_network_faults_) return;
  plan_.connection.jitter_ns = rng_.chance(0.5) ? scaled(1e3, 1e6) : 0;
  plan_.connection.refused = rate(0.4, 1);
  plan_.connection.breaks = rate(0.4, 0.2);
  plan_.connection.stalls = rate(0.3, 0.1);
  const unsigned outages = rng_.chance(0.5) ? 1 + rng_.below(4) : 0;
  for (unsigned i = 0; i < outages; ++i) {
    const std::uint64_t from_ns = rng_.between(0, plan_.active_ns);
    const std::uint32_t which = rng_.below(3);
    plan_.outages.push_back({which != 1, which != 0, from_ns, from_ns + scaled(100e3, 30e6)});
  }
}

// How what is missing is recovered, if at all.
void PlanDraw::draw_recovery() {
  feed::SequencerConfig& sequencer = plan_.process.ingest.sequencer;
  feed::RetransmissionConfig& retransmission = sequencer.retransmission;
  retransmission.servers = rng_.chance(0.7) ? 1 + rng_.below(2) : 0;
  sequencer.max_snapshot_attempts = rng_.chance(0.5) ? 1 + rng_.below(5) : 0;
  retransmission.reorder_grace_ns = scaled(20e3, 2e6);
  retransmission.request_timeout_ns = scaled(200e3, 3e6);
  retransmission.max_request_timeout_ns = 8 * retransmission.request_timeout_ns;
  retransmission.max_tries = 1 + rng_.below(8);
  retransmission.give_up_after_ns = scaled(2e6, 60e6);
  retransmission.max_messages_per_request = static_cast<std::uint16_t>(scaled(5, 1'000));
  retransmission.max_requests_in_flight = 1 + rng_.below(8);
  retransmission.max_messages = scaled(100, 100e3);
  sequencer.snapshot_timeout_ns = scaled(2e6, 30e6);
  sequencer.snapshot_retry_ns = scaled(500e3, 10e6);
  sequencer.line_down_after_ns = scaled(10e6, 50e6);
  sequencer.session_silence_ns = most_delay_ns + scaled(2e6, 10e6);
  if (rng_.chance(0.2)) {
    sequencer.max_held_bytes = scaled(4e3, 100e3);
    sequencer.max_held_packets = scaled(8, 500);
  }
  const bool one_session =
      !plan_.exchange.publisher.faults.session_change_ns && plan_.exchange_restarts.empty();
  if (!one_session || !rng_.chance(0.4)) return;
  // The way of recovery is clean, and it is gone for as long as it takes.
  plan_.lossless = true;
  plan_.recovery_path = {.latency_ns = plan_.recovery_path.latency_ns};
  plan_.connection = {.latency_ns = plan_.connection.latency_ns, .max_piece = plan_.connection.max_piece};
  if (rng_.chance(0.7) || retransmission.servers == 0) sequencer.max_snapshot_attempts = 1'000'000;
  if (sequencer.max_snapshot_attempts < 1'000'000) {
    retransmission.max_tries = 1'000'000;
    retransmission.give_up_after_ns = 3'600'000 * ms;
    retransmission.max_messages = 1'000'000;
    sequencer.max_held_bytes = std::size_t{256} << 20;
    sequencer.max_held_packets = 262'144;
    sequencer.max_snapshot_attempts = 0;
  }
}

void PlanDraw::draw_process() {
  plan_.exchange.snapshots = plan_.process.ingest.sequencer.max_snapshot_attempts > 0;
  ProcessPlan& process = plan_.process;
  process.ingest.max_batch_bytes = scaled(200, 64e3);
  pipeline::MarketWorkerConfig& worker = process.worker;
  worker.books = {.expected_orders = 1 << 10, .max_blocks = 1 << 16};
  worker.analytics.bars = rng_.chance(0.8);
  worker.analytics.spread = rng_.chance(0.4);
  worker.analytics.depth = rng_.chance(0.3);
  worker.analytics.snapshots = rng_.chance(0.3);
  worker.analytics.snapshots_on_change = rng_.chance(0.3);
  worker.analytics.levels = 1 + rng_.below(8);
  const double step_ns = static_cast<double>(plan_.exchange.market.step_ns);
  worker.analytics.bar_ns = scaled(20 * step_ns, 2'000 * step_ns);
  worker.analytics.interval_ns = scaled(50 * step_ns, 2'000 * step_ns);
  worker.checkpoint.slice_bytes = scaled(200, 64e3);
  worker.checkpoint.batch_bytes = scaled(500, 1e6);
  worker.checkpoint_interval_ns = scaled(500e3, 50e6);
  worker.max_output_bytes = scaled(500, 1e6);
  process.receive_queue = scaled(8, 2'000);
  process.packets_per_turn = scaled(1, 64);
  // It keeps up with both lines, save in a burst.
  const double packets_per_second = 4 * plan_.exchange.publisher.pacing.messages_per_second;
  const double slowest_ns = static_cast<double>(process.packets_per_turn) * 1e9 / packets_per_second;
  process.turn_delay_ns = std::min<std::uint64_t>(scaled(1e3, 500e3), static_cast<std::uint64_t>(slowest_ns));
  process.worker_delay_ns = scaled(1e3, 1e6);
  process.commit_delay_ns = scaled(10e3, 5e6);
  process.sync_interval_ns = scaled(1e6, 50e6);
  process.maintain_interval_ns = scaled(1e6, 30e6);
  if (rng_.chance(0.2)) plan_.process_start_ns = rng_.between(0, plan_.active_ns);
  if (rng_.chance(0.3)) plan_.most_clock_step_ns = scaled(1e6, 2e9);
  worker.clock_slack_ns = 2 * plan_.most_clock_step_ns + 1 * ms;
  if (rng_.chance(0.5)) plan_.most_workers = 1 + rng_.below(8);
}

void PlanDraw::draw_topics() {
  for (event_log::TopicOptions* topic : {&plan_.process.feed_topic, &plan_.process.rows_topic}) {
    topic->segment_bytes = scaled(4'096, 200e3);
    topic->segment_ns = rng_.chance(0.2) ? scaled(1e6, 50e6) : topic->segment_ns;
    topic->preallocate_bytes = rng_.chance(0.3) ? scaled(4'096, 64e3) : 0;
    topic->sync = rng_.chance(0.15) ? event_log::SyncPolicy::batch : event_log::SyncPolicy::interval;
  }
  plan_.process.rows_topic.partitions = row_lanes;
}

void PlanDraw::draw_disk() {
  if (!has_disk_faults_) return;
  plan_.disk.rates.write_fails = rate(0.5, 0.05);
  plan_.disk.rates.write_is_torn = rate(0.5, 0.05);
  plan_.disk.rates.sync_fails = rate(0.4, 0.05);
  plan_.disk.failed_commits = rate(0.5, 0.5);
  if (rng_.chance(0.3)) plan_.disk.full_for_ns = scaled(500e3, 20e6);
}

void PlanDraw::draw_crashes() {
  if (!has_crashes_) return;
  CrashPlan& crashes = plan_.crashes;
  crashes.count = static_cast<unsigned>(scaled(1, 12));
  crashes.at_change = rng_.unit();
  crashes.most_changes = scaled(10, 1'000);
  crashes.power = rng_.chance(0.5) ? rng_.unit() : 0;
  crashes.clean = rng_.chance(0.3) ? rng_.unit() * 0.5 : 0;
  crashes.longest_down_ns = scaled(100e3, 20e6);
}

}  // namespace

Plan draw_plan(std::uint64_t seed) {
  return PlanDraw(seed).draw();
}

std::string describe(const Plan& plan) {
  const feed::SequencerConfig& sequencer = plan.process.ingest.sequencer;
  return fmt::format(
      "{} symbols, {:.0f} messages/s for {} ms, {} outages, {} retransmission servers, {} snapshot "
      "attempts, checkpoints every {} us, up to {} workers, {} crashes planned{}",
      plan.exchange.market.symbols, plan.exchange.publisher.pacing.messages_per_second,
      (plan.active_ns + plan.calm_ns) / ms, plan.outages.size(), sequencer.retransmission.servers,
      sequencer.max_snapshot_attempts, plan.process.worker.checkpoint_interval_ns / us, plan.most_workers,
      plan.crashes.count, plan.lossless ? ", nothing may be lost" : "");
}

}  // namespace tapeline::simulation
