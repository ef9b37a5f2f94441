#include "market/quality.h"

#include <array>

namespace tapeline {

namespace {

constexpr std::array<std::string_view, 5> names{"gapped", "recovering", "stale", "crossed", "suspect"};

std::array<std::string, 32> make_all_names() {
  std::array<std::string, 32> all;
  all[0] = "good";
  for (std::size_t set = 1; set < all.size(); ++set)
    for (std::size_t bit = 0; bit < names.size(); ++bit)
      if (set & (std::size_t{1} << bit)) all[set] += (all[set].empty() ? "" : "+") + std::string(names[bit]);
  return all;
}

}  // namespace

std::string_view to_string(Quality quality) {
  static const std::array<std::string, 32> all = make_all_names();
  return all[static_cast<std::uint8_t>(quality) & 31];
}

}  // namespace tapeline
