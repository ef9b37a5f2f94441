#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "market/types.h"

namespace tapeline::serve {

// What a URL asks for: src/serve/openapi.json.
struct RestRequest {
  enum class Kind : std::uint8_t {
    asset,  // A file of the page, or nothing that is known.
    health,
    ready,
    metrics,
    symbols,
    book,
    trades,
    bars,
    replay,
    status,
    alerts,
    evidence,
  };

  static constexpr std::size_t most_frames = 2'000;
  static constexpr std::size_t most_items = 1'000;

  Kind kind = Kind::asset;
  std::string path{};    // Of an asset.
  std::string symbol{};  // As it was given; never longer than a Symbol.
  std::size_t levels = 10;
  std::size_t limit = most_items;
  std::string filter{};
  std::optional<EventTime> at{};  // A book as it was …
  std::optional<std::uint64_t> sequence{};
  EventTime from{0};  // … or many of them, `step_ns` apart.
  EventTime to{0};
  std::uint64_t step_ns = 0;
  std::uint32_t bar_seconds = 60;
  std::uint64_t alert = 0;  // The id, of evidence.
};

// `usage`: the answer is 400; `not_found`: 404.
Result<RestRequest> parse_rest_request(std::string_view target);

}  // namespace tapeline::serve
