#include "exchange/glimpse_service.h"

#include "base/bytes.h"

namespace tapeline::exchange {

namespace {

// What a client may send is short: its login has 49 bytes.
constexpr std::size_t max_client_packet = 256;

// The market's state as feed/glimpse wants to be told of it.
struct BooksOfMarket {
  const MarketState& state;

  [[nodiscard]] std::uint64_t next_sequence() const { return state.next_sequence(); }
  template <class F>
  void system_events(F&& f) const {
    for (const itch50::SystemEvent& event : state.system_events()) f(event);
  }
  template <class F>
  void securities(F&& f) const {
    state.for_each_security([&](const MarketState::Security& security) {
      f(glimpse::SecurityState{*security.directory, security.trading, security.reg_sho,
                               security.operational_halt});
    });
  }
  template <class F>
  void orders(F&& f) const {
    state.for_each_order([&](Locate locate, const Symbol& symbol, const book::OrderView& order) {
      f(glimpse::RestingOrder{locate, order.side, order.ref, order.shares, symbol, order.price,
                              order.attribution, order.entered});
    });
  }
};
static_assert(glimpse::BookSource<BooksOfMarket>);

}  // namespace

class GlimpseService::Session final : public ByteSession {
 public:
  Session(GlimpseService& service, std::uint64_t now_ns)
      : service_(service),
        server_({.max_packet_size = max_client_packet}, service.session_counters_, now_ns),
        since_ns_(now_ns) {}

  void feed(std::span<const std::byte> bytes, std::uint64_t now_ns) override {
    server_.session().feed(bytes, now_ns);
    while (const std::optional<soupbintcp::ServerEvent> event = server_.session().next()) {
      if (event->kind != soupbintcp::ServerEvent::Kind::login) continue;
      login_ = event->login;
      wanted_ = service_.published();
    }
  }

  void pump(std::uint64_t now_ns) override {
    if (login_ && !started_) start(now_ns);
    server_.pump(now_ns);
    if (server_.is_sent() && !counted_) {
      counted_ = true;
      since_ns_ = now_ns;
      ++service_.counters_.sent;
    }
  }

  void on_timer(std::uint64_t now_ns) override {
    server_.session().on_timer(now_ns);
    if (!login_ && now_ns - since_ns_ >= service_.limits_.login_ns) given_up_ = true;
    if (counted_ && now_ns - since_ns_ >= service_.limits_.leave_ns) server_.session().end_session(now_ns);
  }

  [[nodiscard]] std::span<const std::byte> output() const override { return server_.session().output(); }
  void consume_output(std::size_t size) override { server_.session().consume_output(size); }
  [[nodiscard]] bool is_over() const override { return given_up_ || server_.session().is_over(); }

 private:
  void start(std::uint64_t now_ns) {
    if (server_.session().is_over()) return;
    if (service_.broken_) {
      started_ = true;
      ++service_.counters_.unavailable;
      server_.session().reject(soupbintcp::RejectReason::no_such_session, now_ns);
      return;
    }
    std::shared_ptr<const glimpse::Snapshot> snapshot = service_.snapshot(wanted_, now_ns);
    if (snapshot == nullptr) return;
    started_ = true;
    server_.start(*login_, std::move(snapshot), service_.session_name_, now_ns);
  }

  GlimpseService& service_;
  mutable glimpse::SnapshotServerSession server_;  // Its session() has no const form.
  std::optional<soupbintcp::LoginRequest> login_;
  Position wanted_;         // What was published when the client logged in.
  bool started_ = false;    // The login is answered.
  bool counted_ = false;    // The snapshot is sent.
  bool given_up_ = false;   // No login came.
  std::uint64_t since_ns_;  // The connection is there, or the snapshot is sent.
};

GlimpseService::GlimpseService(const Publisher& publisher, std::mutex& publisher_mutex,
                               const GlimpseLimits& limits)
    : publisher_(publisher), mutex_(publisher_mutex), limits_(limits) {
  chunk_.reserve(chunk_bytes + decode_padding);
}

GlimpseService::Position GlimpseService::published() const {
  const std::scoped_lock lock(mutex_);
  return {publisher_.counters().sessions, publisher_.published_up_to()};
}

bool GlimpseService::follow() {
  PublishedMessages::Run run;
  {
    const std::scoped_lock lock(mutex_);
    if (publisher_.counters().sessions != session_) {
      session_ = publisher_.counters().sessions;
      session_name_ = publisher_.session();
      state_.reset();
      broken_ = false;
    }
    const std::uint64_t next = state_.next_sequence();
    if (broken_ || next >= publisher_.published_up_to()) return false;
    if (next < publisher_.messages().first_kept()) {
      broken_ = true;
      return false;
    }
    run = publisher_.messages().find(next, publisher_.published_up_to() - next, chunk_bytes);
    chunk_.assign(run.frames.begin(), run.frames.end());
  }
  const std::size_t size = chunk_.size();
  chunk_.resize(size + decode_padding);
  state_.apply({std::span(chunk_).first(size), state_.next_sequence(), run.count, CaptureTime{0}});
  return true;
}

std::unique_ptr<ByteSession> GlimpseService::make_session(std::uint64_t now_ns) {
  return std::make_unique<Session>(*this, now_ns);
}

std::shared_ptr<const glimpse::Snapshot> GlimpseService::snapshot(Position at_least, std::uint64_t now_ns) {
  if (latest_ != nullptr && latest_position_ >= at_least) return latest_;
  if (position() < at_least) return nullptr;
  if (latest_ns_ != 0 && now_ns - latest_ns_ < limits_.snapshot_every_ns) return nullptr;
  latest_ = glimpse::take_snapshot(BooksOfMarket{state_});
  latest_position_ = position();
  latest_ns_ = now_ns;
  ++counters_.taken;
  return latest_;
}

}  // namespace tapeline::exchange
