#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analytics/bbo_changes.h"
#include "analytics/microprice_model.h"
#include "app/commands.h"
#include "app/interrupt_guard.h"
#include "app/output_file.h"
#include "app/progress.h"
#include "app/replay_options.h"
#include "book/order_books.h"
#include "estimation/information_share.h"
#include "estimation/microprice_fit.h"
#include "estimation/mid_sampler.h"
#include "feed/source/open_message_source.h"
#include "market/event_time_text.h"
#include "pipeline/feed_run.h"
#include "pipeline/market_analytics.h"
#include "pipeline/symbol_filter.h"
#include "table/describe.h"

namespace tapeline::app {

namespace {

struct FitOptions {
  std::string file;
  std::string output = "microprice.json";
  std::vector<std::string> symbols;
  std::string from;
  std::string to;
  std::uint32_t buckets = 9;
  std::uint32_t spreads = 5;
  std::uint32_t most_move = 2;
  double tick_dollars = 0.01;
  std::string step = "1s";
  std::size_t lags = 5;
  std::string window = "24h";
  bool no_progress = false;
};

struct Span {
  EventTime from{0};
  EventTime until{UINT64_MAX};
};

Result<Span> parse_span(const FitOptions& options) {
  Span span;
  for (const auto& [written, time] :
       {std::pair{&options.from, &span.from}, std::pair{&options.to, &span.until}}) {
    if (written->empty()) continue;
    const std::optional<EventTime> parsed = parse_event_time(*written);
    if (!parsed)
      return fail(ErrorCode::usage, fmt::format("'{}' is no time of day: write it as 09:31:00.5", *written));
    *time = *parsed;
  }
  return span;
}

// Drives the whole feed through the books and `handler`; returns the time that it came to.
template <class Handler>
Result<EventTime> drive(const FitOptions& options, const Span& span, book::OrderBooks& books,
                        Handler& handler) {
  Result<std::unique_ptr<feed::MessageSource>> source = feed::open_message_source(options.file);
  if (!source) return std::unexpected(source.error());
  pipeline::SymbolFilter filter(options.symbols);
  pipeline::FeedRunSummary summary;
  pipeline::FeedRunOptions run;
  run.until = span.until;
  const InterruptGuard guard(OnInterrupt::finish_in_order);
  Progress progress(!options.no_progress);
  run.on_progress = [&](const feed::MessageSource& input, std::uint64_t messages) {
    progress.show(messages, input.progress());
    return !InterruptGuard::interrupted();
  };
  const Result<void> read = pipeline::run_feed(**source, books, handler, run, summary, filter);
  progress.clear();
  if (InterruptGuard::interrupted())
    return fail(ErrorCode::interrupted, "interrupted: nothing was fitted; run it again, or with --to");
  if (!read) return std::unexpected(read.error());
  if (const std::vector<std::string> missing = filter.missing(); !missing.empty())
    return fail(ErrorCode::not_found,
                fmt::format("no message names the symbol {}", fmt::join(missing, ", ")));
  return summary.last;
}

// Tells the fit of each change of the best prices.
class Changes : public book::NullBookHandler {
 public:
  Changes(estimation::MicropriceFit& fit, EventTime from) : fit_(fit), from_(from) {}
  void on_bbo(const Event& event, const book::Bbo& before, const book::Bbo& after, Quality quality) {
    if (event.time >= from_) fit_.add(before, after, quality);
  }

