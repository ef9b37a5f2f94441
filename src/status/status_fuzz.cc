#include "base/check.h"
#include "status/status.h"
#include "status/status_page.h"

using namespace tapeline;

// What is accepted can be drawn, and written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto status = status::decode(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!status) return 0;
  CHECK(!status::draw_status(*status, {}).empty());
  CHECK(status::decode(status::encode(*status)).has_value());
  return 0;
}
