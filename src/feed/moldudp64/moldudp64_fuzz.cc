#include <algorithm>

#include "base/check.h"
#include "feed/moldudp64/sequence_tracker.h"

using namespace tapeline;

// Packets behind a length byte each. What is delivered never repeats or goes back within a session.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  moldudp64::SequenceTracker tracker;
  std::uint64_t next = 0;
  std::uint64_t changes = 0;
  std::uint64_t messages = 0;
  while (!bytes.empty()) {
    const std::size_t length = std::min(std::to_integer<std::size_t>(bytes[0]), bytes.size() - 1);
    const moldudp64::Packet packet = moldudp64::parse_packet(bytes.subspan(1, length));
    bytes = bytes.subspan(1 + length);
    if (packet.defect == moldudp64::Defect::none && packet.kind == moldudp64::PacketKind::messages)
      CHECK(moldudp64::size_of_messages(packet.blocks, packet.header.count) == packet.blocks.size());
    const auto block = tracker.accept(packet, length % 3, CaptureTime{0});
    if (!block) continue;
    if (changes != tracker.counters().session_changes) next = 0;
    changes = tracker.counters().session_changes;
    CHECK(block->first_sequence >= next && block->message_count > 0);
    CHECK(moldudp64::size_of_messages(block->bytes, block->message_count) == block->bytes.size());
    next = block->first_sequence + block->message_count;
    messages += block->message_count;
  }
  CHECK(messages == tracker.counters().messages);
  return 0;
}
