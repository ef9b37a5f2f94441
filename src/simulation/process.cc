#include "simulation/process.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "feed/moldudp64/packet.h"
#include "simulation/row_check.h"

namespace tapeline::simulation {

namespace {

constexpr int turns_at_once = 4;  // Of a worker.

// Every process has the same, and it is large.
const stream::KeyGroups& key_groups() {
  static const stream::KeyGroups groups;
  return groups;
}

}  // namespace

ProcessCounters& ProcessCounters::operator+=(const ProcessCounters& other) {
  dropped_packets += other.dropped_packets;
  recovered_messages += other.recovered_messages;
  failed_flushes += other.failed_flushes;
  failed_turns += other.failed_turns;
  checkpoints += other.checkpoints;
  restored_keys += other.restored_keys;
  rebuilds += other.rebuilds;
  return *this;
}

Process::Process(const ProcessPlan& plan, const Surroundings& around, std::uint64_t seed,
                 std::uint64_t wall_offset_ns)
    : plan_(plan), around_(around), rng_(seed), wall_offset_ns_(wall_offset_ns), groups_(key_groups()) {}

Process::~Process() {
  let_go();
}

template <class F>
void Process::after(std::uint64_t delay_ns, F action) {
  around_.events.after(delay_ns, [self = weak_from_this(), action = std::move(action)] {
    const std::shared_ptr<Process> process = self.lock();
    if (process != nullptr && process->running_) action();
  });
}

Result<void> Process::start(unsigned workers) {
  journal_ = std::make_unique<event_log::journal::Journal>(around_.disk, "data");
  log_ = std::make_unique<ObservedLog>(*journal_, around_.disk, around_.memory, around_.saboteur);
  if (Result<void> made = log_->create_topic(pipeline::feed_topic, plan_.feed_topic); !made) return made;
  if (Result<void> made = log_->create_topic(pipeline::rows_topic, plan_.rows_topic); !made) return made;
  std::vector<stream::CheckpointWriter*> writers;
  for (unsigned i = 0; i < workers; ++i) {
    writers_.push_back(std::make_unique<SimulatedCheckpointWriter>(around_.store));
    writers.push_back(writers_.back().get());
  }
  auto opened = pipeline::WorkerSet::open(plan_.worker, *log_, around_.store, groups_, writers);
  if (!opened) return std::unexpected(opened.error());
  workers_ = std::move(*opened);
  Result<std::unique_ptr<pipeline::Ingest>> ingest = pipeline::Ingest::open(plan_.ingest, *log_);
  if (!ingest) return std::unexpected(ingest.error());
  ingest_ = std::move(*ingest);
  for (const auto& worker : workers_) {
    if (worker->warning().empty()) continue;
    ++counters_.rebuilds;
    around_.trace.explain(around_.events.now_ns(), [&] { return worker->warning(); });
  }
  return {};
}

void Process::go() {
  running_ = true;
  next_worker_turn_ns_.assign(workers_.size(), UINT64_MAX);
  commit_planned_.assign(workers_.size(), false);
  plan_turn(around_.events.now_ns() + plan_.turn_delay_ns);
  wake_workers();
  plan_sync();
  plan_maintenance();
}

void Process::let_go() {
  running_ = false;
  if (connection_ != nullptr) connection_->close();
  connection_.reset();
  workers_.clear();
  ingest_.reset();
  log_.reset();
}

void Process::stop(std::string wrong) {
  if (std::exchange(stopping_, true)) return;
  running_ = false;
  // Not from within its own calls.
  around_.events.after(0, [on_stop = around_.on_stop, wrong = std::move(wrong)] { on_stop(wrong); });
}

bool Process::survives(const Error* error, std::string_view what) {
  if (around_.disk.has_crashed()) {
    stop("");
    return false;
  }
  if (error == nullptr) return true;
  if (error->code == ErrorCode::io && !has_failed_writer()) return true;
  around_.trace.explain(around_.events.now_ns(), [&] { return fmt::format("{}: {}", what, error->message); });
  const bool is_explained = error->code == ErrorCode::interrupted || error->code == ErrorCode::io;
  stop(is_explained ? "" : fmt::format("{} failed: {}", what, error->message));
  return false;
}

bool Process::has_failed_writer() const {
  return ingest_->writer().has_failed() ||
         std::ranges::any_of(workers_, [](const auto& worker) { return worker->lane().has_failed(); });
}

// ---- Packets in.

void Process::receive(Origin origin, unsigned server, const Datagram& datagram) {
  if (!running_) return;
  if (received_.size() >= plan_.receive_queue) {
    ++counters_.dropped_packets;
    return;
  }
  received_.push_back({origin, server, wall(), datagram});
  plan_turn(around_.events.now_ns() + plan_.turn_delay_ns);
}

// One turn at most is planned: the earliest that was asked for.
void Process::plan_turn(std::uint64_t at_ns) {
  if (at_ns >= next_turn_ns_) return;
  next_turn_ns_ = at_ns;
  around_.events.at(at_ns, [self = weak_from_this(), at_ns] {
    const std::shared_ptr<Process> process = self.lock();
    if (process == nullptr || !process->running_ || process->next_turn_ns_ != at_ns) return;
    process->next_turn_ns_ = UINT64_MAX;
    process->turn();
  });
}

void Process::turn() {
  const std::uint64_t now_ns = around_.events.now_ns();
  if (!ingest_->is_blocked()) take_in();
  const event_log::Offset before = ingest_->writer().end();
  const Result<void> flushed = ingest_->flush();
  if (!flushed) ++counters_.failed_flushes;
  around_.trace.note(now_ns, "turn", ingest_->writer().end().value, received_.size());
  if (!survives(flushed ? nullptr : &flushed.error(), "the feed's log")) return;
  if (ingest_->writer().end() != before) wake_workers();
  carry_out_actions();
  if (ingest_->is_blocked()) return plan_turn(now_ns + plan_.retry_ns);
  if (!received_.empty()) return plan_turn(now_ns + plan_.turn_delay_ns);
  if (ingest_->next_deadline() != UINT64_MAX) plan_turn(std::max(ingest_->next_deadline(), now_ns + 1'000));
}

void Process::take_in() {
  const std::uint64_t now_ns = around_.events.now_ns();
  for (std::size_t i = 0; i < plan_.packets_per_turn && !received_.empty() && !ingest_->is_blocked(); ++i) {
    const Received packet = std::move(received_.front());
    received_.pop_front();
    take_packet(packet);
  }
  if (connection_ != nullptr && connection_->has_work() && !ingest_->is_blocked()) {
    const std::shared_ptr<SnapshotConnection> connection = connection_;
    connection->work(wall());
  }
  if (now_ns >= ingest_->next_deadline() && !ingest_->is_blocked()) ingest_->on_timer(now_ns);
}

void Process::take_packet(const Received& packet) {
  const std::uint64_t now_ns = around_.events.now_ns();
  const std::span<const std::byte> bytes = packet.datagram.payload();
  if (packet.origin == Origin::retransmission)
    ingest_->on_reply(packet.server, bytes, packet.captured, now_ns);
  else
    ingest_->on_datagram(packet.origin == Origin::line_a ? feed::Line::a : feed::Line::b, bytes,
                         packet.captured, now_ns);
}

void Process::carry_out_actions() {
  while (const std::optional<feed::SequencerAction> action = ingest_->next_action()) {
    using Kind = feed::SequencerAction::Kind;
    const std::uint64_t now_ns = around_.events.now_ns();
    if (action->kind == Kind::request) {
      around_.trace.note(now_ns, "request", action->request.sequence, action->request.count);
      std::array<std::byte, moldudp64::header_size> request;
      moldudp64::encode_request(action->request, request);
      around_.send_request(action->server, request);
      continue;
    }
    if (connection_ != nullptr) connection_->close();
    connection_.reset();
    around_.trace.note(now_ns,
                       action->kind == Kind::start_snapshot ? "snapshot wanted" : "snapshot cancelled",
                       action->attempt);
    if (action->kind == Kind::start_snapshot) start_snapshot(*action);
  }
}

void Process::start_snapshot(const feed::SequencerAction& action) {
  attempt_ = action.attempt;
  connection_ = std::make_shared<SnapshotConnection>(
      around_.events, around_.exchange, around_.connection, rng_.next(), *this, [self = weak_from_this()] {
        if (const std::shared_ptr<Process> process = self.lock(); process != nullptr && process->running_)
          process->plan_turn(process->around_.events.now_ns() + process->plan_.turn_delay_ns);
      });
  connection_->open(action.request.session);
}

void Process::on_snapshot_messages(const feed::MessageBlock& block) {
  ingest_->on_snapshot_messages(attempt_, block, around_.events.now_ns());
}

void Process::on_snapshot_complete(std::uint64_t next_sequence) {
  around_.trace.note(around_.events.now_ns(), "snapshot complete", next_sequence);
  ingest_->on_snapshot_complete(attempt_, next_sequence, wall(), around_.events.now_ns());
}

void Process::on_snapshot_failed(std::string_view reason) {
  around_.trace.note(around_.events.now_ns(), reason, attempt_);
  ingest_->on_snapshot_failed(attempt_, around_.events.now_ns());
}

void Process::on_exchange_restart() {
  if (connection_ != nullptr) connection_->on_server_gone();
}

// ---- Workers.

void Process::wake_workers() {
  for (std::size_t i = 0; i < workers_.size(); ++i)
    plan_worker(i, rng_.between(1, 2 * plan_.worker_delay_ns));
}

void Process::plan_worker(std::size_t number, std::uint64_t delay_ns) {
  const std::uint64_t at_ns = around_.events.now_ns() + delay_ns;
  if (at_ns >= next_worker_turn_ns_[number]) return;
  next_worker_turn_ns_[number] = at_ns;
  around_.events.at(at_ns, [self = weak_from_this(), number, at_ns] {
    const std::shared_ptr<Process> process = self.lock();
    if (process == nullptr || !process->running_ || process->next_worker_turn_ns_[number] != at_ns) return;
    process->next_worker_turn_ns_[number] = UINT64_MAX;
    process->turn_worker(number);
  });
}

void Process::turn_worker(std::size_t number) {
  const std::uint64_t now_ns = around_.events.now_ns();
  pipeline::LogWorker& worker = *workers_[number];
  Result<bool> worked = true;
  for (int i = 0; i < turns_at_once && worked && *worked; ++i) worked = worker.turn(now_ns);
  around_.trace.note(now_ns, "worker", number, raw(worker.position()));
  if (!worked) ++counters_.failed_turns;
  if (!survives(worked ? nullptr : &worked.error(), "a worker")) return;
  plan_commit(number);
  if (!worked) return plan_worker(number, plan_.retry_ns);
  if (*worked) return plan_worker(number, rng_.between(1, plan_.worker_delay_ns));
  around_.on_caught_up(worker);
  // Checkpoints go on though nothing comes.
  plan_worker(number, std::max<std::uint64_t>(plan_.worker.checkpoint_interval_ns / 2, 500'000));
}

void Process::plan_commit(std::size_t number) {
  if (writers_[number]->is_free() || commit_planned_[number]) return;
  commit_planned_[number] = true;
  after(rng_.between(1, plan_.commit_delay_ns), [this, number] {
    commit_planned_[number] = false;
    around_.trace.note(around_.events.now_ns(), "commit", number);
    writers_[number]->finish();
    if (survives(nullptr, "a commit")) plan_worker(number, rng_.between(1, plan_.worker_delay_ns));
  });
}

// ---- The disk.

void Process::plan_sync() {
  after(plan_.sync_interval_ns, [this] { sync(); });
}

// A sync that failed is final for its writer, so the process ends and starts anew.
void Process::sync() {
  around_.trace.note(around_.events.now_ns(), "sync");
  const auto done = [&](const Result<void>& synced) {
    if (!synced && survives(&synced.error(), "a sync")) stop("");
    return synced.has_value();
  };
  if (plan_.feed_topic.sync == event_log::SyncPolicy::interval && !done(ingest_->writer().sync())) return;
  for (const auto& worker : workers_)
    if (plan_.rows_topic.sync == event_log::SyncPolicy::interval && !done(worker->lane().sync())) return;
  if (!done(around_.store.sync())) return;
  plan_sync();
}

void Process::plan_maintenance() {
  after(plan_.maintain_interval_ns, [this] {
    around_.trace.note(around_.events.now_ns(), "maintain");
    Result<void> done = ingest_->writer().maintain();
    for (const auto& worker : workers_)
      if (done) done = worker->lane().maintain();
    if (survives(done ? nullptr : &done.error(), "maintenance")) plan_maintenance();
  });
}

bool Process::stop_cleanly() {
  running_ = false;
  const std::uint64_t now_ns = around_.events.now_ns();
  if (!ingest_->flush() || !ingest_->writer().sync()) return false;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Result<bool> worked = true;
    while (worked && *worked) worked = workers_[i]->turn(now_ns);
    Result<bool> saved = worked;
    for (int step = 0; step < 10'000 && saved && (step == 0 || !*saved); ++step) {
      saved = workers_[i]->save(now_ns);
      writers_[i]->finish();
    }
    if (!saved || !*saved || !workers_[i]->lane().sync()) return false;
  }
  return around_.store.sync().has_value();
}

// ---- For whoever watches.

bool Process::is_settled() const {
  if (!running_ || !received_.empty() || ingest_->is_blocked() || ingest_->sequencer().has_gap())
    return false;
  if (!ingest_->sequencer().position().ended) return false;
  return std::ranges::all_of(workers_, [this](const auto& worker) {
    return raw(worker->position()) == ingest_->writer().end().value;
  });
}

std::string Process::describe() const {
  if (!running_) return "the process does not run";
  const feed::FeedPosition& position = ingest_->sequencer().position();
  std::string text =
      fmt::format("message {} of session {} is next{}{}{}, {} packets wait, the log ends at {}",
                  position.next_sequence, position.session.view(), position.ended ? ", which has ended" : "",
                  ingest_->sequencer().has_gap() ? ", with a gap" : "",
                  ingest_->is_blocked() ? ", blocked" : "", received_.size(), ingest_->writer().end().value);
  for (const auto& worker : workers_) text += fmt::format(", a worker is at {}", raw(worker->position()));
  return text;
}

ProcessCounters Process::counters() const {
  ProcessCounters counters = counters_;
  if (ingest_ != nullptr) counters.recovered_messages = ingest_->sequencer().counters().recovered_messages;
  for (const auto& worker : workers_) {
    counters.checkpoints += worker->worker().checkpointer().counters().checkpoints;
    counters.restored_keys += worker->worker().counters().restored_keys;
  }
  return counters;
}

}  // namespace tapeline::simulation
