#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "os/line_server.h"
#include "status/status.h"

namespace tapeline::status {

// Serves the pipeline's status on a Unix domain socket from a thread of its own: to the line "status" it
// answers with one line of JSON, to anything else with an error in JSON. The status is taken once a second,
// not once a question, so clients cannot make the pipeline work.
class StatusServer {
 public:
  // Called in the server's thread; reads counters, waits for nothing.
  using Source = std::function<Status()>;

  static Result<std::unique_ptr<StatusServer>> start(const std::string& path, Source source,
                                                     const os::LineServerOptions& options = {});
  ~StatusServer();
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

 private:
  class Handler;
  explicit StatusServer(Source source);

  std::unique_ptr<Handler> handler_;
  std::unique_ptr<os::LineServer> server_;  // Last: its thread uses the handler.
};

// Asks the pipeline that serves `path`. Where none does, an error that says how to start one.
Result<Status> ask_status(const std::string& path);

}  // namespace tapeline::status
