#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "feed/sequencer/sequencer.h"

using namespace tapeline;

namespace {

// What must hold whatever comes in.
class Model : public feed::FeedConsumer {
 public:
  void on_session_started(const feed::SessionStarted& item) override { position.apply(item); }
  void on_messages(const feed::MessageBlock& block) override {
    CHECK(position.in_session && !position.ended && !position.in_recovery && block.message_count > 0);
    CHECK(block.first_sequence == position.next_sequence);
    CHECK(moldudp64::size_of_messages(block.bytes, block.message_count) == block.bytes.size());
    position.apply_messages(block);
  }
  void on_gap_declared(const feed::GapDeclared& item) override {
    CHECK(position.in_session && !position.ended && item.from == position.next_sequence);
    CHECK(item.from < item.to || (item.from == item.to && position.in_recovery));
    position.apply(item);
  }
  void on_recovery_started(const feed::RecoveryStarted& item) override {
    CHECK(position.in_session && !position.ended && item.at == position.next_sequence);
    position.apply(item);
  }
  void on_snapshot_messages(const feed::MessageBlock&) override { CHECK(position.in_recovery); }
  void on_snapshot_complete(const feed::SnapshotComplete& item) override {
    CHECK(position.in_recovery && item.next_sequence >= position.next_sequence);
    position.apply(item);
  }
  void on_end_of_session(const feed::SessionEnded& item) override {
    CHECK(position.in_session && !position.ended && !position.in_recovery);
    CHECK(item.next_sequence == position.next_sequence);
    position.apply(item);
  }

  feed::FeedPosition position;
};

constexpr std::size_t max_held_packets = 16;

feed::SequencerConfig config_of(std::uint8_t choice) {
  feed::SequencerConfig config;
  config.retransmission.servers = choice & 3;
  config.retransmission.max_messages_per_request = 7;
  config.retransmission.max_requests_in_flight = 3;
  config.retransmission.max_messages = (choice & 4) != 0 ? 3 : 10'000;
  config.max_snapshot_attempts = (choice >> 3) & 3;
  config.max_held_packets = max_held_packets;
  config.max_held_bytes = 1;
  if ((choice & 32) != 0) config.max_lead_messages = 1'000;
  return config;
}

}  // namespace

// One byte of configuration, then steps: what it is, a length, that many bytes. Where the bytes are short
// they become a header with a small number, so that numbers meet.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::span<const std::byte> bytes = std::as_bytes(std::span(data, size)).subspan(1);
  Model model;
  feed::Sequencer sequencer(config_of(data[0]), model);
  std::uint64_t now = 0;
  std::uint64_t attempt = 0;
  std::vector<std::byte> datagram;
  while (bytes.size() >= 2) {
    const auto kind = std::to_integer<unsigned>(bytes[0]);
    const std::size_t length = std::min(std::to_integer<std::size_t>(bytes[1]), bytes.size() - 2);
    const std::span<const std::byte> content = bytes.subspan(2, length);
    bytes = bytes.subspan(2 + length);
    datagram.assign(content.begin(), content.end());
    if (content.size() == 2) {
      // A packet of up to seven empty messages of one of two sessions.
      datagram.assign(moldudp64::header_size, std::byte{'S'});
      datagram[0] = (content[1] & std::byte{8}) == std::byte{0} ? std::byte{'S'} : std::byte{'T'};
      const auto count = static_cast<std::uint16_t>(std::to_integer<unsigned>(content[1]) & 7);
      store_be(datagram.data() + 10, std::to_integer<std::uint64_t>(content[0]));
      store_be(datagram.data() + 18, content[1] == std::byte{0xff} ? moldudp64::end_of_session_count : count);
      if (content[1] != std::byte{0xff}) datagram.resize(moldudp64::header_size + 2 * count);
    }
    datagram.reserve(datagram.size() + decode_padding);
    const std::uint64_t number = content.empty() ? 0 : std::to_integer<std::uint64_t>(content[0]);
    switch (kind % 8) {
      case 0:
      case 1:
        sequencer.on_datagram(static_cast<feed::Line>(kind % 2), datagram, CaptureTime{now}, now);
        break;
      case 2: sequencer.on_reply(kind / 8 % 4, datagram, CaptureTime{now}, now); break;
      case 3: now += number * 100'000; break;
      case 4: now = std::max(now, std::min(sequencer.next_deadline(), now + 10'000'000'000)); break;
      case 5: sequencer.on_snapshot_messages(attempt, {{}, 1, 0, CaptureTime{0}}, now); break;
      case 6: sequencer.on_snapshot_complete(attempt, number, CaptureTime{now}, now); break;
      default: sequencer.on_snapshot_failed(attempt, now);
    }
    if (kind % 8 == 4) sequencer.on_timer(now);
    while (const auto action = sequencer.next_action())
      if (action->kind == feed::SequencerAction::Kind::start_snapshot) attempt = action->attempt;
    CHECK(sequencer.position() == model.position);
    CHECK(sequencer.held_blocks() <= max_held_packets && sequencer.held_bytes() <= 128 * 1024);
  }
  return 0;
}
