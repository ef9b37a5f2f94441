#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/config_options.h"
#include "app/interrupt_guard.h"
#include "app/standard_output.h"
#include "status/status_page.h"
#include "status/status_server.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(Asks the pipeline that runs on the data folder of the configuration. On a terminal the page is drawn anew every
second until ctrl-C ends it, and waits where the pipeline is restarted; elsewhere it is printed once. If nothing runs,
the exit code is 3. The names in the JSON are in docs/formats/status.md.

Examples:
  tapeline status                                        the pipeline on ./tapeline-data
  tapeline status --config tapeline.toml --once
  tapeline status --format json | jq .workers)";

struct Options {
  ConfigText config;
  std::string format = "text";
  bool once = false;
};

// The page on a screen of its own, which is given back at the end.
class LiveScreen {
 public:
  LiveScreen() { write("\033[?1049h\033[?25l"); }
  ~LiveScreen() { write("\033[?25h\033[?1049l"); }
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  // Line by line over what was there, so that nothing flickers; what is below the screen's end is left out.
  Result<void> show(std::string_view page) {
    winsize size{};
    const std::size_t rows =
        ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
    std::string text = "\033[H";
    for (std::size_t row = 0; row < rows && !page.empty(); ++row) {
      const std::size_t end = std::min(page.find('\n'), page.size());
      text.append(row == 0 ? "" : "\n").append(page.substr(0, end)).append("\033[K");
      page.remove_prefix(std::min(end + 1, page.size()));
    }
    return write(text + "\033[J");
  }

 private:
  static Result<void> write(std::string_view text) { return write_standard_output(text); }
};

Result<void> watch(const std::string& socket) {
  const InterruptGuard guard(OnInterrupt::finish_in_order);
  LiveScreen screen;
  while (!InterruptGuard::interrupted()) {
    const StandardOutput output = standard_output();
    const Result<status::Status> status = status::ask_status(socket);
    const std::string page =
        status ? status::draw_status(*status, {.width = output.width, .colour = output.colour})
               : fmt::format("waiting for the pipeline: {}\n", status.error().message);
    if (const Result<void> shown = screen.show(page); !shown) return shown;
    constexpr timespec second{1, 0};
    ::nanosleep(&second, nullptr);  // A signal ends it early.
  }
  return {};
}

Result<void> run(const Options& options) {
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  const std::string socket = config::status_socket(*config);
  const Result<status::Status> status = status::ask_status(socket);
  if (!status) return std::unexpected(status.error());
  if (options.format == "json") return write_standard_output(status::encode(*status) + '\n');
  const StandardOutput output = standard_output();
  if (output.is_terminal && !options.once) return watch(socket);
  return write_standard_output(
      status::draw_status(*status, {.width = output.width, .colour = output.colour}));
}

}  // namespace

void add_status_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("status", "Show what the running pipeline is doing");
  auto options = std::make_shared<Options>();
  add_config_options(*command, options->config);
  command->add_flag("--once", options->once, "Print the page once, also on a terminal");
  command->add_option("--format", options->format, "How to write it")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
