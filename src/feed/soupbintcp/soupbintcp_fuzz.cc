#include <algorithm>

#include "base/check.h"
#include "feed/soupbintcp/frame_parser.h"

using namespace tapeline;

namespace {

// Feeds the bytes in pieces and encodes what comes out again.
std::vector<std::byte> round_trip(std::span<const std::byte> bytes, std::size_t piece) {
  soupbintcp::FrameParser parser(4096);
  std::vector<std::byte> out;
  while (!bytes.empty()) {
    const std::size_t size = std::min(piece, bytes.size());
    const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    bytes = bytes.subspan(size);
    parser.feed(part);
    while (const auto packet = parser.next()) {
      soupbintcp::encode(packet->type, packet->payload, out);
      if (const auto login = soupbintcp::parse_login_request(packet->payload))
        soupbintcp::encode(*login, out);
      if (const auto login = soupbintcp::parse_login_accepted(packet->payload))
        soupbintcp::encode(*login, out);
      if (const auto login = soupbintcp::parse_login_rejected(packet->payload))
        soupbintcp::encode(*login, out);
    }
  }
  return out;
}

}  // namespace

// The first byte is the size of the pieces, which must not matter.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size)).subspan(1);
  CHECK(round_trip(bytes, 1 + std::size_t{data[0]}) == round_trip(bytes, size));
  return 0;
}
