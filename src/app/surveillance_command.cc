#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/config_options.h"
#include "app/json_writer.h"
#include "app/output_file.h"
#include "app/standard_output.h"
#include "book/order_books.h"
#include "evidence/collection.h"
#include "evidence/replay.h"
#include "feed/source/open_message_source.h"
#include "market/event_time_text.h"
#include "pipeline/feed_run.h"
#include "surveillance/evaluation.h"
#include "surveillance/own_orders.h"
#include "terminal/drawing.h"

namespace tapeline::app {

namespace {

using surveillance::Curve;
using surveillance::CurvePoint;
using surveillance::Detector;
using surveillance::detector_count;
using Curves = std::array<Curve, detector_count>;

constexpr std::string_view footer =
    R"(Precision: the part of the alerts that are about a planted episode of their own kind. Recall: the part of the
episodes that an alert is about. Each is measured at 25 thresholds, from an eighth to eight times that of the settings.
An alert accuses a pattern: the feed names no trader. docs/surveillance.md has the detectors, their parameters and
what this command found.

Examples:
  tapeline generate day.itch --messages 5000000 --symbols 1000 --spoofing 0 --episodes all=40,decoy=60 --truth t.jsonl
  tapeline generate clean.itch --messages 5000000 --symbols 1000 --spoofing 0 --seed 2
  tapeline surveillance evaluate day.itch --truth t.jsonl --clean clean.itch --output evaluation
  tapeline surveillance own day.itch --ouch own.ouch)";

struct Options {
  ConfigText config;
  std::string feed;
  std::string truth;
  std::string clean;
  std::string output;
  std::string ouch;
  double most_clean_per_million = 1;
  bool json = false;
};

struct FeedEvaluation {
  std::unique_ptr<book::OrderBooks> books = std::make_unique<book::OrderBooks>();
  std::unique_ptr<surveillance::EvaluationRun> run;
};

Result<FeedEvaluation> run_over(const std::string& path, const surveillance::Parameters& parameters) {
  Result<std::unique_ptr<feed::MessageSource>> source = feed::open_message_source(path);
  if (!source) return std::unexpected(source.error());
  FeedEvaluation made;
  made.run = std::make_unique<surveillance::EvaluationRun>(parameters, *made.books);
  pipeline::FeedRunSummary summary;
  if (const Result<void> done = pipeline::run_feed(**source, *made.books, *made.run, {}, summary); !done)
    return std::unexpected(done.error());
  return made;
}

Result<std::string> text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::not_found, fmt::format("{} cannot be opened", path));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Result<void> write_file(const std::string& path, std::string_view text) {
  Result<OutputFile> file = OutputFile::open(path);
  if (!file) return std::unexpected(file.error());
  if (Result<void> done = file->write(std::as_bytes(std::span(text))); !done) return done;
  return file->close();
}

std::string summary_text(const Curves& curves, const std::array<double, detector_count>& set, double most) {
  std::string text =
      fmt::format("{:<18} {:>9} {:>9} {:>9} {:>9} {:>11} {:>13}  {}\n", "detector", "threshold", "episodes",
                  "precision", "recall", "false/clean", "per million", "best threshold");
  for (std::size_t i = 0; i < detector_count; ++i) {
    const CurvePoint& at = curves[i][curves[i].size() / 2];
    const CurvePoint& best = surveillance::best_point(curves[i], most);
    text += fmt::format("{:<18} {:>9.4g} {:>9} {:>9.3f} {:>9.3f} {:>11} {:>13.3f}  {:.4g} (F1 {:.3f})\n",
                        surveillance::detector_names[i], set[i], at.episodes, at.precision(), at.recall(),
                        at.clean_alerts, at.clean_per_million, best.threshold, best.f1());
  }
  return text;
}

std::string summary_json(const Curves& curves, double most) {
  JsonWriter json;
  json.begin_object();
  json.key("detectors");
  json.begin_array();
  const auto point = [&](const CurvePoint& at) {
    json.begin_object(true);
    json.member("threshold", at.threshold, 6);
    json.member("alerts", at.alerts);
    json.member("true_alerts", at.true_alerts);
    json.member("found", at.found);
    json.member("precision", at.precision(), 6);
    json.member("recall", at.recall(), 6);
    json.member("clean_alerts", at.clean_alerts);
    json.member("clean_per_million", at.clean_per_million, 6);
    json.end();
  };
  for (std::size_t i = 0; i < detector_count; ++i) {
    json.begin_object();
    json.member("detector", surveillance::detector_names[i]);
    json.member("episodes", curves[i].front().episodes);
    json.key("set");
    point(curves[i][curves[i].size() / 2]);
    json.key("best");
    point(surveillance::best_point(curves[i], most));
    json.key("curve");
    json.begin_array();
    for (const CurvePoint& at : curves[i]) point(at);
    json.end();
    json.end();
  }
  json.end();
  json.end();
  return json.take();
}

