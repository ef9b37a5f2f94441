#pragma once

#include <cstdint>
#include <vector>

#include "analytics/microprice_model.h"
#include "base/result.h"
#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"

namespace tapeline::estimation {

struct MicropriceFitOptions {
  std::uint32_t imbalance_buckets = 9;  // Odd.
  std::uint32_t spreads = 5;            // The widest spread, in ticks.
  Price tick{100};
  std::uint32_t most_move = 2;  // In half ticks: a transition that moves the mid further is left out.
};

// Counts how the best prices go from state to state, and fits Stoikov's microprice from it. A transition is
// one change of the best prices or sizes of one symbol, from a state of the model to one, with the book good
// before and after; each is counted together with its mirror image, bids and asks swapped. Then with
//
//   Q(x, y)   the share of transitions from x that go to y and leave the mid where it is
//   T(x, y)   the share that go to y and move the mid
//   r(x)      the mean move of the mid by a transition from x
//
//   G1 = (I - Q)^-1 r,  B = (I - Q)^-1 T,  G* = G1 + B G1 + B^2 G1 + …
//
// G1 is the expected first move of the mid, G* all moves to come; it converges, as mirrored states have
// opposite G1 (his theorem 3.1). From states that no move was ever reached from, G* is 0.
//
// Source: S. Stoikov, "The Micro-Price: A High Frequency Estimator of Future Prices", Quantitative Finance 18
// (2018), section 3; large moves and wide spreads are left out as in the code published with it.
class MicropriceFit {
 public:
  explicit MicropriceFit(const MicropriceFitOptions& options);

  void add(const book::Bbo& before, const book::Bbo& after, Quality quality);

  // Fails (not_found) without any transition or move, (unsupported) where the sum does not converge.
  [[nodiscard]] Result<analytics::MicropriceModel> fit() const;

  [[nodiscard]] std::uint64_t transitions() const { return transitions_; }
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }  // Changes that are no transition.

 private:
  void count(std::uint32_t from, std::uint32_t to, std::int64_t move);
  [[nodiscard]] std::uint32_t mirror(std::uint32_t state) const;
  // Of the states, which have a path to a move of the mid.
  [[nodiscard]] std::vector<std::uint32_t> states_that_move() const;

  std::uint32_t most_move_;
  analytics::MicropriceModel model_;    // Without adjustments.
  std::vector<std::uint64_t> staying_;  // From, to: the mid stays.
  std::vector<std::uint64_t> moving_;   // From, to: it moves.
  std::vector<std::int64_t> moves_;     // From: the sum of its moves, in half ticks.
  std::uint64_t transitions_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace tapeline::estimation
