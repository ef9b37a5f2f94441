#include "feed/itch50/diagnosis.h"

using namespace tapeline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> head = std::as_bytes(std::span(data, size));
  const auto unknown = itch50::explain_not_itch(head, std::nullopt);
  const auto known = itch50::explain_not_itch(head, size);
  return unknown.has_value() == known.has_value() ? 0 : -1;
}
