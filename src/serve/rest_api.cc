#include "serve/rest_api.h"

#include <algorithm>

#include <fmt/format.h>

#include "market/event_time_text.h"
#include "serve/market_json.h"
#include "serve/metrics_text.h"

namespace tapeline::serve {

namespace {

using terminal::BookSnapshot;

HttpResponse json_response(std::string text) {
  text += '\n';
  return {.body = std::move(text)};
}

HttpResponse symbols_response(MarketView& view, const RestRequest& request) {
  std::string text;
  JsonText json(text);
  json.begin_object();
  append_place(json, place_of(view));
  json.member("count", view.symbols().size()).key("columns").json(overview_columns).key("symbols");
  json.begin_array();
  std::size_t count = 0;
  for (const Locate locate : view.ranking()) {
    if (count == request.limit) break;
    if (view.books().symbol(locate).view().find(request.filter) == std::string_view::npos) continue;
    append_overview_row(json, view, locate);
    ++count;
  }
  json.end_array().end_object();
  return json_response(std::move(text));
}

void begin_symbol(JsonText& json, const MarketView& view, Locate locate) {
  json.begin_object().member("symbol", view.books().symbol(locate).view());
  append_place(json, place_of(view));
}

HttpResponse trades_response(const MarketView& view, const RestRequest& request, Locate locate) {
  const Ring<TapeTrade>& tape = view.record(locate)->tape;
  std::string text;
  JsonText json(text);
  begin_symbol(json, view, locate);
  json.key("columns").json(
      R"(["number","time_ns","price","size","aggressor","kind","match","sequence","quality"])");
  json.member("oldest", tape.oldest()).key("trades").begin_array();
  for (std::uint64_t i = tape.newest(request.limit); i < tape.total(); ++i) append_trade(json, tape[i], i);
  json.end_array().end_object();
  return json_response(std::move(text));
}

HttpResponse bars_response(MarketView& view, const RestRequest& request, Locate locate) {
  FlowBars& flow = request.bar_seconds == 1 ? view.record(locate)->seconds : view.record(locate)->minutes;
  flow.settle(view.feed().watermark());
  const Ring<FlowBar>& bars = flow.bars();
  std::string text;
  JsonText json(text);
  begin_symbol(json, view, locate);
  json.member("width_s", std::uint64_t{flow.width_s()}).key("columns");
  json.json(R"(["start_s","open","high","low","close","vwap","volume","buy_volume","sell_volume","trades",)"
            R"("order_flow","spread","quality"])");
  json.key("bars").begin_array();
  for (std::uint64_t i = bars.newest(request.limit); i < bars.total(); ++i) append_bar(json, bars[i]);
  json.end_array().end_object();
  return json_response(std::move(text));
}

HttpResponse rewound_book(const RewindAnswer& answer) {
  const RewindFrame& frame = answer.frames.front();
  std::string text;
  JsonText json(text);
  append_book(json, frame.book, {answer.session, frame.sequence, frame.time});
  return json_response(std::move(text));
}

HttpResponse replayed_books(const RewindAnswer& answer, const RestRequest& request) {
  std::string text;
  JsonText json(text);
  json.begin_object().member("symbol", request.symbol).member("session", answer.session);
  json.member("replayed_messages", answer.replayed).key("trades").begin_array();
  for (std::uint64_t i = answer.trades.oldest(); i < answer.trades.total(); ++i)
    append_trade(json, answer.trades[i], i);
  json.end_array().key("frames").begin_array();
  for (const RewindFrame& frame : answer.frames) {
    const terminal::LastTrade& last = frame.book.last_trade;
    json.begin_object().member("time_ns", raw(frame.time)).member("sequence", frame.sequence);
    json.member("quality", tapeline::to_string(frame.book.quality));
    json.member("state", terminal::to_string(frame.book.state.trading));
    json.member("last", last.shares == 0 ? Price{} : last.price).key("bids");
    append_levels(json, frame.book.bid.levels);
    json.key("asks");
    append_levels(json, frame.book.ask.levels);
    json.end_object();
  }
  json.end_array().end_object();
  return json_response(std::move(text));
}

HttpResponse ready_response(const ServingState& state) {
  const ViewState view = state.view_state();
  HttpResponse response{.content_type = "text/plain; charset=utf-8"};
  response.body = fmt::format("{}{}{}\n", view.state, view.error.empty() ? "" : ": ", view.error);
  if (view.state != "live") response.status = 503;
  return response;
}

}  // namespace

HttpResponse error_response(unsigned status, std::string_view message) {
  HttpResponse response{.status = status};
  JsonText json(response.body);
  json.begin_object().member("error", message).end_object();
  response.body += '\n';
  if (status == 503) response.retry_after_s = 1;
  return response;
}

HttpResponse error_response(const Error& error) {
  switch (error.code) {
    case ErrorCode::usage: return error_response(400, error.message);
    case ErrorCode::not_found: return error_response(404, error.message);
    case ErrorCode::interrupted: return error_response(504, error.message);
    default: return error_response(500, error.message);
  }
}

void RestApi::answer(ServingState& state, const RestRequest& request, const NetworkHandler::Reply& reply) {
  switch (request.kind) {
    case RestRequest::Kind::ready: return reply(ready_response(state));
    case RestRequest::Kind::metrics: return reply(metrics(state));
    case RestRequest::Kind::symbols: return reply(symbols_response(state.view, request));
    case RestRequest::Kind::status: return reply(json_response(status_json(state)));
    case RestRequest::Kind::alerts:
      return reply({.body = alerts_.alerts_json(request.limit, request.filter)});
    case RestRequest::Kind::evidence: return answer_evidence(request, reply);
    default: break;
  }
  const std::optional<Locate> locate = state.view.find_symbol(request.symbol);
  if (!locate)
    return reply(
        error_response(404, fmt::format("the feed has named no symbol {} in this session", request.symbol)));
  switch (request.kind) {
    case RestRequest::Kind::trades: return reply(trades_response(state.view, request, *locate));
    case RestRequest::Kind::bars: return reply(bars_response(state.view, request, *locate));
    case RestRequest::Kind::book: return answer_book(state, request, *locate, reply);
    case RestRequest::Kind::replay: return answer_past(state, request, *locate, reply);
    default: return reply(error_response(404, "there is nothing here"));
  }
}

void RestApi::answer_book(ServingState& state, const RestRequest& request, Locate locate,
                          const NetworkHandler::Reply& reply) {
  const FeedPlace now = place_of(state.view);
  // What has not happened yet is not known: a moment ahead would be another one a second later.
  if (request.at && *request.at > now.time)
    return reply(error_response(404, fmt::format("the feed has come to {} only", event_time_text(now.time))));
  if (request.sequence && *request.sequence > now.sequence)
    return reply(error_response(404, fmt::format("the feed has come to sequence {} only", now.sequence)));
  if (request.at || request.sequence) return answer_past(state, request, locate, reply);
  BookSnapshot book = terminal::take_snapshot(state.view.books(), locate, now.time, request.levels);
  book.last_trade = state.view.record(locate)->last;
  std::string text;
  JsonText json(text);
  append_book(json, book, now);
  reply(json_response(std::move(text)));
}

void RestApi::answer_evidence(const RestRequest& request, const NetworkHandler::Reply& reply) {
  const bool taken = alerts_.ask_evidence(request.alert, [reply](const Result<std::string>& story) {
    if (!story) return reply(error_response(story.error()));
    reply({.body = *story});
  });
  if (!taken) reply(error_response(503, "too much evidence is waiting"));
}

void RestApi::answer_past(ServingState& state, const RestRequest& request, Locate locate,
                          const NetworkHandler::Reply& reply) {
  RewindRequest rewind;
  rewind.locate = locate;
  rewind.symbol = state.view.books().symbol(locate);
  rewind.levels = request.levels;
  EventTime start = rewind.until;
  if (request.kind == RestRequest::Kind::replay) {
    rewind.from = start = request.from;
    rewind.until = std::min(request.to, state.view.feed().watermark());
    rewind.step_ns = request.step_ns;
    if (rewind.from > rewind.until)
      return reply(error_response(
          404, fmt::format("the feed has come to {} only", event_time_text(state.view.feed().watermark()))));
  } else if (request.at) {
    rewind.until = start = *request.at;
  } else {
    rewind.last_sequence = *request.sequence;
  }
  const std::optional<ReplayStart> found = state.index.find(locate, start, rewind.last_sequence);
  if (!found) return reply(error_response(404, "there is no session yet"));
  rewind.start = *found;
  const bool taken = rewinder_.ask(std::move(rewind), [reply, request](const Result<RewindAnswer>& answer) {
    if (!answer) return reply(error_response(answer.error()));
    reply(request.kind == RestRequest::Kind::replay ? replayed_books(*answer, request)
                                                    : rewound_book(*answer));
  });
  if (!taken) reply(error_response(503, "too many rewinds are waiting"));
}

HttpResponse RestApi::metrics(const ServingState& state) const {
  ServeMetrics serve;
  serve.network = network_->counters();
  serve.hub = state.hub.counters();
  serve.rewinds = rewinder_.counters();
  serve.view = state.view_state();
  serve.clients = state.hub.client_count();
  serve.channels = state.hub.channel_count();
  serve.symbols = state.view.symbols().size();
  serve.live_orders = state.view.books().live_orders();
  serve.book_bytes = state.view.books().memory_bytes();
  serve.keyframes = state.index.keyframes();
  serve.keyframe_bytes = state.index.bytes();
  serve.sequence = state.view.feed().sequence();
  serve.missed_records = state.view.feed().missed_records();
  serve.watched = state.watch.books(state.view);
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = metrics_text(serve, state.pipeline ? &*state.pipeline : nullptr)};
}

