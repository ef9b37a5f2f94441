#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "book/book_types.h"
#include "market/types.h"

namespace tapeline::analytics {

// Where the fair price lies within the spread, fitted (estimation/microprice_fit.h) and then only looked up:
//
//   microprice = mid + g(I, S)
//
// for a state of I, the share of the bid in the sizes at the best prices, cut into an odd number of buckets
// of equal width, and S, the spread in ticks from 1 to the widest that was fitted.
//
// Source: S. Stoikov, "The Micro-Price: A High Frequency Estimator of Future Prices", Quantitative Finance 18
// (2018), theorem 3.1: g is his G*.
struct MicropriceModel {
  static constexpr std::uint32_t most_buckets = 99;
  static constexpr std::uint32_t most_spreads = 50;

  std::uint32_t imbalance_buckets = 0;
  std::uint32_t spreads = 0;
  Price tick{100};
  std::uint64_t transitions = 0;            // That it was fitted from.
  std::vector<double> adjustments;          // g by state, in ticks; NaN where the state was never seen.
  std::vector<std::uint64_t> observations;  // Transitions from each state, mirrored ones included.

  [[nodiscard]] std::uint32_t state_count() const { return imbalance_buckets * spreads; }

  // The bucket of a share qb / (qb + qa), counted from the ask's side. What lies on a limit belongs to the
  // bucket nearer the middle, so that swapping the sides mirrors the buckets.
  [[nodiscard]] static std::uint32_t bucket_of(std::uint64_t bid_shares, std::uint64_t ask_shares,
                                               std::uint32_t buckets) {
    const std::uint64_t all = bid_shares + ask_shares;
    if (bid_shares <= ask_shares) return static_cast<std::uint32_t>(bid_shares * buckets / all);
    return buckets - 1 - static_cast<std::uint32_t>(ask_shares * buckets / all);
  }
  // The number of a state: (spread - 1) * buckets + bucket. None where a side is missing, the book is locked
  // or crossed, the prices are between ticks or the spread is wider than any fitted.
  [[nodiscard]] std::optional<std::uint32_t> state_of(const book::Bbo& bbo) const {
    if (bbo.bid_shares == 0 || bbo.ask_shares == 0 || bbo.ask <= bbo.bid) return std::nullopt;
    if (bbo.bid.ticks % tick.ticks != 0 || bbo.ask.ticks % tick.ticks != 0) return std::nullopt;
    const std::uint32_t spread = (bbo.ask.ticks - bbo.bid.ticks) / tick.ticks;
    if (spread > spreads) return std::nullopt;
    return (spread - 1) * imbalance_buckets + bucket_of(bbo.bid_shares, bbo.ask_shares, imbalance_buckets);
  }
};

// As JSON, of which docs/formats/microprice_model.md tells; the same model gives the same text.
[[nodiscard]] std::string to_json(const MicropriceModel& model);
// Fails (corrupt) on a text that is no model, with what is wrong with it.
Result<MicropriceModel> parse_microprice_model(std::string_view json);
// Reads a file, of at most a megabyte.
Result<MicropriceModel> read_microprice_model(const std::string& path);

}  // namespace tapeline::analytics
