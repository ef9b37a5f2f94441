#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "market/types.h"

namespace tapeline::serve {

// What a client of the stream may follow: docs/formats/websocket.md.
enum class StreamTable : std::uint8_t { book, bbo, trades, bars, overview, status };

[[nodiscard]] constexpr bool is_by_symbol(StreamTable table) {
  return table < StreamTable::overview;
}
[[nodiscard]] std::string_view to_string(StreamTable table);

// How the messages of a subscription are written. The overview and the status are JSON in any case.
enum class StreamFormat : std::uint8_t { json, binary };

struct StreamRequest {
  enum class Kind : std::uint8_t { subscribe, unsubscribe, ping };

  static constexpr std::size_t most_symbols = 256;
  static constexpr std::size_t most_rows = 1'000;  // Of the overview.
  static constexpr std::uint64_t most_interval_ms = 60'000;
  static constexpr std::uint64_t least_interval_ms = 1;

  Kind kind = Kind::ping;
  std::uint64_t id = 0;
  std::vector<StreamTable> tables{};
  std::vector<Symbol> symbols{};
  std::size_t depth = 10;
  std::uint64_t interval_ms = 100;
  std::uint32_t bar_seconds = 60;  // 1 or 60.
  std::size_t rows = 100;
  std::string filter{};  // Of the overview: symbols that contain it.
  StreamFormat format = StreamFormat::json;
};

// Reads one request, a JSON object. An error of the kind `corrupt` is no JSON at all, one of the kind `usage`
// a request that cannot be meant.
Result<StreamRequest> parse_stream_request(std::string_view text);
// The id of a request that was refused, so that its sender knows which one it was; 0 where it has none.
[[nodiscard]] std::uint64_t id_of_request(std::string_view text);

}  // namespace tapeline::serve
