#include "capture/pcap/tcp_reassembly.h"

#include <algorithm>

#include "base/bytes.h"

namespace tapeline::capture {

TcpReassembly::Stream& TcpReassembly::stream_of(const Direction& direction, std::deque<Run>& runs) {
  const auto known = streams_.find(direction);
  if (known != streams_.end()) return known->second;
  if (streams_.size() >= max_streams) {
    const auto oldest = std::min_element(streams_.begin(), streams_.end(), [](const auto& a, const auto& b) {
      return a.second.last_used < b.second.last_used;
    });
    deliver_pending(oldest->first, oldest->second, true, runs);
    streams_.erase(oldest);
  }
  Stream& stream = streams_[direction];
  stream.number = ++stream_count_;
  return stream;
}

void TcpReassembly::add(const Frame& segment, std::deque<Run>& runs) {
  const Direction direction = {segment.source, segment.destination};
  const std::uint32_t first = segment.tcp.sequence + (segment.tcp.syn ? 1 : 0);
  Stream& stream = stream_of(direction, runs);
  stream.last_used = ++clock_;
  const bool new_connection = segment.tcp.syn && (!stream.started || first != stream.next_sequence);
  if (new_connection && stream.started && stream.delivered > 0) {
    deliver_pending(direction, stream, true, runs);
    stream = Stream{.number = ++stream_count_, .last_used = clock_, .pending = {}};
  }
  if (!stream.started) {
    // A capture may begin in the middle of a connection: the first segment seen is where it starts. An
    // acknowledgement alone, or a keep-alive one byte back, does not tell.
    if (segment.payload.empty() && !segment.tcp.syn) return;
    stream.started = true;
    stream.next_sequence = first;
  }
  std::span<const std::byte> bytes = segment.payload;
  // RFC 9293, section 3.4: sequence numbers compare modulo 2^32.
  auto ahead = static_cast<std::int32_t>(first - stream.next_sequence);
  if (ahead < 0) {
    const std::size_t old =
        std::min<std::size_t>(bytes.size(), static_cast<std::size_t>(-std::int64_t{ahead}));
    retransmitted_bytes_ += old;
    bytes = bytes.subspan(old);
    ahead = 0;
  }
  if (!bytes.empty() && ahead == 0) {
    runs.push_back({bytes, {}, 0, stream.number, direction.source, direction.destination});
    stream.next_sequence += static_cast<std::uint32_t>(bytes.size());
    stream.delivered += bytes.size();
  } else if (!bytes.empty()) {
    keep(stream, stream.delivered + static_cast<std::uint32_t>(ahead), bytes);
  }
  deliver_pending(direction, stream, false, runs);
  const bool over = segment.tcp.fin || segment.tcp.reset;
  // A segment costs memory beyond its bytes: many tiny ones must not escape the bound.
  constexpr std::size_t segment_overhead = 128;
  const std::size_t pending = stream.pending_bytes + stream.pending.size() * segment_overhead;
  if (over || pending > max_pending_bytes) deliver_pending(direction, stream, true, runs);
}

// Of two segments that start at the same place the longer one stays.
void TcpReassembly::keep(Stream& stream, std::uint64_t position, std::span<const std::byte> bytes) {
  std::vector<std::byte>& kept = stream.pending[position];
  const std::size_t before = kept.size();
  retransmitted_bytes_ += std::min(before, bytes.size());
  if (bytes.size() <= before) return;
  kept.assign(bytes.begin(), bytes.end());
  stream.pending_bytes += bytes.size() - before;
}

void TcpReassembly::deliver_pending(const Direction& direction, Stream& stream, bool over_holes,
                                    std::deque<Run>& runs) {
  while (!stream.pending.empty()) {
    const auto first = stream.pending.begin();
    const std::uint64_t position = first->first;
    if (position > stream.delivered && !over_holes) return;
    std::vector<std::byte> bytes = std::move(first->second);
    stream.pending_bytes -= bytes.size();
    stream.pending.erase(first);
    std::uint64_t missing = 0;
    if (position > stream.delivered) {
      missing = position - stream.delivered;
      missing_bytes_ += missing;
    } else {
      const auto old =
          static_cast<std::size_t>(std::min<std::uint64_t>(stream.delivered - position, bytes.size()));
      retransmitted_bytes_ += old;
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(old));
      if (bytes.empty()) continue;
    }
    const std::size_t size = bytes.size();
    stream.next_sequence += static_cast<std::uint32_t>(missing + size);
    stream.delivered += missing + size;
    bytes.resize(size + decode_padding);
    Run& run = runs.emplace_back();
    run = {{}, std::move(bytes), missing, stream.number, direction.source, direction.destination};
    run.bytes = std::span<const std::byte>(run.owned).first(size);
  }
}

void TcpReassembly::finish(std::deque<Run>& runs) {
  for (auto& [direction, stream] : streams_) deliver_pending(direction, stream, true, runs);
}

}  // namespace tapeline::capture
