#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/commands.h"
#include "tick_store/query.h"

namespace tapeline::app {
namespace {

struct Options {
  tick_store::Query query;
  std::string format;
  bool tables = false;
};

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// A person at a terminal sees a table, a program that reads a pipe gets CSV, and a file is what its name
// says.
tick_store::QueryFormat default_format(const std::string& output) {
  if (output == "-") {
    return ::isatty(STDOUT_FILENO) == 1 ? tick_store::QueryFormat::table : tick_store::QueryFormat::csv;
  }
  const std::size_t dot = output.rfind('.');
  const std::string_view extension = dot == std::string::npos ? "" : std::string_view(output).substr(dot + 1);
  return tick_store::query_format_of(extension).value_or(tick_store::QueryFormat::csv);
}

Result<void> run(Options options) {
  tick_store::Query& query = options.query;
  query.format =
      options.format.empty() ? default_format(query.output) : *tick_store::query_format_of(options.format);
  if (query.output == "-" && ::isatty(STDOUT_FILENO) == 1) query.width = terminal_width();
  query.warn = [](const std::string& problem) { fmt::print(stderr, "tapeline: {}\n", problem); };
  if (options.tables) return tick_store::list_tables(query);
  if (query.sql.empty()) {
    return fail(
        ErrorCode::usage,
        "name a query, as in `tapeline query \"SELECT count(*) FROM bbo\"`, or --tables for what there is");
  }
  return tick_store::run_query(query);
}

}  // namespace

void add_query_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("query", "Run SQL over the tables that replay wrote");
  auto options = std::make_shared<Options>();
  command->add_option("SQL", options->query.sql, "What to ask; each file of the data folder is a table");
  command->add_option("--data", options->query.folder, "The data folder")->capture_default_str();
  command
      ->add_option(
          "--format", options->format,
          "How to write the result (default: table in a terminal, what the name of the --output file says, "
          "else csv)")
      ->check(CLI::IsMember({"table", "csv", "json", "parquet"}));
  command->add_option("--output", options->query.output, "The file to write; - is standard output")
      ->capture_default_str();
  command->add_option("--rows", options->query.most_rows, "Rows that a table shows; 0 for all")
      ->capture_default_str();
  command->add_flag("--tables", options->tables, "List the tables with their columns and numbers of rows");
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
