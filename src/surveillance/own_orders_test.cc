#include "surveillance/own_orders.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "feed/ouch50/codec.h"

namespace tapeline::surveillance {
namespace {

class Capture {
 public:
  template <class M>
  void add(const M& message) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + 2);
    ouch50::encode(message, bytes_);
    store_be(bytes_.data() + at, static_cast<std::uint16_t>(bytes_.size() - at - 2));
  }
  void accept(std::uint32_t user_ref, std::uint64_t ref, char side) {
    ouch50::Accepted message;
    message.user_ref_num = ouch50::UserRefNum{user_ref};
    message.order_ref = OrderRef{ref};
    message.side = side;
    message.symbol = Symbol("IWM");
    add(message);
  }
  void execute(std::uint32_t user_ref, Shares shares, std::uint64_t match) {
    ouch50::Executed message;
    message.user_ref_num = ouch50::UserRefNum{user_ref};
    message.quantity = shares;
    message.price = {100'000};
    message.match_number = MatchNumber{match};
    add(message);
  }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

TEST(OwnOrders, KnowsOwnReferencesAndTradesWithOneself) {
  Capture capture;
  capture.accept(1, 1'001, 'B');
  capture.accept(2, 1'002, 'T');  // Sell short.
  capture.accept(3, 1'003, 'S');
  capture.execute(1, 100, 7);  // With someone else.
  capture.execute(1, 300, 8);
  capture.execute(2, 200, 8);  // With ourselves.
  capture.execute(3, 50, 9);
  const Result<OwnOrders> own = OwnOrders::read(capture.bytes());
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_EQ(own->orders(), 3u);
  EXPECT_EQ(own->executions(), 4u);
  EXPECT_EQ(own->unreadable(), 0u);
  EXPECT_TRUE(own->is_own(OrderRef{1'002}));
  EXPECT_FALSE(own->is_own(OrderRef{999}));
  ASSERT_EQ(own->self_trades().size(), 1u);
  const SelfTrade& trade = own->self_trades()[0];
  EXPECT_EQ(raw(trade.match), 8u);
  EXPECT_EQ(trade.shares, 200u);
  EXPECT_EQ(raw(trade.buy), 1u);
  EXPECT_EQ(raw(trade.sell), 2u);
  EXPECT_EQ(trade.symbol, Symbol("IWM"));
  EXPECT_EQ(trade.price.ticks, 100'000u);
}

TEST(OwnOrders, FollowsAReplace) {
  Capture capture;
  capture.accept(1, 1'001, 'B');
  ouch50::Replaced replaced;
  replaced.original_user_ref_num = ouch50::UserRefNum{1};
  replaced.user_ref_num = ouch50::UserRefNum{4};
  replaced.order_ref = OrderRef{1'004};
  replaced.side = 'B';
  capture.add(replaced);
  const Result<OwnOrders> own = OwnOrders::read(capture.bytes());
  ASSERT_TRUE(own);
  EXPECT_TRUE(own->is_own(OrderRef{1'001}));
  EXPECT_TRUE(own->is_own(OrderRef{1'004}));
}

TEST(OwnOrders, RefusesHalfAMessageAndCountsWhatIsNone) {
  Capture capture;
  capture.accept(1, 1'001, 'B');
  std::vector<std::byte> cut = capture.bytes();
  cut.pop_back();
  EXPECT_FALSE(OwnOrders::read(cut));
  EXPECT_FALSE(OwnOrders::read(std::span(cut).first(1)));
  std::vector<std::byte> strange = {std::byte{0}, std::byte{2}, std::byte{'?'},
                                    std::byte{0}, std::byte{0}, std::byte{0}};
  const Result<OwnOrders> own = OwnOrders::read(strange);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->unreadable(), 1u);
  EXPECT_TRUE(OwnOrders::read({}));
  // An execution of an order that was never accepted.
  Capture unknown;
  unknown.execute(5, 10, 1);
  EXPECT_EQ(OwnOrders::read(unknown.bytes())->unreadable(), 1u);
}

}  // namespace
}  // namespace tapeline::surveillance
