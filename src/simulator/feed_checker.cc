#include "simulator/feed_checker.h"

#include <cmath>

#include <fmt/format.h>

namespace tapeline::simulator {

namespace {

using itch50::wire_offset;

template <class T>
T field(const std::byte* m, std::size_t offset) {
  if constexpr (sizeof(T) == 1)
    return static_cast<T>(m[offset]);
  else
    return load_be<T>(m + offset);
}

}  // namespace

void FeedChecker::complain(const std::string& what) {
  if (complaints.size() < 20) complaints.push_back(fmt::format("message {}: {}", messages, what));
}

void FeedChecker::take_block(std::span<const std::byte> block) {
  std::size_t at = 0;
  while (at < block.size()) {
    const std::size_t size = load_be<std::uint16_t>(block.data() + at);
    if (at + 2 + size > block.size()) return complain("the block ends within a message");
    take(block.data() + at + 2, size);
    at += 2 + size;
  }
}

std::uint64_t FeedChecker::shares_at(const std::deque<std::uint64_t>& queue) const {
  std::uint64_t sum = 0;
  for (const std::uint64_t ref : queue) sum += orders.at(ref).shares;
  return sum;
}

std::deque<std::uint64_t>& FeedChecker::queue_of(const Resting& order) {
  Book& book = books[order.locate];
  return (order.side == 'B' ? book.bids : book.asks)[order.price];
}

void FeedChecker::leave_queue(std::uint64_t ref, const Resting& order) {
  std::deque<std::uint64_t>& queue = queue_of(order);
  queue.erase(std::find(queue.begin(), queue.end(), ref));
  if (!queue.empty()) return;
  Book& book = books[order.locate];
  (order.side == 'B' ? book.bids : book.asks).erase(order.price);
}

void FeedChecker::match(std::uint64_t number) {
  if (number <= last_match_) complain("match numbers do not increase");
  last_match_ = number;
}

void FeedChecker::add(std::uint16_t locate, std::uint64_t ref, char side, std::uint32_t shares,
                      std::uint32_t price) {
  if (ref <= last_ref_) complain("order references do not increase");
  last_ref_ = ref;
  added_at[ref] = messages;
  if (shares == 0 || price == 0) complain("an order without shares or price");
  if (side != 'B' && side != 'S') complain("a side that is none");
  orders[ref] = {locate, side, shares, price, now_ns_};
  queue_of(orders[ref]).push_back(ref);
  const Book& book = books[locate];
  if (book.state == 'H' || book.state == 'P') complain("an order while the symbol is halted");
  if (!book.bids.empty() && !book.asks.empty() && book.bids.rbegin()->first >= book.asks.begin()->first)
    complain("the book is crossed or locked");
}

void FeedChecker::remove(std::uint16_t locate, std::uint64_t ref) {
  const auto found = orders.find(ref);
  if (found == orders.end()) return complain("an unknown order goes");
  if (found->second.locate != locate) complain("an order changes its symbol");
  lifetimes_ns.push_back(now_ns_ - found->second.added_ns);
  deleted_at[ref] = messages;
  leave_queue(ref, found->second);
  orders.erase(found);
}

void FeedChecker::reduce(std::uint16_t locate, std::uint64_t ref, std::uint32_t shares, bool trade) {
  const auto found = orders.find(ref);
  if (found == orders.end()) return complain("an unknown order shrinks");
  Resting& order = found->second;
  if (order.shares < shares || shares == 0) return complain("more shares than there are, or none");
  if (trade) {
    const Book& book = books[locate];
    const auto& best = order.side == 'B' ? book.bids.rbegin()->second : book.asks.begin()->second;
    if (best.front() != ref) complain("an execution that does not hit the front of the best price");
    if (book.state != 'T' && book.state != 'Q') complain("an execution while the symbol is halted");
  }
  if (shares == order.shares) return remove(locate, ref);
  order.shares -= shares;
}

void FeedChecker::replace(std::uint16_t locate, const std::byte* m) {
  using M = itch50::OrderReplace;
  const auto ref = field<std::uint64_t>(m, wire_offset<M>("order_ref"));
  const auto found = orders.find(ref);
  if (found == orders.end()) return complain("an unknown order is replaced");
  const char side = found->second.side;
  remove(locate, ref);
  add(locate, field<std::uint64_t>(m, wire_offset<M>("new_order_ref")), side,
      field<std::uint32_t>(m, wire_offset<M>("shares")), field<std::uint32_t>(m, wire_offset<M>("price")));
}

void FeedChecker::take(const std::byte* m, std::size_t size) {
  ++messages;
  const auto type = static_cast<unsigned char>(m[0]);
  ++counts[type];
  if (size != itch50::wire_sizes[type]) return complain("a length that is not the type's");
  const auto locate = load_be<std::uint16_t>(m + 1);
  const std::uint64_t time = load_be48(m + 5);
  if (time < now_ns_) complain("time runs backwards");
  now_ns_ = time;
  ++by_half_hour[time / (1'800 * nanoseconds_per_second)];
  const auto ref = [&] { return field<std::uint64_t>(m, wire_offset<itch50::AddOrder>("order_ref")); };
  using Add = itch50::AddOrder;
  using Executed = itch50::OrderExecutedWithPrice;
  switch (type) {
    case 'S': events += static_cast<char>(m[11]); break;
    case 'H':
      books[locate].state = field<char>(m, wire_offset<itch50::TradingAction>("trading_state"));
      break;
    case 'A':
    case 'F':
      add(locate, ref(), field<char>(m, wire_offset<Add>("side")),
          field<std::uint32_t>(m, wire_offset<Add>("shares")),
          field<std::uint32_t>(m, wire_offset<Add>("price")));
      break;
    case 'C':
      if (field<char>(m, wire_offset<Executed>("printable")) == 'N') {
        ++out_of_volume_in_auctions;
      } else if (const auto order = orders.find(ref()); order != orders.end()) {
        const double at = field<std::uint32_t>(m, wire_offset<Executed>("price"));
        if (std::abs(at / order->second.price - 1) > 0.1)
          complain("a price improvement far from the order's price");
      }
      [[fallthrough]];
    case 'E':
      match(field<std::uint64_t>(m, wire_offset<Executed>("match_number")));
      reduce(locate, ref(), field<std::uint32_t>(m, wire_offset<Executed>("shares")), true);
      break;
    case 'X': reduce(locate, ref(), field<std::uint32_t>(m, 19), false); break;
    case 'D': remove(locate, ref()); break;
    case 'U': replace(locate, m); break;
    case 'P': match(field<std::uint64_t>(m, wire_offset<itch50::Trade>("match_number"))); break;
    case 'Q': match(field<std::uint64_t>(m, wire_offset<itch50::CrossTrade>("match_number"))); break;
    case 'B':
      if (const auto broken = field<std::uint64_t>(m, 11); broken == 0 || broken > last_match_)
        complain("a broken trade that was none");
      break;
    default: break;
  }
}

}  // namespace tapeline::simulator
