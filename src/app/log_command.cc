#include "app/log_command.h"

#include <charconv>
#include <chrono>
#include <ctime>
#include <limits>
#include <memory>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/interrupt_guard.h"
#include "app/json_writer.h"
#include "app/log_import.h"
#include "app/standard_output.h"
#include "event_log/journal/journal.h"
#include "os/posix/posix_file_system.h"

namespace tapeline::app {

namespace {

using event_log::Batch;
using event_log::Offset;
using event_log::PartitionDescription;
using event_log::TopicDescription;
using event_log::journal::Journal;
using event_log::journal::SegmentVerdict;
using event_log::journal::Verification;

constexpr std::string_view footer =
    R"(The log is a folder of topics; each is made of partitions, in which records are counted from 0: their offsets.
Reading takes no lock, so all of this but --repair may run beside a live pipeline.

Examples:
  tapeline log list                               topics, offsets, times, sizes
  tapeline log tail feed -f                       the newest records, then those to come
  tapeline log dump feed --time 2026-03-02T14:30:00Z --count 5 --format json
  tapeline log import day.itch.zst                a recorded day, to be served by `tapeline serve`
  tapeline log verify                             reads every byte; exits with 5 where something is damaged
  tapeline log verify feed --repair               keeps what is whole, puts a copy of the damaged file aside)";

struct Options {
  std::string data = "tapeline-data/journal";
  std::string format = "text";
  std::string topic;
  std::optional<std::uint32_t> partition;
  std::optional<std::uint64_t> offset;
  std::string time;
  std::uint64_t records = 10;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
  bool follow = false;
  bool repair = false;
  bool no_payload = false;

  [[nodiscard]] bool json() const { return format == "json"; }
};

std::string utc_text(std::uint64_t time_ns) {
  constexpr std::uint64_t per_second = 1'000'000'000;
  if (time_ns == 0) return "-";
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z",
                     fmt::gmtime(static_cast<std::time_t>(time_ns / per_second)), time_ns % per_second);
}

// "2026-03-02T14:30:00Z" with up to nine digits behind a point, or nanoseconds since the Unix epoch.
std::optional<std::uint64_t> parse_utc(const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  if (const auto [stop, error] = std::from_chars(text.data(), end, number);
      error == std::errc() && stop == end)
    return number;
  std::tm parts{};
  const char* at = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (at == nullptr) return std::nullopt;
  std::uint64_t fraction = 0;
  if (*at == '.') {
    std::uint64_t unit = 100'000'000;
    for (++at; *at >= '0' && *at <= '9' && unit > 0; ++at, unit /= 10)
      fraction += static_cast<std::uint64_t>(*at - '0') * unit;
  }
  if (*at == 'Z') ++at;
  const std::time_t seconds = ::timegm(&parts);
  if (*at != '\0' || seconds < 0) return std::nullopt;
  return static_cast<std::uint64_t>(seconds) * 1'000'000'000 + fraction;
}

std::string hex(event_log::Bytes bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

std::string hex_lines(event_log::Bytes bytes) {
  constexpr std::size_t per_line = 32;
  std::string text;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(per_line, bytes.size())))
    text += "  " + hex(bytes.first(std::min(per_line, bytes.size()))) + "\n";
  return text;
}

class LogCommand {
 public:
  explicit LogCommand(Options options) : options_(std::move(options)) {}

  Result<void> list();
  Result<void> read(bool tail);
  Result<void> verify();

 private:
  struct Source {
    std::uint32_t partition;
    std::unique_ptr<event_log::Reader> reader;
    Offset end;  // Of its last segment when it was opened.
  };

  Result<std::vector<TopicDescription>> chosen_topics();
  Result<std::vector<std::uint32_t>> chosen_partitions(const TopicDescription& topic) const;
  Result<std::vector<Source>> open_sources(bool tail);
  Result<void> seek(Source& source, bool tail) const;
  Result<bool> print_next(Source& source);
  Result<void> print_rest(Source& source);
  [[nodiscard]] std::string text_of(std::uint32_t partition, const Batch& batch) const;
  [[nodiscard]] std::string json_of(std::uint32_t partition, const Batch& batch) const;
  [[nodiscard]] std::string verdict_text(const std::string& name, const Verification& found) const;

  Options options_;
  std::uint64_t printed_ = 0;  // Batches.
  os::PosixFileSystem files_;
  Journal journal_{files_, options_.data};
};