 private:
  estimation::MicropriceFit& fit_;
  EventTime from_;
};

Result<void> fit_microprice(const FitOptions& options) {
  const Result<Span> span = parse_span(options);
  if (!span) return std::unexpected(span.error());
  if (options.buckets % 2 == 0)
    return fail(ErrorCode::usage, "--buckets must be odd, so that one of them is the middle");
  const double tick = options.tick_dollars * Price::per_dollar;
  if (!(tick >= 1 && tick <= Price::per_dollar) || std::abs(tick - std::round(tick)) > 1e-6)
    return fail(ErrorCode::usage, "--tick is in dollars, from 0.0001 to 1");
  estimation::MicropriceFit fit({options.buckets, options.spreads,
                                 Price{static_cast<std::uint32_t>(std::llround(tick))}, options.most_move});
  const auto books = std::make_unique<book::OrderBooks>();
  Changes changes(fit, span->from);
  if (const Result<EventTime> done = drive(options, *span, *books, changes); !done)
    return std::unexpected(done.error());
  const Result<analytics::MicropriceModel> model = fit.fit();
  if (!model) return std::unexpected(model.error());
  Result<OutputFile> file = OutputFile::open(options.output);
  if (!file) return std::unexpected(file.error());
  const std::string text = analytics::to_json(*model);
  if (Result<void> written = file->write(std::as_bytes(std::span(text))); !written) return written;
  if (Result<void> closed = file->close(); !closed) return closed;
  fmt::print(
      stderr,
      "{} transitions of the best prices; {} changes left out: a side missing, a spread beyond {} ticks, "
      "a move beyond {} half ticks or a book that is not good\n",
      fit.transitions(), fit.left_out(), options.spreads, options.most_move);
  return {};
}

// Takes the rows of one table out of the job graph.
class SamplerInput {
 public:
  SamplerInput(estimation::MidSampler& sampler, EventTime from) : sampler_(sampler), from_(from) {}
  template <class Row>
  void emit(const Row& row) {
    if constexpr (std::is_same_v<Row, analytics::BboRow>)
      if (row.time >= from_) sampler_.add(row);
  }

 private:
  estimation::MidSampler& sampler_;
  EventTime from_;
};

void print_shares(const FitOptions& options, std::uint64_t start_ns, std::uint64_t end_ns,
                  const estimation::InformationShares& shares) {
  std::string line = fmt::format(R"({{"start":"{}","end":"{}","observations":{},"shares":[)",
                                 event_time_text(EventTime{start_ns}), event_time_text(EventTime{end_ns}),
                                 shares.observations);
  for (std::size_t i = 0; i < options.symbols.size(); ++i)
    line += fmt::format(R"({}{{"symbol":{},"lower":{},"upper":{}}})", i == 0 ? "" : ",",
                        table::json_string(options.symbols[i]), shares.lower[i], shares.upper[i]);
  fmt::print("{}]}}\n", line);
}

Result<void> fit_information_share(const FitOptions& options) {
  const Result<Span> span = parse_span(options);
  if (!span) return std::unexpected(span.error());
  const Result<std::uint64_t> step = parse_duration(options.step);
  if (!step) return std::unexpected(step.error());
  const Result<std::uint64_t> window = parse_duration(options.window);
  if (!window) return std::unexpected(window.error());
  if (options.symbols.size() < 2 || options.symbols.size() > estimation::most_series)
    return fail(ErrorCode::usage, fmt::format("--symbols takes 2 to {} related symbols, as in SPY,IVV",
                                              estimation::most_series));
  if (*window % *step != 0) return fail(ErrorCode::usage, "--window must hold whole steps");
  estimation::MidSampler sampler(options.symbols, *step);
  SamplerInput input(sampler, span->from);
  pipeline::AnalyticsConfig config;
  config.trades = config.bars = false;
  const auto books = std::make_unique<book::OrderBooks>();
  pipeline::MarketAnalytics<SamplerInput> analytics(config, *books, input);
  const Result<EventTime> last = drive(options, *span, *books, analytics);
  if (!last) return std::unexpected(last.error());
  sampler.finish(*last);
  if (sampler.is_too_long())
    return fail(ErrorCode::usage,
                "too many steps, or quotes within one: take a longer --step or less of the day");
  // Windows are aligned to midnight, as all others are.
  const std::uint64_t per_window = *window / *step;
  const std::uint64_t end = sampler.first_tick() + sampler.samples()[0].size();
  std::size_t told = 0;
  Result<void> first_failure;
  for (std::uint64_t tick = sampler.first_tick(); tick < end;) {
    const std::uint64_t next = std::min((tick / per_window + 1) * per_window, end);
    std::vector<std::span<const double>> prices;
    for (const std::vector<double>& samples : sampler.samples())
      prices.push_back(std::span(samples).subspan(tick - sampler.first_tick(), next - tick));
    const Result<estimation::InformationShares> shares = estimation::information_shares(prices, options.lags);
    const std::uint64_t start_ns = tick / per_window * *window;
    if (shares) {
      ++told;
      print_shares(options, start_ns, start_ns + *window, *shares);
    } else {
      if (first_failure) first_failure = std::unexpected(shares.error());
      fmt::print(stderr, "from {}: {}\n", event_time_text(EventTime{start_ns}), shares.error().message);
    }
    tick = next;
  }
  if (told != 0) return {};
  return first_failure ? Result<void>(fail(ErrorCode::not_found, "no row of these symbols' best prices"))
                       : first_failure;
}

void add_common(CLI::App& command, FitOptions& options) {
  command.add_option("FILE", options.file, "BinaryFILE or MoldUDP64 capture, plain, gzip or zstd");
  command.add_option("--from", options.from, "From this exchange time on, as in 09:30:00.5");
  command.add_option("--to", options.to, "Up to this exchange time, included");
  command.add_flag("--no-progress", options.no_progress, "No progress line");
}

Result<void> named(const FitOptions& options, Result<void> (*run)(const FitOptions&)) {
  if (options.file.empty())
    return fail(ErrorCode::usage, "name the feed to fit to, as in `tapeline fit microprice day.itch`");
  return run(options);
}

void add_microprice(CLI::App& command, Action& action) {
  CLI::App* fit = command.add_subcommand("microprice", "Stoikov's microprice, from how the best prices move");
  auto options = std::make_shared<FitOptions>();
  add_common(*fit, *options);
  fit->add_option("-o,--output", options->output, "The model, JSON; - is standard output")
      ->capture_default_str();
  fit->add_option("-s,--symbol,--symbols", options->symbols, "Only these symbols; all are taken together")
      ->delimiter(',');
  fit->add_option("--buckets", options->buckets, "Buckets of the imbalance, an odd number")
      ->capture_default_str()
      ->check(CLI::Range(1u, analytics::MicropriceModel::most_buckets));
  fit->add_option("--spreads", options->spreads, "The widest spread, in ticks; wider ones are left out")
      ->capture_default_str()
      ->check(CLI::Range(1u, analytics::MicropriceModel::most_spreads));
  fit->add_option("--tick", options->tick_dollars, "The tick in dollars")->capture_default_str();
  fit->add_option("--most-move", options->most_move,
                  "The largest move of the mid by one change, in half ticks; larger ones are left out")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000));
  fit->callback([&action, options] { action = [options] { return named(*options, fit_microprice); }; });
}

