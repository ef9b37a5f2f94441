#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/config_options.h"
#include "app/evidence_page.h"
#include "app/output_file.h"
#include "app/standard_output.h"
#include "event_log/journal/journal.h"
#include "evidence/bundle.h"
#include "evidence/collection.h"
#include "evidence/replay.h"
#include "evidence/story_json.h"
#include "os/posix/posix_file_system.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(Evidence is one file for each alert: the symbol's book and the detectors' state before the pattern, every message of
the symbol up to the alert, the parameters and the program's version, sealed by a SHA-256. `verify` plays it through the
detectors again and demands the same alert, bit for bit. Keep the digest that `collect` prints elsewhere: a seal shows
that a file is as it was sealed, not who sealed it. An alert accuses a pattern: the feed names no trader.

Examples:
  tapeline evidence collect day.itch.zst --output evidence       of every alert in a recorded day
  tapeline evidence collect                                      of those in the data folder, also while it is written
  tapeline evidence collect day.itch --detector layering --symbol AAPL
  tapeline evidence show evidence/layering-AAPL-0123456789abcdef.evidence
  tapeline evidence verify evidence/*.evidence)";

struct Options {
  ConfigText config;
  std::string feed;
  std::string output;
  std::string detector;
  std::string symbol;
  std::string id;
  std::vector<std::string> files;
  std::size_t most = 10'000;
  std::size_t most_orders = 40;
  bool json = false;
};

Result<std::vector<std::byte>> bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::not_found, fmt::format("{} cannot be opened", path));
  file.seekg(0, std::ios::end);
  const std::streamoff size = file.tellg();
  if (size < 0 || static_cast<std::uint64_t>(size) > evidence::most_bundle_bytes)
    return fail(ErrorCode::corrupt, fmt::format("{}: this is no evidence: its size cannot be right", path));
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), size);
  if (!file) return fail(ErrorCode::io, fmt::format("{} cannot be read", path));
  return bytes;
}

template <class T>
Result<T> named(const std::string& path, Result<T> result) {
  if (!result) return fail(result.error().code, fmt::format("{}: {}", path, result.error().message));
  return result;
}

Result<void> write_bundle(const std::string& path, std::span<const std::byte> bytes) {
  Result<OutputFile> file = OutputFile::open(path);
  if (!file) return std::unexpected(file.error());
  if (Result<void> done = file->write(bytes); !done) return done;
  return file->close();
}

// Those that were asked for.
Result<std::vector<evidence::FoundAlert>> chosen(const Options& options,
                                                 std::vector<evidence::FoundAlert> all) {
  if (!options.detector.empty() &&
      std::ranges::find(surveillance::detector_names, options.detector) == surveillance::detector_names.end())
    return fail(
        ErrorCode::usage,
        fmt::format("--detector {}: there is no such detector; see docs/surveillance.md", options.detector));
  std::erase_if(all, [&](const evidence::FoundAlert& alert) {
    return (!options.detector.empty() && surveillance::to_string(alert.row.detector) != options.detector) ||
           (!options.symbol.empty() && alert.row.symbol.view() != options.symbol) ||
           (!options.id.empty() && surveillance::alert_id_text(alert.row.id) != options.id);
  });
  if (!options.id.empty() && all.empty())
    return fail(ErrorCode::not_found, fmt::format("no alert has the id {}", options.id));
  return all;
}

Result<void> collect_from(const evidence::FeedDrive& drive, const std::string& source,
                          const std::string& folder, const config::Config& config, const Options& options) {
  Result<evidence::AlertSearch> found = evidence::search_alerts(drive, config.surveillance, options.most);
  if (!found) return std::unexpected(found.error());
  const std::uint64_t all = found->alerts.size() + found->left_out;
  Result<std::vector<evidence::FoundAlert>> alerts = chosen(options, std::move(found->alerts));
  if (!alerts) return std::unexpected(alerts.error());
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return fail(ErrorCode::io, fmt::format("{}: {}", folder, failed.message()));
  const evidence::CollectionRequest request{config.surveillance, TAPELINE_VERSION, source,
                                            std::move(*alerts)};
  const Result<std::uint64_t> written =
      evidence::collect(drive, request, [&](const evidence::Bundle& bundle) -> Result<void> {
        const Result<std::vector<std::byte>> bytes = evidence::seal(bundle);
        if (!bytes) return std::unexpected(bytes.error());
        const std::string path = folder + "/" + evidence::file_name(bundle.alert);
        if (Result<void> done = write_bundle(path, *bytes); !done) return done;
        return write_standard_output(
            fmt::format("{}  {}\n", evidence::hex(std::span(*bytes).last(evidence::digest_bytes)), path));
      });
  if (!written) return std::unexpected(written.error());
  fmt::print(stderr, "tapeline: {} alerts in {} messages, {} of them collected into {}\n", all,
             found->messages, *written, folder);
  if (*written != request.alerts.size())
    return fail(ErrorCode::corrupt,
                "the feed did not come to the same alerts a second time: was it changed meanwhile?");
  if (found->left_out != 0)
    fmt::print(stderr, "tapeline: --most left {} later alerts out\n", found->left_out);
  return {};
}

Result<void> collect(const Options& options) {
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  if (!options.feed.empty()) {
    const std::string folder = options.output.empty() ? "evidence" : options.output;
    const std::string name = std::filesystem::path(options.feed).filename().string();
    return collect_from(evidence::drive_file(options.feed), name, folder, *config, options);
  }
  os::PosixFileSystem files;
  event_log::journal::Journal journal(files, config::journal_folder(*config));
  const std::string folder = options.output.empty() ? config->data.folder + "/evidence" : options.output;
  return collect_from(evidence::drive_log(journal), "feed", folder, *config, options);
}

Result<void> show_one(const std::string& path, const Options& options) {
  const Result<std::vector<std::byte>> bytes = bytes_of(path);
  if (!bytes) return std::unexpected(bytes.error());
  const Result<evidence::Bundle> bundle = named(path, evidence::open_bundle(*bytes));
  if (!bundle) return std::unexpected(bundle.error());
  const Result<evidence::Replay> replay = named(path, evidence::replay(*bundle));
  if (!replay) return std::unexpected(replay.error());
  return write_standard_output(options.json
                                   ? evidence::story_json(*bundle, *replay)
                                   : evidence_page(*bundle, *replay, standard_output(), options.most_orders));
}

Result<void> show(const Options& options) {
  if (options.files.empty())
    return fail(ErrorCode::usage, "name the evidence to show, as in `tapeline evidence show FILE`");
  for (const std::string& path : options.files)
    if (Result<void> done = show_one(path, options); !done) return done;
  return {};
}

// One line for each file; the first failure is the command's, behind all of them.
Result<void> verify(const Options& options) {
  if (options.files.empty())
    return fail(ErrorCode::usage, "name the evidence to verify, as in `tapeline evidence verify FILE`");
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  std::optional<Error> failure;
  for (const std::string& path : options.files) {
    const Result<std::vector<std::byte>> bytes = bytes_of(path);
    const Result<evidence::Bundle> bundle =
        bytes ? named(path, evidence::open_bundle(*bytes)) : std::unexpected(bytes.error());
    const Result<evidence::Replay> replay =
        bundle ? named(path, evidence::replay(*bundle)) : std::unexpected(bundle.error());
    if (!replay) {
      if (!failure)
        failure = replay.error();
      else
        fmt::print(stderr, "tapeline: {}\n", replay.error().message);
      continue;
    }
    std::string notes;
    if (bundle->program != TAPELINE_VERSION)
      notes += fmt::format("; sealed by tapeline {}, played again by {}", bundle->program, TAPELINE_VERSION);
    if (bundle->parameters != evidence::parameters_text(config->surveillance))
      notes += "; its parameters are not those of the configuration";
    if (Result<void> done = write_standard_output(
            fmt::format("{}: the same alert {} from {} messages, SHA-256 {}{}\n", path,
                        surveillance::alert_id_text(replay->alert.id), replay->messages,
                        evidence::hex(std::span(*bytes).last(evidence::digest_bytes)), notes));
        !done)
      return done;
  }
  if (failure) return std::unexpected(*failure);
  return {};
}

}  // namespace

void add_evidence_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("evidence", "Sealed evidence of surveillance's alerts: collect, show, verify");
  auto options = std::make_shared<Options>();
  const auto act = [&action, options](CLI::App& part, Result<void> (*run)(const Options&)) {
    part.footer(std::string(footer));
    part.callback([&action, options, run] { action = [options, run] { return run(*options); }; });
  };
  CLI::App* collecting =
      command->add_subcommand("collect", "Write a bundle for each alert of a feed or of the log");
  collecting->add_option("FEED", options->feed, "A feed's file; unset: the log of the data folder")
      ->type_name("FILE");
  collecting
      ->add_option("-o,--output", options->output,
                   "Folder for the bundles; unset: evidence, in the data folder for its log")
      ->type_name("FOLDER");
  collecting->add_option("--detector", options->detector, "Only of this detector");
  collecting->add_option("-s,--symbol", options->symbol, "Only of this symbol");
  collecting->add_option("--id", options->id, "Only of the alert with this id");
  collecting->add_option("--most", options->most, "Of the first so many alerts of the feed")
      ->capture_default_str();
  add_config_options(*collecting, options->config);
  act(*collecting, collect);
  CLI::App* showing =
      command->add_subcommand("show", "The alert, the life of its orders, the book before and after");
  showing->add_option("FILE", options->files, "The evidence; any number")->type_name("FILE");
  showing->add_option("--orders", options->most_orders, "Orders and trades to list at most")
      ->capture_default_str();
  showing
      ->add_option_function<std::string>(
          "--format", [options](const std::string& format) { options->json = format == "json"; },
          "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  act(*showing, show);
  CLI::App* verifying =
      command->add_subcommand("verify", "Play evidence again: it must come to the same alert");
  verifying->add_option("FILE", options->files, "The evidence; any number")->type_name("FILE");
  add_config_options(*verifying, options->config);
  act(*verifying, verify);
  command->footer(std::string(footer));
  command->callback([&action] {
    if (!action)
      action = [] {
        return Result<void>(fail(ErrorCode::usage, "choose what to do: collect, show or verify"));
      };
  });
}

}  // namespace tapeline::app
