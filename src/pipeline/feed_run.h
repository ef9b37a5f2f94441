#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "book/order_books.h"
#include "feed/itch50/event_decoder.h"
#include "feed/message_source.h"
#include "market/event.h"

namespace tapeline::pipeline {

struct FeedRunOptions {
  // Events after this moment are not applied and end the run.
  EventTime until{UINT64_MAX};
  // Called now and then with the source and the messages so far; false stops the run (the user pressed ^C).
  std::function<bool(const feed::MessageSource&, std::uint64_t messages)> on_progress;
};

// Applies every event; the default filter of run_feed.
struct KeepAll {
  std::size_t operator()(std::span<Event> events) const { return events.size(); }
};

struct FeedRunSummary {
  std::uint64_t messages = 0;
  EventTime first{UINT64_MAX};
  EventTime last{0};
  std::uint64_t out_of_order = 0;  // Messages whose time lies before that of one before them.
  bool stopped = false;            // By on_progress.
};

// Drives every message of a source, in order, through the books and what listens to them. Messages that are
// missing, also before the first, mark every book `gapped`; a new session resets the books, of which the
// handler is told by on_new_session() if it has one. What came before a failure of the source
// has been applied when the failure is reported.
//
// `filter(events)` moves the events to apply to the front, in order, and returns how many they are.
template <class Handler, class Filter = KeepAll>
Result<void> run_feed(feed::MessageSource& source, book::OrderBooks& books, Handler& handler,
                      const FeedRunOptions& options, FeedRunSummary& summary, Filter&& filter = {}) {
  constexpr std::size_t ahead = book::OrderBooks::look_ahead;
  constexpr std::size_t batch_size = 256 + ahead;
  const std::unique_ptr<std::array<Event, batch_size>> batch =
      std::make_unique<std::array<Event, batch_size>>();
  feed::SessionName session("");
  std::uint64_t expected = 1;
  std::uint64_t missing = 0;
  std::uint64_t next_report = 0;
  for (;;) {
    const Result<std::optional<feed::MessageBlock>> next = source.next();
    if (!next) return std::unexpected(next.error());
    if (!*next) {
      // Behind the last message, where a heartbeat told of more.
      if (source.counters().missing_messages > missing) books.mark_all(Quality::gapped);
      return {};
    }
    missing = source.counters().missing_messages;
    const feed::MessageBlock& block = **next;
    if (source.session() != session && summary.messages != 0) {
      if constexpr (requires { handler.on_new_session(); }) handler.on_new_session();
      books.reset();
      expected = 1;
    }
    session = source.session();
    // A capture that begins in the middle of a session lacks what came before it.
    if (block.first_sequence != expected) books.mark_all(Quality::gapped);
    expected = block.first_sequence + block.message_count;
    itch50::EventCursor cursor(block.bytes, Sequence{block.first_sequence}, block.capture_time);
    std::size_t held = 0;  // At the front of the batch: shown to the books, not applied.
    for (;;) {
      const std::span<Event> decoded = std::span(*batch).subspan(held);
      const std::size_t count = cursor.decode(decoded);
      std::size_t wanted = 0;
      for (; wanted < count; ++wanted) {
        const EventTime time = decoded[wanted].time;
        if (!decoded[wanted].is_readable()) [[unlikely]]
          continue;
        if (time > options.until) break;
        if (time < summary.last) [[unlikely]] {
          if (raw(time) != 0) ++summary.out_of_order;
        } else {
          summary.last = time;
        }
      }
      if (summary.messages == 0 && wanted != 0) summary.first = decoded[0].time;
      const std::size_t have = held + filter(decoded.first(wanted));
      held = wanted < count || count == 0 ? 0 : std::min(have, ahead);
      books.apply(std::span<const Event>(batch->data(), have), handler, have - held);
      std::copy_n(batch->data() + (have - held), held, batch->data());
      summary.messages += wanted;
      if (wanted < count) return {};
      if (count == 0) break;
    }
    if (options.on_progress && summary.messages >= next_report) {
      next_report = summary.messages + 250'000;
      if (!options.on_progress(source, summary.messages)) {
        summary.stopped = true;
        return {};
      }
    }
  }
}

}  // namespace tapeline::pipeline
