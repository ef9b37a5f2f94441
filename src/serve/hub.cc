#include "serve/hub.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "serve/market_json.h"

namespace tapeline::serve {

namespace {

constexpr std::uint64_t number(ClientId client) {
  return static_cast<std::uint64_t>(client);
}

}  // namespace

void Hub::on_open(ClientId id, MarketView& view) {
  Client& client = clients_[number(id)];
  client.tokens = static_cast<double>(config_.request_burst);
  client.tokens_at_ns = clock_.monotonic_ns();
  client.told_end = view.feed().end().value;
  JsonText json(client.replies);
  json.begin_object().member("type", "hello").member("protocol", std::uint64_t{1});
  json.member("version", config_.version);
  append_place(json, place_of(view));
  json.member("most_channels", config_.most_channels).member("most_symbols", StreamRequest::most_symbols);
  json.member("least_interval_ms", StreamRequest::least_interval_ms).end_object();
  client.replies += '\n';
}

void Hub::on_drained(ClientId id) {
  const auto found = clients_.find(number(id));
  if (found == clients_.end()) return;
  found->second.ready = true;
  found->second.blocked_ns = clock_.monotonic_ns() - found->second.sent_at_ns;
  std::optional<trace::StageRecord>& record = found->second.on_its_way;
  if (!record) return;
  record->ended_ns = clock_.realtime_ns();
  config_.recorder->record(*record);
  record.reset();
}

void Hub::note_sending(ClientId id, Client& client, std::uint64_t end, std::uint64_t began_ns) const {
  trace::StageRecord record;
  record.stage = trace::Stage::client;
  record.from = client.told_end;
  record.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(end - client.told_end, UINT32_MAX));
  record.middle_ns = clock_.realtime_ns();
  record.began_ns = record.middle_ns - (clock_.monotonic_ns() - began_ns);
  record.first = number(id);
  client.told_end = end;
  client.on_its_way = record;
}

void Hub::on_close(ClientId id) {
  clients_.erase(number(id));
}

void Hub::close(ClientId id, CloseCode code, const std::string& reason) {
  network_->close(id, code, reason);
  clients_.erase(number(id));
}

bool Hub::is_flood(Client& client) {
  const std::uint64_t now = clock_.monotonic_ns();
  const double come =
      static_cast<double>(now - client.tokens_at_ns) / 1e9 * static_cast<double>(config_.requests_per_second);
  client.tokens = std::min(client.tokens + come, static_cast<double>(config_.request_burst)) - 1;
  client.tokens_at_ns = now;
  return client.tokens < 0 || client.replies.size() > config_.most_replies_bytes;
}

void Hub::on_text(ClientId id, const std::string& text, MarketView& view) {
  const auto found = clients_.find(number(id));
  if (found == clients_.end()) return;
  Client& client = found->second;
  if (is_flood(client)) {
    ++counters_.floods;
    return close(id, CloseCode::policy_violation, "too many requests");
  }
  const Result<StreamRequest> request = parse_stream_request(text);
  if (!request) {
    ++counters_.bad_requests;
    if (request.error().code == ErrorCode::corrupt)
      return close(id, CloseCode::invalid_payload, request.error().message);
    return reply_error(client, id_of_request(text), request.error().message);
  }
  if (request->kind == StreamRequest::Kind::subscribe) return subscribe(client, *request, view);
  JsonText json(client.replies);
  if (request->kind == StreamRequest::Kind::unsubscribe) {
    std::erase_if(client.channels, [&](const auto& channel) { return channel->id() == request->id; });
    json.begin_object().member("type", "unsubscribed").member("id", request->id).end_object();
  } else {
    json.begin_object().member("type", "pong").member("id", request->id).end_object();
  }
  client.replies += '\n';
}

void Hub::reply_error(Client& client, std::uint64_t id, std::string_view message) {
  JsonText json(client.replies);
  json.begin_object().member("type", "error").member("id", id).member("message", message).end_object();
  client.replies += '\n';
}

