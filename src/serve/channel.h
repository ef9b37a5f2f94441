#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "book/book_types.h"
#include "market/types.h"
#include "serve/binary_message.h"
#include "serve/flow_bars.h"
#include "serve/json_text.h"
#include "serve/market_view.h"
#include "serve/network/network.h"
#include "serve/stream_request.h"

namespace tapeline::serve {

// What a channel may tell besides the market: the status documents, made once for all clients.
struct StreamContext {
  MarketView& view;
  std::string_view status_json{};  // An object; empty while there is none.
  std::uint64_t status_version = 0;
};

// One table of one symbol (or of all) for one client: a snapshot first, then what changed since the last
// message. Each message is made from the market as it is at that moment, so a client that is served seldom
// gets fewer messages, never older ones, and each message says how much it sums up.
class Channel {
 public:
  Channel(const StreamRequest& request, StreamTable table, const Symbol& symbol);

  // Appends a message, a line of the text or a piece of the binary message, and returns true; or returns
  // false where nothing has changed.
  bool tell(StreamContext& context, Outgoing& out);

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::uint64_t interval_ns() const { return interval_ns_; }
  std::uint64_t due_ns = 0;  // Nothing before that.

 private:
  // What the client has been told.
  struct Sent {
    std::uint64_t session = UINT64_MAX;  // Of MarketView::session_count().
    std::uint64_t epoch = 0;
    std::uint64_t messages = 0;
    std::uint64_t place = 0;  // Of trades, bars, ticks or the status: how far.
    std::vector<book::LevelView> levels[2]{};
    book::Bbo bbo{};
    Quality quality = Quality::good;
    book::TradingState state = book::TradingState::unknown;
    std::vector<std::pair<Locate, std::size_t>> rows{};  // With a hash of what was said of it.
  };

  bool tell_symbol(StreamContext& context, Outgoing& out);
  bool tell_book(MarketView& view, bool anew, std::uint64_t changes, Outgoing& out);
  bool tell_bbo(MarketView& view, bool anew, std::uint64_t changes, Outgoing& out);
  bool tell_trades(MarketView& view, bool anew, Outgoing& out);
  bool tell_bars(MarketView& view, bool anew, Outgoing& out);
  bool tell_overview(MarketView& view, std::string& out);
  bool tell_status(StreamContext& context, std::string& out);
  void begin(JsonText& json, bool anew, const MarketView& view);
  [[nodiscard]] BinaryHeader binary_header(bool anew, const MarketView& view);
  // The locates of the overview, in its order.
  [[nodiscard]] std::vector<Locate> pick_rows(MarketView& view) const;

  std::uint64_t id_;
  StreamTable table_;
  Symbol symbol_;
  Locate locate_{};
  std::size_t depth_;
  std::uint64_t interval_ns_;
  std::uint32_t bar_seconds_;
  std::size_t most_rows_;
  std::string filter_;
  StreamFormat format_;
  std::uint64_t number_ = 0;  // Of the last message.
  Sent sent_;
};

}  // namespace tapeline::serve
