#include "feed/sequencer/retransmission.h"

#include <algorithm>
#include <limits>

namespace tapeline::feed {

namespace {

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

// What of [first, end) is missing, from the first such message to the last.
bool shrink_to_missing(MissingRanges& missing, std::uint64_t& first, std::uint64_t& end) {
  std::uint64_t begin = 0;
  std::uint64_t stop = 0;
  for (auto range = missing.at_or_after(first); range != missing.end() && range->first < end; ++range) {
    if (stop == 0) begin = std::max(first, range->first);
    stop = std::min(end, range->end);
  }
  if (stop == 0) return false;
  first = begin;
  end = stop;
  return true;
}

}  // namespace

Retransmission::Retransmission(const RetransmissionConfig& config) : config_(config) {
  config_.max_messages_per_request =
      std::clamp<std::uint16_t>(config_.max_messages_per_request, 1, moldudp64::max_message_count);
}

bool Retransmission::is_awaited(std::uint64_t first, std::uint64_t end) const {
  return std::any_of(requests_.begin(), requests_.end(),
                     [=](const Request& request) { return request.first <= first && end <= request.end; });
}

void Retransmission::send(Request& request, const moldudp64::Session& session, std::uint64_t now_ns,
                          std::vector<SequencerAction>& actions) {
  const unsigned doublings = std::min(request.tries, 31U);
  request.deadline_ns =
      now_ns + std::min(config_.request_timeout_ns << doublings, config_.max_request_timeout_ns);
  if (actions.size() >= max_waiting_actions) {
    ++counters_.unsent;
    return;
  }
  ++counters_.requests;
  const moldudp64::Header header = {session, request.first,
                                    static_cast<std::uint16_t>(request.end - request.first)};
  actions.push_back({SequencerAction::Kind::request, request.server, header});
}

void Retransmission::on_answer(std::uint64_t first, unsigned server, MissingRanges& missing,
                               const moldudp64::Session& session, std::uint64_t now_ns,
                               std::vector<SequencerAction>& actions) {
  preferred_server_ = server;
  const auto request = std::find_if(requests_.begin(), requests_.end(), [first](const Request& candidate) {
    return candidate.first <= first && first < candidate.end;
  });
  if (request == requests_.end()) return;
  if (!shrink_to_missing(missing, request->first, request->end)) {
    requests_.erase(request);
    return;
  }
  request->tries = 0;
  request->server = server;
  send(*request, session, now_ns, actions);
}

void Retransmission::drop_answered(MissingRanges& missing) {
  std::erase_if(requests_, [&missing](const Request& request) {
    const auto range = missing.at_or_after(request.first);
    return range == missing.end() || range->first >= request.end || range->failed;
  });
}

void Retransmission::on_timer(MissingRanges& missing, const moldudp64::Session& session, std::uint64_t now_ns,
                              std::vector<SequencerAction>& actions) {
  for (MissingRange& range : missing) {
    const std::uint64_t patience = config_.servers == 0 ? config_.reorder_grace_ns : config_.give_up_after_ns;
    if (now_ns >= range.since_ns + patience) range.failed = true;
  }
  drop_answered(missing);
  for (Request& request : requests_) {
    if (request.deadline_ns > now_ns) continue;
    ++counters_.timeouts;
    if (++request.tries >= config_.max_tries) {
      for (auto range = missing.at_or_after(request.first);
           range != missing.end() && range->first < request.end; ++range)
        range->failed = true;
      continue;
    }
    if (!shrink_to_missing(missing, request.first, request.end)) continue;
    request.server = (request.server + 1) % config_.servers;
    send(request, session, now_ns, actions);
  }
  drop_answered(missing);
}

// Whether another request may follow.
bool Retransmission::ask_within(const MissingRange& range, const moldudp64::Session& session,
                                std::uint64_t now_ns, std::vector<SequencerAction>& actions) {
  std::uint64_t first = range.first;
  while (first < range.end) {
    std::uint64_t end = first + std::min<std::uint64_t>(range.end - first, config_.max_messages_per_request);
    bool asked = false;
    for (const Request& request : requests_) {
      if (request.first <= first && first < request.end) {
        first = request.end;
        asked = true;
        break;
      }
      if (first < request.first) end = std::min(end, request.first);
    }
    if (asked) continue;
    if (requests_.size() >= config_.max_requests_in_flight) return false;
    requests_.push_back({first, end, 0, 0, preferred_server_});
    send(requests_.back(), session, now_ns, actions);
    first = end;
  }
  return true;
}

void Retransmission::ask(MissingRanges& missing, const moldudp64::Session& session, std::uint64_t now_ns,
                         std::vector<SequencerAction>& actions) {
  drop_answered(missing);
  if (config_.servers == 0) return;
  for (MissingRange& range : missing) {
    if (range.failed || now_ns < range.since_ns + config_.reorder_grace_ns) continue;
    if (missing.messages() > config_.max_messages) {
      range.failed = true;
      break;
    }
    if (!ask_within(range, session, now_ns, actions)) break;
  }
}

std::uint64_t Retransmission::next_deadline(const MissingRanges& missing, std::uint64_t now_ns) const {
  std::uint64_t deadline = never;
  for (const Request& request : requests_) deadline = std::min(deadline, request.deadline_ns);
  for (const MissingRange& range : missing) {
    if (range.failed) continue;
    const std::uint64_t asked_at = range.since_ns + config_.reorder_grace_ns;
    const bool waits_for_answers = config_.servers > 0 && now_ns >= asked_at;
    deadline = std::min(deadline, waits_for_answers ? range.since_ns + config_.give_up_after_ns : asked_at);
  }
  return deadline;
}

}  // namespace tapeline::feed
