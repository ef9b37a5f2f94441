#include "terminal/ladder.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "market/event_time_text.h"
#include "terminal/drawing.h"

namespace tapeline::terminal {

namespace {

constexpr std::size_t least_width = 70;
constexpr std::size_t most_queued = 20;  // Orders of a queue that are drawn.

struct Row {
  Side side;
  std::string price;
  std::string size;
  std::string orders;
  std::string cumulative;
  std::uint64_t shares;
};

constexpr Ink ink_of(Side side) {
  return side == Side::bid ? Ink::bid : Ink::ask;
}

constexpr std::string_view name_of(Side side) {
  return side == Side::bid ? "bid" : "ask";
}

std::string spaces(std::size_t count) {
  return std::string(count, ' ');
}

// The two texts at the two ends of a line; one below the other where they do not fit beside each other.
std::string at_both_ends(const std::string& left, const std::string& right, std::size_t width) {
  const std::size_t taken = columns_of(left) + columns_of(right);
  if (taken + 2 > width) return left + '\n' + right + '\n';
  return left + spaces(width - taken) + right + '\n';
}

class LadderDrawing {
 public:
  LadderDrawing(const BookSnapshot& snapshot, const LadderOptions& options)
      : snapshot_(snapshot), options_(options), width_(std::max(options.width, least_width)) {}

  std::string draw() {
    collect(Side::ask, snapshot_.ask);
    std::ranges::reverse(rows_);
    const std::size_t asks = rows_.size();
    collect(Side::bid, snapshot_.bid);
    measure();
    draw_head();
    draw_column_names();
    draw_left_out(snapshot_.ask);
    for (std::size_t i = 0; i < asks; ++i) draw_row(rows_[i]);
    if (asks == 0) line("  no asks", Ink::dim);
    draw_spread();
    for (std::size_t i = asks; i < rows_.size(); ++i) draw_row(rows_[i]);
    if (asks == rows_.size()) line("  no bids", Ink::dim);
    draw_left_out(snapshot_.bid);
    text_ += rule("", width_);
    draw_last_trade();
    draw_collar();
    draw_auction();
    if (options_.queue) draw_queue(Side::ask, snapshot_.ask);
    if (options_.queue) draw_queue(Side::bid, snapshot_.bid);
    return std::move(text_);
  }

 private:
  std::string paint(std::string_view text, Ink ink) const {
    return terminal::paint(text, ink, options_.colour);
  }
  void line(std::string_view text, Ink ink) { text_ += paint(text, ink) + '\n'; }

  void collect(Side side, const SideSnapshot& levels) {
    std::uint64_t cumulative = 0;
    for (const book::LevelView& level : levels.levels) {
      cumulative += level.shares;
      rows_.push_back({side, price_text(level.price), grouped(level.shares), grouped(level.orders),
                       grouped(cumulative), level.shares});
    }
  }

  void measure() {
    for (const Row& row : rows_) {
      price_ = std::max(price_, row.price.size());
      size_ = std::max(size_, row.size.size());
      orders_ = std::max(orders_, row.orders.size());
      cumulative_ = std::max(cumulative_, row.cumulative.size());
      largest_ = std::max(largest_, row.shares);
    }
    const std::size_t taken = 7 + price_ + 2 + size_ + 2 + orders_ + 2 + cumulative_ + 2;
    bar_ = width_ > taken + 4 ? width_ - taken : 4;
  }

  void draw_head() {
    const book::SymbolState& state = snapshot_.state;
    std::string trading(to_string(state.trading));
    if (state.trading == book::TradingState::unknown) trading = "trading state unknown";
    if (state.trading != book::TradingState::trading && !state.halt_reason.view().empty() &&
        state.halt_reason.bytes[0] != '\0')
      trading += fmt::format(" ({})", printable(state.halt_reason.view()));
    if (state.operational_halt == 'H') trading += ", halted on one market";
    const bool good = snapshot_.quality == Quality::good;
    const bool calm =
        state.trading == book::TradingState::trading || state.trading == book::TradingState::unknown;
    const std::string quality = fmt::format("quality {}", tapeline::to_string(snapshot_.quality));
    text_ += at_both_ends(fmt::format("{}  {}  {}", paint(printable(snapshot_.symbol.view()), Ink::strong),
                                      paint(trading, calm ? Ink::plain : Ink::alarm),
                                      paint(quality, good ? Ink::bid : Ink::alarm)),
                          event_time_text(snapshot_.time), width_);
    if (!good) draw_warning();
    text_ += rule("", width_);
  }

  // On one line where it fits.
  void draw_warning() {
    std::string words = "do not rely on this book: " + explain(snapshot_.quality);
    for (std::size_t at = 0; words.size() > width_ && (at = words.find("; ")) != std::string::npos;) {
      line(words.substr(0, at), Ink::alarm);
      words.erase(0, at + 2);
    }
    line(words, Ink::alarm);
  }

  void draw_column_names() {
    line(fmt::format("       {:>{}}  {:>{}}  {:>{}}  {:>{}}", "price", price_, "size", size_, "orders",
                     orders_, "cumulative", cumulative_),
         Ink::dim);
  }

  void draw_left_out(const SideSnapshot& side) {
    if (side.all_levels <= side.levels.size()) return;
    line(fmt::format("       … {} more levels", grouped(side.all_levels - side.levels.size())), Ink::dim);
  }

