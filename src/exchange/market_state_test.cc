#include "exchange/market_state.h"

#include <map>

#include "base/bytes.h"
#include "feed/itch50/encoder.h"
#include "simulator/market_simulator.h"

namespace tapeline::exchange {
namespace {

constexpr simulator::Config day = {.messages = 60'000, .symbols = 100, .spoofing = 0};

// Applies a generated day block by block.
MarketState state_of_day(simulator::MarketSimulator& simulator) {
  MarketState state;
  std::vector<std::byte> block;
  for (std::uint64_t before = 0;; before = simulator.messages()) {
    const std::span<const std::byte> made = simulator.next_block();
    if (made.empty()) return state;
    block.assign(made.begin(), made.end());
    block.resize(made.size() + decode_padding);
    state.apply({std::span(block).first(made.size()), before + 1,
                 static_cast<std::uint32_t>(simulator.messages() - before), CaptureTime{0}});
  }
}

TEST(MarketState, HoldsWhatTheGeneratorHolds) {
  simulator::MarketSimulator simulator(day);
  const MarketState state = state_of_day(simulator);
  EXPECT_EQ(state.next_sequence(), day.messages + 1);
  EXPECT_EQ(state.books().live_orders(), simulator.live_orders());
  EXPECT_EQ(state.system_events().size(), simulator.counts()['S']);

  std::size_t securities = 0;
  state.for_each_security([&](const MarketState::Security& security) {
    ++securities;
    EXPECT_EQ(security.directory->header.type, 'R');
    EXPECT_TRUE(security.trading.has_value());
    EXPECT_EQ(security.trading->stock, security.directory->stock);
  });
  EXPECT_EQ(securities, day.symbols);
}

TEST(MarketState, OrdersComeLevelByLevelInTheOrderOfTheirQueues) {
  simulator::MarketSimulator simulator(day);
  const MarketState state = state_of_day(simulator);
  std::uint64_t orders = 0;
  std::map<std::tuple<Locate, Side, Price>, std::uint32_t> places;
  state.for_each_order([&](Locate locate, const Symbol& symbol, const book::OrderView& order) {
    ++orders;
    EXPECT_EQ(symbol, state.books().symbol(locate));
    const auto position = state.books().queue_position(locate, order.ref);
    ASSERT_TRUE(position.has_value());
    EXPECT_EQ(position->orders_ahead, places[std::tuple(locate, order.side, order.price)]++);
  });
  EXPECT_EQ(orders, simulator.live_orders());
}

TEST(MarketState, KeepsTheLastOfEachStatusAndForgetsAtANewSession) {
  std::vector<std::byte> block(256);
  const itch50::Header header = {0, Locate{7}, 0, EventTime{5}};
  std::byte* end = itch50::encode_framed(itch50::SystemEvent{header, 'O'}, block.data());
  itch50::StockDirectory directory{};
  directory.header = header;
  directory.stock = Symbol("TEST");
  end = itch50::encode_framed(directory, end);
  end = itch50::encode_framed(itch50::TradingAction{header, Symbol("TEST"), 'H', ' ', Code4("T1")}, end);
  end = itch50::encode_framed(itch50::TradingAction{header, Symbol("TEST"), 'T', ' ', Code4("")}, end);
  end = itch50::encode_framed(itch50::RegSho{header, Symbol("TEST"), '1'}, end);
  const std::size_t size = static_cast<std::size_t>(end - block.data());
  MarketState state;
  state.apply({std::span(block).first(size), 1, 5, CaptureTime{0}});
  EXPECT_EQ(state.system_events().size(), 1);
  int securities = 0;
  state.for_each_security([&](const MarketState::Security& security) {
    ++securities;
    EXPECT_EQ(security.trading->trading_state, 'T');
    EXPECT_EQ(security.reg_sho->action, '1');
    EXPECT_FALSE(security.operational_halt.has_value());
  });
  EXPECT_EQ(securities, 1);
  state.reset();
  state.for_each_security([](const MarketState::Security&) { ADD_FAILURE(); });
  EXPECT_TRUE(state.system_events().empty());
  EXPECT_EQ(state.next_sequence(), 1);
}

}  // namespace
}  // namespace tapeline::exchange
