#include "base/check.h"
#include "serve/stream_request.h"

using namespace tapeline;

// Any text is a request within the limits, or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = serve::parse_stream_request(
      {reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 1 << 14)});
  (void)serve::id_of_request({reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 1 << 14)});
  if (!request) {
    CHECK(request.error().code == ErrorCode::corrupt || request.error().code == ErrorCode::usage);
    CHECK(!request.error().message.empty());
    return 0;
  }
  CHECK(request->id <= UINT32_MAX);
  if (request->kind != serve::StreamRequest::Kind::subscribe) return 0;
  CHECK(!request->tables.empty() && request->tables.size() <= 6);
  CHECK(request->symbols.size() <= serve::StreamRequest::most_symbols);
  CHECK(request->depth >= 1 && request->depth <= 100);
  CHECK(request->rows >= 1 && request->rows <= serve::StreamRequest::most_rows);
  CHECK(request->interval_ms >= serve::StreamRequest::least_interval_ms);
  CHECK(request->interval_ms <= serve::StreamRequest::most_interval_ms);
  CHECK(request->format == serve::StreamFormat::json || request->format == serve::StreamFormat::binary);
  CHECK(request->filter.size() <= sizeof(Symbol));
  return 0;
}
