#include <map>
#include <random>

#include "base/bytes.h"
#include "base/check.h"
#include "feed/sequencer/sequencer.h"

// Whole sessions under random loss, repetition, reordering, delay and damage, with servers that are partly
// deaf. A failure prints its seed.
namespace tapeline::feed {
namespace {

using Bytes = std::vector<std::byte>;
using Random = std::mt19937;

constexpr std::uint64_t us = 1'000;
constexpr std::array<std::string_view, 2> session_names = {"FIRST", "SECOND"};

unsigned below(Random& random, std::uint64_t limit) {
  return static_cast<unsigned>(random() % limit);
}

bool chance(Random& random, unsigned percent) {
  return below(random, 100) < percent;
}

// What the exchange says as message `sequence` of a session: determined by both, of any length.
Bytes message_of(std::size_t session, std::uint64_t sequence) {
  const std::uint64_t hash = (sequence + session * 1'000'003) * 0x9e3779b97f4a7c15ULL;
  Bytes bytes(hash >> 59);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(hash >> (i % 8 * 8));
  return bytes;
}

Bytes packet_of(std::size_t session, std::uint64_t first, std::uint64_t end, bool is_end = false) {
  moldudp64::PacketBuilder builder(0xffff);
  builder.start(moldudp64::Session(session_names[session]), first);
  for (std::uint64_t i = first; i < end; ++i) CHECK(builder.append(message_of(session, i)));
  if (is_end) builder.make_end_of_session();
  Bytes packet(builder.bytes().begin(), builder.bytes().end());
  packet.reserve(packet.size() + decode_padding);
  return packet;
}

// How bad this run's world is; percentages unless they say otherwise.
struct World {
  explicit World(Random& random)
      : loss(chance(random, 30) ? 0 : below(random, 40)),
        repeat(below(random, 10)),
        damage(below(random, 5)),
        late(below(random, 20)),
        line_b(chance(random, 80)),
        crash(chance(random, 30)),
        reply_loss(chance(random, 40) ? 0 : below(random, 80)),
        reply_most(1 + below(random, 20)),
        snapshot_failure(below(random, 3) * 40),
        messages{1 + below(random, 300), 1 + below(random, 300)},
        first_session_ends(chance(random, 50)) {
    config.retransmission.servers = below(random, 3);
    config.retransmission.max_tries = 1 + below(random, 4);
    config.retransmission.max_messages_per_request = static_cast<std::uint16_t>(1 + below(random, 50));
    config.retransmission.max_requests_in_flight = 1 + below(random, 4);
    config.retransmission.max_messages = below(random, 200);
    config.retransmission.give_up_after_ns = 20'000 * us;
    config.max_snapshot_attempts = below(random, 4);
    config.snapshot_timeout_ns = 3'000 * us;
    config.snapshot_retry_ns = 500 * us;
    config.session_silence_ns = 0;
    if (chance(random, 30)) config.max_held_packets = 1 + below(random, 8);
    if (chance(random, 30)) config.max_lead_messages = 1'000;
  }

