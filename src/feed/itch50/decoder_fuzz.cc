#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/check.h"
#include "feed/itch50/decoder.h"
#include "feed/itch50/encoder.h"
#include "feed/itch50/event_decoder.h"
#include "feed/itch50/printer.h"

namespace tapeline::itch50 {
namespace {

// What decodes must encode to the same bytes, and what does not must say so in both decoders.
void check_message(const std::byte* wire, std::size_t length, const Event& event) {
  Message message;
  const DecodeStatus status = decode(wire, length, message);
  const bool is_bad = event.kind == EventKind::unknown || event.kind == EventKind::malformed;
  CHECK(is_bad == (status != DecodeStatus::ok));
  if (status != DecodeStatus::ok) return;
  CHECK(length == wire_sizes[static_cast<unsigned char>(wire[0])]);
  std::array<std::byte, 64> again{};
  CHECK(visit(message, [&](const auto& m) { CHECK(encode(m, again.data()) == again.data() + length); }));
  CHECK(std::memcmp(again.data(), wire, length) == 0);
  CHECK(!to_text(message).empty());
}

void run(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  // The first byte sizes the batches. The rest is frames with exactly the padding behind them, on the heap,
  // so that a read further is seen.
  const std::size_t batch = 1 + data[0] % 64;
  const std::size_t frames_size = size - 1;
  const auto buffer = std::make_unique<std::byte[]>(frames_size + decode_padding);
  std::memcpy(buffer.get(), data + 1, frames_size);
  EventCursor cursor({buffer.get(), frames_size}, Sequence{1}, CaptureTime{0});
  std::array<Event, 64> events;
  const std::byte* at = buffer.get();
  std::uint64_t sequence = 0;
  while (const std::size_t count = cursor.decode(std::span(events).first(batch))) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t length = load_be<std::uint16_t>(at);
      CHECK(events[i].sequence == Sequence{++sequence});
      check_message(at + 2, length, events[i]);
      at += 2 + length;
    }
  }
  CHECK(at + cursor.remaining() == buffer.get() + frames_size);
}

}  // namespace
}  // namespace tapeline::itch50

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tapeline::itch50::run(data, size);
  return 0;
}
