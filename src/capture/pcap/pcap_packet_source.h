#pragma once

#include <deque>
#include <memory>
#include <string>

#include "capture/packet_source.h"
#include "capture/pcap/record_reader.h"
#include "capture/pcap/tcp_reassembly.h"

namespace tapeline::capture {

// The UDP datagrams and TCP bytes of a pcap or pcapng file, plain or decompressed.
class PcapPacketSource final : public PacketSource {
 public:
  PcapPacketSource(std::unique_ptr<ByteStream> stream, std::string name, ReadAheadOptions options = {})
      : reader_(std::move(stream), std::move(name), options) {}

  Result<std::optional<Packet>> next() override;
  [[nodiscard]] PacketProgress progress() const override {
    return {reader_.progress().consumed, reader_.progress().total};
  }
  [[nodiscard]] const PacketCounters& counters() const override { return counters_; }

 private:
  std::optional<Packet> take_run();
  std::optional<Packet> take_frame(const CaptureRecord& record);

  RecordReader reader_;
  TcpReassembly reassembly_;
  std::deque<TcpReassembly::Run> runs_;  // In order, not yet delivered.
  TcpReassembly::Run current_;           // Keeps the bytes of the packet delivered last.
  CaptureTime run_time_ = CaptureTime{0};
  std::optional<Result<std::optional<Packet>>> end_;
  PacketCounters counters_;
};

}  // namespace tapeline::capture
