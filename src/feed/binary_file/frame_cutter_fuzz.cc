#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "feed/binary_file/frame_cutter.h"

using namespace tapeline;

// The first byte is the size of the pieces. Whatever the pieces, the cuts must be those of one walk over all.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0];
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size)).subspan(1);

  binary_file::FrameCutter whole;
  const binary_file::Cut all = whole.cut(bytes);
  binary_file::FrameCutter cutter;
  std::size_t cut = 0;
  std::uint64_t messages = 0;
  for (std::size_t end = 0; end < bytes.size() && !cutter.ended();) {
    end = std::min(end + piece, bytes.size());
    const binary_file::Cut part = cutter.cut(bytes.subspan(cut, end - cut));
    CHECK(part.first_sequence == messages + 1);
    cut += part.size;
    messages += part.message_count;
    if (cutter.ended()) (void)cutter.cut(bytes.subspan(end));
  }
  CHECK(cut == all.size && messages == all.message_count && cutter.ended() == whole.ended());
  CHECK(cutter.trailing_bytes() == whole.trailing_bytes());
  CHECK(cutter.finish(bytes.subspan(cut)) == whole.finish(bytes.subspan(cut)));
  return 0;
}
