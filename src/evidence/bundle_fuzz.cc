// Bundles of any bytes: as they are, and with a seal that fits, so that what lies behind it is reached.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "evidence/bundle.h"
#include "evidence/replay.h"

using namespace tapeline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  (void)evidence::open_bundle(bytes);
  std::vector<std::byte> sealed(bytes.begin(), bytes.end());
  const auto digest = evidence::digest_of(bytes);
  sealed.insert(sealed.end(), digest.begin(), digest.end());
  const Result<evidence::Bundle> bundle = evidence::open_bundle(sealed);
  if (bundle) (void)evidence::replay(*bundle);
  return 0;
}