  unsigned loss;
  unsigned repeat;
  unsigned damage;
  unsigned late;
  bool line_b;
  bool crash;
  unsigned reply_loss;
  std::uint64_t reply_most;
  unsigned snapshot_failure;
  std::array<std::uint64_t, 2> messages;
  bool first_session_ends;
  SequencerConfig config;
};

// Holds every item to the exchange's truth and to the contract in feed_consumer.h.
class CheckingConsumer : public FeedConsumer {
 public:
  void on_session_started(const SessionStarted& item) override {
    session_ = item.session == SessionName(session_names[0]) ? 0 : 1;
    EXPECT_EQ(item.session, SessionName(session_names[session_]));
    EXPECT_FALSE(position.in_session && item.session == position.session);
    EXPECT_EQ(item.next_sequence, 1);
    position.apply(item);
    came.assign(came.size(), false);
  }
  void on_messages(const MessageBlock& block) override {
    expect_open();
    EXPECT_FALSE(position.in_recovery);
    EXPECT_EQ(block.first_sequence, position.next_sequence);
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < block.message_count; ++i) {
      const Bytes expected = message_of(session_, block.first_sequence + i);
      ASSERT_EQ(load_be<std::uint16_t>(block.bytes.data() + at), expected.size());
      const auto content = block.bytes.subspan(at + 2, expected.size());
      ASSERT_TRUE(std::equal(content.begin(), content.end(), expected.begin()));
      at += 2 + expected.size();
    }
    EXPECT_EQ(at, block.bytes.size());
    position.apply_messages(block);
  }
  void on_gap_declared(const GapDeclared& item) override {
    expect_open();
    EXPECT_EQ(item.from, position.next_sequence);
    EXPECT_TRUE(item.from < item.to || (item.from == item.to && position.in_recovery));
    ASSERT_LE(item.to, came.size());
    for (std::uint64_t i = item.from; exact && i < item.to; ++i) EXPECT_FALSE(came[i]) << i << " was there";
    lost += item.to - item.from;
    position.apply(item);
  }
  void on_recovery_started(const RecoveryStarted& item) override {
    expect_open();
    EXPECT_EQ(item.at, position.next_sequence);
    position.apply(item);
    snapshot_blocks = 0;
  }
  void on_snapshot_messages(const MessageBlock& block) override {
    EXPECT_TRUE(position.in_recovery);
    EXPECT_EQ(block.first_sequence, 1 + snapshot_blocks++);
  }
  void on_snapshot_complete(const SnapshotComplete& item) override {
    EXPECT_TRUE(position.in_recovery);
    EXPECT_GE(item.next_sequence, position.next_sequence);
    position.apply(item);
  }
  void on_end_of_session(const SessionEnded& item) override {
    expect_open();
    EXPECT_FALSE(position.in_recovery);
    EXPECT_EQ(item.next_sequence, position.next_sequence);
    position.apply(item);
  }

  FeedPosition position;
  std::uint64_t lost = 0;
  std::uint64_t snapshot_blocks = 0;
  bool exact = true;       // Nothing that came was let go by design: then no gap may name it.
  std::vector<bool> came;  // By sequence, of the present session.

 private:
  void expect_open() const { EXPECT_TRUE(position.in_session && !position.ended); }

