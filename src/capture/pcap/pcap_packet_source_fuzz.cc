#include "base/check.h"
#include "capture/pcap/pcap_packet_source.h"
#include "capture/pcap/testing/capture_writer.h"

using namespace tapeline;

// A capture file of any content: every packet's bytes are readable, and the end or the failure repeats.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  capture::PcapPacketSource source(
      std::make_unique<capture::testing::MemoryStream>(capture::testing::Bytes(bytes.begin(), bytes.end())),
      "fuzz", {.buffers = 2, .buffer_bytes = 61});
  unsigned sum = 0;
  for (;;) {
    const auto packet = source.next();
    if (!packet || !*packet) break;
    for (const std::byte value : (*packet)->payload) sum += std::to_integer<unsigned>(value);
  }
  const auto again = source.next();
  CHECK(!again || !*again);
  return sum == 0xffffffff ? 1 : 0;
}
