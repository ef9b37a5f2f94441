#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "event_log/event_log.h"
#include "os/endpoint.h"
#include "serve/watch_list.h"
#include "status/status.h"
#include "surveillance/parameters.h"
#include "trace/recorders.h"

namespace tapeline::serve {

struct ServeConfig {
  os::Endpoint address{os::loopback_address, 8787};  // Port 0 takes a free one.
  std::size_t max_clients = 256;
  std::size_t send_queue_bytes = std::size_t{1} << 20;  // For each client.
  std::vector<std::string> cors_origins{};
  std::size_t keyframe_bytes = std::size_t{256} << 20;
  std::uint64_t rewind_timeout_ms = 5'000;
  WatchListConfig watch{};
  std::string version{};                    // Of the program.
  trace::Recorders* recorders = nullptr;    // Outlive the server; null: nothing is recorded.
  surveillance::Parameters surveillance{};  // That the alerts in the log were computed with.
};

// From the sections [serve] and [surveillance] of the configuration; an address that is none is told.
Result<ServeConfig> serve_config(const config::Serve& section, const config::Surveillance& surveillance,
                                 std::string version);

// Serves what the log holds: HTTP, WebSockets and the page, on threads of its own. It keeps its own books
// from the topic `feed` and takes alerts from the topic `rows`, and reads nothing else, so the pipeline does
// no work for it and it may as well run in another process, beside or after the pipeline.
class Server {
 public:
  // Called about once a second on a thread of the server; should not take long. A status without a version
  // says that no pipeline runs.
  using StatusSource = std::function<status::Status()>;

  // The log outlives the server. It need not hold anything yet.
  static Result<std::unique_ptr<Server>> start(const ServeConfig& config, event_log::EventLog& log,
                                               StatusSource status);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] os::Endpoint endpoint() const;
  // Tells the clients and ends every thread; done by the destructor, too.
  void stop();

 private:
  class Parts;
  explicit Server(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace tapeline::serve
