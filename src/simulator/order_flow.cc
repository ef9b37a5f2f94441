#include "simulator/order_flow.h"

namespace tapeline::simulator {

namespace {

// What an arrival is, in 65536ths of all; adding and deleting share the rest.
constexpr std::uint32_t replace_share = 5'500;
constexpr std::uint32_t part_cancel_share = 300;
constexpr std::uint32_t taking_share = 850;
constexpr std::uint32_t hidden_share = 400;
constexpr std::uint32_t retail_share = 130;
constexpr std::uint32_t rest_share =
    65'536 - replace_share - part_cancel_share - taking_share - hidden_share - retail_share;

constexpr std::uint32_t max_fills = 8;

// Round lots of a hundred rule, odd lots come next.
constexpr std::array<Shares, 64> sizes = {100, 100, 100, 100, 100, 100, 100,  100,  100, 100, 100, 100, 100,
                                          100, 100, 100, 100, 100, 100, 100,  100,  100, 100, 100, 100, 100,
                                          100, 100, 200, 200, 200, 200, 200,  200,  300, 300, 300, 300, 400,
                                          400, 500, 500, 500, 600, 800, 1000, 1000, 1,   1,   2,   3,   5,
                                          10,  10,  15,  20,  25,  33,  40,   50,   50,  60,  75,  1500};

// The rank of the order that goes, 0 for the newest. Mostly it is one of the last few; otherwise
// the rank is uniform on a logarithmic scale, so that the hazard of an order falls with its age like one over
// the age: lifetimes have heavy tails, from microseconds to the whole day.
std::uint32_t choose_rank(std::uint32_t live, std::uint64_t arrival_bits) {
  const std::uint64_t bits = arrival_bits >> 16;
  const auto low = static_cast<std::uint32_t>(bits);
  // Machines that answer at once mostly take back what they have just sent.
  const bool answers = (arrival_bits & 1) != 0;
  const std::uint32_t stop = (low >> 2) | (answers ? low >> 9 : 0u) | 0x80u;
  const auto recent = static_cast<std::uint32_t>(std::countr_zero(stop));
  const auto octaves = static_cast<std::uint32_t>(std::bit_width(live));
  const std::uint32_t octave = ((low >> 16) * octaves) >> 16;
  const std::uint32_t first = (1u << octave) - 1;
  const std::uint32_t any = first + (static_cast<std::uint32_t>(bits >> 32) & first);
  return std::min(answers || (low & 3) != 0 ? recent : any, live - 1);
}

Slot choose_order(const SymbolState& symbol, std::uint64_t arrival_bits) {
  const std::vector<Slot>& live = symbol.book.live();
  const auto count = static_cast<std::uint32_t>(live.size());
  return live[count - 1 - choose_rank(count, arrival_bits)];
}

// An order that the mid has left behind: somebody should pull it or take it. no_slot if there is none.
Slot stale_order(const SymbolState& symbol) {
  const SymbolBook& book = symbol.book;
  if (!book.empty(Side::bid) && book.best_price(Side::bid) >= symbol.mid) return book.best_order(Side::bid);
  if (!book.empty(Side::ask) && book.best_price(Side::ask) <= symbol.mid) return book.best_order(Side::ask);
  return no_slot;
}

}  // namespace

void OrderFlow::prefetch_listing(Arrival& arrival) const {
  const std::vector<Slot>& live = market_[arrival.symbol].book.live();
  const auto count = static_cast<std::uint32_t>(live.size());
  arrival.hint = count == 0 ? 0 : count - 1 - choose_rank(count, arrival.bits);
  __builtin_prefetch(live.data() + arrival.hint);
}

void OrderFlow::prefetch_order(Arrival& arrival) const {
  const std::vector<Slot>& live = market_[arrival.symbol].book.live();
  arrival.hint = arrival.hint < live.size() ? live[arrival.hint] : no_slot;
  if (arrival.hint != no_slot) market_.pool().prefetch(arrival.hint);
}

void OrderFlow::prefetch_neighbours(const Arrival& arrival) const {
  if (arrival.hint != no_slot) market_.pool().prefetch_neighbours(arrival.hint);
}

void OrderFlow::act(const Arrival& arrival) {
  SymbolState& symbol = market_[arrival.symbol];
  auto roll = static_cast<std::uint32_t>(arrival.bits & 0xffff);
  const std::uint64_t bits = arrival.bits;
  const bool open = symbol.state == TradingState::trading;
  const bool closed = symbol.state == TradingState::halted || symbol.state == TradingState::paused;
  if (symbol.book.live().empty()) return closed ? void() : add(symbol, bits);
  // While a symbol is halted its orders can only be taken back.
  if (closed) return roll & 2 ? remove(symbol, bits) : void();
  if ((bits >> 16 & 7) == 0) move_mid(symbol);
  if (roll < rest_share) return wants_add(symbol, roll) ? add(symbol, bits) : remove(symbol, bits);
  roll -= rest_share;
  if (roll < replace_share) return replace(symbol, bits);
  roll -= replace_share;
  if (roll < part_cancel_share || !open) return cancel_part(symbol, bits);
  roll -= part_cancel_share;
  if (roll < taking_share) return take_liquidity(symbol);
  roll -= taking_share;
  return roll < hidden_share ? trade_hidden(symbol) : show_retail_interest(symbol);
}

bool OrderFlow::wants_add(const SymbolState& symbol, std::uint32_t roll) const {
  const auto target = static_cast<std::int64_t>((std::uint64_t{symbol.live_target} * fill_) >> 16);
  const std::int64_t missing = target - static_cast<std::int64_t>(symbol.book.live().size());
  const std::int64_t patience = target / 12 + 3;
  const std::int64_t bias = std::clamp<std::int64_t>(missing, -patience, patience);
  // Between a tenth and nine tenths, a half when the book is as it should be.
  return (static_cast<std::int64_t>(roll) - rest_share / 2) * patience <
         std::int64_t{rest_share} * 2 / 5 * bias;
}

void OrderFlow::move_mid(SymbolState& symbol) {
  const std::uint64_t bits = market_.rng.next();
  if ((bits & 0x1ff) == 0) {
    // News: the level to return to moves by up to fifteen units of two and a half basis points or more.
    const auto jump = static_cast<std::uint32_t>((bits >> 16) & 15) * symbol.news_unit;
    const bool up = (bits >> 30) & 1;
    symbol.anchor = std::clamp(up ? symbol.anchor + jump : symbol.anchor - std::min(symbol.anchor, jump),
                               symbol.lowest, symbol.highest);
  }
  // The farther from its anchor, the likelier the next step leads back.
  const auto away =
      static_cast<std::int32_t>(symbol.mid - symbol.anchor) / static_cast<std::int32_t>(symbol.half_spread);
  const std::int32_t pull = std::clamp(away * 8, -96, 96);
  const bool up = static_cast<std::int32_t>((bits >> 40) & 0xff) >= 128 + pull;
  const std::uint32_t step = 1 + (symbol.news_unit >> 2);
  symbol.mid = std::clamp(up ? symbol.mid + step : symbol.mid - step, symbol.lowest, symbol.highest);
}

// Uses the upper half of the bits, and choose_price the lower.
Shares OrderFlow::choose_size(std::uint64_t bits) {
  bits >>= 32;
  const Shares size = sizes[bits & 63];
  // One order in 128 is a large one.
  return ((bits >> 8) & 127) == 0 ? size * (2 + static_cast<Shares>((bits >> 20) & 15)) : size;
}

std::uint32_t OrderFlow::choose_price(const SymbolState& symbol, Side side, std::uint64_t bits) {
  const auto roll = static_cast<std::uint32_t>(bits & 0xff);
  std::uint32_t distance = symbol.half_spread;
  if (roll < 20) {
    distance -= 1;  // Improves on what the others think right.
  } else if (roll >= 100) {
    // Behind the best by a number of levels that is uniform on a logarithmic scale.
    const auto octave = static_cast<std::uint32_t>((bits >> 8) & 0xff) * 6 >> 8;
    const std::uint32_t levels =
        (1u << octave) + (static_cast<std::uint32_t>(bits >> 16) & ((1u << octave) - 1));
    distance += levels * symbol.depth_unit;
  }
  if (side == Side::ask) return symbol.mid + distance;
  return symbol.mid > distance ? symbol.mid - distance : 1;
}

void OrderFlow::add(SymbolState& symbol, std::uint64_t bits) {
  const SymbolBook& book = symbol.book;
  Side side = (bits >> 56) & 1 ? Side::bid : Side::ask;
  if (book.orders(side) > 2 * book.orders(opposite(side)) + 2) side = opposite(side);
  const std::uint64_t more_bits = market_.rng.next();
  const std::uint32_t price = book.acceptable(side, choose_price(symbol, side, more_bits));
  // One tick below the lowest ask there may be nothing left; then the seller has company.
  if (price == 0) side = Side::ask;
  const auto attribution = static_cast<std::uint32_t>((bits >> 49) & 0x7f);
  const auto participant =
      static_cast<std::uint8_t>(attribution < 4 ? 1 + ((bits >> 41) & 0xff) % (participants.size() - 1) : 0);
  market_.add(symbol, side, price == 0 ? book.acceptable(side, symbol.mid + symbol.half_spread) : price,
              choose_size(more_bits), participant, true);
}

void OrderFlow::remove(SymbolState& symbol, std::uint64_t bits) {
  const Slot stale = stale_order(symbol);
  if (stale != no_slot && (bits & 0x300000) != 0 && market_.pool()[stale].live_index != Order::not_listed)
    return market_.remove(symbol, stale);
  market_.remove(symbol, choose_order(symbol, bits));
}

void OrderFlow::replace(SymbolState& symbol, std::uint64_t bits) {
  const Slot slot = choose_order(symbol, bits);
  const Order& order = market_.pool()[slot];
  const Side side = order.side;
  const std::uint64_t more_bits = market_.rng.next();
  const std::uint32_t price = symbol.book.acceptable(side, choose_price(symbol, side, more_bits));
  const Shares shares = (bits >> 60) & 3 ? order.shares : choose_size(more_bits);
  market_.replace(symbol, slot, price == 0 ? order.price : price, shares);
}

void OrderFlow::cancel_part(SymbolState& symbol, std::uint64_t bits) {
  const Slot slot = choose_order(symbol, bits);
  const Shares shares = market_.pool()[slot].shares;
  if (shares < 2) return market_.remove(symbol, slot);
  market_.cancel(symbol, slot, std::max<Shares>(1, shares / (2 + static_cast<Shares>((bits >> 60) & 3))));
}

void OrderFlow::take_liquidity(SymbolState& symbol) {
  const std::uint64_t bits = market_.rng.next();
  const Slot stale = stale_order(symbol);
  Side resting = bits & 1 ? Side::bid : Side::ask;
  if (stale != no_slot) resting = market_.pool()[stale].side;
  SymbolBook& book = symbol.book;
  if (book.empty(resting)) resting = opposite(resting);
  if (book.empty(resting)) return;
  // A few executions print elsewhere than at the displayed price: inside the spread or out of volume.
  const bool improved = (bits & 0x1f0) == 0;
  const char printable = (bits & 0xe00) == 0 ? 'N' : 'Y';
  const std::uint32_t worst = book.best_price(resting);
  Shares wanted = choose_size(bits);
  if ((bits & 0xf000) == 0) wanted *= 8;
  for (std::uint32_t fills = 0; wanted > 0 && fills < max_fills && market_.available() > 0; ++fills) {
    // It takes what stands at the best price and at most three ticks beyond.
    if (book.empty(resting)) return;
    const std::uint32_t best = book.best_price(resting);
    if (resting == Side::bid ? best + 3 < worst : best > worst + 3) return;
    const Slot slot = book.best_order(resting);
    const Shares shares = std::min(wanted, market_.pool()[slot].shares);
    wanted -= shares;
    if (improved) {
      Price price = Market::price(symbol, best);
      if (printable == 'Y' && symbol.tick > 1)
        price.ticks = resting == Side::bid ? price.ticks + symbol.tick / 2 : price.ticks - symbol.tick / 2;
      market_.execute_at(symbol, slot, shares, price, printable);
    } else {
      market_.execute(symbol, slot, shares);
    }
  }
}

// A hidden order trades at the middle of the spread. The exchange gives no reference and calls every such
// trade a buy.
void OrderFlow::trade_hidden(SymbolState& symbol) {
  Price price = Market::price(symbol, symbol.mid);
  const SymbolBook& book = symbol.book;
  if (!book.empty(Side::bid) && !book.empty(Side::ask))
    price.ticks = (book.best_price(Side::bid) + book.best_price(Side::ask)) * symbol.tick / 2;
  itch50::Trade trade{{},    OrderRef{0},         'B', choose_size(market_.rng.next()), symbol.stock,
                      price, market_.next_match()};
  market_.feed.put(trade, symbol.locate, market_.now_ns);
}

void OrderFlow::show_retail_interest(SymbolState& symbol) {
  constexpr std::array<char, 4> flags = {'B', 'S', 'A', 'N'};
  market_.send(symbol, itch50::Rpii{{}, symbol.stock, flags[market_.rng.next() & 3]});
}

}  // namespace tapeline::simulator
