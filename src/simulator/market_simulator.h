#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "market/types.h"
#include "simulator/config.h"
#include "simulator/episodes.h"

namespace tapeline::simulator {

// What rests at the front of both sides of a symbol; shares 0 where nothing does.
struct BestQuote {
  Locate locate;
  Symbol stock;
  Price bid_price;
  std::uint64_t bid_shares;
  Price ask_price;
  std::uint64_t ask_shares;
};

// One day of a market as NASDAQ TotalView-ITCH 5.0, made block by block in bounded memory. Does no input or
// output. Not thread-safe.
class MarketSimulator {
 public:
  // `config` must be valid: see Config::validate.
  explicit MarketSimulator(const Config& config);
  ~MarketSimulator();
  MarketSimulator(MarketSimulator&&) noexcept;
  MarketSimulator& operator=(MarketSimulator&&) noexcept;

  // The next run of whole messages, each behind its big-endian u16 length: about one MiB, less at the day's
  // end and empty after it. Valid until the next call.
  std::span<const std::byte> next_block();

  [[nodiscard]] std::uint64_t messages() const;
  // By type code.
  [[nodiscard]] const std::array<std::uint64_t, 256>& counts() const;
  [[nodiscard]] std::uint64_t live_orders() const;
  [[nodiscard]] std::uint64_t peak_live_orders() const;

  // The truth as of the last block, by locate and by the time when the episode ended.
  [[nodiscard]] std::vector<BestQuote> best_quotes() const;
  [[nodiscard]] std::vector<Episode> episodes() const;

 private:
  struct Day;
  std::unique_ptr<Day> day_;
};

}  // namespace tapeline::simulator
