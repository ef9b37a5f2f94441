#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "feed/moldudp64/packet.h"

namespace tapeline::simulation {

// Everything that the exchange has sent, whoever got it: what the pipeline is held against.
class Published {
 public:
  struct Session {
    feed::SessionName name;
    bool ended = false;             // Its end was told.
    std::vector<std::byte> frames;  // Each message behind its length.
    std::vector<std::size_t> ends;  // Of each frame.

    [[nodiscard]] std::uint64_t next_sequence() const { return ends.size() + 1; }
    // A message behind its length; from 1.
    [[nodiscard]] std::span<const std::byte> frame(std::uint64_t sequence) const {
      const std::size_t begin = sequence == 1 ? 0 : ends[sequence - 2];
      return std::span(frames).subspan(begin, ends[sequence - 1] - begin);
    }
  };

  // A packet as it left the exchange, before anything happened to it.
  void add(std::span<const std::byte> datagram);

  [[nodiscard]] const std::vector<Session>& sessions() const { return sessions_; }
  [[nodiscard]] std::optional<std::size_t> find(const feed::SessionName& name) const;
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

 private:
  std::vector<Session> sessions_;
  std::uint64_t messages_ = 0;
};

}  // namespace tapeline::simulation
