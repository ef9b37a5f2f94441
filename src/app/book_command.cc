#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "app/book_output.h"
#include "app/commands.h"
#include "app/interrupt_guard.h"
#include "app/progress.h"
#include "app/standard_output.h"
#include "base/edit_distance.h"
#include "book/order_books.h"
#include "feed/source/open_message_source.h"
#include "market/event_time_text.h"
#include "pipeline/feed_run.h"
#include "terminal/drawing.h"
#include "terminal/ladder.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(FILE is a BinaryFILE of ITCH 5.0 or a pcap or pcapng capture of MoldUDP64, as it is or in gzip or zstd. Events up
to and including --at are applied; times are the exchange's. The columns of the CSV are in docs/commands.md.

Examples:
  tapeline book day.itch --symbol AAPL --at 09:31:00.5     the ladder half a second after 09:31
  tapeline book day.itch.gz --symbol AAPL --queue          with the orders at the best prices
  tapeline book day.itch --all --format csv > bbo.csv      the best bid and ask of every symbol at the end)";

struct Options {
  std::string file;
  std::string symbol;
  std::string at;
  std::string format;
  std::size_t levels = 10;
  bool all = false;
  bool queue = false;
};

// Keeps the last trade of every symbol: which one is asked for is known only once the feed names it.
class LastTrades : public book::NullBookHandler {
 public:
  LastTrades() : trades_(65'536) {}

  void on_trade(const Event& event, const book::TradeReport& trade, const book::Bbo&, Quality) {
    if (trade.shares == 0) return;  // A cross in which nothing met.
    trades_[raw(event.locate)] = {trade.price, trade.shares,       event.time,       trade.match,
                                  trade.kind,  trade.resting_side, trade.cross_type, false};
  }
  void on_broken_trade(const Event& event) {
    terminal::LastTrade& trade = trades_[raw(event.locate)];
    if (trade.shares != 0 && trade.match == event.match()) trade.broken = true;
  }

  [[nodiscard]] const terminal::LastTrade& of(Locate locate) const { return trades_[raw(locate)]; }

 private:
  std::vector<terminal::LastTrade> trades_;
};

std::string name_of_input(const Options& options) {
  return options.file == "-" ? "standard input" : options.file;
}

// The three symbols of the feed that look most like the one asked for, "A, AA and AAL".
std::string closest_symbols(const book::OrderBooks& books, std::string_view wanted) {
  std::vector<std::pair<std::size_t, std::string>> all;
  for (const Locate locate : books.locates()) {
    const std::string symbol(books.symbol(locate).view());
    if (!symbol.empty()) all.emplace_back(edit_distance(wanted, symbol), symbol);
  }
  const std::size_t shown = std::min<std::size_t>(3, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), all.end());
  std::string text;
  for (std::size_t i = 0; i < shown; ++i)
    text += (i == 0 ? "" : i + 1 == shown ? " and " : ", ") + terminal::printable(all[i].second);
  return text;
}

std::unexpected<Error> unknown_symbol(const Options& options, const book::OrderBooks& books) {
  const std::string closest = closest_symbols(books, options.symbol);
  return fail(
      ErrorCode::not_found,
      fmt::format("{} names no symbol {}{}; {}", options.file == "-" ? "standard input" : options.file,
                  options.symbol, options.at.empty() ? "" : " by " + options.at,
                  closest.empty() ? "it names none at all" : "the closest it has: " + closest));
}

Result<void> print_symbol(const Options& options, const book::OrderBooks& books, const LastTrades& trades,
                          EventTime time, bool before_all) {
  const std::optional<Locate> locate = books.find_symbol(options.symbol);
  if (!locate && !before_all) return unknown_symbol(options, books);
  terminal::BookSnapshot snapshot;
  snapshot.symbol = Symbol(options.symbol);
  snapshot.time = time;
  if (locate) {
    snapshot = terminal::take_snapshot(books, *locate, time, options.levels);
    snapshot.last_trade = trades.of(*locate);
  }
  if (options.format == "csv") return write_standard_output(levels_csv(snapshot));
  if (options.format == "json") return write_standard_output(snapshot_json(snapshot, options.queue));
  const StandardOutput output = standard_output();
  return write_standard_output(
      draw_ladder(snapshot, {.width = output.width, .colour = output.colour, .queue = options.queue}));
}

