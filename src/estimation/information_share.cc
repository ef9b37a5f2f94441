#include "estimation/information_share.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/check.h"

namespace tapeline::estimation {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using Series = std::span<const std::span<const double>>;

// The times t whose change and all that explains it are known.
std::vector<std::size_t> known_times(Series prices, std::size_t lags) {
  std::vector<std::size_t> times;
  std::size_t known = 0;  // Prices in a row, up to t, that all series have.
  for (std::size_t t = 0; t < prices[0].size(); ++t) {
    const bool all = std::ranges::none_of(prices, [&](auto series) { return std::isnan(series[t]); });
    known = all ? known + 1 : 0;
    if (known >= lags + 2) times.push_back(t);
  }
  return times;
}

struct Model {
  MatrixXd alpha;  // A row a series, a column an error.
  MatrixXd omega;
};

std::unexpected<Error> undetermined() {
  return fail(ErrorCode::unsupported,
              "these prices do not determine the model: one does not move, or two are the same");
}

Result<Model> fit(Series prices, std::size_t lags, const std::vector<std::size_t>& times) {
  const auto series = static_cast<Index>(prices.size());
  const auto rows = static_cast<Index>(times.size());
  const Index errors = series - 1;
  MatrixXd changes(rows, series);
  MatrixXd regressors(rows, errors + static_cast<Index>(lags) * series);
  for (Index row = 0; row < rows; ++row) {
    const std::size_t t = times[static_cast<std::size_t>(row)];
    const auto change = [&](Index i, std::size_t at) {
      const auto& p = prices[static_cast<std::size_t>(i)];
      return p[at] - p[at - 1];
    };
    for (Index i = 0; i < series; ++i) changes(row, i) = change(i, t);
    for (Index i = 0; i < errors; ++i)
      regressors(row, i) = prices[0][t - 1] - prices[static_cast<std::size_t>(i) + 1][t - 1];
    for (std::size_t lag = 1; lag <= lags; ++lag)
      for (Index i = 0; i < series; ++i)
        regressors(row, errors + (static_cast<Index>(lag) - 1) * series + i) = change(i, t - lag);
  }
  const RowVectorXd means = regressors.leftCols(errors).colwise().mean();
  regressors.leftCols(errors).rowwise() -= means;
  const Eigen::ColPivHouseholderQR<MatrixXd> solver(regressors);
  if (solver.rank() < regressors.cols()) return undetermined();
  const MatrixXd coefficients = solver.solve(changes);
  const MatrixXd residuals = changes - regressors * coefficients;
  return Model{coefficients.topRows(errors).transpose(),
               residuals.transpose() * residuals / static_cast<double>(rows)};
}

}  // namespace

Result<InformationShares> information_shares(Series log_prices, std::size_t lags) {
  CHECK(log_prices.size() >= 2 && log_prices.size() <= most_series);
  const std::vector<std::size_t> times = known_times(log_prices, lags);
  const std::size_t count = log_prices.size();
  const std::size_t parameters = count - 1 + lags * count;
  if (times.size() < 2 * (parameters + count))
    return fail(
        ErrorCode::not_found,
        fmt::format("{} moments at which all prices are known, with those of {} steps before, are too few "
                    "for {} parameters an equation",
                    times.size(), lags + 1, parameters));
  const Result<Model> model = fit(log_prices, lags, times);
  if (!model) return std::unexpected(model.error());
  const Eigen::FullPivLU<MatrixXd> lu(model->alpha.transpose());
  if (lu.dimensionOfKernel() != 1) return undetermined();
  const RowVectorXd psi = lu.kernel().transpose();
  const double variance = (psi * model->omega * psi.transpose())(0, 0);
  if (!(variance > 0) || !std::isfinite(variance)) return undetermined();

  InformationShares shares{std::vector<double>(count, 1), std::vector<double>(count, 0), times.size()};
  std::vector<Index> order(count);
  std::iota(order.begin(), order.end(), Index{0});
  do {
    MatrixXd omega(count, count);
    RowVectorXd impact(count);
    for (std::size_t i = 0; i < count; ++i) {
      impact(static_cast<Index>(i)) = psi(order[i]);
      for (std::size_t j = 0; j < count; ++j)
        omega(static_cast<Index>(i), static_cast<Index>(j)) = model->omega(order[i], order[j]);
    }
    const Eigen::LLT<MatrixXd> factor(omega);
    if (factor.info() != Eigen::Success) return undetermined();
    const RowVectorXd parts = impact * MatrixXd(factor.matrixL());
    for (std::size_t i = 0; i < count; ++i) {
      const double share = parts(static_cast<Index>(i)) * parts(static_cast<Index>(i)) / variance;
      const auto at = static_cast<std::size_t>(order[i]);
      shares.lower[at] = std::min(shares.lower[at], share);
      shares.upper[at] = std::max(shares.upper[at], share);
    }
  } while (std::ranges::next_permutation(order).found);
  return shares;
}

}  // namespace tapeline::estimation
