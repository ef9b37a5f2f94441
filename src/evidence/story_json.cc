#include "evidence/story_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace tapeline::evidence {

namespace {

using Json = nlohmann::ordered_json;

// A feed may name anything; JSON has UTF-8. Bytes that are not ASCII are taken for Latin-1, as everywhere.
std::string utf8(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0 | byte >> 6);
      out += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return out;
}

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json real(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json side_json(char side) {
  return side == 'B' || side == 'S' ? Json(std::string(1, side)) : Json(nullptr);
}

Json json_of(const surveillance::AlertRow& alert) {
  return {{"id", surveillance::alert_id_text(alert.id)},
          {"detector", surveillance::to_string(alert.detector)},
          {"symbol", utf8(alert.symbol.view())},
          {"locate", raw(alert.locate)},
          {"side", side_json(alert.side)},
          {"severity", alert.severity},
          {"score", real(alert.score)},
          {"threshold", real(alert.threshold)},
          {"start_ns", raw(alert.start)},
          {"end_ns", raw(alert.end)},
          {"first_sequence", alert.first_sequence},
          {"last_sequence", alert.last_sequence},
          {"orders", alert.orders},
          {"price_levels", alert.price_levels},
          {"shares", alert.shares},
          {"other_shares", alert.other_shares},
          {"trades", alert.trades},
          {"messages", alert.messages},
          {"ratio", real(alert.ratio)},
          {"move_bps", real(alert.move_bps)},
          {"price", alert.price.dollars()},
          {"quality", to_string(alert.quality)}};
}

Json json_of(const std::vector<book::LevelView>& levels) {
  Json json = Json::array();
  for (const book::LevelView& level : levels)
    json.push_back({{"price", level.price.dollars()}, {"size", level.shares}, {"orders", level.orders}});
  return json;
}

Json json_of(const BookPicture& book) {
  return {{"bids", json_of(book.bids)}, {"asks", json_of(book.asks)}, {"quality", to_string(book.quality)}};
}

Json json_of(const OrderStory& order) {
  return {{"order", raw(order.ref)},
          {"side", order.side == Side::bid ? "bid" : "ask"},
          {"price", order.price.dollars()},
          {"size", order.shares},
          {"entered_ns", raw(order.entered)},
          {"left_ns", order.left ? Json(raw(*order.left)) : Json(nullptr)},
          {"first_sequence", raw(order.first_sequence)},
          {"last_sequence", raw(order.last_sequence)},
          {"rested_before", order.rested},
          {"executed", order.executed},
          {"withdrawn", order.withdrawn},
          {"remaining", order.remaining},
          {"attribution", utf8(order.attribution.view())}};
}

}  // namespace

std::string alert_json(const surveillance::AlertRow& alert) {
  return text_of(json_of(alert));
}

std::string story_json(const Bundle& bundle, const Replay& replay) {
  Json json{{"alert", json_of(bundle.alert)},
            {"source", utf8(bundle.source)},
            {"session", utf8(bundle.session.view())},
            {"first_offset", bundle.first_offset},
            {"last_offset", bundle.last_offset},
            {"program", utf8(bundle.program)},
            {"detectors_version", bundle.detectors_version},
            {"messages", replay.messages},
            {"before", json_of(replay.before)},
            {"after", json_of(replay.after)},
            {"orders", Json::array()},
            {"trades", Json::array()},
            {"parameters", bundle.parameters}};
  for (const OrderStory& order : replay.orders) json["orders"].push_back(json_of(order));
  for (const TradeStory& trade : replay.trades)
    json["trades"].push_back({{"time_ns", raw(trade.time)},
                              {"sequence", raw(trade.sequence)},
                              {"price", trade.price.dollars()},
                              {"size", trade.shares},
                              {"taker", side_json(trade.taker)}});
  return text_of(json) + "\n";
}

}  // namespace tapeline::evidence
