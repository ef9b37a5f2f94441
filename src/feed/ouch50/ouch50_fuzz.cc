#include <algorithm>

#include "base/check.h"
#include "feed/ouch50/codec.h"

using namespace tapeline;

namespace {

// What decodes must encode to the same bytes, and print.
template <class Any>
void check(std::span<const std::byte> bytes, ouch50::Defect (*decode)(std::span<const std::byte>, Any&)) {
  Any any;
  if (decode(bytes, any) != ouch50::Defect::none) return;
  std::vector<std::byte> encoded;
  std::visit(
      [&]<class M>(const M& message) {
        if constexpr (!std::is_same_v<M, std::monostate>) ouch50::encode(message, encoded);
      },
      any);
  CHECK(std::equal(encoded.begin(), encoded.end(), bytes.begin(), bytes.end()));
  CHECK(!ouch50::to_string(any).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  check<ouch50::Inbound>(bytes, ouch50::decode_inbound);
  check<ouch50::Outbound>(bytes, ouch50::decode_outbound);
  return 0;
}
