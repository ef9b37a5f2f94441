#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "simulator/auctions.h"
#include "simulator/market.h"

namespace tapeline::simulator {

// A planted manipulation. Of spoofing and layering: large orders on one side, which are never meant to trade,
// push the price while a small genuine order trades on the other side; then they are gone. The others: see
// patterns.h.
struct Episode {
  std::string_view kind;  // "layering" at several prices, "spoofing" at one; those of pattern_names.
  Symbol stock;
  Locate locate;
  Side side;  // Of the large orders, or of those who take.
  std::uint64_t start_ns;
  std::uint64_t end_ns;
  std::vector<OrderRef> orders;  // The large ones, those that came and went, or those that were taken.
  OrderRef genuine_order;        // The one that traded on the other side; 0 if there was none left to trade.
  Sequence first_sequence;       // Of the episode's first message …
  Sequence last_sequence;        // … and of its last.
};

// Plants the episodes of the day.
class Episodes {
 public:
  explicit Episodes(Market& market);

  [[nodiscard]] std::uint64_t next_time() const { return next_time_; }
  void fire(Market& market);
  // Those that are over, in the order in which they ended.
  [[nodiscard]] const std::vector<Episode>& finished() const { return finished_; }

 private:
  enum class Phase : std::uint8_t { placing, quoting_genuine, trading_genuine, cancelling };

  struct Active {
    Episode episode;
    std::uint32_t symbol;
    Phase phase = Phase::placing;
    std::uint32_t wanted;    // How many large orders there will be.
    std::uint32_t distance;  // Ticks from the touch of the first.
    std::uint32_t cancelled = 0;
    Slot genuine = no_slot;
    std::vector<Slot> slots;
    std::uint64_t next_time;
  };

  bool begin(Market& market);
  // Each returns false when the episode is over.
  bool step(Market& market, Active& active);
  void place(Market& market, Active& active);
  void quote_genuine(Market& market, Active& active);
  void trade_genuine(Market& market, Active& active);
  bool cancel_one(Market& market, Active& active);
  void finish(Active& active);
  void find_next_time();

  std::vector<std::uint64_t> starts_;  // The latest first.
  std::vector<Active> active_;
  std::vector<Episode> finished_;
  std::uint64_t next_time_ = never;
};

}  // namespace tapeline::simulator
