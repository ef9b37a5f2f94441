#include <cstring>

#include "base/check.h"
#include "event_log/journal/journal.h"
#include "event_log/key_value.h"
#include "os/simulated/simulated_file_system.h"

using namespace tapeline;
using namespace tapeline::event_log;
using namespace tapeline::event_log::journal;

namespace {

void set_file(os::SimulatedFileSystem& files, const std::string& path, Bytes content) {
  CHECK(files.open(path, os::OpenMode::create).has_value());
  files.set_content(path, {content.begin(), content.end()});
}

// Reads to the end or the first error. Offsets increase, whatever the bytes are.
std::uint64_t read_all(Journal& log) {
  const auto from = std::move(log.open_reader("t", 0).value());
  Offset end;
  std::uint64_t batches = 0;
  for (;; ++batches) {
    const Result<std::optional<Batch>> batch = from->next();
    if (!batch || !*batch) return batches;
    CHECK((*batch)->first >= end && (*batch)->record_count > 0);
    end = (*batch)->end();
    CHECK(from->position() == end);
    KeyValueCursor cursor((*batch)->payload);
    while (cursor.next()) {
    }
  }
}

}  // namespace

// Two neighbouring segments and an index of any bytes, the first of them of the size that the first two bytes
// say. With checksums in the way few inputs get past a header, so the third byte says which are mended first.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t first_size = std::min<std::size_t>(data[0] + 256U * data[1], size - 3);
  std::vector<std::byte> bytes(size - 3);
  if (!bytes.empty()) std::memcpy(bytes.data(), data + 3, bytes.size());
  const bool mend = (data[2] & 1) != 0;
  const Bytes whole = bytes;
  (void)SegmentIndex::decode(whole);
  if (mend) {
    const SegmentHeader header = make_segment_header(0, 0);
    if (first_size >= sizeof header) std::memcpy(bytes.data(), &header, sizeof header);
    for (std::size_t at = sizeof header; at + sizeof(BatchHeader) <= first_size;) {
      BatchHeader batch;
      std::memcpy(&batch, bytes.data() + at, sizeof batch);
      const std::size_t room = first_size - at - sizeof batch;
      batch.payload_size = static_cast<std::uint32_t>(std::min<std::size_t>(batch.payload_size % 256, room));
      const Bytes payload = whole.subspan(at + sizeof batch, batch.payload_size);
      seal(batch, {&payload, 1});
      std::memcpy(bytes.data() + at, &batch, sizeof batch);
      at += size_on_disk(batch.payload_size);
    }
  }
  os::SimulatedFileSystem files(1);
  Journal log(files, "/d");
  CHECK(log.create_topic("t", {}).has_value());
  set_file(files, "/d/t/0/00000000000000000000.log", whole.first(first_size));
  if ((data[2] & 2) != 0) set_file(files, "/d/t/0/00000000000000000002.log", whole.subspan(first_size));
  if ((data[2] & 4) != 0) set_file(files, "/d/t/0/00000000000000000000.index", whole.subspan(first_size));
  read_all(log);
  {
    const auto from = std::move(log.open_reader("t", 0).value());
    (void)from->seek_time(5);
    (void)from->next();
    (void)from->seek({3});
    (void)from->next();
  }
  CHECK(log.verify("t", 0).has_value());
  // Whatever it was: repaired it opens, takes more and reads to the end.
  const Result<Verification> repaired = log.repair("t", 0);
  CHECK(repaired.has_value());
  const Result<std::unique_ptr<Writer>> to = log.open_writer("t", 0);
  if (!to) return 0;
  const std::uint64_t before = read_all(log);
  if ((*to)->append({.record_count = 1}, Bytes(whole).first(std::min<std::size_t>(whole.size(), 9))))
    CHECK(read_all(log) == before + 1);
  return 0;
}
