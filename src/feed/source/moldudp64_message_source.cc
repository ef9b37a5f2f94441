#include "feed/source/moldudp64_message_source.h"

#include <fmt/format.h>

namespace tapeline::feed {

// A capture with more destinations than are told apart is no capture of one feed: the rest share a number.
std::uint64_t MoldUdp64MessageSource::number_of(const capture::Endpoint& destination) {
  const auto known = destinations_.find(destination);
  if (known != destinations_.end()) return known->second;
  if (destinations_.size() == max_destinations) return max_destinations;
  return destinations_.emplace(destination, destinations_.size()).first->second;
}

std::optional<MessageBlock> MoldUdp64MessageSource::take(const capture::Packet& packet) {
  const capture::Endpoint& to = packet.destination;
  const bool wanted = packet.transport == capture::Transport::udp &&
                      to.address == options_.destination_address.value_or(to.address) &&
                      to.port == options_.destination_port.value_or(to.port);
  if (!wanted) {
    ++filtered_;
    return std::nullopt;
  }
  return tracker_.accept(moldudp64::parse_packet(packet.payload), number_of(to), packet.capture_time);
}

void MoldUdp64MessageSource::update_counters() {
  const capture::PacketCounters& captured = packets_->counters();
  counters_ = tracker_.counters();
  counters_.foreign_packets += filtered_ + captured.other_protocols;
  counters_.malformed_packets += captured.malformed;
  counters_.incomplete_captures = captured.cut_off + captured.fragments;
}

Result<std::optional<MessageBlock>> MoldUdp64MessageSource::next() {
  for (;;) {
    const Result<std::optional<capture::Packet>> packet = packets_->next();
    if (packet && *packet) {
      if (std::optional<MessageBlock> block = take(**packet)) {
        update_counters();
        return block;
      }
      continue;
    }
    update_counters();
    if (!packet) return std::unexpected(packet.error());
    const SourceCounters& found = tracker_.counters();
    const bool nothing_of_the_feed = found.packets == found.foreign_packets + found.malformed_packets;
    if (nothing_of_the_feed && packets_->counters().frames > 0)
      return fail(
          ErrorCode::corrupt,
          fmt::format(
              "{}: none of its {} frames is a MoldUDP64 packet that was wanted ({} foreign, {} malformed, "
              "{} cut off or fragments): check the destination asked for, and that the capture is "
              "of the multicast feed with full-length packets",
              name_, packets_->counters().frames, counters_.foreign_packets, counters_.malformed_packets,
              counters_.incomplete_captures));
    return std::nullopt;
  }
}

}  // namespace tapeline::feed
