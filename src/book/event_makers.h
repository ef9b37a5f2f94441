#pragma once

#include <cstdint>
#include <string_view>

#include "market/event.h"

namespace tapeline::book {

// Events as a feed would make them, for tests: everything that is not an argument is zero.

inline Event make_event(EventKind kind, Locate locate, char code = 0) {
  Event event{};
  event.kind = kind;
  event.code = code;
  event.locate = locate;
  return event;
}

inline Event make_add(Locate locate, std::uint64_t ref, char side, Shares shares, std::uint32_t ticks,
                      std::string_view symbol = "TEST") {
  Event event = make_event(EventKind::add, locate, side);
  event.order = {OrderRef{ref}, 0, shares, Price{ticks}, Symbol(symbol)};
  return event;
}

inline Event make_attributed_add(Locate locate, std::uint64_t ref, char side, Shares shares,
                                 std::uint32_t ticks, std::string_view mpid) {
  Event event = make_add(locate, ref, side, shares, ticks);
  event.attribution = Mpid(mpid);
  return event;
}

// A kind that names one resting order: execute, cancel or remove (whose shares are 0).
inline Event make_reduction(EventKind kind, Locate locate, std::uint64_t ref, Shares shares,
                            std::uint64_t match = 0) {
  Event event = make_event(kind, locate);
  event.order = {OrderRef{ref}, match, shares, Price{0}, Symbol{}};
  return event;
}

inline Event make_execute_with_price(Locate locate, std::uint64_t ref, Shares shares, std::uint32_t ticks,
                                     char printable, std::uint64_t match) {
  Event event = make_event(EventKind::execute_with_price, locate, printable);
  event.order = {OrderRef{ref}, match, shares, Price{ticks}, Symbol{}};
  return event;
}

inline Event make_replace(Locate locate, std::uint64_t ref, std::uint64_t new_ref, Shares shares,
                          std::uint32_t ticks) {
  Event event = make_event(EventKind::replace, locate);
  event.order = {OrderRef{ref}, new_ref, shares, Price{ticks}, Symbol{}};
  return event;
}

inline Event make_hidden_trade(Locate locate, char side, Shares shares, std::uint32_t ticks,
                               std::uint64_t match, std::string_view symbol = "TEST") {
  Event event = make_event(EventKind::trade, locate, side);
  event.order = {OrderRef{0}, match, shares, Price{ticks}, Symbol(symbol)};
  return event;
}

inline Event make_cross(Locate locate, std::uint64_t shares, std::uint32_t ticks, char cross_type,
                        std::uint64_t match, std::string_view symbol = "TEST") {
  Event event = make_event(EventKind::cross, locate, cross_type);
  event.cross = {shares, MatchNumber{match}, Price{ticks}, 0, Symbol(symbol)};
  return event;
}

inline Event make_trading_action(Locate locate, char state, std::string_view symbol = "TEST") {
  Event event = make_event(EventKind::trading_action, locate, state);
  event.status = {};
  event.status.symbol = Symbol(symbol);
  return event;
}

inline Event make_directory(Locate locate, std::string_view symbol) {
  Event event = make_event(EventKind::directory, locate);
  event.status = {};
  event.status.symbol = Symbol(symbol);
  event.status.number = 100;
  return event;
}

}  // namespace tapeline::book
