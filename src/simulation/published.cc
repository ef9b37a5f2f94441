#include "simulation/published.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"

namespace tapeline::simulation {

void Published::add(std::span<const std::byte> datagram) {
  const moldudp64::Packet packet = moldudp64::parse_packet(datagram);
  CHECK(packet.defect == moldudp64::Defect::none);
  if (sessions_.empty() || sessions_.back().name != packet.header.session) {
    CHECK(!find(packet.header.session));
    sessions_.push_back({packet.header.session, false, {}, {}});
  }
  Session& session = sessions_.back();
  if (packet.kind == moldudp64::PacketKind::end_of_session) session.ended = true;
  if (packet.kind != moldudp64::PacketKind::messages) return;
  CHECK(packet.header.sequence == session.next_sequence());
  std::size_t end = session.frames.size();
  session.frames.insert(session.frames.end(), packet.blocks.begin(), packet.blocks.end());
  for (std::uint16_t i = 0; i < packet.header.count; ++i) {
    end += moldudp64::length_size + load_be<std::uint16_t>(session.frames.data() + end);
    session.ends.push_back(end);
  }
  CHECK(end == session.frames.size());
  messages_ += packet.header.count;
}

std::optional<std::size_t> Published::find(const feed::SessionName& name) const {
  for (std::size_t i = sessions_.size(); i-- > 0;)
    if (sessions_[i].name == name) return i;
  return std::nullopt;
}

}  // namespace tapeline::simulation