Result<std::vector<TopicDescription>> LogCommand::chosen_topics() {
  if (options_.topic.empty()) {
    Result<std::vector<TopicDescription>> topics = journal_.topics();
    if (topics && topics->empty())
      return fail(ErrorCode::not_found,
                  fmt::format("there is no log in {}; --data names another folder", options_.data));
    return topics;
  }
  const Result<TopicDescription> topic = journal_.topic(options_.topic);
  if (!topic) return std::unexpected(topic.error());
  return std::vector{*topic};
}

Result<std::vector<std::uint32_t>> LogCommand::chosen_partitions(const TopicDescription& topic) const {
  std::vector<std::uint32_t> partitions;
  if (options_.partition && *options_.partition >= topic.options.partitions)
    return fail(ErrorCode::not_found,
                fmt::format("topic {} has no partition {}: its partitions are 0 to {}", topic.name,
                            *options_.partition, topic.options.partitions - 1));
  for (std::uint32_t i = 0; i < topic.options.partitions; ++i)
    if (!options_.partition || *options_.partition == i) partitions.push_back(i);
  return partitions;
}

Result<void> LogCommand::list() {
  const Result<std::vector<TopicDescription>> topics = chosen_topics();
  if (!topics) return std::unexpected(topics.error());
  JsonWriter json;
  json.begin_array();
  std::string text = fmt::format("{:<16} {:>4} {:>14} {:>14} {:>14} {:>8}  {:<30} {}\n", "topic", "part",
                                 "oldest", "end", "bytes", "segments", "first", "last");
  for (const TopicDescription& topic : *topics) {
    for (std::uint32_t i = 0; i < topic.options.partitions; ++i) {
      const Result<PartitionDescription> found = journal_.describe(topic.name, i);
      if (!found) return std::unexpected(found.error());
      text += fmt::format("{:<16} {:>4} {:>14} {:>14} {:>14} {:>8}  {:<30} {}\n", topic.name, i,
                          found->oldest.value, found->end.value, found->bytes, found->segments,
                          utc_text(found->first_time_ns), utc_text(found->last_time_ns));
      json.begin_object(true);
      json.member("topic", topic.name);
      json.member("partition", std::uint64_t{i});
      json.member("oldest", found->oldest.value);
      json.member("end", found->end.value);
      json.member("first_time_ns", found->first_time_ns);
      json.member("last_time_ns", found->last_time_ns);
      json.member("bytes", found->bytes);
      json.member("segments", std::uint64_t{found->segments});
      json.member("compacted", topic.options.compacted);
      json.end();
    }
  }
  json.end();
  return write_standard_output(options_.json() ? json.take() : text);
}

Result<void> LogCommand::seek(Source& source, bool tail) const {
  event_log::Reader& reader = *source.reader;
  if (options_.offset) return reader.seek({*options_.offset});
  if (!options_.time.empty()) return reader.seek_time(*parse_utc(options_.time));
  if (!tail) return reader.seek_oldest();
  return reader.seek({source.end.value - std::min(source.end.value, options_.records)});
}

Result<std::vector<LogCommand::Source>> LogCommand::open_sources(bool tail) {
  if (!options_.time.empty() && !parse_utc(options_.time))
    return fail(ErrorCode::usage,
                fmt::format("--time {} is no time: write 2026-03-02T14:30:00Z, or nanoseconds since the "
                            "Unix epoch",
                            options_.time));
  const Result<TopicDescription> topic = journal_.topic(options_.topic);
  if (!topic) return std::unexpected(topic.error());
  const Result<std::vector<std::uint32_t>> partitions = chosen_partitions(*topic);
  if (!partitions) return std::unexpected(partitions.error());
  std::vector<Source> sources;
  for (const std::uint32_t partition : *partitions) {
    Result<std::unique_ptr<event_log::Reader>> reader = journal_.open_reader(options_.topic, partition);
    if (!reader) return std::unexpected(reader.error());
    const Result<PartitionDescription> found = journal_.describe(options_.topic, partition);
    if (!found) return std::unexpected(found.error());
    Source source{partition, std::move(*reader), found->end};
    if (Result<void> done = seek(source, tail); !done) return std::unexpected(done.error());
    sources.push_back(std::move(source));
  }
  return sources;
}

std::string LogCommand::text_of(std::uint32_t partition, const Batch& batch) const {
  std::string text;
  if (batch.missed > 0)
    text += fmt::format("{}/{} records {} to {} are missing\n", options_.topic, partition,
                        batch.first.value - batch.missed, batch.first.value - 1);
  text += fmt::format("{}/{} offset {} records {} kind {} time {} bytes {}\n", options_.topic, partition,
                      batch.first.value, batch.record_count, batch.kind, utc_text(batch.first_time_ns),
                      batch.payload.size());
  if (options_.no_payload) return text;
  return text + known_payload(options_.topic, batch, false).value_or(hex_lines(batch.payload));
}

