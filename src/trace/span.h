#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trace/logged_message.h"
#include "trace/recorders.h"

namespace tapeline::trace {

// Names of OpenTelemetry, in the order of their bytes. Never all zeros.
using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

// The trace of a message follows from its session and sequence, and each span from the trace and its name, so
// that processes that know nothing of one another write parts of one trace. XXH3 of 128 and of 64 bits.
[[nodiscard]] TraceId trace_id_of(const feed::SessionName& session, std::uint64_t sequence);
[[nodiscard]] SpanId span_id_of(const TraceId& trace, std::string_view span);
[[nodiscard]] std::string hex(std::span<const std::uint8_t> id);

// What one message did between two moments, in nanoseconds since the Unix epoch.
struct Span {
  std::string_view name;  // A constant.
  Stage stage = Stage::ingest;
  std::uint64_t began_ns = 0;
  std::uint64_t ended_ns = 0;
  std::uint64_t batch_records = 0;  // That went together.
  std::uint64_t number = 0;         // Of the worker, lane or client; 0 where there is none.
};

struct Trace {
  LoggedMessage message;
  TraceId id{};
  bool slow = false;          // Traced since it took long, not since it was drawn.
  std::vector<Span> spans{};  // In the order of the stages; all but the first are children of the first.
};

inline constexpr std::string_view root_span = "capture";

// What the recorders still know of a message. Times of one batch stand for all its messages, but for that of
// the capture, which each message has of its own. A clock that was set back makes a span of no length.
[[nodiscard]] Trace assemble(const LoggedMessage& message, const StageReaders& readers);

}  // namespace tapeline::trace
