#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "feed/soupbintcp/packets.h"

namespace tapeline::soupbintcp {

enum class FrameDefect : std::uint8_t {
  none,
  zero_length,  // A packet without room for its type.
  too_long,     // Longer than the parser was told to accept.
};

// Cuts the bytes of a connection's one direction into packets, however TCP split or merged them. Holds at
// most one packet's worth of bytes. After a defect nothing tells where the next packet starts, so there are
// none.
class FrameParser {
 public:
  // What a peer may send is far shorter than what a length can state.
  explicit FrameParser(std::size_t packet_size_limit = max_packet_size) : limit_(packet_size_limit) {}

  // Gives the parser the next bytes, which must live until next() has returned nothing.
  void feed(std::span<const std::byte> bytes) { input_ = bytes; }

  // The next whole packet, valid until the next call of next(); nothing where more bytes are needed.
  [[nodiscard]] std::optional<Packet> next();

  [[nodiscard]] FrameDefect defect() const { return defect_; }
  // Bytes of a packet whose rest has not arrived: a connection that ends with some was cut off.
  [[nodiscard]] std::size_t partial_bytes() const { return partial_.size() - taken_; }

  // Forgets everything, for a new connection or after a gap in a capture.
  void reset();

 private:
  [[nodiscard]] std::size_t packet_size(std::span<const std::byte> front);
  bool complete(std::size_t size);

  std::size_t limit_;
  std::span<const std::byte> input_;
  std::vector<std::byte> partial_;  // A packet begun in earlier bytes.
  std::size_t taken_ = 0;           // partial_ was returned whole and goes with the next call.
  FrameDefect defect_ = FrameDefect::none;
};

}  // namespace tapeline::soupbintcp
