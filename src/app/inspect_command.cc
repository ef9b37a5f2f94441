#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <memory>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/inspection_output.h"
#include "app/interrupt_guard.h"
#include "app/progress.h"
#include "app/tally_source.h"
#include "feed/source/moldudp64_message_source.h"
#include "feed/source/open_message_source.h"
#include "pipeline/feed_run.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(FILE is a BinaryFILE of ITCH 5.0 or a pcap or pcapng capture of MoldUDP64, as it is or in gzip or zstd. Anomalies do
not change the exit code; an input that ends in corruption is described up to there and exits with 5. The names in the
JSON are in docs/commands.md.

Examples:
  tapeline inspect day.itch.gz                                     a page about the day
  tapeline inspect capture.pcap --format json | jq .anomalies      for scripts)";

struct Options {
  std::string file;
  std::string format = "text";
};

// "gzip", "zstd" or "none" by the first bytes of a plain file; empty for a pipe, whose bytes are gone.
std::string compression_of(const std::string& path) {
  if (path == "-") return "";
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> head{};
  if (!file.read(head.data(), head.size())) return "none";
  if (std::string_view(head.data(), 2) == "\x1f\x8b") return "gzip";
  if (std::string_view(head.data(), 4) == "\x28\xb5\x2f\xfd") return "zstd";
  return "none";
}

void add_types(InspectionReport& report, const TallySource& tally) {
  for (int type = 0; type < 256; ++type)
    if (const std::uint64_t count = tally.types()[static_cast<std::size_t>(type)])
      report.types.emplace_back(type, count);
  if (tally.empty() != 0) report.types.emplace_back(-1, tally.empty());
  std::ranges::stable_sort(report.types, [](const auto& a, const auto& b) { return a.second > b.second; });
}

void add_symbols(InspectionReport& report, const Inspection& seen) {
  constexpr std::size_t shown = 20;
  for (const SymbolActivity& activity : seen.activity())
    if (!activity.symbol.view().empty()) report.busiest.push_back(activity);
  report.symbols = report.busiest.size();
  std::ranges::stable_sort(report.busiest, std::ranges::greater(), &SymbolActivity::messages);
  report.busiest.resize(std::min(shown, report.busiest.size()));
}

void add_rates(InspectionReport& report, const Inspection& seen) {
  if (!seen.has_times()) return;
  const std::uint64_t span = raw(seen.last()) - raw(seen.first());
  if (span != 0)
    report.messages_per_second = static_cast<double>(report.messages) * 1e9 / static_cast<double>(span);
  // The last count is of all that lies beyond midnight, not of one second.
  const auto peak = std::max_element(seen.seconds().begin(), seen.seconds().end() - 1);
  report.peak_messages = *peak;
  report.peak_second =
      EventTime{static_cast<std::uint64_t>(peak - seen.seconds().begin()) * nanoseconds_per_second};
}

Result<void> run(const Options& options) {
  if (options.file.empty())
    return fail(ErrorCode::usage, "name the feed to read, as in `tapeline inspect day.itch`");
  const InterruptGuard guard(OnInterrupt::exit_at_once);  // Opening reads, and may wait for a pipe.
  Result<std::unique_ptr<feed::MessageSource>> source = feed::open_message_source(options.file);
  if (!source) return std::unexpected(source.error());
  InspectionReport report;
  report.name = options.file == "-" ? "standard input" : options.file;
  report.compression = compression_of(options.file);
  report.format =
      dynamic_cast<feed::MoldUdp64MessageSource*>(source->get()) ? "MoldUDP64 capture" : "BinaryFILE";
  Anomalies anomalies;
  TallySource tally(**source, anomalies);
  book::OrderBooks books;
  Inspection seen(books, anomalies);
  Progress progress;
  pipeline::FeedRunOptions run_options;
  run_options.on_progress = [&progress](const feed::MessageSource& from, std::uint64_t messages) {
    progress.show(messages, from.progress());
    return true;
  };
  pipeline::FeedRunSummary summary;
  const Result<void> read = pipeline::run_feed(tally, books, seen, run_options, summary);
  progress.clear();
  if (!read && summary.messages == 0) return read;
  report.messages = summary.messages;
  report.bytes = tally.progress().consumed;
  report.message_bytes = tally.message_bytes();
  report.packets = tally.counters().packets;
  report.foreign_packets = tally.counters().foreign_packets;
  report.live_orders = books.live_orders();
  report.live_levels = books.live_levels();
  if (!read) report.error = read.error().message;
  add_types(report, tally);
  add_symbols(report, seen);
  add_rates(report, seen);
  const Result<void> printed = write_standard_output(
      options.format == "json" ? inspection_json(report, seen, anomalies)
                               : inspection_page(report, seen, anomalies, standard_output()));
  return printed ? read : printed;
}

}  // namespace

void add_inspect_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("inspect", "Tell what is in a feed and what is odd about it");
  auto options = std::make_shared<Options>();
  command->add_option("file", options->file, "The feed to read; - for standard input")->type_name("FILE");
  command->add_option("--format", options->format, "How to write it")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
