#include "trace/span.h"

#include <algorithm>
#include <cstring>

#include <xxhash.h>

#include "stream/key_groups.h"

namespace tapeline::trace {

namespace {

// Of the readers of workers the one that owns the message's symbol.
const FlightReader* owner_of(Locate locate, std::span<const FlightReader> workers) {
  for (const FlightReader& worker : workers) {
    const RecorderHeader& header = worker.header();
    if (header.key_groups == 0) continue;
    const auto group =
        static_cast<stream::KeyGroup>(stream::KeyGroups::hash(raw(locate)) % header.key_groups);
    if (stream::GroupRange{header.first_group, header.group_count}.contains(group)) return &worker;
  }
  return nullptr;
}

class Assembly {
 public:
  explicit Assembly(const LoggedMessage& message) {
    trace_.message = message;
    trace_.id = trace_id_of(message.session, message.sequence);
  }
  void add(std::string_view name, const StageRecord& record, std::uint64_t began_ns, std::uint64_t ended_ns,
           std::uint64_t number = 0) {
    trace_.spans.push_back(
        {name, record.stage, began_ns, std::max(began_ns, ended_ns), record.count, number});
  }
  Trace take() { return std::move(trace_); }

 private:
  Trace trace_;
};

}  // namespace

TraceId trace_id_of(const feed::SessionName& session, std::uint64_t sequence) {
  std::array<std::byte, sizeof(feed::SessionName) + sizeof(sequence)> name;
  std::memcpy(name.data(), session.bytes.data(), sizeof(feed::SessionName));
  std::memcpy(name.data() + sizeof(feed::SessionName), &sequence, sizeof(sequence));
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(name.data(), name.size()));
  TraceId id;
  std::ranges::copy(canonical.digest, id.begin());
  id[15] |= 1;
  return id;
}

SpanId span_id_of(const TraceId& trace, std::string_view span) {
  XXH64_canonical_t canonical;
  const XXH64_hash_t seed = XXH3_64bits(trace.data(), trace.size());
  XXH64_canonicalFromHash(&canonical, XXH3_64bits_withSeed(span.data(), span.size(), seed));
  SpanId id;
  std::ranges::copy(canonical.digest, id.begin());
  id[7] |= 1;
  return id;
}

std::string hex(std::span<const std::uint8_t> id) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : id) text.append({digits[byte >> 4], digits[byte & 15]});
  return text;
}

Trace assemble(const LoggedMessage& message, const StageReaders& readers) {
  Assembly trace(message);
  const std::uint64_t offset = message.offset;
  const auto find = [offset](const FlightReader* reader) {
    return reader == nullptr ? std::optional<StageRecord>() : reader->find_offset(offset);
  };
  const auto of = [](const std::optional<FlightReader>& reader) { return reader ? &*reader : nullptr; };
  if (const auto record = find(of(readers.ingest))) {
    trace.add(root_span, *record, std::min(message.captured_ns, record->began_ns), record->began_ns);
    trace.add("log append", *record, record->began_ns, record->ended_ns);
  }
  const FlightReader* const worker = owner_of(message.locate, readers.workers);
  if (const auto record = find(worker)) {
    trace.add("operators", *record, record->began_ns, record->middle_ns, record->number);
    trace.add("rows append", *record, record->middle_ns, record->ended_ns, record->number);
    for (const FlightReader& lane : readers.lanes)
      if (lane.header().number == record->number)
        if (const auto written = find(&lane))
          trace.add("file sink", *written, written->began_ns, written->ended_ns, written->number);
  }
  if (const auto record = find(of(readers.serve))) {
    trace.add("serve books", *record, record->began_ns, record->ended_ns);
    const auto told = readers.clients ? readers.clients->find_offset_since(offset, record->ended_ns)
                                      : std::optional<StageRecord>();
    if (told) trace.add("client send", *told, told->began_ns, told->ended_ns, told->first);
  }
  return trace.take();
}

}  // namespace tapeline::trace
