#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

// Questions and answers of one line each over a Unix domain socket: how another process of the same user
// looks into a running one.
namespace tapeline::os {

// What a server says. All calls come from its thread.
class LineHandler {
 public:
  virtual ~LineHandler() = default;

  // The answer, one line without its line feed; `line` has none either and may be anything.
  virtual std::string on_line(std::string_view line) = 0;
  // Called at the start and then once per `tick_ms`, whether anyone asks or not.
  virtual void on_tick() {}
};

struct LineServerOptions {
  std::size_t most_connections = 16;  // One more, and the one that was idle longest is closed.
  std::size_t longest_line = 256;     // A longer one closes the connection.
  std::uint64_t idle_ms = 10'000;     // A connection that neither asks nor reads for so long is closed.
  std::uint64_t tick_ms = 1'000;
};

// A thread that serves `path`. Memory is bounded whatever clients do: a client's next line is read only once
// its last answer is gone. The socket is open to this user alone.
class LineServer {
 public:
  virtual ~LineServer() = default;  // Stops the thread and removes the socket.
};

// An error where another process serves the path already; what a dead one left there is replaced.
Result<std::unique_ptr<LineServer>> start_line_server(const std::string& path, LineHandler& handler,
                                                      const LineServerOptions& options = {});

// Asks a server one question. `not_found` where none serves the path.
Result<std::string> ask_line_server(const std::string& path, std::string_view line,
                                    std::uint64_t timeout_ms = 2'000);

}  // namespace tapeline::os
