#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <immintrin.h>

#include "base/bytes.h"
#include "feed/itch50/decoder.h"
#include "feed/itch50/messages.h"
#include "market/event.h"

namespace tapeline::itch50 {

namespace detail {

// How one message type becomes an Event, without a branch on the type for the kinds that fill a feed.
struct alignas(32) EventPlan {
  std::array<std::uint8_t, 16> shuffle;  // Wire to {shares, price, symbol}, from `tail_offset`.
  std::uint64_t second_mask;             // All ones where the type has a second reference or a match number.
  EventKind kind;
  std::uint8_t wire_size;
  std::uint8_t tail_offset;
  std::uint8_t second_offset;
  std::uint8_t code_offset;
  std::uint8_t code_mask;
  std::uint8_t irregular;  // Needs the second step: status events, and the two order types that do not fit.
};
static_assert(sizeof(EventPlan) == 32);

extern const std::array<EventPlan, message_type_count + 1> event_plans;

// The second step, for messages that are rare or bad.
void finish_irregular(const std::byte* wire, std::size_t length, Event& out);

}  // namespace detail

// Turns one ITCH message into the Event that books and analytics work on. `wire` as for decode(). A message
// that cannot be trusted becomes an event of kind `unknown` or `malformed` with its locate and time, so that
// nothing is lost and the sequence stays whole.
inline void decode_event(const std::byte* wire, std::size_t length, Sequence sequence, CaptureTime captured,
                         Event& out) {
  const detail::EventPlan& plan =
      detail::event_plans[detail::plan_index[static_cast<unsigned char>(wire[0])]];
  // {type, -, locate, -, time} lands as {kind, code, locate, attribution, time}.
  alignas(16) static constexpr std::array<std::uint8_t, 16> header = [] {
    std::array<std::uint8_t, 16> shuffle;
    shuffle.fill(detail::shuffle_zero);
    detail::shuffle_field(shuffle, offsetof(Event, locate), 1, 2, true);
    detail::shuffle_field(shuffle, offsetof(Event, time), 5, 6, true);
    return shuffle;
  }();
  auto* to = reinterpret_cast<__m128i*>(&out);
  _mm_store_si128(to, detail::shuffled(wire, header.data()));
  out.kind = plan.kind;
  out.code = static_cast<char>(static_cast<std::uint8_t>(wire[plan.code_offset]) & plan.code_mask);
  out.captured = captured;
  out.sequence = sequence;
  out.order.ref = OrderRef{load_be<std::uint64_t>(wire + header_wire_size)};
  out.order.second = load_be<std::uint64_t>(wire + plan.second_offset) & plan.second_mask;
  _mm_store_si128(to + 3, detail::shuffled(wire + plan.tail_offset, plan.shuffle.data()));
  if ((length != plan.wire_size) | (plan.irregular != 0)) [[unlikely]]
    detail::finish_irregular(wire, length, out);
}

// How far ahead of the decoder the frames are loaded. The processor's own look-ahead ends at each 4 KiB page.
inline constexpr std::size_t read_ahead_bytes = 1024;

// Walks a run of whole length-prefixed messages (see feed/message_block.h) batch by batch.
class EventCursor {
 public:
  // `frames` must outlive the cursor and be followed by decode_padding readable bytes.
  EventCursor(std::span<const std::byte> frames, Sequence first, CaptureTime captured)
      : next_(frames.data()),
        end_(frames.data() + frames.size()),
        sequence_(raw(first)),
        captured_(captured) {}

  // Decodes up to out.size() messages and returns how many; 0 at the end of the block. Stops before a frame
  // that does not lie within the block (see `remaining`), which a well-formed block never has.
  std::size_t decode(std::span<Event> out) {
    std::size_t count = 0;
    const std::byte* at = next_;
    while (count < out.size() && end_ - at >= 2) {
      _mm_prefetch(reinterpret_cast<const char*>(at) + read_ahead_bytes, _MM_HINT_T0);
      const std::size_t length = load_be<std::uint16_t>(at);
      if (static_cast<std::size_t>(end_ - at) < 2 + length) [[unlikely]]
        break;
      decode_event(at + 2, length, Sequence{sequence_ + count}, captured_, out[count]);
      ++count;
      at += 2 + length;
    }
    next_ = at;
    sequence_ += count;
    return count;
  }

  // Bytes not yet decoded; not 0 after decode() returned 0 if the block was cut off.
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - next_); }

 private:
  const std::byte* next_;
  const std::byte* end_;
  std::uint64_t sequence_;
  CaptureTime captured_;
};

}  // namespace tapeline::itch50
