#include "book/book_comparison.h"

#include <array>
#include <vector>

#include <fmt/format.h>

namespace tapeline::book {

namespace {

std::string counters_text(const BookCounters& c) {
  return fmt::format(
      "unknown {} overfill {} duplicate {} invalid {} crossed {} locked {} unknown_message {} malformed {} "
      "over_capacity {}",
      c.unknown_order, c.overfill, c.duplicate_ref, c.invalid_field, c.crossed, c.locked, c.unknown_message,
      c.malformed_message, c.over_capacity);
}

std::string order_text(const OrderView& order) {
  return fmt::format("{} {} {} x {} '{}' entered {}", raw(order.ref), order.side == Side::bid ? 'B' : 'S',
                     order.price.ticks, order.shares, std::string_view(order.attribution.bytes.data(), 4),
                     raw(order.entered));
}

bool same(const OrderView& a, const OrderView& b) {
  return a.ref == b.ref && a.side == b.side && a.price == b.price && a.shares == b.shares &&
         a.attribution == b.attribution && a.entered == b.entered;
}

std::string find_queue_difference(const OrderBooks& fast, const PlainBook& plain, Locate locate, Side side,
                                  Price price) {
  const std::vector<OrderView> fast_queue = fast.queue(locate, side, price);
  const std::vector<OrderView> plain_queue = plain.queue(locate, side, price);
  if (fast_queue.size() != plain_queue.size())
    return fmt::format("queue at {}: fast has {} orders, plain {}", price.ticks, fast_queue.size(),
                       plain_queue.size());
  for (std::size_t i = 0; i < fast_queue.size(); ++i)
    if (!same(fast_queue[i], plain_queue[i]))
      return fmt::format("queue at {}, order {}: fast {}, plain {}", price.ticks, i,
                         order_text(fast_queue[i]), order_text(plain_queue[i]));
  return {};
}

std::string find_ladder_difference(const OrderBooks& fast, const PlainBook& plain, Locate locate, Side side,
                                   std::span<LevelView> fast_levels, std::span<LevelView> plain_levels) {
  if (fast.level_count(locate, side) != plain.level_count(locate, side))
    return fmt::format("fast has {} levels, plain {}", fast.level_count(locate, side),
                       plain.level_count(locate, side));
  const std::size_t count = fast.levels(locate, side, fast_levels);
  if (count != plain.levels(locate, side, plain_levels)) return "levels() returns another count";
  for (std::size_t i = 0; i < count; ++i)
    if (fast_levels[i] != plain_levels[i])
      return fmt::format("level {}: fast {} x {} of {} orders, plain {} x {} of {} orders", i,
                         fast_levels[i].price.ticks, fast_levels[i].shares, fast_levels[i].orders,
                         plain_levels[i].price.ticks, plain_levels[i].shares, plain_levels[i].orders);
  return {};
}

std::string find_position_difference(const OrderBooks& fast, const PlainBook& plain, Locate locate,
                                     OrderRef ref) {
  const auto a = fast.queue_position(locate, ref);
  const auto b = plain.queue_position(locate, ref);
  if (a.has_value() != b.has_value()) return fmt::format("only one book holds order {}", raw(ref));
  if (a && (a->orders_ahead != b->orders_ahead || a->shares_ahead != b->shares_ahead ||
            a->orders != b->orders || a->shares != b->shares))
    return fmt::format("order {}: fast has {} orders and {} shares ahead, plain {} and {}", raw(ref),
                       a->orders_ahead, a->shares_ahead, b->orders_ahead, b->shares_ahead);
  return {};
}

}  // namespace

std::string find_difference(std::span<const BookRecord> fast, std::span<const BookRecord> plain) {
  for (std::size_t i = 0; i < std::max(fast.size(), plain.size()); ++i) {
    if (i < fast.size() && i < plain.size() && fast[i] == plain[i]) continue;
    return fmt::format("call {}: fast '{}', plain '{}'", i, i < fast.size() ? to_string(fast[i]) : "none",
                       i < plain.size() ? to_string(plain[i]) : "none");
  }
  return {};
}

std::string find_difference(const OrderBooks& fast, const PlainBook& plain, Locate locate,
                            std::span<const BookRecord> records) {
  if (fast.bbo(locate) != plain.bbo(locate))
    return fmt::format("BBO: fast {}, plain {}", to_string(fast.bbo(locate)), to_string(plain.bbo(locate)));
  if (fast.quality(locate) != plain.quality(locate))
    return fmt::format("quality: fast {}, plain {}", tapeline::to_string(fast.quality(locate)),
                       tapeline::to_string(plain.quality(locate)));
  if (fast.counters() != plain.counters())
    return fmt::format("counters: fast {}, plain {}", counters_text(fast.counters()),
                       counters_text(plain.counters()));
  if (fast.live_orders() != plain.live_orders())
    return fmt::format("fast has {} orders, plain {}", fast.live_orders(), plain.live_orders());
  std::array<LevelView, 16> fast_levels;
  std::array<LevelView, 16> plain_levels;
  for (const Side side : {Side::bid, Side::ask})
    if (std::string wrong = find_ladder_difference(fast, plain, locate, side, fast_levels, plain_levels);
        !wrong.empty())
      return wrong;
  for (const BookRecord& record : records) {
    if (record.kind != BookRecord::Kind::order) continue;
    const OrderChange& change = record.order;
    if (std::string wrong = find_queue_difference(fast, plain, locate, change.side, change.price);
        !wrong.empty())
      return wrong;
    if (std::string wrong = find_position_difference(fast, plain, locate, change.ref); !wrong.empty())
      return wrong;
  }
  return {};
}

std::string find_any_difference(const OrderBooks& fast, const PlainBook& plain) {
  if (fast.locates() != plain.locates()) return "the books do not name the same locates";
  if (fast.live_levels() != plain.live_levels())
    return fmt::format("fast has {} levels, plain {}", fast.live_levels(), plain.live_levels());
  for (const Locate locate : fast.locates()) {
    if (std::string wrong = find_difference(fast, plain, locate, {}); !wrong.empty())
      return fmt::format("locate {}: {}", raw(locate), wrong);
    if (fast.symbol(locate).view() != plain.symbol(locate).view())
      return fmt::format("locate {}: fast is named '{}', plain '{}'", raw(locate), fast.symbol(locate).view(),
                         plain.symbol(locate).view());
    for (const Side side : {Side::bid, Side::ask}) {
      std::vector<LevelView> fast_levels(fast.level_count(locate, side));
      std::vector<LevelView> plain_levels(fast_levels.size());
      std::string wrong = find_ladder_difference(fast, plain, locate, side, fast_levels, plain_levels);
      for (std::size_t i = 0; wrong.empty() && i < fast_levels.size(); ++i)
        wrong = find_queue_difference(fast, plain, locate, side, fast_levels[i].price);
      if (!wrong.empty()) return fmt::format("locate {}: {}", raw(locate), wrong);
    }
  }
  return {};
}

}  // namespace tapeline::book
