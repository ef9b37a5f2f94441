#include "app/tally_source.h"

#include "base/bytes.h"
#include "feed/itch50/messages.h"

namespace tapeline::app {

void TallySource::walk(const feed::MessageBlock& block) {
  const std::byte* at = block.bytes.data();
  for (std::uint32_t i = 0; i < block.message_count; ++i) {
    const std::size_t length = load_be<std::uint16_t>(at);
    const auto type = static_cast<unsigned char>(at[2]);
    at += 2 + length;
    message_bytes_ += length;
    if (length == 0) [[unlikely]] {
      ++empty_;
      anomalies_.note(Anomaly::wrong_length, 1, block.first_sequence + i);
      continue;
    }
    ++types_[type];
    const std::size_t expected = itch50::wire_sizes[type];
    if (length != expected) [[unlikely]]
      anomalies_.note(expected == 0 ? Anomaly::unknown_type : Anomaly::wrong_length, 1,
                      block.first_sequence + i);
  }
}

void TallySource::compare_counters(std::optional<std::uint64_t> position) {
  const feed::SourceCounters& now = source_.counters();
  const std::span<const feed::SequenceGap> gaps = source_.gaps();
  const std::optional<std::uint64_t> gap = gaps.empty() ? std::nullopt : std::optional(gaps[0].first);
  anomalies_.note(Anomaly::gap, now.gaps - seen_.gaps, gap);
  anomalies_.note(Anomaly::missing_message, now.missing_messages - seen_.missing_messages, gap);
  anomalies_.note(Anomaly::duplicate_message, now.duplicate_messages - seen_.duplicate_messages, position);
  anomalies_.note(Anomaly::late_message, now.late_messages - seen_.late_messages, position);
  anomalies_.note(Anomaly::session_change, now.session_changes - seen_.session_changes, position);
  anomalies_.note(Anomaly::malformed_packet, now.malformed_packets - seen_.malformed_packets, position);
  anomalies_.note(Anomaly::incomplete_capture, now.incomplete_captures - seen_.incomplete_captures, position);
  // Those of a file lie behind its end, not at the block that they came with.
  anomalies_.note(Anomaly::trailing_byte, now.trailing_bytes - seen_.trailing_bytes,
                  now.packets == 0 ? std::nullopt : position);
  seen_ = now;
}

Result<std::optional<feed::MessageBlock>> TallySource::next() {
  Result<std::optional<feed::MessageBlock>> block = source_.next();
  const bool any = block && *block;
  compare_counters(any ? std::optional((*block)->first_sequence) : std::nullopt);
  if (any) walk(**block);
  return block;
}

}  // namespace tapeline::app
