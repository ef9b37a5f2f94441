#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "book/order_books.h"
#include "feed/itch50/messages.h"
#include "feed/message_block.h"
#include "market/event.h"

namespace tapeline::exchange {

// The market as it stands after the messages so far, which a snapshot for late joiners is made of: the books,
// and of each security the last message of every kind that says what state it is in. A pure function of the
// messages. Used by one thread.
class MarketState {
 public:
  // What was last said of one security.
  struct Security {
    std::optional<itch50::StockDirectory> directory;
    std::optional<itch50::TradingAction> trading;
    std::optional<itch50::RegSho> reg_sho;
    std::optional<itch50::OperationalHalt> operational_halt;
  };

  explicit MarketState(const book::OrderBooksConfig& books = {});

  // Messages in order, without a gap. The block is followed by decode_padding readable bytes.
  void apply(const feed::MessageBlock& block);
  // A new session: nothing is known.
  void reset();

  // The number of the message to apply next.
  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }
  [[nodiscard]] const std::vector<itch50::SystemEvent>& system_events() const { return system_events_; }
  [[nodiscard]] const book::OrderBooks& books() const { return books_; }

  // f(const Security&) for each security of which the feed gave the directory, by locate.
  template <class F>
  void for_each_security(F&& f) const {
    for (const Security& security : securities_)
      if (security.directory) f(security);
  }

  // f(Locate, const Symbol&, const book::OrderView&) for every live order: by security, side and level, best
  // first, each level in the order of its queue.
  template <class F>
  void for_each_order(F&& f) const {
    std::vector<book::LevelView> levels;
    for (const Locate locate : books_.locates()) {
      for (const Side side : {Side::bid, Side::ask}) {
        levels.resize(books_.level_count(locate, side));
        books_.levels(locate, side, levels);
        for (const book::LevelView& level : levels)
          for (const book::OrderView& order : books_.queue(locate, side, level.price))
            f(locate, books_.symbol(locate), order);
      }
    }
  }

 private:
  static constexpr std::size_t batch_size = 512;
  static constexpr std::size_t max_system_events = 64;  // A day has six.

  void keep_statuses(const feed::MessageBlock& block);
  void keep_status(const itch50::Message& message);

  book::OrderBooks books_;
  std::unique_ptr<std::array<Event, batch_size>> batch_ = std::make_unique<std::array<Event, batch_size>>();
  std::vector<Security> securities_;  // By locate, up to the highest that had a status.
  std::vector<itch50::SystemEvent> system_events_;
  std::uint64_t next_sequence_ = 1;
};

}  // namespace tapeline::exchange
