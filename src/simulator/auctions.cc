#include "simulator/auctions.h"

#include <numeric>

namespace tapeline::simulator {

namespace {

constexpr std::size_t max_crossed_orders = 6;

// What the hidden on-open and on-close orders of a symbol amount to. Follows from the seed, so that
// indications and the cross agree without remembering anything.
struct CrossPlan {
  std::uint64_t paired;
  std::uint64_t imbalance;
  bool buyers_left;  // More is bid for than offered.
};

CrossPlan plan_of(const Market& market, std::uint32_t index, CrossType type) {
  std::uint64_t bits =
      mix(mix(market.config.seed ^ (std::uint64_t{index} << 8)) ^ static_cast<std::uint64_t>(type));
  const double activity = market.universe.listings[index].activity;
  const auto size = static_cast<std::uint64_t>(activity * 2e7);
  const std::uint64_t lots = size + (bits & 0x3f) * size / 64 + ((bits >> 6) & 7);
  const std::uint64_t imbalance = lots * ((bits >> 16) & 0xff) / 512;
  return {lots * 100, imbalance * 100, ((bits >> 30) & 1) != 0};
}

// The specification's code for how far the near price is from the reference price, in per cent.
char variation_code(double near, double reference) {
  const double percent = reference > 0 ? 100 * std::max(near - reference, reference - near) / reference : 0;
  if (percent < 1) return 'L';
  if (percent < 10) return static_cast<char>('0' + static_cast<int>(percent));
  return percent < 20 ? 'A' : percent < 30 ? 'B' : 'C';
}

// The orders that take part, in price-time order from the front of the side.
std::size_t collect_front(const Market& market, const SymbolBook& book, Side side, std::span<Slot> into) {
  std::size_t count = 0;
  const Ladder& ladder = book.ladder(side);
  for (std::uint32_t depth = 0; depth < std::min(ladder.size(), 2u); ++depth)
    for (Slot slot = ladder.from_best(depth).head; slot != no_slot && count < into.size();
         slot = market.pool()[slot].next)
      into[count++] = slot;
  return count;
}

}  // namespace

void send_imbalance(Market& market, std::uint32_t index, CrossType type, double progress) {
  const SymbolState& symbol = market[index];
  const CrossPlan plan = plan_of(market, index, type);
  const auto paired = static_cast<std::uint64_t>(static_cast<double>(plan.paired) * (0.35 + 0.65 * progress));
  const auto imbalance = static_cast<std::uint64_t>(static_cast<double>(plan.imbalance) *
                                                    (1 - 0.8 * progress) * (0.7 + 0.6 * market.rng.unit()));
  const std::uint32_t drift =
      symbol.half_spread + static_cast<std::uint32_t>((1 - progress) * 6 * symbol.half_spread);
  const auto shifted = [&](std::uint32_t by) {
    return Market::price(symbol,
                         plan.buyers_left ? symbol.mid + by : symbol.mid - std::min(symbol.mid - 1, by));
  };
  itch50::Noii m{};
  m.paired_shares = paired / 100 * 100;
  m.imbalance_shares = imbalance / 100 * 100;
  m.imbalance_direction = m.imbalance_shares == 0 ? 'N' : plan.buyers_left ? 'B' : 'S';
  if (paired == 0) m.imbalance_direction = 'O';
  m.reference_price = Market::price(symbol, symbol.mid);
  m.near_price = paired == 0 ? Price{0} : shifted(drift);
  m.far_price = paired == 0 ? Price{0} : shifted(drift + market.rng.below(3 * symbol.half_spread + 1));
  m.cross_type = static_cast<char>(type);
  m.price_variation = variation_code(m.near_price.dollars(), m.reference_price.dollars());
  if (paired == 0) m.price_variation = ' ';
  market.send(symbol, m);
}

void cross(Market& market, std::uint32_t index, CrossType type) {
  SymbolState& symbol = market[index];
  const CrossPlan plan = plan_of(market, index, type);
  itch50::CrossTrade m{};
  m.shares = plan.paired;
  m.price = m.shares == 0 ? Price{0} : Market::price(symbol, symbol.mid);
  // Buyers that are left over take the front of the offers, and the other way round.
  const Side side = plan.buyers_left ? Side::ask : Side::bid;
  if (!symbol.book.empty(side) && plan.paired > 0) {
    std::array<Slot, max_crossed_orders> slots;
    // On a day of few messages most crosses leave the displayed orders alone.
    const double chance =
        static_cast<double>(market.config.messages) / (1'600.0 * static_cast<double>(market.size()));
    const std::size_t wanted = market.rng.chance(chance) ? 1 + market.rng.below(max_crossed_orders) : 0;
    const std::size_t count = std::min<std::uint64_t>(
        collect_front(market, symbol.book, side, std::span(slots).first(wanted)), market.available());
    if (count > 0) m.price = Market::price(symbol, market.pool()[slots[count - 1]].price);
    for (std::size_t i = 0; i < count; ++i) {
      Shares shares = market.pool()[slots[i]].shares;
      // The last one is often filled in part only.
      if (i + 1 == count && market.rng.below(2) == 0) shares = (shares + 1) / 2;
      m.shares += shares;
      market.execute_at(symbol, slots[i], shares, m.price, 'N');
    }
  }
  m.match_number = market.next_match();
  m.cross_type = static_cast<char>(type);
  market.send(symbol, m);
  market.use_reserved_message();
}

ImbalanceRounds::ImbalanceRounds(const Market& market, CrossType type, std::uint64_t cross_time)
    : type_(type), cross_time_(cross_time) {
  // About one message in seventy of the day, spread over both crosses.
  const std::uint64_t affordable = market.config.messages / 140 / (slow_rounds + fast_rounds);
  symbols_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(affordable, market.size()));
  spacing_ns_ = std::min<std::uint64_t>(40'000, nanoseconds_per_second / std::max(1u, symbols_));
  next_time_ = symbols_ == 0 ? never : round_start(0);
}

std::uint64_t ImbalanceRounds::round_start(std::uint32_t round) const {
  constexpr std::uint64_t slow_ns = 10 * nanoseconds_per_second;
  constexpr std::uint64_t fast_ns = 5 * nanoseconds_per_second / 2;
  if (round < slow_rounds) return cross_time_ - fast_rounds * fast_ns - (slow_rounds - round) * slow_ns;
  return cross_time_ - (slow_rounds + fast_rounds - round) * fast_ns;
}

void ImbalanceRounds::fire(Market& market) {
  const std::uint32_t index = market.universe.by_activity[position_];
  const double progress = static_cast<double>(round_) / (slow_rounds + fast_rounds - 1);
  if (market[index].state == TradingState::trading && market.available() > 0)
    send_imbalance(market, index, type_, progress);
  if (++position_ == symbols_) {
    position_ = 0;
    ++round_;
  }
  next_time_ = round_ == slow_rounds + fast_rounds
                   ? never
                   : std::max(next_time_, round_start(round_) + position_ * spacing_ns_);
}

CrossSweep::CrossSweep(Market& market, CrossType type, std::uint64_t cross_time)
    : type_(type), order_(market.size()), next_time_(cross_time + 40'000'000) {
  std::iota(order_.begin(), order_.end(), 0u);
  for (std::size_t i = order_.size(); i > 1; --i)
    std::swap(order_[i - 1], order_[market.rng.below(static_cast<std::uint32_t>(i))]);
  spacing_ns_ = std::min<std::uint64_t>(150'000, 2 * nanoseconds_per_second / order_.size());
  market.reserve_messages(order_.size());
}

void CrossSweep::fire(Market& market) {
  const std::uint32_t index = order_[position_++];
  // What does not trade yet is crossed when it is released.
  if (market[index].state == TradingState::trading)
    cross(market, index, type_);
  else
    market.use_reserved_message();
  next_time_ = position_ == order_.size() ? never : next_time_ + spacing_ns_;
}

}  // namespace tapeline::simulator
