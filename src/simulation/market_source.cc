#include "simulation/market_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"

namespace tapeline::simulation {

namespace {

constexpr std::uint64_t opening_ns = 34'200'000'000'000;

}  // namespace

std::vector<Locate> locates_of(const Market& market, std::uint64_t seed) {
  CHECK(market.symbols > 0 && market.symbols <= market.max_locate);
  simulator::Rng rng(seed);
  std::vector<Locate> locates;
  while (locates.size() < market.symbols) {
    const auto locate = static_cast<Locate>(rng.between(1, market.max_locate));
    if (std::ranges::find(locates, locate) == locates.end()) locates.push_back(locate);
  }
  std::ranges::sort(locates);
  return locates;
}

MarketSource::MarketSource(const Market& market, std::uint64_t market_seed, std::uint64_t session)
    : market_(market), locates_(locates_of(market, market_seed)), rng_(market_seed + 1 + session) {}

template <class M>
void MarketSource::put(M message, std::size_t symbol) {
  const Locate locate = symbol < locates_.size() ? locates_[symbol] : Locate{0};
  message.header = {M::type_code, locate, 0, EventTime{opening_ns + made_ * market_.step_ns}};
  const std::size_t at = bytes_.size();
  bytes_.resize(at + 2 + M::wire_size);
  itch50::encode_framed(message, bytes_.data() + at);
  ++made_;
}

Symbol MarketSource::name_of(std::size_t symbol) const {
  return Symbol(fmt::format("S{}", raw(locates_[symbol])));
}

Price MarketSource::price_of(std::size_t symbol, bool buy) {
  const std::uint32_t middle = 100'000 + 1'000 * static_cast<std::uint32_t>(symbol);
  const std::uint32_t away = 100 * (1 + rng_.below(12));
  return Price{buy ? middle - away : middle + away};
}

MarketSource::Resting& MarketSource::any_resting() {
  std::swap(resting_[rng_.below(static_cast<std::uint32_t>(resting_.size()))], resting_.back());
  return resting_.back();
}

// A system event, then the directory and the trading state of each symbol.
void MarketSource::put_opening(std::uint64_t number) {
  if (number == 0) return put(itch50::SystemEvent{{}, 'O'}, locates_.size());
  const std::size_t symbol = (number - 1) / 2;
  if (number % 2 == 1) {
    itch50::StockDirectory directory{};
    directory.stock = name_of(symbol);
    directory.market_category = 'Q';
    directory.financial_status = 'N';
    directory.round_lot_size = 100;
    return put(directory, symbol);
  }
  put(itch50::TradingAction{{}, name_of(symbol), 'T', ' ', Code4("")}, symbol);
}

void MarketSource::put_order() {
  const std::size_t symbol = rng_.below(static_cast<std::uint32_t>(locates_.size()));
  const bool buy = rng_.chance(0.5);
  const Resting order{next_ref_++, symbol, 1 + rng_.below(900), buy};
  resting_.push_back(order);
  const char side = buy ? 'B' : 'S';
  const Price price = price_of(symbol, buy);
  if (rng_.chance(0.2))
    put(itch50::AddOrderAttributed{{},
                                   OrderRef{order.ref},
                                   side,
                                   order.shares,
                                   name_of(symbol),
                                   price,
                                   Mpid(rng_.chance(0.5) ? "MMAA" : "MMBB")},
        symbol);
  else
    put(itch50::AddOrder{{}, OrderRef{order.ref}, side, order.shares, name_of(symbol), price}, symbol);
}

void MarketSource::put_reduction() {
  Resting& order = any_resting();
  const OrderRef ref{order.ref};
  const std::size_t symbol = order.symbol;
  const std::uint32_t kind = rng_.below(10);
  const Shares part = kind < 3 ? order.shares : 1 + rng_.below(order.shares);
  if (kind >= 8 || kind < 1) {
    resting_.pop_back();
    return put(itch50::OrderDelete{{}, ref}, symbol);
  }
  const Shares left = order.shares - part;
  if (kind >= 6 && left > 0) {
    order.shares = left;
    return put(itch50::OrderCancel{{}, ref, part}, symbol);
  }
  order.shares = left;
  if (left == 0) resting_.pop_back();
  const MatchNumber match{next_match_++};
  if (kind == 5)
    return put(
        itch50::OrderExecutedWithPrice{
            {}, ref, part, match, rng_.chance(0.8) ? 'Y' : 'N', price_of(symbol, true)},
        symbol);
  put(itch50::OrderExecuted{{}, ref, part, match}, symbol);
}

void MarketSource::put_replace() {
  Resting& order = any_resting();
  const OrderRef before{order.ref};
  order.ref = next_ref_++;
  order.shares = 1 + rng_.below(900);
  put(itch50::OrderReplace{{}, before, OrderRef{order.ref}, order.shares, price_of(order.symbol, order.buy)},
      order.symbol);
}

void MarketSource::put_trade() {
  const std::size_t symbol = rng_.below(static_cast<std::uint32_t>(locates_.size()));
  const MatchNumber match{next_match_++};
  if (rng_.chance(0.1) && next_match_ > 2)
    return put(itch50::BrokenTrade{{}, MatchNumber{1 + rng_.below(static_cast<std::uint32_t>(raw(match)))}},
               symbol);
  put(
      itch50::Trade{
          {}, OrderRef{0}, 'B', 1 + rng_.below(500), name_of(symbol), price_of(symbol, true), match},
      symbol);
}

// A halt, or its end.
void MarketSource::put_status() {
  const std::size_t symbol = rng_.below(static_cast<std::uint32_t>(locates_.size()));
  put(itch50::TradingAction{{}, name_of(symbol), rng_.chance(0.5) ? 'H' : 'T', ' ', Code4("")}, symbol);
}

void MarketSource::put_bad() {
  const std::size_t symbol = rng_.below(static_cast<std::uint32_t>(locates_.size()));
  switch (rng_.below(4)) {
    case 0: return put(itch50::OrderDelete{{}, OrderRef{next_ref_ + 1'000'000}}, symbol);
    case 1:
      return put(itch50::AddOrder{{}, OrderRef{next_ref_++}, 'X', 100, name_of(symbol), Price{1}}, symbol);
    case 2: {
      // A type that nobody knows.
      put(itch50::OrderDelete{{}, OrderRef{1}}, symbol);
      bytes_[bytes_.size() - itch50::OrderDelete::wire_size] = std::byte{'z'};
      return;
    }
    default: {
      // A message of length 0 takes a number, too.
      bytes_.resize(bytes_.size() + 2);
      ++made_;
      return;
    }
  }
}

void MarketSource::put_next() {
  if (made_ <= 2 * locates_.size()) return put_opening(made_);
  if (market_.bad_permille > 0 && rng_.below(1000) < market_.bad_permille) return put_bad();
  const std::uint32_t kind = rng_.below(100);
  if (kind < 2) return put_status();
  if (kind < 6) return put_trade();
  const double full = static_cast<double>(resting_.size()) / market_.live_orders;
  if (resting_.empty() || rng_.unit() > full / 2) return put_order();
  if (kind < 15) return put_replace();
  put_reduction();
}

Result<std::optional<feed::MessageBlock>> MarketSource::next() {
  const std::uint64_t before = made_;
  bytes_.clear();
  while (made_ < before + messages_per_block) put_next();
  const std::size_t size = bytes_.size();
  bytes_.resize(size + decode_padding);
  ++counters_.blocks;
  counters_.messages = made_;
  return feed::MessageBlock{std::span(bytes_).first(size), before + 1,
                            static_cast<std::uint32_t>(made_ - before), CaptureTime{0}};
}

}  // namespace tapeline::simulation
