#include <charconv>
#include <chrono>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/commands.h"
#include "app/interrupt_guard.h"
#include "app/output_file.h"
#include "app/progress.h"
#include "simulator/market_simulator.h"

namespace tapeline::app {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view footer =
    R"(The day is a BinaryFILE: each message behind its big-endian 16-bit length, and a length of zero at the end. It
holds all 23 message types, an opening and a closing cross, halts and releases, thousands of symbols whose activity
follows Zipf's law and clusters in time, and books that are never crossed. The same options give the same bytes.
A name that ends in .gz or .zst is compressed. The file appears under its name when it is whole.

Examples:
  tapeline generate day.itch                                  a million messages, for a first try
  tapeline generate day.itch.zst --messages 20000000          a larger day, compressed
  tapeline generate day.itch --spoofing 50 --truth truth.jsonl --truth-book book.csv
                                                              what a detector and a book builder should find
  tapeline generate day.itch --episodes all=20,decoy=30 --truth truth.jsonl
                                                              of every pattern, and what only looks like one
  tapeline generate - --symbols 500 --seed 7 | xxhsum         to standard output)";

struct Options {
  std::string out;
  std::string truth;
  std::string truth_book;
  bool no_progress = false;
  std::vector<std::string> episodes;
  simulator::Config config;
};

Result<void> write_text(const std::string& path, std::string_view text) {
  Result<OutputFile> file = OutputFile::open(path);
  if (!file) return std::unexpected(file.error());
  if (auto done = file->write(std::as_bytes(std::span(text))); !done) return done;
  return file->close();
}

std::string episodes_text(const simulator::MarketSimulator& simulator) {
  std::string text;
  auto to = std::back_inserter(text);
  for (const simulator::Episode& episode : simulator.episodes()) {
    fmt::format_to(
        to, R"({{"kind":"{}","symbol":"{}","locate":{},"side":"{}","start_ns":{},"end_ns":{},"orders":[)",
        episode.kind, episode.stock.view(), raw(episode.locate), episode.side == Side::bid ? "bid" : "ask",
        episode.start_ns, episode.end_ns);
    for (std::size_t i = 0; i < episode.orders.size(); ++i)
      fmt::format_to(to, "{}{}", i == 0 ? "" : ",", raw(episode.orders[i]));
    fmt::format_to(to, R"(],"genuine_order":{},"first_sequence":{},"last_sequence":{}}})",
                   raw(episode.genuine_order), raw(episode.first_sequence), raw(episode.last_sequence));
    text += '\n';
  }
  return text;
}

std::string book_text(const simulator::MarketSimulator& simulator) {
  std::string text = "locate,symbol,bid_price,bid_size,ask_price,ask_size\n";
  auto to = std::back_inserter(text);
  const auto half = [&](Price price, std::uint64_t shares) {
    if (shares == 0)
      text += ",,";
    else
      fmt::format_to(to, ",{}.{:04},{}", price.ticks / Price::per_dollar, price.ticks % Price::per_dollar,
                     shares);
  };
  for (const simulator::BestQuote& quote : simulator.best_quotes()) {
    fmt::format_to(to, "{},{}", raw(quote.locate), quote.stock.view());
    half(quote.bid_price, quote.bid_shares);
    half(quote.ask_price, quote.ask_shares);
    text += '\n';
  }
  return text;
}

// "layering=5", or "all=5" of each kind but the decoys.
Result<void> plant(const std::string& wish, simulator::Config& config) {
  const std::size_t split = wish.find('=');
  const std::string_view name = std::string_view(wish).substr(0, split);
  std::uint32_t count = 0;
  const char* const end = wish.data() + wish.size();
  const bool is_number =
      split != std::string::npos && split + 1 < wish.size() &&
      std::from_chars(wish.data() + split + 1, end, count) == std::from_chars_result{end, std::errc{}};
  bool is_known = false;
  for (std::size_t kind = 0; kind < simulator::pattern_count; ++kind) {
    const bool is_decoy = kind == static_cast<std::size_t>(simulator::PatternKind::decoy);
    if (name != simulator::pattern_names[kind] && (name != "all" || is_decoy)) continue;
    config.episodes[kind] = count;
    is_known = true;
  }
  if (is_number && is_known) return {};
  return fail(ErrorCode::usage,
              fmt::format("--episodes {}: write KIND=COUNT, where KIND is one of {}, or all", wish,
                          fmt::join(simulator::pattern_names, ", ")));
}