Result<void> evaluate(const Options& options) {
  if (options.feed.empty() || options.truth.empty())
    return fail(ErrorCode::usage,
                "name a feed and its truth, as in `tapeline surveillance evaluate day.itch "
                "--truth truth.jsonl`");
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  surveillance::Parameters parameters = config->surveillance;
  const Result<std::string> lines = text_of(options.truth);
  if (!lines) return std::unexpected(lines.error());
  const Result<std::vector<surveillance::TruthEpisode>> truth = surveillance::parse_truth(*lines);
  if (!truth) return fail(truth.error().code, options.truth + ": " + truth.error().message);
  const Result<FeedEvaluation> planted = run_over(options.feed, parameters);
  if (!planted) return std::unexpected(planted.error());
  FeedEvaluation clean;
  if (!options.clean.empty()) {
    Result<FeedEvaluation> done = run_over(options.clean, parameters);
    if (!done) return std::unexpected(done.error());
    clean = std::move(*done);
  }
  const Curves curves = surveillance::curves_of(parameters, *planted->run, *truth, clean.run.get());
  std::array<double, detector_count> set{};
  for (std::size_t i = 0; i < detector_count; ++i)
    set[i] = surveillance::threshold_of(parameters, static_cast<Detector>(i));
  if (!options.output.empty()) {
    std::error_code failed;
    std::filesystem::create_directories(options.output, failed);
    if (failed) return fail(ErrorCode::io, fmt::format("{}: {}", options.output, failed.message()));
    if (Result<void> done = write_file(options.output + "/curves.csv", surveillance::curves_csv(curves));
        !done)
      return done;
    if (Result<void> done = write_file(options.output + "/curves.svg", surveillance::curves_svg(curves, set));
        !done)
      return done;
  }
  return write_standard_output(options.json ? summary_json(curves, options.most_clean_per_million)
                                            : summary_text(curves, set, options.most_clean_per_million));
}

// What the own order flow says of a feed: trades with oneself, which are no guess, and alerts whose orders
// are own.
Result<void> join_own(const Options& options) {
  if (options.feed.empty() || options.ouch.empty())
    return fail(ErrorCode::usage,
                "name a feed and a capture, as in `tapeline surveillance own day.itch --ouch own.ouch`");
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  const Result<std::string> capture = text_of(options.ouch);
  if (!capture) return std::unexpected(capture.error());
  const Result<surveillance::OwnOrders> own =
      surveillance::OwnOrders::read(std::as_bytes(std::span(*capture)));
  if (!own) return fail(own.error().code, options.ouch + ": " + own.error().message);
  std::string text =
      "what,time,symbol,detector,id,own_orders,orders,shares,price,match,buy_order,sell_order\n";
  for (const surveillance::SelfTrade& trade : own->self_trades())
    text += fmt::format("self_trade,{},{},,,2,2,{},{},{},{},{}\n", event_time_text(trade.time),
                        terminal::printable(trade.symbol.view()), trade.shares,
                        terminal::price_text(trade.price), raw(trade.match), raw(trade.buy), raw(trade.sell));
  const evidence::FeedDrive drive = evidence::drive_file(options.feed);
  Result<evidence::AlertSearch> found = evidence::search_alerts(drive, config->surveillance);
  if (!found) return std::unexpected(found.error());
  const evidence::CollectionRequest request{config->surveillance, TAPELINE_VERSION, options.feed,
                                            std::move(found->alerts)};
  const Result<std::uint64_t> joined =
      evidence::collect(drive, request, [&](const evidence::Bundle& bundle) -> Result<void> {
        const Result<evidence::Replay> replay = evidence::replay(bundle);
        if (!replay) return std::unexpected(replay.error());
        const auto count = std::ranges::count_if(
            replay->orders, [&](const evidence::OrderStory& order) { return own->is_own(order.ref); });
        if (count != 0)
          text += fmt::format("alert,{},{},{},{},{},{},{},{},,,\n", event_time_text(bundle.alert.time),
                              terminal::printable(bundle.alert.symbol.view()),
                              surveillance::to_string(bundle.alert.detector),
                              surveillance::alert_id_text(bundle.alert.id), count, replay->orders.size(),
                              bundle.alert.shares, terminal::price_text(bundle.alert.price));
        return {};
      });
  if (!joined) return std::unexpected(joined.error());
  fmt::print(stderr,
             "tapeline: {} own orders, {} executions, {} with oneself; {} alerts in the feed; {} messages "
             "not read\n",
             own->orders(), own->executions(), own->self_trades().size(), *joined, own->unreadable());
  return write_standard_output(text);
}

}  // namespace

void add_surveillance_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "surveillance", "Measure the detectors of market manipulation, and join own orders to what they find");
  CLI::App* measure = command->add_subcommand(
      "evaluate", "Precision and recall of every detector over its threshold, on episodes that were planted");
  auto options = std::make_shared<Options>();
  measure->add_option("FEED", options->feed, "A feed with planted episodes")->type_name("FILE");
  measure->add_option("--truth", options->truth, "Which they are, as `tapeline generate --truth` writes it")
      ->type_name("FILE");
  measure->add_option("--clean", options->clean, "A feed without any: every alert on it is false")
      ->type_name("FILE");
  measure->add_option("-o,--output", options->output, "Folder for curves.csv and curves.svg")
      ->type_name("FOLDER");
  measure
      ->add_option("--most-false", options->most_clean_per_million,
                   "False alerts per million clean messages that the best threshold may have")
      ->capture_default_str();
  measure
      ->add_option_function<std::string>(
          "--format", [options](const std::string& format) { options->json = format == "json"; },
          "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  add_config_options(*measure, options->config);
  CLI::App* joining = command->add_subcommand(
      "own",
      "Join own order flow to a feed: trades with oneself, and alerts that own orders take part in, as CSV");
  joining->add_option("FEED", options->feed, "The feed")->type_name("FILE");
  joining
      ->add_option(
          "--ouch", options->ouch,
          "What the exchange answered over OUCH 5.0: messages, each behind its big-endian 16-bit length")
      ->type_name("FILE");
  add_config_options(*joining, options->config);
  joining->callback([&action, options] { action = [options] { return join_own(*options); }; });
  for (CLI::App* each : {command, measure, joining}) each->footer(std::string(footer));
  measure->callback([&action, options] { action = [options] { return evaluate(*options); }; });
  command->callback([&action] {
    if (!action)
      action = [] { return Result<void>(fail(ErrorCode::usage, "choose what to do: evaluate or own")); };
  });
}

}  // namespace tapeline::app