  std::size_t session_ = 0;
};

class Simulation {
 public:
  explicit Simulation(unsigned seed) : random_(seed), world_(random_) {
    consumer_.came.assign(1'000, false);
    sequencer_.emplace(world_.config, consumer_);
    publish();
  }

  void run() {
    while (!events_.empty() || sequencer_->has_gap()) {
      const std::uint64_t deadline = sequencer_->next_deadline();
      if (!events_.empty() && events_.begin()->first <= deadline) {
        now_ = events_.begin()->first;
        const auto event = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        event();
      } else {
        ASSERT_LT(deadline, UINT64_MAX) << "a gap that nothing would ever end";
        now_ = std::max(now_, deadline);
        sequencer_->on_timer(now_);
        ASSERT_TRUE(sequencer_->next_deadline() > now_);
      }
      if (sequencer_->counters().evicted_messages > 0) consumer_.exact = false;
      act();
      if (::testing::Test::HasFailure()) return;
      ASSERT_LT(++steps_, 100'000);
    }
    EXPECT_EQ(consumer_.position,
              (FeedPosition{SessionName(session_names[1]), world_.messages[1] + 1, true, false, true}));
    EXPECT_EQ(sequencer_->position(), consumer_.position);
    EXPECT_EQ(sequencer_->held_blocks(), 0);
  }

  std::uint64_t lost() const { return consumer_.lost; }
  const SequencerCounters& counters() const { return sequencer_->counters(); }

 private:
  template <class F>
  void at(std::uint64_t time, F&& f) {
    events_.emplace(time, std::forward<F>(f));
  }

  // Plans both sessions packet by packet.
  void publish() {
    std::uint64_t time = 1'000 * us;
    for (std::size_t session = 0; session < 2; ++session) {
      const std::uint64_t end = world_.messages[session] + 1;
      // Some join late. One who sees nothing of the first session cannot tell its late packets from a third.
      std::uint64_t next = session == 0 && chance(random_, 30) ? 1 + below(random_, end) : 1;
      if (session == 0) send(time - 50 * us, session, packet_of(session, next, next), 0);
      while (next < end) {
        const std::uint64_t stop = std::min(end, next + 1 + below(random_, 8));
        time += random_() % (chance(random_, 5) ? 20'000 * us : 100 * us);
        at(time, [this, session, stop] { sent_[session] = stop; });
        send(time, session, packet_of(session, next, stop), world_.loss);
        if (chance(random_, 5)) send(time, session, packet_of(session, stop, stop), world_.loss);
        next = stop;
      }
      if (session == 0 && !world_.first_session_ends) continue;
      for (int i = 0; i < 4; ++i)
        send(time += 1'000 * us, session, packet_of(session, end, end, true), i >= 2 ? 0 : world_.loss);
    }
    // After the first packet and before the last ones.
    if (world_.crash && time > 3 * down_time)
      at(1'100 * us + below(random_, time - 3 * down_time), [this] { restart(); });
  }

  void send(std::uint64_t time, std::size_t session, const Bytes& packet, unsigned loss) {
    for (const Line line : {Line::a, Line::b}) {
      if (line == Line::b && !world_.line_b) continue;
      for (int copies = chance(random_, world_.repeat) ? 2 : 1; copies > 0; --copies) {
        if (chance(random_, loss)) continue;
        std::uint64_t arrival = time + below(random_, 20 * us);
        if (loss > 0 && chance(random_, world_.late)) arrival += below(random_, 2'000 * us);
        if (loss > 0 && chance(random_, world_.damage)) {
          at(arrival, [this, line, damaged = damage(packet)] {
            sequencer_->on_datagram(line, damaged, CaptureTime{now_}, now_);
          });
          continue;
        }
        at(arrival, [this, line, session, packet] { arrive(line, session, packet); });
      }
    }
  }

  // In ways that can be told: a wrong number of bytes, another session, a number far away.
  Bytes damage(Bytes packet) {
    switch (below(random_, 3)) {
      case 0: packet.resize(below(random_, packet.size())); break;
      case 1: packet[below(random_, 10)] = std::byte{7}; break;
      default:
        if (world_.config.max_lead_messages > 1'000 || packet[19] == std::byte{0}) packet.resize(19);
        // Each a number of its own, so that no two agree.
        else
          store_be(packet.data() + 10, (std::uint64_t{1} << 50) + 10'000 * ++damages_);
    }
    packet.reserve(packet.size() + decode_padding);
    return packet;
  }

  void arrive(Line line, std::size_t session, const Bytes& packet) {
    if (now_ < up_again_) return;
    const std::uint64_t foreign = counters().lines[static_cast<std::size_t>(line)].foreign;
    // As gaps may be declared while it is taken in, what they name must not be in it, either.
    const bool follows =
        consumer_.position.in_session && consumer_.position.session == SessionName(session_names[session]);
    if (follows) note(packet);
    sequencer_->on_datagram(line, packet, CaptureTime{now_}, now_);
    if (!follows && counters().lines[static_cast<std::size_t>(line)].foreign == foreign) note(packet);
  }

  void note(const Bytes& packet) {
    const moldudp64::Packet parsed = moldudp64::parse_packet(packet);
    if (parsed.kind != moldudp64::PacketKind::messages) return;
    for (std::uint64_t i = 0; i < parsed.header.count; ++i) consumer_.came[parsed.header.sequence + i] = true;
  }

  // Takes longer than any packet is late: of the sessions before the present one nothing is remembered.
  void restart() {
    up_again_ = now_ + down_time;
    sequencer_.emplace(world_.config, consumer_, consumer_.position);
    consumer_.came.assign(consumer_.came.size(), false);
    ++restarts_;
  }

  void act() {
    while (const std::optional<SequencerAction> action = sequencer_->next_action()) {
      if (action->kind == SequencerAction::Kind::request) answer(*action);
      if (action->kind == SequencerAction::Kind::start_snapshot) snapshot(action->attempt);
    }
  }

  void answer(const SequencerAction& action) {
    const moldudp64::Header& request = action.request;
    EXPECT_LE(request.count, world_.config.retransmission.max_messages_per_request);
    EXPECT_LT(action.server, world_.config.retransmission.servers);
    const std::size_t session = request.session == SessionName(session_names[0]) ? 0 : 1;
    const std::uint64_t end =
        std::min({request.sequence + request.count, request.sequence + world_.reply_most, sent_[session]});
    const std::uint64_t time = now_ + 50 * us + below(random_, 3'000 * us);
    if (chance(random_, world_.damage)) {
      const Bytes beyond = packet_of(session, request.sequence, request.sequence + request.count + 60);
      at(time, [this, beyond] { sequencer_->on_reply(0, beyond, CaptureTime{now_}, now_); });
    }
    if (end <= request.sequence || chance(random_, world_.reply_loss)) return;
    const Bytes reply = packet_of(session, request.sequence, end);
    at(time, [this, reply, server = action.server] {
      sequencer_->on_reply(server, reply, CaptureTime{now_}, now_);
    });
  }

  void snapshot(std::uint64_t attempt) {
    std::uint64_t time = now_ + below(random_, 500 * us);
    const bool fails = chance(random_, world_.snapshot_failure);
    const bool silent = fails && chance(random_, 50);
    const std::size_t session = consumer_.position.session == SessionName(session_names[0]) ? 0 : 1;
    const std::uint64_t next = sent_[session];
    // A restart makes attempts count anew, as does the new connection of the client.
    const auto later = [this, &time, attempt](auto&& f) {
      at(time += below(random_, 500 * us), [this, attempt, f, restarts = restarts_] {
        if (restarts == restarts_) f(attempt);
      });
    };
    for (std::uint64_t i = 1, most = below(random_, 3); i <= most; ++i)
      later([this, i](std::uint64_t a) {
        sequencer_->on_snapshot_messages(a, {std::span(empty_message_), i, 1, CaptureTime{0}}, now_);
      });
    if (silent) return;
    later([this, fails, next](std::uint64_t a) {
      if (fails) return sequencer_->on_snapshot_failed(a, now_);
      sequencer_->on_snapshot_complete(a, next, CaptureTime{now_}, now_);
    });
  }

  static constexpr std::uint64_t down_time = 2'500 * us;

  Random random_;
  World world_;
  CheckingConsumer consumer_;
  std::optional<Sequencer> sequencer_;
  std::multimap<std::uint64_t, std::function<void()>> events_;
  std::array<std::uint64_t, 2> sent_ = {1, 1};
  std::array<std::byte, 2 + decode_padding> empty_message_{};
  std::uint64_t now_ = 0;
  std::uint64_t up_again_ = 0;
  std::uint64_t damages_ = 0;
  std::uint64_t restarts_ = 0;
  std::uint64_t steps_ = 0;
};

TEST(SequencerProperty, EveryMessageOnceInOrderOrDeclaredMissing) {
  const char* chosen = std::getenv("TAPELINE_SEED");
  const unsigned first =
      chosen != nullptr ? static_cast<unsigned>(std::stoul(chosen)) : std::random_device{}();
#ifdef __SANITIZE_ADDRESS__
  constexpr unsigned most_runs = 500;
#else
  constexpr unsigned most_runs = 3'000;
#endif
  const unsigned runs = chosen != nullptr ? 1 : most_runs;
  std::uint64_t lost = 0, recovered = 0, completed = 0, failed = 0, evicted = 0;
  for (unsigned i = 0; i < runs; ++i) {
    SCOPED_TRACE("again with TAPELINE_SEED=" + std::to_string(first + i));
    Simulation simulation(first + i);
    simulation.run();
    if (HasFailure()) return;
    lost += simulation.lost();
    recovered += simulation.counters().recovered_messages;
    completed += simulation.counters().snapshots_completed;
    failed += simulation.counters().snapshots_failed;
    evicted += simulation.counters().evicted_messages;
  }
  if (runs == 1) return;
  // The runs have to reach what they are about.
  EXPECT_GT(lost, 100);
  EXPECT_GT(recovered, 100);
  EXPECT_GT(completed, 100);
  EXPECT_GT(failed, 100);
  EXPECT_GT(evicted, 10);
}

}  // namespace
}  // namespace tapeline::feed