std::string LogCommand::json_of(std::uint32_t partition, const Batch& batch) const {
  std::string text = fmt::format(
      R"({{"topic": "{}", "partition": {}, "offset": {}, "records": {}, "kind": {}, "first_time_ns": {}, )"
      R"("last_time_ns": {}, "missed": {}, "bytes": {})",
      options_.topic, partition, batch.first.value, batch.record_count, batch.kind, batch.first_time_ns,
      batch.last_time_ns, batch.missed, batch.payload.size());
  if (!options_.no_payload) {
    const std::optional<std::string> known = known_payload(options_.topic, batch, true);
    text += known ? R"(, "payload": )" + *known : R"(, "payload_hex": ")" + hex(batch.payload) + "\"";
  }
  return text + "}\n";
}

// Whether there was one.
Result<bool> LogCommand::print_next(Source& source) {
  if (printed_ == options_.count) return false;
  const Result<std::optional<Batch>> batch = source.reader->next();
  if (!batch) return std::unexpected(batch.error());
  if (!*batch) return false;
  const std::string text =
      options_.json() ? json_of(source.partition, **batch) : text_of(source.partition, **batch);
  if (Result<void> written = write_standard_output(text); !written) return std::unexpected(written.error());
  ++printed_;
  return true;
}

// Prints until there is nothing more, and never ends early in silence: damage is the reader's error, and
// where a segment is missing the reader steps over the hole after some polls.
Result<void> LogCommand::print_rest(Source& source) {
  constexpr int most_polls = 1'000;
  for (int polls = 0; polls < most_polls && printed_ < options_.count; ++polls) {
    const Result<bool> found = print_next(source);
    if (!found) return std::unexpected(found.error());
    if (*found) polls = 0;
    if (!*found && source.reader->position() >= source.end) break;
  }
  return {};
}