void Hub::subscribe(Client& client, const StreamRequest& request, MarketView& view) {
  std::vector<std::unique_ptr<Channel>> channels;
  for (const StreamTable table : request.tables) {
    if (!is_by_symbol(table)) channels.push_back(std::make_unique<Channel>(request, table, Symbol("")));
    for (const Symbol& symbol : request.symbols)
      if (is_by_symbol(table)) channels.push_back(std::make_unique<Channel>(request, table, symbol));
  }
  // A subscription of the same number is replaced.
  std::erase_if(client.channels, [&](const auto& channel) { return channel->id() == request.id; });
  if (client.channels.size() + channels.size() > config_.most_channels)
    return reply_error(
        client, request.id,
        fmt::format("too many channels: a client may have {}, symbols times tables", config_.most_channels));
  JsonText json(client.replies);
  json.begin_object().member("type", "subscribed").member("id", request.id);
  json.member("channels", channels.size()).key("unknown").begin_array();
  for (const Symbol& symbol : request.symbols)
    if (!view.find_symbol(symbol.view())) json.text(symbol.view());
  json.end_array().end_object();
  client.replies += '\n';
  std::ranges::move(channels, std::back_inserter(client.channels));
  client.next_channel = 0;
}

std::size_t Hub::channel_count() const {
  std::size_t count = 0;
  for (const auto& [id, client] : clients_) count += client.channels.size();
  return count;
}

void Hub::append_heartbeat(std::string& out, const StreamContext& context, const ViewState& state) const {
  JsonText json(out);
  json.begin_object().member("type", "heartbeat");
  append_place(json, place_of(context.view));
  json.member("began_ns", raw(context.view.began()));
  json.member("captured_ns", raw(context.view.feed().captured()));
  json.member("now_ns", clock_.realtime_ns()).member("state", state.state);
  json.member("session_ended", state.session_ended).member("lag_records", state.lag_records);
  json.member("feed_state", state.feed_state);
  if (!state.error.empty()) json.member("error", state.error);
  json.end_object();
  out += '\n';
}

void Hub::serve(ClientId id, Client& client, StreamContext& context, const ViewState& state,
                std::uint64_t now) {
  std::string text = std::move(client.replies);
  client.replies.clear();
  const std::size_t count = client.channels.size();
  // Longer than the kernel needs to take a message: the client, or the way to it, is slow.
  constexpr std::uint64_t slow_ns = 250'000'000;
  const std::uint64_t blocked = std::exchange(client.blocked_ns, 0);
  Outgoing updates;
  std::uint64_t skipped = 0;
  const auto size = [&updates] { return updates.text.size() + updates.binary.size(); };
  for (std::size_t i = 0; i < count && size() < config_.max_text_bytes; ++i) {
    client.next_channel = (client.next_channel + 1) % count;
    Channel& channel = *client.channels[client.next_channel];
    if (now < channel.due_ns) continue;
    if (!channel.tell(context, updates)) continue;
    if (blocked > slow_ns && channel.due_ns != 0)
      skipped += std::min(now - channel.due_ns, blocked) / channel.interval_ns();
    channel.due_ns = now + channel.interval_ns();
    ++counters_.messages;
  }
  if (skipped > 0) {
    JsonText json(text);
    json.begin_object().member("type", "lag").member("skipped", skipped);
    json.member("blocked_ms", blocked / 1'000'000).end_object();
    text += '\n';
    counters_.skipped += skipped;
  }
  text += updates.text;
  if (now >= client.heartbeat_due_ns) {
    append_heartbeat(text, context, state);
    client.heartbeat_due_ns = now + config_.heartbeat_ns;
  }
  const bool any_updates = !updates.empty();
  Outgoing outgoing{std::move(text), std::move(updates.binary)};
  if (outgoing.empty()) return;
  if (!outgoing.text.empty()) outgoing.text.pop_back();  // Lines are separated by line feeds, not ended.
  counters_.bytes += outgoing.text.size() + outgoing.binary.size();
  client.ready = false;
  client.sent_at_ns = now;
  if (config_.recorder && any_updates) note_sending(id, client, context.view.feed().end().value, now);
  network_->send(id, std::move(outgoing));
}

void Hub::tick(StreamContext& context, const ViewState& state) {
  if (clients_.empty()) return;
  const std::uint64_t began = clock_.monotonic_ns();
  auto at = clients_.lower_bound(first_in_turn_);
  for (std::size_t left = clients_.size(); left > 0; --left) {
    if (at == clients_.end()) at = clients_.begin();
    Client& client = at->second;
    const std::uint64_t now = clock_.monotonic_ns();
    if (now - began > config_.tick_budget_ns) break;
    if (client.ready) serve(ClientId{at->first}, client, context, state, now);
    ++at;
  }
  first_in_turn_ = at == clients_.end() ? 0 : at->first;
}

}  // namespace tapeline::serve
