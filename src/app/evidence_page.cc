#include "app/evidence_page.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "market/event_time_text.h"
#include "terminal/drawing.h"

namespace tapeline::app {

namespace {

using evidence::BookPicture;
using evidence::OrderStory;
using evidence::TradeStory;
using surveillance::AlertRow;
using terminal::grouped;
using terminal::Ink;
using terminal::paint;
using terminal::price_text;

std::string side_text(Side side) {
  return side == Side::bid ? "bid" : "ask";
}

std::string age_text(std::uint64_t ns) {
  if (ns < 1'000'000) return fmt::format("{:.1f} us", static_cast<double>(ns) / 1e3);
  if (ns < 1'000'000'000) return fmt::format("{:.2f} ms", static_cast<double>(ns) / 1e6);
  return fmt::format("{:.3f} s", static_cast<double>(ns) / 1e9);
}

std::string fate(const OrderStory& order) {
  std::string text;
  if (order.executed != 0) text += fmt::format("traded {}", order.executed);
  if (order.withdrawn != 0) text += fmt::format("{}withdrawn {}", text.empty() ? "" : ", ", order.withdrawn);
  if (!order.left) text += text.empty() ? "rests" : fmt::format(", {} rest", order.remaining);
  return text;
}

std::string numbers(const AlertRow& alert) {
  std::string text = fmt::format("score {:.3g}, threshold {:.3g}, severity {}", alert.score, alert.threshold,
                                 alert.severity);
  const auto add = [&](std::string_view name, std::uint64_t value) {
    if (value != 0) text += fmt::format(", {} {}", name, grouped(value));
  };
  add("orders", alert.orders);
  add("price levels", alert.price_levels);
  add("shares", alert.shares);
  add("shares across", alert.other_shares);
  add("trades", alert.trades);
  add("messages", alert.messages);
  if (!std::isnan(alert.ratio)) text += fmt::format(", ratio {:.3f}", alert.ratio);
  if (!std::isnan(alert.move_bps)) text += fmt::format(", move {:.1f} bps", alert.move_bps);
  return text;
}

std::string order_lines(const std::vector<OrderStory>& orders, std::size_t most, bool colour) {
  std::string text = fmt::format("{:>16} {:<4} {:>12} {:>9} {:<18} {:>10}  {}\n", "order", "side", "price",
                                 "shares", "entered", "age", "fate");
  for (std::size_t i = 0; i < std::min(most, orders.size()); ++i) {
    const OrderStory& order = orders[i];
    const std::string line = fmt::format(
        "{:>16} {:<4} {:>12} {:>9} {:<18} {:>10}  {}", raw(order.ref), side_text(order.side),
        price_text(order.price), grouped(order.shares), event_time_text(order.entered),
        order.left ? age_text(raw(*order.left) - std::min(raw(*order.left), raw(order.entered))) : "-",
        fate(order));
    text += paint(line, order.side == Side::bid ? Ink::bid : Ink::ask, colour) + "\n";
  }
  if (orders.size() > most) text += fmt::format("… and {} more; --orders shows more\n", orders.size() - most);
  return text;
}

std::string trade_lines(const std::vector<TradeStory>& trades, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(most, trades.size()); ++i)
    text += fmt::format("{}  {:>12} {:>9}  {}\n", event_time_text(trades[i].time),
                        price_text(trades[i].price), grouped(trades[i].shares),
                        trades[i].taker == 'B'   ? "bought"
                        : trades[i].taker == 'S' ? "sold"
                                                 : "");
  if (trades.size() > most) text += fmt::format("… and {} more\n", trades.size() - most);
  return text;
}

// Two books beside each other, the asks above the bids.
std::string book_lines(const BookPicture& before, const BookPicture& after, bool colour) {
  constexpr std::size_t depth = 5;
  std::string text = fmt::format("{:<40}{}\n", "before", "after");
  const auto half = [](const std::vector<book::LevelView>& levels, std::size_t i) {
    if (i >= levels.size()) return std::string(36, ' ');
    return fmt::format("{:>12} {:>12} {:>6} orders", price_text(levels[i].price), grouped(levels[i].shares),
                       levels[i].orders)
        .append("   ");
  };
  for (std::size_t i = depth; i-- > 0;) {
    if (i >= before.asks.size() && i >= after.asks.size()) continue;
    text +=
        paint(fmt::format("{:<40}{}", half(before.asks, i), half(after.asks, i)), Ink::ask, colour) + "\n";
  }
  for (std::size_t i = 0; i < depth; ++i) {
    if (i >= before.bids.size() && i >= after.bids.size()) continue;
    text +=
        paint(fmt::format("{:<40}{}", half(before.bids, i), half(after.bids, i)), Ink::bid, colour) + "\n";
  }
  return text;
}

}  // namespace

std::string evidence_page(const evidence::Bundle& bundle, const evidence::Replay& replay,
                          const StandardOutput& output, std::size_t most_orders) {
  const AlertRow& alert = bundle.alert;
  const std::string title = fmt::format("{} in {}{}", surveillance::to_string(alert.detector),
                                        terminal::printable(alert.symbol.view()),
                                        alert.side == 'B'   ? ", bid side"
                                        : alert.side == 'S' ? ", ask side"
                                                            : "");
  std::string text = terminal::rule(title, output.width);
  text += fmt::format("alert {}: a pattern, not a trader\n", surveillance::alert_id_text(alert.id));
  text += fmt::format("{} to {}, {}\n", event_time_text(alert.start), event_time_text(alert.end),
                      age_text(raw(alert.end) - std::min(raw(alert.end), raw(alert.start))));
  text += numbers(alert) + "\n";
  text += fmt::format("quality {}\n", to_string(alert.quality));
  const std::string session(bundle.session.view());
  text += fmt::format(
      "from {}{}, sequence {} to {}{}; {} messages of the symbol\n", terminal::printable(bundle.source),
      session.empty() ? "" : ", session " + terminal::printable(session), alert.first_sequence,
      alert.sequence,
      bundle.last_offset != 0 ? fmt::format(", offset {} to {}", bundle.first_offset, bundle.last_offset)
                              : "",
      replay.messages);
  text += fmt::format("sealed by tapeline {}, detectors {}\n", terminal::printable(bundle.program),
                      bundle.detectors_version);
  text += terminal::rule("book", output.width) + book_lines(replay.before, replay.after, output.colour);
  text += terminal::rule(fmt::format("{} orders", replay.orders.size()), output.width) +
          order_lines(replay.orders, most_orders, output.colour);
  if (!replay.trades.empty())
    text += terminal::rule(fmt::format("{} trades", replay.trades.size()), output.width) +
            trade_lines(replay.trades, most_orders);
  return text;
}

}  // namespace tapeline::app
