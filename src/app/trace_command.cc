#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/config_options.h"
#include "app/standard_output.h"
#include "event_log/journal/journal.h"
#include "os/posix/posix_file_system.h"
#include "pipeline/live/ingest.h"
#include "trace/logged_message.h"
#include "trace/waterfall.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(Shows when a message's packet came, when the log had it, when the operators had computed with it, when its rows were
in the log and in the files, when the server's books took it in and when a client's socket had taken the first text
made with it. A number is that of a message of the newest session; a symbol stands for the latest message about it
that all stages are done with.

Stages remember their latest batches (trace.recorded_batches), in the data folder, also after a crash. Times of a batch
stand for all its messages. docs/formats/flight_recorder.md says what each means.

Examples:
  tapeline trace AAPL                                    the latest message about it
  tapeline trace 123456 --config tapeline.toml
  tapeline trace AAPL --format json | jq .spans)";

struct Options {
  ConfigText config;
  std::string what;
  std::string format = "text";
};

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

// Behind the last record that every stage is done with.
std::uint64_t end_of_all(const trace::StageReaders& readers, std::uint64_t log_end) {
  std::uint64_t end = log_end;
  const auto limit = [&end](const trace::FlightReader& reader) {
    const std::optional<trace::StageRecord> last =
        reader.written() == 0 ? std::nullopt : reader.at(reader.written() - 1);
    if (last) end = std::min(end, last->end());
  };
  for (const trace::FlightReader& worker : readers.workers) limit(worker);
  for (const trace::FlightReader& lane : readers.lanes) limit(lane);
  if (readers.serve) limit(*readers.serve);
  if (readers.clients) limit(*readers.clients);
  return end;
}

class TraceSearch {
 public:
  TraceSearch(trace::MessageLookup lookup, event_log::PartitionDescription log)
      : lookup_(std::move(lookup)), log_(log) {}

  Result<trace::LoggedMessage> by_sequence(std::uint64_t sequence) {
    const auto found = lookup_.find(sequence, log_.oldest.value, log_.end.value);
    if (!found) return std::unexpected(found.error());
    if (!*found)
      return fail(ErrorCode::not_found,
                  fmt::format("the newest session of the log has no message {}", sequence));
    return **found;
  }

  Result<trace::LoggedMessage> by_symbol(const Symbol& symbol, std::uint64_t oldest, std::uint64_t end) {
    Result<std::optional<Locate>> locate = find_locate(symbol, oldest, end);
    if (!locate) return std::unexpected(locate.error());
    std::optional<trace::LoggedMessage> last;
    const Result<void> done = lookup_.for_each(oldest, end, [&](const trace::LoggedMessage& message) {
      if (*locate && message.locate == **locate) last = message;
      return true;
    });
    if (!done) return std::unexpected(done.error());
    if (!last)
      return fail(ErrorCode::not_found,
                  fmt::format("none of the last {} messages is about {}", end - oldest, symbol.view()));
    return *last;
  }

  // Of a locate, from the orders around the message or from the session's first messages.
  Result<std::string> symbol_of(const trace::LoggedMessage& wanted) {
    std::string name;
    const auto look = [&](const trace::LoggedMessage& message) {
      if (message.session == wanted.session && message.locate == wanted.locate) name = message.symbol.view();
      return name.empty();
    };
    const std::uint64_t from = wanted.offset - std::min(wanted.offset - log_.oldest.value, look_around);
    if (Result<void> done = lookup_.for_each(from, wanted.offset + 1, look); !done)
      return std::unexpected(done.error());
    if (name.empty())
      if (Result<void> done = for_directory(look); !done) return std::unexpected(done.error());
    return name;
  }

  static constexpr std::uint64_t look_around = 500'000;  // Messages, some 20 ms of reading.

 private:
  Result<std::optional<Locate>> find_locate(const Symbol& symbol, std::uint64_t oldest, std::uint64_t end) {
    std::optional<Locate> locate;
    const auto look = [&](const trace::LoggedMessage& message) {
      if (message.symbol == symbol) locate = message.locate;
      return !locate;
    };
    if (Result<void> done = lookup_.for_each(oldest, end, look); !done) return std::unexpected(done.error());
    if (!locate)
      if (Result<void> done = for_directory(look); !done) return std::unexpected(done.error());
    return locate;
  }
  // A session begins with the directory of its symbols.
  Result<void> for_directory(const std::function<bool(const trace::LoggedMessage&)>& look) {
    const auto first = lookup_.find(1, log_.oldest.value, log_.end.value);
    if (!first) return std::unexpected(first.error());
    const std::uint64_t begin = *first ? (*first)->offset : log_.oldest.value;
    return lookup_.for_each(begin, std::min(begin + look_around, log_.end.value), look);
  }

  trace::MessageLookup lookup_;
  event_log::PartitionDescription log_;
};

Result<void> run(const Options& options) {
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  if (options.what.empty())
    return fail(ErrorCode::usage, "which message? Name a symbol, or the number of a message");
  os::PosixFileSystem files;
  const std::string folder = config::trace_folder(*config);
  const Result<trace::StageReaders> readers = trace::open_readers(files, folder);
  if (!readers) return std::unexpected(readers.error());
  if (!readers->ingest)
    return fail(ErrorCode::not_found,
                fmt::format("{} holds no records: no pipeline has run on the data folder, "
                            "or trace.recorded_batches was 0",
                            folder));
  event_log::journal::Journal journal(files, config::journal_folder(*config));
  const Result<event_log::PartitionDescription> log = journal.describe(pipeline::feed_topic, 0);
  if (!log) return std::unexpected(log.error());
  Result<std::unique_ptr<event_log::Reader>> reader = journal.open_reader(pipeline::feed_topic, 0);
  if (!reader) return std::unexpected(reader.error());
  TraceSearch search(trace::MessageLookup(std::move(*reader)), *log);
  const std::optional<std::uint64_t> sequence = number_in(options.what);
  if (!sequence && options.what.size() > sizeof(Symbol))
    return fail(ErrorCode::usage, fmt::format("{}: a symbol has at most 8 characters", options.what));
  const std::uint64_t end = end_of_all(*readers, log->end.value);
  const std::uint64_t oldest = std::max(log->oldest.value, end - std::min(end, TraceSearch::look_around));
  const Result<trace::LoggedMessage> message =
      sequence ? search.by_sequence(*sequence) : search.by_symbol(Symbol(options.what), oldest, end);
  if (!message) return std::unexpected(message.error());
  const Result<std::string> symbol = search.symbol_of(*message);
  if (!symbol) return std::unexpected(symbol.error());
  const trace::Trace found = trace::assemble(*message, *readers);
  if (options.format == "json") return write_standard_output(trace::waterfall_json(found, *symbol));
  const StandardOutput output = standard_output();
  return write_standard_output(
      trace::draw_waterfall(found, *symbol, {.width = output.width, .colour = output.colour}));
}

}  // namespace

void add_trace_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("trace", "Show when a message passed each stage, from its packet to the page");
  auto options = std::make_shared<Options>();
  command->add_option("WHAT", options->what, "A symbol, or the number of a message in its session");
  add_config_options(*command, options->config);
  command->add_option("--format", options->format, "How to write it")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
