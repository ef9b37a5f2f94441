#include "base/check.h"
#include "http/url.h"

using namespace tapeline;

// What is accepted can be written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto url = http::parse_url(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!url) return 0;
  const auto again = http::parse_url(url->origin() + url->target);
  CHECK(again.has_value() && again->host == url->host && again->port == url->port &&
        again->target == url->target);
  return 0;
}