  void draw_row(const Row& row) {
    const double share = static_cast<double>(row.shares) / static_cast<double>(largest_);
    text_ +=
        fmt::format("  {}  {:>{}}  {:>{}}  {:>{}}  {:>{}}  {}\n", paint(name_of(row.side), ink_of(row.side)),
                    row.price, price_, row.size, size_, row.orders, orders_, row.cumulative, cumulative_,
                    paint(bar(share, bar_), ink_of(row.side)));
  }

  void draw_spread() {
    if (!snapshot_.has_both_sides()) {
      text_ += rule("no spread", width_);
      return;
    }
    std::string words = fmt::format("spread {:.4f} ({:.2f} bp)  mid {:.5f}", *snapshot_.spread(),
                                    *snapshot_.spread() / *snapshot_.mid() * 1e4, *snapshot_.mid());
    const std::string weighted = fmt::format("  weighted mid {:.5f}", *snapshot_.weighted_mid());
    if (words.size() + weighted.size() + 4 <= width_) words += weighted;
    const std::string imbalance = fmt::format("  imbalance {:+.0f} %", *snapshot_.imbalance() * 100);
    if (words.size() + imbalance.size() + 4 <= width_) words += imbalance;
    text_ += rule(words, width_);
  }

  void draw_last_trade() {
    const LastTrade& trade = snapshot_.last_trade;
    if (trade.shares == 0) {
      line("last trade  none", Ink::dim);
      return;
    }
    std::string how;
    switch (trade.kind) {
      case book::TradeKind::displayed:
        how = trade.resting_side == Side::ask ? "a buyer took" : "a seller hit";
        break;
      case book::TradeKind::hidden: how = "against a hidden order"; break;
      case book::TradeKind::cross: how = std::string(cross_name(trade.cross_type)); break;
    }
    text_ += fmt::format("last trade  {} × {}  at {}, {}\n", price_text(trade.price), grouped(trade.shares),
                         event_time_text(trade.time), how);
    if (trade.broken) line("            broken: the exchange has undone this trade", Ink::alarm);
  }

  void draw_collar() {
    const book::SymbolState& state = snapshot_.state;
    if (state.collar_upper.ticks == 0) return;
    text_ += fmt::format("LULD collar {} to {}, reference {}\n", price_text(state.collar_lower),
                         price_text(state.collar_upper), price_text(state.collar_reference));
  }

  void draw_auction() {
    const book::SymbolState& state = snapshot_.state;
    if (raw(state.imbalance_time) == 0) return;
    const ImbalanceBody& noii = state.imbalance;
    text_ += fmt::format("NOII        {} at {}\n", cross_name(noii.cross_type),
                         event_time_text(state.imbalance_time));
    text_ += fmt::format("            paired {}, {}\n", grouped(noii.paired_shares),
                         imbalance_words(noii, state.imbalance_direction));
    text_ += fmt::format("            reference {}, near {}, far {}\n", price_text(noii.reference_price),
                         price_text(noii.near_price), price_text(noii.far_price));
  }

  static std::string imbalance_words(const ImbalanceBody& noii, char direction) {
    switch (direction) {
      case 'B': return grouped(noii.imbalance_shares) + " more to buy";
      case 'S': return grouped(noii.imbalance_shares) + " more to sell";
      case 'N': return "no imbalance";
      case 'O': return "too few orders to tell";
      default: return "paused";
    }
  }

  static std::string_view cross_name(char type) {
    switch (type) {
      case 'O': return "opening cross";
      case 'C': return "closing cross";
      case 'H': return "halt or IPO cross";
      case 'A': return "extended trading close";
      default: return "cross";
    }
  }

  void draw_queue(Side side, const SideSnapshot& of) {
    if (of.queue.empty()) return;
    text_ +=
        rule(fmt::format("queue at the best {}, {}", name_of(side), price_text(of.levels[0].price)), width_);
    line(fmt::format("  {:>5}  {:>11}  {:>11}  {:<4}  {:<18}  {}", "place", "size", "ahead", "MPID",
                     "entered", "order"),
         Ink::dim);
    std::uint64_t ahead = 0;
    for (std::size_t i = 0; i < std::min(of.queue.size(), most_queued); ++i) {
      const book::OrderView& order = of.queue[i];
      const std::string_view mpid = order.attribution.view();
      text_ += fmt::format("  {:>5}  {:>11}  {:>11}  {:<4}  {}  {}\n", i + 1, grouped(order.shares),
                           grouped(ahead), mpid.empty() ? "–" : printable(mpid),
                           event_time_text(order.entered), raw(order.ref));
      ahead += order.shares;
    }
    if (of.queue.size() > most_queued)
      line(fmt::format("  … {} more orders", of.queue.size() - most_queued), Ink::dim);
  }

  const BookSnapshot& snapshot_;
  const LadderOptions& options_;
  std::size_t width_;
  std::vector<Row> rows_;
  std::size_t price_ = 8;
  std::size_t size_ = 7;
  std::size_t orders_ = 6;
  std::size_t cumulative_ = 10;
  std::size_t bar_ = 4;
  std::uint64_t largest_ = 1;
  std::string text_;
};

}  // namespace

std::string draw_ladder(const BookSnapshot& snapshot, const LadderOptions& options) {
  return LadderDrawing(snapshot, options).draw();
}

}  // namespace tapeline::terminal
