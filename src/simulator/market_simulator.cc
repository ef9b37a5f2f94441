#include "simulator/market_simulator.h"

#include <algorithm>

#include "base/check.h"
#include "simulator/arrival_process.h"
#include "simulator/auctions.h"
#include "simulator/day_schedule.h"
#include "simulator/market.h"
#include "simulator/order_flow.h"
#include "simulator/patterns.h"

namespace tapeline::simulator {

namespace {

std::vector<double> activity_of(const SymbolUniverse& universe) {
  std::vector<double> activity;
  for (const Listing& listing : universe.listings) activity.push_back(listing.activity);
  return activity;
}

// Arrivals are known ahead of their time because they do not depend on the books. That is what allows to
// fetch the memory each will touch: first the symbol, then its book, then what leads to the order, then the
// order and its neighbours in the queue.
class ArrivalQueue {
 public:
  static constexpr std::size_t ahead = 32;
  static constexpr std::size_t book_ahead = 24;
  static constexpr std::size_t listing_ahead = 18;
  static constexpr std::size_t order_ahead = 12;
  static constexpr std::size_t neighbours_ahead = 6;

  ArrivalQueue(std::uint64_t seed, std::span<const double> activity) : process_(seed, activity) {}

  void fill(const OrderFlow& flow, std::uint64_t wanted) {
    for (std::size_t i = 0; i < ahead; ++i) pull(i, flow, wanted);
  }
  [[nodiscard]] const Arrival& front() const { return ring_[head_]; }
  // Replaces the front one by a later one.
  void advance(const OrderFlow& flow, std::uint64_t wanted) {
    pull(head_, flow, wanted > ahead ? wanted - ahead : 1);
    head_ = (head_ + 1) % ahead;
    flow.prefetch_book(ring_[(head_ + book_ahead) % ahead]);
    flow.prefetch_listing(ring_[(head_ + listing_ahead) % ahead]);
    flow.prefetch_order(ring_[(head_ + order_ahead) % ahead]);
    flow.prefetch_neighbours(ring_[(head_ + neighbours_ahead) % ahead]);
  }

 private:
  void pull(std::size_t at, const OrderFlow& flow, std::uint64_t wanted) {
    process_.next(wanted, ring_[at]);
    flow.prefetch_symbol(ring_[at]);
  }

  ArrivalProcess process_;
  std::array<Arrival, ahead> ring_{};
  std::size_t head_ = 0;
};

}  // namespace

struct MarketSimulator::Day {
  explicit Day(const Config& config)
      : market(config),
        flow(market),
        opening(market),
        announcements(market),
        imbalances{ImbalanceRounds(market, CrossType::open, market_open),
                   ImbalanceRounds(market, CrossType::close, market_close)},
        crosses{CrossSweep(market, CrossType::open, market_open),
                CrossSweep(market, CrossType::close, market_close)},
        episodes(market),
        patterns(market),
        arrivals(config.seed, activity_of(market.universe)) {
    CHECK(market.available() > 0);
    arrivals.fill(flow, market.available());
    find_next_scheduled();
  }

  template <class F>
  void for_each_schedule(F&& f) {
    f(announcements);
    f(opening);
    for (ImbalanceRounds& rounds : imbalances) f(rounds);
    for (CrossSweep& sweep : crosses) f(sweep);
    f(episodes);
    f(patterns);
  }

  void find_next_scheduled() {
    next_scheduled = never;
    for_each_schedule(
        [&](const auto& schedule) { next_scheduled = std::min(next_scheduled, schedule.next_time()); });
  }

  // Fires the first schedule that is due.
  void fire_scheduled() {
    // A schedule that was held up fires late rather than at a time that has passed.
    market.now_ns = std::max(market.now_ns, next_scheduled);
    bool fired = false;
    for_each_schedule([&](auto& schedule) {
      if (fired || schedule.next_time() != next_scheduled) return;
      fired = true;
      schedule.fire(market);
    });
    find_next_scheduled();
  }

  // The books fill quickly at first and are full when nine tenths of the messages are out.
  void set_fill() {
    const double progress = std::min(
        1.0, static_cast<double>(market.feed.count()) / (0.9 * static_cast<double>(market.config.messages)));
    flow.set_fill(static_cast<std::uint32_t>(65'536 * progress * (2 - progress)));
  }

  void run_until_full() {
    for (std::uint32_t steps = 0; !market.feed.full(); ++steps) {
      if (steps % 64 == 0) set_fill();
      const std::uint64_t available = market.available();
      if (available > 0 && arrivals.front().time_ns < next_scheduled) [[likely]] {
        market.now_ns = std::max(market.now_ns, arrivals.front().time_ns);
        flow.act(arrivals.front());
        arrivals.advance(flow, available);
      } else if (next_scheduled != never) {
        fire_scheduled();
      } else {
        return;
      }
    }
  }

  Market market;
  OrderFlow flow;
  Opening opening;
  Announcements announcements;
  std::array<ImbalanceRounds, 2> imbalances;
  std::array<CrossSweep, 2> crosses;
  Episodes episodes;
  Patterns patterns;
  ArrivalQueue arrivals;
  std::uint64_t next_scheduled = never;
};

MarketSimulator::MarketSimulator(const Config& config) {
  CHECK(config.validate());
  day_ = std::make_unique<Day>(config);
}
MarketSimulator::~MarketSimulator() = default;
MarketSimulator::MarketSimulator(MarketSimulator&&) noexcept = default;
MarketSimulator& MarketSimulator::operator=(MarketSimulator&&) noexcept = default;

std::span<const std::byte> MarketSimulator::next_block() {
  day_->market.feed.start_block();
  day_->run_until_full();
  return day_->market.feed.block();
}

std::uint64_t MarketSimulator::messages() const {
  return day_->market.feed.count();
}
const std::array<std::uint64_t, 256>& MarketSimulator::counts() const {
  return day_->market.feed.counts();
}
std::uint64_t MarketSimulator::live_orders() const {
  return day_->market.pool().live();
}
std::uint64_t MarketSimulator::peak_live_orders() const {
  return day_->market.pool().peak_live();
}
std::vector<Episode> MarketSimulator::episodes() const {
  std::vector<Episode> all = day_->episodes.finished();
  const std::vector<Episode>& patterns = day_->patterns.finished();
  all.insert(all.end(), patterns.begin(), patterns.end());
  std::ranges::stable_sort(all, {}, &Episode::last_sequence);
  return all;
}

std::vector<BestQuote> MarketSimulator::best_quotes() const {
  const Market& market = day_->market;
  std::vector<BestQuote> quotes;
  for (std::uint32_t i = 0; i < market.size(); ++i) {
    const SymbolState& symbol = market[i];
    BestQuote quote{symbol.locate, symbol.stock, {}, 0, {}, 0};
    if (!symbol.book.empty(Side::bid)) {
      quote.bid_price = Market::price(symbol, symbol.book.best_price(Side::bid));
      quote.bid_shares = symbol.book.best_shares(market.pool(), Side::bid);
    }
    if (!symbol.book.empty(Side::ask)) {
      quote.ask_price = Market::price(symbol, symbol.book.best_price(Side::ask));
      quote.ask_shares = symbol.book.best_shares(market.pool(), Side::ask);
    }
    quotes.push_back(quote);
  }
  return quotes;
}

}  // namespace tapeline::simulator
