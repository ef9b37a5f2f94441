#pragma once

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "book/book_types.h"
#include "market/quality.h"
#include "serve/binary_message.h"
#include "serve/stream_request.h"
#include "terminal/book_snapshot.h"

// Reads the stream's binary messages for the tests of this module: each becomes the JSON that would have been
// sent instead.
namespace tapeline::serve {

class TestBinaryDecoder {
 public:
  using Json = nlohmann::json;

  static std::vector<Json> decode(std::string_view bytes) {
    std::vector<Json> messages;
    while (!bytes.empty()) {
      const auto header = TestBinaryDecoder(bytes).take<BinaryHeader>();
      EXPECT_GE(header.size, sizeof(BinaryHeader));
      EXPECT_LE(header.size, bytes.size());
      EXPECT_EQ(header.size % 8, 0u);
      if (header.size < sizeof(BinaryHeader) || header.size > bytes.size()) return messages;
      TestBinaryDecoder decoder(bytes.substr(0, header.size));
      messages.push_back(decoder.message());
      EXPECT_TRUE(decoder.rest_.empty()) << "the size is that of what the message says it has";
      bytes.remove_prefix(header.size);
    }
    return messages;
  }

 private:
  explicit TestBinaryDecoder(std::string_view bytes) : rest_(bytes) {}

  template <class Part>
  Part take() {
    Part part{};
    EXPECT_LE(sizeof(Part), rest_.size());
    if (sizeof(Part) > rest_.size()) return part;
    std::memcpy(&part, rest_.data(), sizeof(Part));
    rest_.remove_prefix(sizeof(Part));
    return part;
  }
  static Json price(std::uint32_t ticks) { return ticks == 0 ? Json() : Json(Price{ticks}.dollars()); }
  static Json rounded(double value, int decimals) {
    return std::isfinite(value) ? Json(std::stod(fmt::format("{:.{}f}", value, decimals))) : Json();
  }
  static std::string quality(std::uint8_t flags) {
    return std::string(tapeline::to_string(static_cast<Quality>(flags)));
  }

  Json message() {
    const auto header = take<BinaryHeader>();
    EXPECT_EQ(header.version, BinaryHeader::current_version);
    EXPECT_EQ(header.reserved | header.reserved2, 0u);
    const auto table = static_cast<StreamTable>(header.table);
    Json json{{"type", header.kind == BinaryHeader::snapshot ? "snapshot" : "delta"},
              {"table", to_string(table)},
              {"id", header.id},
              {"symbol", header.symbol.view()},
              {"n", header.n},
              {"session", header.session.view()},
              {"sequence", header.sequence},
              {"time_ns", header.time_ns}};
    if (table == StreamTable::book || table == StreamTable::bbo) {
      json["quality"] = quality(header.quality);
      json["state"] = terminal::to_string(static_cast<book::TradingState>(header.state));
    }
    if (table == StreamTable::book) book(json);
    if (table == StreamTable::bbo) bbo(json);
    if (table == StreamTable::trades) trades(json);
    if (table == StreamTable::bars) bars(json);
    return json;
  }
  void book(Json& json) {
    const auto body = take<BinaryBook>();
    json["changes"] = body.changes;
    for (const auto& [name, count] : {std::pair("bids", body.bid_count), std::pair("asks", body.ask_count)}) {
      json[name] = Json::array();
      for (std::uint32_t i = 0; i < count; ++i) {
        const auto level = take<BinaryLevel>();
        json[name].push_back(Json::array({price(level.price), level.size, level.orders}));
      }
    }
  }
  void bbo(Json& json) {
    const auto body = take<BinaryBbo>();
    json.update({{"changes", body.changes},
                 {"bid", price(body.bid)},
                 {"bid_size", body.bid_size},
                 {"ask", price(body.ask)},
                 {"ask_size", body.ask_size}});
  }
  void trades(Json& json) {
    constexpr const char* kinds[] = {"displayed", "hidden", "cross", "broken"};
    const auto body = take<BinaryTrades>();
    json.update({{"missed", body.missed},
                 {"volume", body.volume},
                 {"open", price(body.open)},
                 {"high", price(body.high)},
                 {"low", price(body.low)},
                 {"vwap", rounded(body.vwap, 4)},
                 {"trades", Json::array()}});
    for (std::uint32_t i = 0; i < body.count; ++i) {
      const auto row = take<BinaryTrade>();
      json["trades"].push_back(
          Json::array({row.number, row.time_ns, price(row.price), row.size,
                       row.aggressor == 0 ? Json() : Json(std::string(1, row.aggressor)), kinds[row.kind % 4],
                       row.match, row.sequence, quality(row.quality)}));
    }
  }
  void bars(Json& json) {
    const auto body = take<BinaryBars>();
    json.update({{"missed", body.missed}, {"width_s", body.width_s}, {"bars", Json::array()}});
    for (std::uint32_t i = 0; i < body.count; ++i) {
      const auto row = take<BinaryBar>();
      json["bars"].push_back(
          Json::array({row.start_s, price(row.open), price(row.high), price(row.low), price(row.close),
                       rounded(row.vwap, 6), row.volume, row.buy_volume, row.sell_volume, row.trades,
                       row.order_flow, rounded(row.spread, 6), quality(row.quality)}));
    }
  }

  std::string_view rest_;
};

}  // namespace tapeline::serve
