#include "analytics/columns.h"

#include <array>

#include "market/quality.h"

namespace tapeline::analytics {

std::span<const std::string_view> quality_labels() {
  static const std::array<std::string_view, 32> labels = [] {
    std::array<std::string_view, 32> all;
    for (std::size_t set = 0; set < all.size(); ++set) all[set] = to_string(static_cast<Quality>(set));
    return all;
  }();
  return labels;
}

}  // namespace tapeline::analytics
