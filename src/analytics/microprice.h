#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "analytics/microprice_model.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/keyed_state.h"
#include "stream/operator.h"
#include "table/schema.h"

namespace tapeline::analytics {

struct MicropriceRow {
  std::uint64_t sequence;
  EventTime time;
  CaptureTime captured;
  double microprice;
  double mid;
  double adjustment;
  std::uint64_t observations;
  Price bid_price;
  Price ask_price;
  Symbol symbol;
  Locate locate;
  std::uint8_t spread_ticks;
  std::uint8_t imbalance_bucket;
  Quality quality;
  std::array<std::uint8_t, 3> reserved = {};
};

[[nodiscard]] const table::Schema& microprice_schema();

// Stoikov's microprice by a fitted model (microprice_model.h), after each message that changed it: a row
// where the best prices or the state's bucket of imbalance are others than in the row before. Null where the
// model has no answer: a side is missing, or the state was never seen or is not in it.
class Microprice {
 public:
  // Without a model there are no rows.
  explicit Microprice(std::shared_ptr<const MicropriceModel> model) : model_(std::move(model)) {}

  void prefetch(Locate key) const { seen_.prefetch(key); }

  template <class Books, class Out>
  void process(const stream::Context& context, const book::Bbo& after, const Books& books, Out& out) {
    if (model_ == nullptr) return;
    const std::optional<std::uint32_t> state = model_->state_of(after);
    const Seen now{after.bid, after.ask, state ? *state + 1 : 0, true};
    Seen& last = seen_[context.key];
    if (last == now) return;
    last = now;
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    MicropriceRow row{};
    row.sequence = raw(context.sequence);
    row.time = context.time;
    row.captured = context.captured;
    row.mid = row.microprice = row.adjustment = none;
    if (after.bid_shares != 0 && after.ask_shares != 0)
      row.mid = (static_cast<double>(after.bid.ticks) + after.ask.ticks) / 2 / Price::per_dollar;
    if (state) {
      row.adjustment = model_->adjustments[*state] * model_->tick.ticks / Price::per_dollar;
      row.microprice = row.mid + row.adjustment;
      row.observations = model_->observations[*state];
      row.spread_ticks = static_cast<std::uint8_t>(*state / model_->imbalance_buckets + 1);
      row.imbalance_bucket = static_cast<std::uint8_t>(*state % model_->imbalance_buckets);
    }
    row.bid_price = after.bid;
    row.ask_price = after.ask;
    row.symbol = books.symbol(context.key);
    row.locate = context.key;
    row.quality = context.quality;
    out.emit(row);
  }

  [[nodiscard]] EventTime next_timer() const { return stream::no_timer; }
  void save_key(Locate key, stream::StateWriter& writer) const {
    seen_.save_key(key, writer, seen_[key].in_use);
  }
  void open(EventTime) {}
  void load_key(Locate key, stream::StateReader& reader) { seen_.load_key(key, reader); }

 private:
  // What the last row told.
  struct Seen {
    Price bid;
    Price ask;
    std::uint32_t state;  // Its number and one; 0 for none.
    bool in_use;
    friend bool operator==(const Seen&, const Seen&) = default;
  };

  std::shared_ptr<const MicropriceModel> model_;
  stream::KeyedState<Seen> seen_;
};
static_assert(stream::KeyedOperator<Microprice>);

}  // namespace tapeline::analytics
