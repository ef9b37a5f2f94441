#include <algorithm>
#include <cstring>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "base/check.h"
#include "trace/flight_recorder.h"

using namespace tapeline;

// Any file is a recorder that can be searched, or refused: who reads one takes what another process, or a
// crash, has left there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = fmt::format("/dev/shm/flight-recorder-fuzz-{}", ::getpid());
  if (size == 0) return 0;
  {
    const auto file = os::MappedFile::create(path, size);
    CHECK(file.has_value());
    std::memcpy((*file)->bytes().data(), data, size);
  }
  const Result<trace::FlightReader> reader = trace::FlightReader::open(path);
  ::unlink(path.c_str());
  if (!reader) {
    CHECK(reader.error().code == ErrorCode::corrupt);
    return 0;
  }
  CHECK(reader->oldest() <= reader->written());
  const std::uint64_t end = reader->written();
  for (const std::uint64_t number :
       {std::uint64_t{0}, reader->oldest(), end - std::min<std::uint64_t>(end, 1), end}) {
    const std::optional<trace::StageRecord> record = reader->at(number);
    if (!record) continue;
    CHECK(end - number < reader->header().capacity);
    const auto found = reader->find_offset(record->from);
    CHECK(!found || found->covers(record->from));
    const auto since = reader->find_offset_since(record->from, record->ended_ns);
    CHECK(!since || since->covers(record->from));
  }
  return 0;
}
