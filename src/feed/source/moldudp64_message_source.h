#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "capture/packet_source.h"
#include "feed/message_source.h"
#include "feed/moldudp64/sequence_tracker.h"

namespace tapeline::feed {

struct MoldUdp64Options {
  // Where the capture holds more than the feed: packets to other destinations are counted as foreign.
  std::optional<capture::IpAddress> destination_address;
  std::optional<std::uint16_t> destination_port;
};

// The messages of a MoldUDP64 session out of captured packets; see moldudp64::SequenceTracker for what it
// follows.
class MoldUdp64MessageSource final : public MessageSource {
 public:
  // `name` is for messages.
  MoldUdp64MessageSource(std::unique_ptr<capture::PacketSource> packets, std::string name,
                         MoldUdp64Options options = {})
      : packets_(std::move(packets)), name_(std::move(name)), options_(options) {}

  Result<std::optional<MessageBlock>> next() override;
  [[nodiscard]] SessionName session() const override { return tracker_.session(); }
  [[nodiscard]] SourceProgress progress() const override {
    return {packets_->progress().consumed, packets_->progress().total};
  }
  [[nodiscard]] const SourceCounters& counters() const override { return counters_; }
  [[nodiscard]] std::span<const SequenceGap> gaps() const override { return tracker_.gaps(); }

 private:
  std::optional<MessageBlock> take(const capture::Packet& packet);
  std::uint64_t number_of(const capture::Endpoint& destination);
  void update_counters();

  static constexpr std::size_t max_destinations = 4096;

  std::unique_ptr<capture::PacketSource> packets_;
  std::string name_;
  MoldUdp64Options options_;
  moldudp64::SequenceTracker tracker_;
  std::map<capture::Endpoint, std::uint64_t> destinations_;
  std::uint64_t filtered_ = 0;  // Not UDP, or to another destination than asked for.
  SourceCounters counters_;
};

}  // namespace tapeline::feed
