#include "capture/pcap/pcap_packet_source.h"

namespace tapeline::capture {

std::optional<Packet> PcapPacketSource::take_run() {
  if (runs_.empty()) return std::nullopt;
  current_ = std::move(runs_.front());
  runs_.pop_front();
  ++counters_.packets;
  return Packet{current_.bytes, run_time_,       current_.source,        current_.destination,
                Transport::tcp, current_.stream, current_.missing_before};
}

std::optional<Packet> PcapPacketSource::take_frame(const CaptureRecord& record) {
  ++counters_.frames;
  const Frame frame = parse_frame(LinkType{record.link_type}, record.bytes, record.original_size);
  switch (frame.content) {
    case FrameContent::udp:
      ++counters_.packets;
      return Packet{frame.payload, record.time, frame.source, frame.destination, Transport::udp, 0, 0};
    case FrameContent::tcp:
      run_time_ = record.time;
      reassembly_.add(frame, runs_);
      counters_.tcp_retransmitted = reassembly_.retransmitted_bytes();
      counters_.tcp_missing = reassembly_.missing_bytes();
      break;
    case FrameContent::other: ++counters_.other_protocols; break;
    case FrameContent::fragment: ++counters_.fragments; break;
    case FrameContent::cut_off: ++counters_.cut_off; break;
    case FrameContent::malformed: ++counters_.malformed; break;
  }
  return std::nullopt;
}

Result<std::optional<Packet>> PcapPacketSource::next() {
  for (;;) {
    // Runs may point into the record read last, so all of them go out before the next record.
    if (std::optional<Packet> packet = take_run()) return packet;
    if (end_) return *end_;
    const Result<std::optional<CaptureRecord>> record = reader_.next();
    if (record && *record) {
      if (std::optional<Packet> packet = take_frame(**record)) return packet;
      continue;
    }
    if (record)
      end_ = std::optional<Packet>();
    else
      end_ = std::unexpected(record.error());
    reassembly_.finish(runs_);
    counters_.tcp_missing = reassembly_.missing_bytes();
  }
}

}  // namespace tapeline::capture
