#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/config_options.h"
#include "app/interrupt_guard.h"
#include "app/standard_output.h"
#include "app/tracing.h"
#include "event_log/journal/journal.h"
#include "os/posix/posix_file_system.h"
#include "os/posix/system_clock.h"
#include "serve/server.h"
#include "status/status_server.h"

namespace tapeline::app {

namespace {

constexpr std::string_view footer =
    R"(Serves the data folder of the configuration: books, trades and bars as they are and as they were, over HTTP and
WebSocket, and a page that shows them. `tapeline run` does the same by itself; this command serves a folder beside a
running pipeline or after it, and may be started before either. It only reads. The requests are in /openapi.json, the
stream in docs/formats/websocket.md.

Examples:
  tapeline serve                                        http://127.0.0.1:8787/ over ./tapeline-data
  tapeline serve --config tapeline.toml --set serve.address=0.0.0.0
  curl 'http://127.0.0.1:8787/v1/books/AAPL?levels=5&at=10:30')";

struct Options {
  ConfigText config;
  bool json = false;
};

Result<void> run(const Options& options) {
  const Result<config::Config> config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  Result<serve::ServeConfig> serving =
      serve::serve_config(config->serve, config->surveillance, TAPELINE_VERSION);
  if (!serving) return std::unexpected(serving.error());
  os::PosixFileSystem files;
  event_log::journal::Journal journal(files, config::journal_folder(*config));
  const std::string socket = config::status_socket(*config);
  const InterruptGuard guard(OnInterrupt::finish_in_order);
  const auto ask = [&socket] { return status::ask_status(socket).value_or(status::Status{}); };
  // The data folder is another's, so what is recorded stays in memory.
  Result<std::unique_ptr<trace::Recorders>> recorders =
      trace::Recorders::open(files, "", config->trace.recorded_batches);
  if (!recorders) return std::unexpected(recorders.error());
  serving->recorders = recorders->get();
  Result<std::unique_ptr<serve::Server>> server = serve::Server::start(*serving, journal, ask);
  if (!server) return std::unexpected(server.error());
  const os::SystemClock clock;
  const auto readers = [&] {
    return readers_with_pipeline(**recorders, files, config::trace_folder(*config));
  };
  Result<std::unique_ptr<trace::TracingThread>> tracing =
      start_tracing_thread(*config, {.pipeline = false}, journal, clock, readers);
  if (!tracing) return std::unexpected(tracing.error());
  const std::string address = os::to_text((*server)->endpoint());
  if (options.json) {
    const Result<void> told = write_standard_output(fmt::format("{{\"address\": \"{}\"}}\n", address));
    if (!told) return told;
  } else {
    fmt::print(stderr, "tapeline: http://{}/ serves {} until ctrl-C\n", address, config->data.folder);
  }
  while (!InterruptGuard::interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  (*server)->stop();
  return {};
}

}  // namespace

void add_serve_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("serve", "Serve a data folder: HTTP, WebSockets and the page for traders");
  auto options = std::make_shared<Options>();
  add_config_options(*command, options->config);
  command
      ->add_option_function<std::string>(
          "--format", [options](const std::string& format) { options->json = format == "json"; },
          "json: one line with the address on standard output")
      ->check(CLI::IsMember({"text", "json"}));
  command->footer(std::string(footer));
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace tapeline::app
