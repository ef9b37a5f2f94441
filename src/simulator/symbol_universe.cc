#include "simulator/symbol_universe.h"

#include <cmath>
#include <numeric>
#include <unordered_set>

#include "simulator/rng.h"

namespace tapeline::simulator {

namespace {

constexpr std::array<std::string_view, 6> test_tickers = {"ZVZZT", "ZWZZT", "ZXZZT",
                                                          "ZJZZT", "ZBZX",  "ZTEST"};

std::string draw_ticker(Rng& rng) {
  // Consonants and vowels take turns more often than not, which makes tickers that look like tickers.
  constexpr std::string_view letters = "AABCCDEEFGHIIKLLMMNNOOPRRSSTTUVWXYZJQ";
  const std::uint32_t roll = rng.below(1000);
  const std::size_t length = roll < 2 ? 1 : roll < 30 ? 2 : roll < 380 ? 3 : roll < 960 ? 4 : 5;
  std::string ticker;
  for (std::size_t i = 0; i < length; ++i) ticker += letters[rng.below(letters.size())];
  return ticker;
}

std::vector<std::string> draw_tickers(const Config& config, Rng& rng) {
  std::vector<std::string> tickers;
  std::unordered_set<std::string> taken;
  for (const std::string_view ticker : test_tickers) taken.emplace(ticker);
  if (config.test_symbols)
    for (const std::string_view ticker : test_tickers)
      if (tickers.size() + 1 < config.symbols) tickers.emplace_back(ticker);
  while (tickers.size() < config.symbols) {
    std::string ticker = draw_ticker(rng);
    if (taken.insert(ticker).second) tickers.push_back(std::move(ticker));
  }
  std::sort(tickers.begin(), tickers.end());
  return tickers;
}

void shuffle(std::vector<std::uint32_t>& values, Rng& rng) {
  for (std::size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[rng.below(static_cast<std::uint32_t>(i))]);
}

// Prices spread over the decades: most between 5 and 200 dollars, a few per cent below one dollar.
void draw_price(Listing& listing, double rank, Rng& rng) {
  const std::uint32_t roll = rng.below(100);
  if (roll < 5 && rank > 0.05) {
    listing.tick = 1;
    listing.price = 600 + rng.below(8'000);
  } else {
    listing.tick = 100;
    std::uint32_t cents = 500 + rng.below(4'500);
    if (roll < 20) cents = 150 + rng.below(600);
    if (roll >= 65) cents = 5'000 + rng.below(15'000);
    if (roll >= 97) cents = 20'000 + rng.below(40'000);
    listing.price = cents;
  }
  // From two basis points for the busiest to about ninety for the quietest.
  const double spread = listing.price * (0.0002 + 0.009 * rank * rank * (0.5 + rng.unit()));
  listing.spread = std::max(1u, static_cast<std::uint32_t>(spread));
}

// Zipf's law with Mandelbrot's offset, which keeps the busiest symbol at a few per cent.
double zipf_weight(std::size_t rank) {
  return 1.0 / (static_cast<double>(rank) + 6.0);
}

// Quiet symbols rest more orders per message than busy ones, but none more than a third of its messages.
void spread_live_orders(const Config& config, std::vector<Listing>& listings) {
  const auto wanted = static_cast<double>(config.live_orders_wanted());
  const double messages = 0.9 * static_cast<double>(config.messages);
  std::vector<double> shares;
  for (const Listing& listing : listings)
    shares.push_back(std::sqrt(listing.activity) * std::sqrt(std::sqrt(listing.activity)));
  double scale = 1;
  std::vector<double> targets(listings.size());
  for (int round = 0; round < 20; ++round) {
    double sum = 0;
    for (std::size_t i = 0; i < listings.size(); ++i) {
      targets[i] = std::min(shares[i] * scale, listings[i].activity * messages * 0.33);
      sum += targets[i];
    }
    if (sum <= 0) break;
    scale *= wanted / sum;
  }
  // Carrying the fraction along keeps the sum where it was meant to be.
  double carried = 0;
  for (std::size_t i = 0; i < listings.size(); ++i) {
    carried += targets[i];
    listings[i].live_target = static_cast<std::uint32_t>(carried);
    carried -= listings[i].live_target;
  }
}

// Symbols of the middle of the market play the special parts, so that no part hangs on a symbol that hardly
// trades, and none takes a leader out of the market.
void give_roles(SymbolUniverse& universe, Rng& rng) {
  const std::size_t count = universe.listings.size();
  universe.roles.assign(count, Role::ordinary);
  if (count < 50) return;
  std::vector<std::uint32_t> candidates(
      universe.by_activity.begin() + static_cast<std::ptrdiff_t>(count / 20),
      universe.by_activity.begin() + static_cast<std::ptrdiff_t>(count / 2));
  shuffle(candidates, rng);
  std::size_t next = 0;
  const auto give = [&](Role role, std::size_t times) {
    for (std::size_t i = 0; i < times && next < candidates.size(); ++i)
      universe.roles[candidates[next++]] = role;
  };
  give(Role::ipo, 1);
  give(Role::direct_listing, 1);
  give(Role::news_halt, 2 + count / 1000);
  give(Role::luld_pause, 2 + count / 800);
  give(Role::operational_halt, 1);
}

}  // namespace

SymbolUniverse::SymbolUniverse(const Config& config) {
  Rng rng(mix(config.seed) ^ 0x756e697665727365);
  const std::vector<std::string> tickers = draw_tickers(config, rng);
  by_activity.resize(tickers.size());
  std::iota(by_activity.begin(), by_activity.end(), 0u);
  shuffle(by_activity, rng);
  double sum = 0;
  for (std::size_t rank = 0; rank < tickers.size(); ++rank) sum += zipf_weight(rank);
  listings.resize(tickers.size());
  for (std::size_t rank = 0; rank < tickers.size(); ++rank) {
    const std::uint32_t index = by_activity[rank];
    Listing& listing = listings[index];
    listing.stock = Symbol(tickers[index]);
    listing.is_test =
        std::find(test_tickers.begin(), test_tickers.end(), tickers[index]) != test_tickers.end();
    listing.activity = zipf_weight(rank) / sum;
    draw_price(listing, static_cast<double>(rank) / static_cast<double>(tickers.size()), rng);
    constexpr std::string_view categories = "QQQGGSSNNNAPPZV";
    listing.market_category = categories[rng.below(categories.size())];
    listing.luld_tier = rank < tickers.size() / 8 ? '1' : '2';
    listing.etp_flag = rng.below(4) == 0 ? 'Y' : 'N';
  }
  spread_live_orders(config, listings);
  give_roles(*this, rng);
}

}  // namespace tapeline::simulator
