#pragma once

#include "book/book_types.h"
#include "market/event.h"
#include "stream/keyed_state.h"
#include "stream/operator.h"
#include "surveillance/alert.h"
#include "surveillance/large_orders.h"
#include "surveillance/layering.h"
#include "surveillance/marking_the_close.h"
#include "surveillance/momentum_ignition.h"
#include "surveillance/parameters.h"
#include "surveillance/quote_stuffing.h"
#include "surveillance/spoofing.h"
#include "surveillance/typical.h"
#include "surveillance/wash_trading.h"

namespace tapeline::surveillance {

// All detectors, and what each listens to. One symbol's alerts follow from the messages of that symbol alone,
// in their order: the live pipeline, a replay and the check of evidence wire them here and nowhere else.
//
//   order changes --+--> large orders --> spoofing, layering
//                   +--> quote stuffing
//                   +--> wash trading
//   BBO changes ---------> momentum ignition
//   trades ---------+--> momentum ignition, marking the close
//
// A book that was put in place as a whole has no past: its symbol's state begins anew.
class Surveillance : public WithoutTimers {
 public:
  explicit Surveillance(const Parameters& parameters)
      : large_orders_(parameters),
        spoofing_(parameters),
        layering_(parameters),
        quote_stuffing_(parameters),
        momentum_ignition_(parameters),
        marking_the_close_(parameters),
        wash_trading_(parameters) {}

  void prefetch(Locate key) const {
    typical_.prefetch(key);
    quote_stuffing_.prefetch(key);
  }

  template <class Books, class Out>
  void on_order(const stream::Context& context, EventKind kind, const book::OrderChange& change,
                const Books& books, Out& out) {
    quote_stuffing_.process(context, kind, change, books, out);
    wash_trading_.process(context, kind, change, typical_, books, out);
    if (LargeOrderCase* const found = large_orders_.process(context, kind, change, typical_, books)) {
      if (spoofing_.process(context, change, *found, typical_, books, out) ||
          layering_.process(context, change, *found, typical_, books, out))
        large_orders_.close(context, change.side);
    }
    if (change.before == 0) typical_.note_order(context.key, change.after);
  }

  template <class Books, class Out>
  void on_bbo(const stream::Context& context, const book::Bbo& before, const book::Bbo& after,
              const Books& books, Out& out) {
    if (before == after) return start_over(context.key);
    momentum_ignition_.process(context, after, typical_, books, out);
  }

  template <class Books, class Out>
  void on_trade(const stream::Context& context, const book::TradeReport& trade, const book::Bbo& prevailing,
                const Books& books, Out& out) {
    if (trade.kind != book::TradeKind::displayed) return;
    momentum_ignition_.process(context, trade, prevailing, typical_, books, out);
    marking_the_close_.process(context, trade, prevailing, typical_, books, out);
    typical_.note_trade(context.key, prevailing);
  }

  void save_key(Locate key, stream::StateWriter& writer) const {
    for_each_operator(*this, [&](const auto& op) { op.save_key(key, writer); });
  }
  void load_key(Locate key, stream::StateReader& reader) {
    for_each_operator(*this, [&](auto& op) { op.load_key(key, reader); });
  }

  // The past of this symbol is unknown from here on.
  void start_over(Locate key) {
    for_each_operator(*this, [&](auto& op) {
      stream::StateReader nothing({});  // Reads as a state that is not in use.
      op.load_key(key, nothing);
    });
  }

 private:
  // Those that have state. The order is that of the state in a checkpoint and in evidence.
  template <class Self, class F>
  static void for_each_operator(Self& self, F&& f) {
    f(self.typical_);
    f(self.large_orders_);
    f(self.quote_stuffing_);
    f(self.momentum_ignition_);
    f(self.marking_the_close_);
    f(self.wash_trading_);
  }

  Typical typical_;
  LargeOrders large_orders_;
  Spoofing spoofing_;
  Layering layering_;
  QuoteStuffing quote_stuffing_;
  MomentumIgnition momentum_ignition_;
  MarkingTheClose marking_the_close_;
  WashTrading wash_trading_;
};
static_assert(stream::KeyedOperator<Surveillance>);

}  // namespace tapeline::surveillance