std::string status_json(const ServingState& state) {
  const ViewState view = state.view_state();
  const book::BookCounters& counters = state.view.books().counters();
  std::string text;
  JsonText json(text);
  json.begin_object().key("pipeline");
  if (state.pipeline)
    json.json(status::encode(*state.pipeline));
  else
    json.null();
  json.key("serve").begin_object().member("state", view.state).member("error", view.error);
  json.member("feed_state", view.feed_state);
  append_place(json, place_of(state.view));
  json.member("began_ns", raw(state.view.began()));
  json.member("lag_records", view.lag_records).member("session_ended", view.session_ended);
  json.member("missed_records", state.view.feed().missed_records());
  json.member("symbols", state.view.symbols().size()).member("live_orders", state.view.books().live_orders());
  json.member("book_bytes", state.view.books().memory_bytes());
  json.member("clients", state.hub.client_count()).member("channels", state.hub.channel_count());
  json.member("skipped_updates", state.hub.counters().skipped);
  json.member("keyframes", state.index.keyframes()).member("keyframe_bytes", state.index.bytes());
  json.member("unknown_order", counters.unknown_order).member("crossed", counters.crossed);
  json.member("duplicate_ref", counters.duplicate_ref).end_object().end_object();
  return text;
}

}  // namespace tapeline::serve