void add_information_share(CLI::App& command, Action& action) {
  CLI::App* fit = command.add_subcommand("information-share",
                                         "Hasbrouck's information shares of related symbols, as JSON lines");
  auto options = std::make_shared<FitOptions>();
  add_common(*fit, *options);
  fit->add_option("-s,--symbol,--symbols", options->symbols, "2 to 5 symbols whose prices have one trend")
      ->delimiter(',');
  fit->add_option("--step", options->step, "Mids are sampled so often")->capture_default_str();
  fit->add_option("--lags", options->lags, "Changes before each that explain it")
      ->capture_default_str()
      ->check(CLI::Range(0, 100));
  fit->add_option("--window", options->window, "A line for each so long, aligned to midnight")
      ->capture_default_str();
  fit->callback(
      [&action, options] { action = [options] { return named(*options, fit_information_share); }; });
}

}  // namespace

void add_fit_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("fit", "Fit what is estimated from a whole feed");
  command->footer(
      "Each reads the feed once and looks at all of it, which no operator on a live feed may do.\n\n"
      "Examples:\n"
      "  tapeline fit microprice day.itch -o microprice.json --symbols AAPL,MSFT --from 09:30 --to 16:00\n"
      "  tapeline replay other-day.itch --tables microprice --microprice-model microprice.json\n"
      "  tapeline fit information-share day.itch --symbols SPY,IVV --step 1s --lags 5 --window 30m");
  command->callback([&action] {
    if (!action)
      action = [] {
        return Result<void>(fail(ErrorCode::usage, "choose what to fit: microprice or information-share"));
      };
  });
  add_microprice(*command, action);
  add_information_share(*command, action);
}

}  // namespace tapeline::app
