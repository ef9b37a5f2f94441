#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "feed/itch50/encoder.h"
#include "feed/message_source.h"
#include "simulator/rng.h"

namespace tapeline::simulation {

// What the generated market is like.
struct Market {
  unsigned symbols = 20;
  std::uint16_t max_locate = 100;  // Of those, `symbols` are used.
  unsigned live_orders = 300;      // Around so many rest.
  std::uint64_t step_ns = 10'000;  // From a message to the next, of event time.
  unsigned bad_permille = 0;       // Messages that contradict the book or the specification.
};

// The locates of a market's symbols, in increasing order.
[[nodiscard]] std::vector<Locate> locates_of(const Market& market, std::uint64_t seed);

// A small random market as ITCH: what a day begins with, then orders that come, trade and go. Quick to make;
// module simulator has the one that looks like a market.
class MarketSource final : public feed::MessageSource {
 public:
  // Never ends.
  MarketSource(const Market& market, std::uint64_t market_seed, std::uint64_t session);

  Result<std::optional<feed::MessageBlock>> next() override;
  [[nodiscard]] feed::SessionName session() const override { return feed::SessionName(""); }
  [[nodiscard]] feed::SourceProgress progress() const override { return {}; }
  [[nodiscard]] const feed::SourceCounters& counters() const override { return counters_; }
  [[nodiscard]] std::span<const feed::SequenceGap> gaps() const override { return {}; }

 private:
  static constexpr std::size_t messages_per_block = 64;

  struct Resting {
    std::uint64_t ref;
    std::size_t symbol;
    Shares shares;
    bool buy;
  };

  template <class M>
  void put(M message, std::size_t symbol);
  void put_opening(std::uint64_t number);
  void put_next();
  void put_order();
  void put_reduction();
  void put_replace();
  void put_trade();
  void put_status();
  void put_bad();
  [[nodiscard]] Symbol name_of(std::size_t symbol) const;
  [[nodiscard]] Price price_of(std::size_t symbol, bool buy);
  Resting& any_resting();

  Market market_;
  std::vector<Locate> locates_;
  simulator::Rng rng_;
  std::uint64_t made_ = 0;
  std::uint64_t next_ref_ = 1;
  std::uint64_t next_match_ = 1;
  std::vector<Resting> resting_;
  std::vector<std::byte> bytes_;
  feed::SourceCounters counters_;
};

}  // namespace tapeline::simulation