Result<void> LogCommand::read(bool tail) {
  const InterruptGuard guard(OnInterrupt::exit_at_once);
  Result<std::vector<Source>> sources = open_sources(tail);
  if (!sources) return std::unexpected(sources.error());
  for (Source& source : *sources)
    if (Result<void> done = print_rest(source); !done) return done;
  while (options_.follow && printed_ < options_.count) {
    bool any = false;
    for (Source& source : *sources) {
      const Result<bool> found = print_next(source);
      if (!found) return std::unexpected(found.error());
      any |= *found;
    }
    if (!any) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return {};
}

std::string LogCommand::verdict_text(const std::string& name, const Verification& found) const {
  std::string text;
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  for (const SegmentVerdict& segment : found.segments) {
    batches += segment.batches;
    records += segment.records;
    bytes += segment.file_bytes;
    const std::string where = fmt::format("{} segment {:020}", name, segment.base_offset);
    if (segment.header_damaged) text += fmt::format("{}: its header is damaged\n", where);
    for (const auto& range : segment.damage)
      text += fmt::format("{}: {} bytes at {} are damaged, records {} to {} are lost\n", where, range.bytes,
                          range.position, range.first_missing, range.end_missing - 1);
    if (segment.torn_bytes > 0)
      text += fmt::format("{}: the last {} bytes are no whole batch: being written, or cut off by a crash\n",
                          where, segment.torn_bytes);
    if (!segment.copy.empty()) text += fmt::format("{}: repaired; as it was: {}\n", where, segment.copy);
  }
  return text + fmt::format("{}: {} segments, {} batches, {} records, {} bytes: {}\n", name,
                            found.segments.size(), batches, records, bytes,
                            found.is_sound()  ? "sound"
                            : options_.repair ? "repaired"
                                              : "damaged");
}

Result<void> LogCommand::verify() {
  const Result<std::vector<TopicDescription>> topics = chosen_topics();
  if (!topics) return std::unexpected(topics.error());
  bool damaged = false;
  for (const TopicDescription& topic : *topics) {
    const Result<std::vector<std::uint32_t>> partitions = chosen_partitions(topic);
    if (!partitions) return std::unexpected(partitions.error());
    for (const std::uint32_t partition : *partitions) {
      const Result<Verification> found =
          options_.repair ? journal_.repair(topic.name, partition) : journal_.verify(topic.name, partition);
      if (!found) return std::unexpected(found.error());
      damaged |= !found->is_sound();
      const std::string text = verdict_text(fmt::format("{}/{}", topic.name, partition), *found);
      if (Result<void> written = write_standard_output(text); !written) return written;
    }
  }
  if (damaged && !options_.repair)
    return fail(ErrorCode::corrupt, "the log is damaged; `tapeline log verify --repair` keeps what is whole");
  return {};
}

void add_common(CLI::App& command, Options& options) {
  command.add_option("--data", options.data, "The folder of the log")
      ->type_name("DIR")
      ->capture_default_str();
}

void add_reading(CLI::App& command, Options& options) {
  add_common(command, options);
  command.add_option("topic", options.topic, "The topic to read")->required()->type_name("TOPIC");
  command.add_option("--partition", options.partition, "One partition; all of them by default");
  CLI::Option* offset = command.add_option("--offset", options.offset, "Begin at the batch with this record");
  command.add_option("--time", options.time, "Begin at this capture time in UTC: 2026-03-02T14:30:00Z")
      ->excludes(offset);
  command.add_option("--count", options.count, "Stop after so many batches");
  command.add_flag("--no-payload", options.no_payload, "Print only what is known of each batch");
  command.add_option("--format", options.format, "How to write it; json is one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

CLI::App* add_import(CLI::App& log, const std::shared_ptr<LogImportOptions>& options) {
  CLI::App* command =
      log.add_subcommand("import", "Append a file of the feed to the log, as if it had been received");
  options->data = Options().data;
  command->add_option("file", options->file, "A BinaryFILE of ITCH 5.0 or a capture; - for standard input")
      ->required()
      ->type_name("FILE");
  command->add_option("--data", options->data, "The folder of the log")
      ->type_name("DIR")
      ->capture_default_str();
  command
      ->add_option("--session", options->session,
                   "The session's name, up to 10 characters, where FILE has none")
      ->capture_default_str();
  CLI::Option* rate =
      command->add_option("--rate", options->rate, "Messages a second; 0: as fast as they can be read")
          ->capture_default_str();
  command
      ->add_option("--speed", options->speed,
                   "Times the speed of the day, by the messages' times; 0: as above")
      ->check(CLI::NonNegativeNumber)
      ->excludes(rate)
      ->capture_default_str();
  command
      ->add_option("--from", options->from, "What is before this time of day comes as fast as it can be read")
      ->type_name("TIME");
  command->add_flag("--open-end", options->open_end, "Do not end the session behind the last message");
  return command;
}

}  // namespace

void add_log_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "log", "Look into the log on disk, or record a file into it: list, tail, dump, import, verify");
  command->footer(std::string(footer));
  auto options = std::make_shared<Options>();
  CLI::App* list =
      command->add_subcommand("list", "List topics and partitions with offsets, times and sizes");
  add_common(*list, *options);
  list->add_option("topic", options->topic, "Only this topic")->type_name("TOPIC");
  list->add_option("--format", options->format, "How to write it")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  CLI::App* tail = command->add_subcommand("tail", "Print the newest records of a topic, and those to come");
  add_reading(*tail, *options);
  tail->add_option("-n,--records", options->records, "How many records of each partition")
      ->capture_default_str();
  tail->add_flag("-f,--follow", options->follow, "Wait for more until interrupted");
  CLI::App* dump = command->add_subcommand("dump", "Print the records of a topic from the oldest on");
  add_reading(*dump, *options);
  CLI::App* verify = command->add_subcommand("verify", "Read every byte and check it against its checksum");
  add_common(*verify, *options);
  verify->add_option("topic", options->topic, "Only this topic")->type_name("TOPIC");
  verify->add_option("--partition", options->partition, "Only this partition");
  verify->add_flag("--repair", options->repair,
                   "Rewrite damaged segments with what is whole; a copy stays as NAME.log.damaged");
  auto import_options = std::make_shared<LogImportOptions>();
  CLI::App* import = add_import(*command, import_options);
  command->callback([&action, options, import_options, list, tail, dump, verify, import] {
    if (import->parsed()) action = [import_options] { return import_into_log(*import_options); };
    if (list->parsed()) action = [options] { return LogCommand(*options).list(); };
    if (tail->parsed()) action = [options] { return LogCommand(*options).read(true); };
    if (dump->parsed()) action = [options] { return LogCommand(*options).read(false); };
    if (verify->parsed()) action = [options] { return LogCommand(*options).verify(); };
    if (!action)
      action = []() -> Result<void> {
        return fail(ErrorCode::usage,
                    "name what to do, as in `tapeline log list`; `tapeline log --help` has the rest");
      };
  });
}

}  // namespace tapeline::app