Result<void> generate(Options options) {
  if (options.out.empty())
    return fail(ErrorCode::usage, "name the file to write, as in `tapeline generate day.itch`");
  for (const std::string& wish : options.episodes)
    if (auto done = plant(wish, options.config); !done) return done;
  if (auto valid = options.config.validate(); !valid) return valid;
  Result<OutputFile> file = OutputFile::open(options.out);
  if (!file) return std::unexpected(file.error());
  const InterruptGuard guard(OnInterrupt::finish_in_order);
  const Clock::time_point start = Clock::now();
  simulator::MarketSimulator simulator(options.config);
  std::uint64_t bytes = 0;
  {
    Progress progress(!options.no_progress);
    for (std::span<const std::byte> block = simulator.next_block(); !block.empty();
         block = simulator.next_block()) {
      if (auto done = file->write(block); !done) return done;
      if (InterruptGuard::interrupted())
        return fail(ErrorCode::interrupted, fmt::format("interrupted; {} was not made", options.out));
      bytes += block.size();
      progress.show(simulator.messages(),
                    static_cast<double>(simulator.messages()) / static_cast<double>(options.config.messages));
    }
  }
  constexpr std::array<std::byte, 2> end_marker{};
  if (auto done = file->write(end_marker); !done) return done;
  // The truth first: whoever sees the day finds its truth beside it.
  if (!options.truth.empty())
    if (auto done = write_text(options.truth, episodes_text(simulator)); !done) return done;
  if (!options.truth_book.empty())
    if (auto done = write_text(options.truth_book, book_text(simulator)); !done) return done;
  if (auto done = file->close(); !done) return done;
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  fmt::print(stderr,
             "{} messages, {} bytes ({} stored) in {:.2f} s: {:.2f} M messages/s\n"
             "{} orders live at the end, {} at the peak; {} episodes planted\n",
             simulator.messages(), bytes + end_marker.size(), file->bytes_written(), seconds,
             static_cast<double>(simulator.messages()) / seconds / 1e6, simulator.live_orders(),
             simulator.peak_live_orders(), simulator.episodes().size());
  return {};
}

}  // namespace

void add_generate_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("generate", "Generate a realistic day of NASDAQ ITCH 5.0");
  auto options = std::make_shared<Options>();
  simulator::Config& config = options->config;
  command->add_option("out", options->out, "The file to make; - for standard output")->type_name("FILE");
  command->add_option("--messages", config.messages, "Exactly so many messages in all")
      ->capture_default_str();
  command->add_option("--symbols", config.symbols, "Listed securities")->capture_default_str();
  command->add_option("--seed", config.seed, "Another seed, another day")->capture_default_str();
  command->add_option("--live-orders", config.live_orders,
                      "Orders that rest at the end, about; unset: 4.25 % of the messages, at most a million");
  command->add_option("--spoofing", config.spoofing,
                      "Spoofing and layering episodes to plant; unset: one per million messages");
  command
      ->add_option(
          "--episodes", options->episodes,
          "What surveillance should find, of different strengths: KIND=COUNT,…; see docs/surveillance.md")
      ->delimiter(',');
  command->add_flag("--test-symbols", config.test_symbols,
                    "List test symbols such as ZVZZT among the others");
  command->add_option("--truth", options->truth, "Write the planted episodes, one JSON object a line")
      ->type_name("FILE");
  command
      ->add_option("--truth-book", options->truth_book, "Write each symbol's final best bid and ask as CSV")
      ->type_name("FILE");
  command->add_flag("--no-progress", options->no_progress, "No progress line even on a terminal");
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return generate(*options); }; });
}

}  // namespace tapeline::app
