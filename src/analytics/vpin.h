#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/keyed_state.h"
#include "stream/operator.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct VpinRow {
  EventTime time;
  std::uint64_t sequence;
  std::uint64_t bucket;
  double vpin;
  std::uint32_t completed;
  std::uint32_t imbalance;
  Symbol symbol;
  Locate locate;
  Quality quality;
  std::array<std::uint8_t, 5> reserved = {};
};

[[nodiscard]] const table::Schema& vpin_schema();

// Volume-synchronised probability of informed trading, per symbol over a sliding window of n buckets of V
// shares each, between 0 and 1:
//
//   VPIN = sum over the last n buckets of |buys - sells| / (n V)
//
// Every displayed execution fills the buckets in turn and is split where one is full, so all hold V exactly.
// One row for each trade that completes a bucket, or several; VPIN is null until n are complete. It is
// symmetric under swapping buyers and sellers.
//
// Source: D. Easley, M. Lopez de Prado, M. O'Hara, "Flow Toxicity and Liquidity in a High-Frequency World",
// Review of Financial Studies 25 (2012); the feed tells the aggressor, so no trade is classified in bulk.
class Vpin {
 public:
  static constexpr std::uint32_t max_buckets = 50;

  Vpin(std::uint32_t bucket_shares, std::uint32_t buckets)
      : bucket_shares_(bucket_shares), buckets_(std::clamp<std::uint32_t>(buckets, 1, max_buckets)) {}

  void prefetch(Locate key) const { states_.prefetch(key); }

  template <class Books, class Out>
  void process(const stream::Context& context, const book::TradeReport& trade, const Books& books, Out& out) {
    if (trade.kind != book::TradeKind::displayed || !trade.printable) return;
    State& state = states_[context.key];
    state.in_use = true;
    state.quality |= context.quality;
    const bool buyer = trade.resting_side == Side::ask;
    std::uint64_t left = trade.shares;
    std::uint32_t completed = 0;
    while (state.volume + left >= bucket_shares_) {
      const std::uint32_t part = bucket_shares_ - state.volume;
      state.imbalance += buyer ? std::int64_t{part} : -std::int64_t{part};
      left -= part;
      close_bucket(state);
      state.quality = context.quality;
      ++completed;
      // What a single trade fills beyond a whole window is the same bucket over and over.
      if (completed > max_buckets && left >= bucket_shares_) {
        const std::uint64_t more = left / bucket_shares_;
        state.bucket += more;
        completed += static_cast<std::uint32_t>(more);
        left -= more * bucket_shares_;
      }
    }
    state.volume += static_cast<std::uint32_t>(left);
    state.imbalance += buyer ? static_cast<std::int64_t>(left) : -static_cast<std::int64_t>(left);
    if (completed == 0) return;
    emit(context, state, completed, books, out);
    if (left == 0) state.quality = Quality::good;
  }

  [[nodiscard]] EventTime next_timer() const { return stream::no_timer; }
  void save_key(Locate key, stream::StateWriter& writer) const {
    states_.save_key(key, writer, states_[key].in_use);
  }
  void open(EventTime) {}
  void load_key(Locate key, stream::StateReader& reader) { states_.load_key(key, reader); }

 private:
  struct alignas(64) State {
    std::uint64_t bucket;     // Completed so far.
    std::uint64_t total;      // Of the imbalances of the last n.
    std::int64_t imbalance;   // Of the open bucket, bought less sold.
    std::uint32_t volume;     // In it.
    std::uint32_t last_size;  // Imbalance of the bucket before.
    Quality quality;          // While it was open.
    bool in_use;
    std::array<Quality, max_buckets> qualities;  // Of the last n, by their number modulo n.
    std::array<std::uint32_t, max_buckets> sizes;
  };

  void close_bucket(State& state) {
    const std::size_t at = state.bucket % max_buckets;
    const std::size_t oldest = (state.bucket + max_buckets - buckets_) % max_buckets;
    const auto size = static_cast<std::uint32_t>(state.imbalance < 0 ? -state.imbalance : state.imbalance);
    if (state.bucket >= buckets_) state.total -= state.sizes[oldest];
    state.sizes[at] = size;
    state.qualities[at] = state.quality;
    state.total += size;
    state.last_size = size;
    state.imbalance = 0;
    state.volume = 0;
    ++state.bucket;
  }

  template <class Books, class Out>
  void emit(const stream::Context& context, const State& state, std::uint32_t completed, const Books& books,
            Out& out) const {
    VpinRow row{};
    row.time = context.time;
    row.sequence = raw(context.sequence);
    row.bucket = state.bucket;
    const double whole = static_cast<double>(bucket_shares_) * buckets_;
    row.vpin = state.bucket >= buckets_ ? static_cast<double>(state.total) / whole
                                        : std::numeric_limits<double>::quiet_NaN();
    row.completed = completed;
    row.imbalance = state.last_size;
    row.symbol = books.symbol(context.key);
    row.locate = context.key;
    row.quality = context.quality;
    const std::uint64_t seen = std::min<std::uint64_t>(state.bucket, buckets_);
    for (std::uint64_t i = 1; i <= seen; ++i)
      row.quality |= state.qualities[(state.bucket - i) % max_buckets];
    out.emit(row);
  }

  std::uint32_t bucket_shares_;
  std::uint32_t buckets_;
  stream::KeyedState<State> states_;
};
static_assert(stream::KeyedOperator<Vpin>);

}  // namespace tapeline::analytics
