#include "estimation/microprice_fit.h"

#include <Eigen/Dense>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

namespace tapeline::estimation {

MicropriceFit::MicropriceFit(const MicropriceFitOptions& options) : most_move_(options.most_move) {
  model_.imbalance_buckets = options.imbalance_buckets;
  model_.spreads = options.spreads;
  model_.tick = options.tick;
  const std::size_t n = model_.state_count();
  model_.observations.assign(n, 0);
  staying_.assign(n * n, 0);
  moving_.assign(n * n, 0);
  moves_.assign(n, 0);
}

std::uint32_t MicropriceFit::mirror(std::uint32_t state) const {
  const std::uint32_t bucket = state % model_.imbalance_buckets;
  return state - bucket + (model_.imbalance_buckets - 1 - bucket);
}

void MicropriceFit::count(std::uint32_t from, std::uint32_t to, std::int64_t move) {
  ++model_.observations[from];
  (move == 0 ? staying_ : moving_)[std::size_t{from} * model_.state_count() + to] += 1;
  moves_[from] += move;
}

void MicropriceFit::add(const book::Bbo& before, const book::Bbo& after, Quality quality) {
  const std::optional<std::uint32_t> from = model_.state_of(before);
  const std::optional<std::uint32_t> to = model_.state_of(after);
  // Twice the mid in ticks is the mid in half ticks; both are whole, as the prices are.
  const auto mid = [&](const book::Bbo& bbo) {
    return (std::int64_t{bbo.bid.ticks} + bbo.ask.ticks) / model_.tick.ticks;
  };
  const std::int64_t move = mid(after) - mid(before);
  if (!from || !to || quality != Quality::good || std::abs(move) > std::int64_t{most_move_}) {
    ++left_out_;
    return;
  }
  ++transitions_;
  count(*from, *to, move);
  count(mirror(*from), mirror(*to), -move);
}

std::vector<std::uint32_t> MicropriceFit::states_that_move() const {
  const std::size_t n = model_.state_count();
  std::vector<bool> moves(n, false);
  for (std::size_t x = 0; x < n; ++x)
    for (std::size_t y = 0; y < n; ++y)
      if (moving_[x * n + y] != 0) moves[x] = true;
  for (bool grows = true; grows;) {
    grows = false;
    for (std::size_t x = 0; x < n; ++x)
      for (std::size_t y = 0; y < n && !moves[x]; ++y)
        if (staying_[x * n + y] != 0 && moves[y]) moves[x] = grows = true;
  }
  std::vector<std::uint32_t> states;
  for (std::size_t x = 0; x < n; ++x)
    if (moves[x]) states.push_back(static_cast<std::uint32_t>(x));
  return states;
}

Result<analytics::MicropriceModel> MicropriceFit::fit() const {
  const std::size_t n = model_.state_count();
  const std::vector<std::uint32_t> states = states_that_move();
  if (states.empty())
    return fail(
        ErrorCode::not_found,
        fmt::format(
            "no transition moves the mid within {} half ticks at spreads of 1 to {} ticks: {} changes "
            "of the best prices were left out; allow wider spreads or choose other symbols",
            most_move_, model_.spreads, left_out_));
  const auto size = static_cast<Eigen::Index>(states.size());
  Eigen::MatrixXd stay(size, size);
  Eigen::MatrixXd move(size, size);
  Eigen::VectorXd mean(size);
  for (Eigen::Index i = 0; i < size; ++i) {
    const std::size_t x = states[static_cast<std::size_t>(i)];
    const auto all = static_cast<double>(model_.observations[x]);
    for (Eigen::Index j = 0; j < size; ++j) {
      const std::size_t y = states[static_cast<std::size_t>(j)];
      stay(i, j) = static_cast<double>(staying_[x * n + y]) / all;
      move(i, j) = static_cast<double>(moving_[x * n + y]) / all;
    }
    mean(i) = static_cast<double>(moves_[x]) / 2 / all;
  }
  const Eigen::PartialPivLU<Eigen::MatrixXd> leaving(Eigen::MatrixXd::Identity(size, size) - stay);
  Eigen::VectorXd term = leaving.solve(mean);
  const Eigen::MatrixXd next = leaving.solve(move);
  Eigen::VectorXd sum = term;
  constexpr double least = 1e-15;  // Of a tick.
  constexpr int most_terms = 1'000'000;
  int terms = 1;
  for (; terms < most_terms && term.lpNorm<Eigen::Infinity>() > least; ++terms) {
    term = next * term;
    sum += term;
  }
  if (!sum.allFinite() || terms == most_terms)
    return fail(
        ErrorCode::unsupported,
        "the moves of the mid to come do not add up to a finite sum: there are too few transitions; use more "
        "of the feed, fewer buckets or fewer spreads");
  analytics::MicropriceModel model = model_;
  model.transitions = transitions_;
  model.adjustments.assign(n, 0);
  for (std::size_t x = 0; x < n; ++x)
    if (model.observations[x] == 0) model.adjustments[x] = std::numeric_limits<double>::quiet_NaN();
  for (Eigen::Index i = 0; i < size; ++i) model.adjustments[states[static_cast<std::size_t>(i)]] = sum(i);
  return model;
}

}  // namespace tapeline::estimation
