#include "trace/flight_recorder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>

namespace tapeline::trace {

namespace {

constexpr std::size_t words_per_record = sizeof(StageRecord) / sizeof(std::uint64_t);
using Words = std::array<std::uint64_t, words_per_record>;

}  // namespace

Result<std::unique_ptr<FlightRecorder>> FlightRecorder::create(const std::string& path, std::uint64_t records,
                                                               const Owner& owner) {
  const std::uint64_t capacity = std::bit_ceil(std::max<std::uint64_t>(records, 2));
  const std::size_t bytes = sizeof(RecorderHeader) + capacity * sizeof(StageRecord);
  Result<std::unique_ptr<os::MappedFile>> memory =
      path.empty() ? os::MappedFile::anonymous(bytes) : os::MappedFile::create(path, bytes);
  if (!memory) return std::unexpected(memory.error());
  auto* const header = reinterpret_cast<RecorderHeader*>((*memory)->bytes().data());
  header->capacity = capacity;
  header->number = owner.number;
  header->first_group = owner.groups.first;
  header->group_count = owner.groups.count;
  header->key_groups = owner.key_groups;
  header->magic = RecorderHeader::current_magic;
  return std::unique_ptr<FlightRecorder>(new FlightRecorder(std::move(*memory)));
}

FlightRecorder::FlightRecorder(std::shared_ptr<os::MappedFile> memory)
    : memory_(std::move(memory)),
      header_(reinterpret_cast<RecorderHeader*>(memory_->bytes().data())),
      words_(reinterpret_cast<std::atomic<std::uint64_t>*>(memory_->bytes().data() + sizeof(RecorderHeader))),
      mask_(header_->capacity - 1) {}

// Every store releases, so that who sees a word of this record sees that the one it replaces is over.
void FlightRecorder::record(const StageRecord& record) {
  const Words words = std::bit_cast<Words>(record);
  std::atomic<std::uint64_t>* const to = words_ + (written_ & mask_) * words_per_record;
  for (std::size_t i = 0; i < words_per_record; ++i) to[i].store(words[i], std::memory_order_release);
  header_->written.store(++written_, std::memory_order_release);
}

FlightReader::FlightReader(std::shared_ptr<const os::MappedFile> memory)
    : memory_(std::move(memory)),
      header_(reinterpret_cast<const RecorderHeader*>(memory_->bytes().data())),
      words_(reinterpret_cast<const std::atomic<std::uint64_t>*>(header_ + 1)) {}

Result<FlightReader> FlightReader::open(const std::string& path) {
  Result<std::unique_ptr<os::MappedFile>> memory = os::MappedFile::open(path);
  if (!memory) return std::unexpected(memory.error());
  const std::span<const std::byte> bytes = (*memory)->bytes();
  const auto* const header = reinterpret_cast<const RecorderHeader*>(bytes.data());
  const bool is_one = bytes.size() >= sizeof(RecorderHeader) &&
                      header->magic == RecorderHeader::current_magic &&
                      std::has_single_bit(header->capacity) &&
                      header->capacity == (bytes.size() - sizeof(RecorderHeader)) / sizeof(StageRecord);
  if (!is_one) return fail(ErrorCode::corrupt, fmt::format("{}: this is no flight recorder", path));
  return FlightReader(std::shared_ptr<const os::MappedFile>(std::move(*memory)));
}

std::uint64_t FlightReader::oldest() const {
  const std::uint64_t end = written();
  return end - std::min(end, header_->capacity - 1);
}

std::optional<StageRecord> FlightReader::at(std::uint64_t number) const {
  if (number >= written()) return std::nullopt;
  const std::atomic<std::uint64_t>* const from =
      words_ + (number & (header_->capacity - 1)) * words_per_record;
  Words words;
  for (std::size_t i = 0; i < words_per_record; ++i) words[i] = from[i].load(std::memory_order_acquire);
  if (written() - number >= header_->capacity) return std::nullopt;  // Overwritten meanwhile, or about to be.
  return std::bit_cast<StageRecord>(words);
}

std::optional<StageRecord> FlightReader::find_offset(std::uint64_t offset) const {
  std::uint64_t least = oldest();
  std::uint64_t most = written();
  while (least < most) {
    const std::uint64_t middle = least + (most - least) / 2;
    const std::optional<StageRecord> record = at(middle);
    // What has gone meanwhile lay before.
    if (!record || record->end() <= offset)
      least = middle + 1;
    else
      most = middle;
  }
  const std::optional<StageRecord> found = at(least);
  return found && found->covers(offset) ? found : std::nullopt;
}

std::optional<StageRecord> FlightReader::find_offset_since(std::uint64_t offset,
                                                           std::uint64_t since_ns) const {
  std::uint64_t least = oldest();
  const std::uint64_t end = written();
  std::uint64_t most = end;
  while (least < most) {
    const std::uint64_t middle = least + (most - least) / 2;
    const std::optional<StageRecord> record = at(middle);
    if (!record || record->ended_ns < since_ns)
      least = middle + 1;
    else
      most = middle;
  }
  // Clients differ in how often they are told, by a minute at most; so many texts are looked through.
  constexpr std::uint64_t most_records = 16'384;
  for (std::uint64_t number = least; number < std::min(end, least + most_records); ++number)
    if (const std::optional<StageRecord> record = at(number); record && record->covers(offset)) return record;
  return std::nullopt;
}

}  // namespace tapeline::trace
