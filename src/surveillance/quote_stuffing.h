#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>

#include "book/book_types.h"
#include "market/event.h"
#include "stream/keyed_state.h"
#include "surveillance/alert.h"
#include "surveillance/parameters.h"

namespace tapeline::surveillance {

// Quote stuffing: a burst of order messages far beyond the symbol's usual number, nearly all of them orders
// that come and go again, and next to no trades.
//
//   score = messages of this pane of time and the one before / (twice the usual number of a pane + a
//   constant)
//
// where the usual number is a moving mean over panes, of which each counts a 64th, the empty ones too.
//
// Sources: J. Egginton, B. Van Ness, R. Van Ness, "Quote Stuffing", Financial Management 45 (2016), who tell
// it by numbers of quotes far above the mean of the same stock; Delegated Regulation (EU) 2016/522, Annex II
// section 1
// ("entering large numbers of orders to trade and/or cancellations and/or updates to orders to trade so as to
// create uncertainty for other participants, slowing down their process").
class QuoteStuffing : public WithoutTimers {
 public:
  explicit QuoteStuffing(const Parameters& parameters)
      : parameters_(parameters),
        pane_ns_(ns_of_ms(parameters.stuffing_pane_ms)),
        cooldown_ns_(ns_of_ms(parameters.cooldown_ms)) {}

  void prefetch(Locate key) const { states_.prefetch(key); }

  template <class Books, class Out>
  void process(const stream::Context& context, EventKind kind, const book::OrderChange& change,
               const Books& books, Out& out) {
    State& state = states_[context.key];
    if (raw(context.time) >= state.pane_end) [[unlikely]]
      begin_pane(state, context);
    Pane& pane = state.pane;
    // A replace is a withdrawal and a new order: told twice, and one message.
    const bool is_added = change.before == 0;
    pane.messages += !(is_added & (kind == EventKind::replace));
    pane.added += is_added;
    pane.executions += (kind == EventKind::execute) | (kind == EventKind::execute_with_price);
    pane.withdrawn += !is_added & (change.after == 0) & (kind >= EventKind::cancel);
    if (pane.messages + state.messages_before >= parameters_.stuffing_messages) [[unlikely]]
      evaluate(context, change, state, books, out);
  }

  void save_key(Locate key, stream::StateWriter& writer) const {
    const bool in_use = states_[key].pane_end != 0;
    states_.save_key(key, writer, in_use);
    pasts_.save_key(key, writer, in_use);
  }
  void load_key(Locate key, stream::StateReader& reader) {
    states_.load_key(key, reader);
    pasts_.load_key(key, reader);
  }

 private:
  struct Pane {
    EventTime start;
    std::uint64_t first_sequence;
    std::uint32_t messages;
    std::uint32_t added;
    std::uint32_t withdrawn;
    std::uint32_t executions;
  };
  // What every message touches: one cache line.
  struct alignas(64) State {
    std::uint64_t pane_end;
    double usual;
    Pane pane;
    std::uint32_t messages_before;  // Of the pane before; 0: there was none.
    std::array<std::uint32_t, 3> reserved;
  };
  static_assert(sizeof(State) == 64);
  struct Past {
    Pane before;  // Means nothing where messages_before is 0.
    EventTime quiet_until;
  };

  // 63/64 to the power of 1, 2, 4, …
  static constexpr std::array<double, 10> decay = [] {
    std::array<double, 10> powers{};
    double power = 63.0 / 64;
    for (double& one : powers) {
      one = power;
      power *= power;
    }
    return powers;
  }();

  [[gnu::noinline]] void begin_pane(State& state, const stream::Context& context) {
    const std::uint64_t number = raw(context.time) / pane_ns_;
    const std::uint64_t elapsed = state.pane_end == 0 ? 0 : number + 1 - state.pane_end / pane_ns_;
    if (elapsed != 0) {
      state.usual += (state.pane.messages - state.usual) / 64;
      // Panes without a message: their number in binary, a factor for each bit. A thousand of them leave
      // nothing.
      const std::uint64_t empty = std::min<std::uint64_t>(elapsed - 1, (1u << decay.size()) - 1);
      for (std::uint64_t left = empty; left != 0; left &= left - 1)
        state.usual *= decay[static_cast<std::size_t>(std::countr_zero(left))];
    }
    state.messages_before = elapsed == 1 ? state.pane.messages : 0;
    if (elapsed == 1) pasts_[context.key].before = state.pane;
    state.pane = {context.time, raw(context.sequence), 0, 0, 0, 0};
    state.pane_end = (number + 1) * pane_ns_;
  }

  template <class Books, class Out>
  [[gnu::noinline]] void evaluate(const stream::Context& context, const book::OrderChange& change,
                                  State& state, const Books& books, Out& out) {
    Past& past = pasts_[context.key];
    if (context.time < past.quiet_until) return;
    const Pane& now = state.pane;
    const Pane before = state.messages_before != 0 ? past.before : Pane{};
    const std::uint32_t messages = now.messages + before.messages;
    const std::uint32_t added = now.added + before.added;
    const std::uint32_t executions = now.executions + before.executions;
    const double ratio = static_cast<double>(now.withdrawn + before.withdrawn) / std::max(added, 1u);
    const double score = messages / (2 * state.usual + parameters_.stuffing_usual_messages);
    if (score < parameters_.stuffing_threshold || ratio < parameters_.stuffing_cancel_ratio ||
        executions > parameters_.stuffing_trade_ratio * messages)
      return;
    const Pane& first = before.messages != 0 ? before : now;
    AlertRow row = alert_of(Detector::quote_stuffing, context, books, score, parameters_.stuffing_threshold);
    row.start = first.start;
    row.first_sequence = first.first_sequence;
    row.orders = added;
    row.messages = messages;
    row.trades = executions;
    row.ratio = ratio;
    row.move_bps = std::numeric_limits<double>::quiet_NaN();
    row.price = change.price;
    row.id = alert_id(row);
    past.quiet_until = EventTime{raw(context.time) + cooldown_ns_};
    out.emit(row);
  }

  Parameters parameters_;
  std::uint64_t pane_ns_;
  std::uint64_t cooldown_ns_;
  stream::KeyedState<State> states_;
  stream::KeyedState<Past> pasts_;
};
static_assert(stream::KeyedOperator<QuoteStuffing>);

}  // namespace tapeline::surveillance
