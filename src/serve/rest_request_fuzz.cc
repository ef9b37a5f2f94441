#include "base/check.h"
#include "serve/rest_request.h"

using namespace tapeline;

// Any target is a request within the limits, or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = serve::parse_rest_request({reinterpret_cast<const char*>(data), size});
  if (!request) {
    CHECK(request.error().code == ErrorCode::usage || request.error().code == ErrorCode::not_found);
    return 0;
  }
  CHECK(request->symbol.size() <= sizeof(Symbol));
  CHECK(request->levels >= 1 && request->levels <= 100 && request->limit >= 1);
  if (request->kind != serve::RestRequest::Kind::replay) return 0;
  CHECK(request->step_ns > 0 && request->from <= request->to);
  CHECK((raw(request->to) - raw(request->from)) / request->step_ns < serve::RestRequest::most_frames);
  return 0;
}