Result<void> print_all(const Options& options, const book::OrderBooks& books, EventTime time) {
  const StandardOutput output = standard_output();
  if (options.format == "json") return write_standard_output(all_books_json(books));
  if (options.format == "ladder" || (options.format.empty() && output.is_terminal))
    return write_standard_output(all_books_table(books, time, output));
  return write_standard_output(all_books_csv(books));
}

Result<void> check(const Options& options) {
  if (options.file.empty())
    return fail(ErrorCode::usage, "name the feed to read, as in `tapeline book day.itch --all`");
  if (options.all == !options.symbol.empty())
    return fail(ErrorCode::usage, "name one symbol with --symbol, or ask for --all of them");
  if (options.all && options.queue)
    return fail(ErrorCode::usage, "--queue shows the orders of one book: name it with --symbol");
  if (options.symbol.size() > sizeof(Symbol))
    return fail(ErrorCode::not_found, fmt::format("{} is no symbol: it is longer than {} characters",
                                                  options.symbol, sizeof(Symbol)));
  if (!options.at.empty() && !parse_event_time(options.at))
    return fail(
        ErrorCode::usage,
        fmt::format("--at {} is no time of day; write 09:31, 09:31:00 or 09:31:00.123456789", options.at));
  return {};
}

Result<void> run(const Options& options) {
  if (const Result<void> fine = check(options); !fine) return fine;
  const InterruptGuard guard(OnInterrupt::exit_at_once);  // Opening reads, and may wait for a pipe.
  Result<std::unique_ptr<feed::MessageSource>> source = feed::open_message_source(options.file);
  if (!source) return std::unexpected(source.error());
  book::OrderBooks books;
  LastTrades trades;
  Progress progress;
  pipeline::FeedRunOptions run_options;
  if (!options.at.empty()) run_options.until = *parse_event_time(options.at);
  run_options.on_progress = [&progress](const feed::MessageSource& from, std::uint64_t messages) {
    progress.show(messages, from.progress());
    return true;
  };
  pipeline::FeedRunSummary summary;
  const Result<void> read = pipeline::run_feed(**source, books, trades, run_options, summary);
  progress.clear();
  if (!read && summary.messages == 0) return read;
  const bool before_all = summary.messages == 0 && (!options.at.empty() || options.all);
  if (summary.messages == 0 && before_all)
    fmt::print(stderr, "tapeline: note: {} has no message{}: there is nothing in the book\n",
               name_of_input(options), options.at.empty() ? "" : " up to " + options.at);
  const EventTime time = options.at.empty() ? summary.last : run_options.until;
  const Result<void> printed =
      options.all ? print_all(options, books, time) : print_symbol(options, books, trades, time, before_all);
  if (!read && !printed)
    return fail(read.error().code, fmt::format("{}; {}", printed.error().message, read.error().message));
  if (!read) return read;
  return printed;
}

}  // namespace

void add_book_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("book", "Show the order book of a symbol at any nanosecond");
  auto options = std::make_shared<Options>();
  command->add_option("file", options->file, "The feed to read; - for standard input")->type_name("FILE");
  command->add_option("--symbol", options->symbol, "The symbol whose book to show")->type_name("SYMBOL");
  command->add_flag("--all", options->all, "The best bid and ask of every symbol instead");
  command
      ->add_option("--at", options->at,
                   "The time of day: HH:MM, HH:MM:SS or HH:MM:SS.nnnnnnnnn; unset: the end")
      ->type_name("TIME");
  command->add_option("--levels", options->levels, "Price levels to show on each side; 0 for all")
      ->capture_default_str();
  command
      ->add_option("--format", options->format,
                   "How to write it (default: ladder; with --all a table in a terminal, else csv)")
      ->check(CLI::IsMember({"ladder", "csv", "json"}));
  command->add_flag("--queue", options->queue, "Also show the orders at the best prices, in queue order");
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
