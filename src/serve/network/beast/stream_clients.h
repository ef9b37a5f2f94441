#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/endpoint.h"

namespace tapeline::serve {

// What many clients of the stream hear. Called by the thread that runs them.
class StreamClientsHandler {
 public:
  virtual ~StreamClientsHandler() = default;

  virtual void on_open(std::size_t client) = 0;
  virtual void on_message(std::size_t client, bool is_text, std::string_view message) = 0;
  // The connection has ended though nobody wanted it to; `why` in words. Also where it could not be made.
  virtual void on_lost(std::size_t client, std::string_view why) = 0;
};

struct StreamClientsConfig {
  os::Endpoint at;
  std::string path = "/v1/stream";
  std::size_t clients = 1;
  std::size_t stalled = 0;           // The last ones of them never read what they are sent.
  std::size_t opening_at_once = 32;  // So that a server's queue of new connections is no part of the test.
  std::string request{};             // Sent once by each client.
  std::uint64_t duration_ns = 0;     // From the first connection on.
};

// Runs them all on the calling thread, for so long: what a server is put under load with.
Result<void> run_stream_clients(const StreamClientsConfig& config, StreamClientsHandler& handler);

}  // namespace tapeline::serve
