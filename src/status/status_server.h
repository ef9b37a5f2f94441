#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "os/line_server.h"
#include "status/status.h"

namespace tapeline::status {

// Serves the pipeline's status on a Unix domain socket from a thread of its own: to the line "status" it
// answers with one line of JSON. The status is taken once a second, not once a question, so clients cannot
// make the pipeline work. A line that begins with "order " is for the pipeline to carry out; the answer is
// {"done":"…"} or {"error":"…"}. Everything else is answered with an error.
class StatusServer {
 public:
  // Called in the server's thread; reads counters, waits for nothing.
  using Source = std::function<Status()>;
  // What came of an order, for a person to read. Called in the server's thread, which waits for it.
  using Orders = std::function<Result<std::string>(std::string_view order)>;

  // Without `orders` every order is refused.
  static Result<std::unique_ptr<StatusServer>> start(const std::string& path, Source source,
                                                     const os::LineServerOptions& options = {},
                                                     Orders orders = {});
  ~StatusServer();

  // The account that was taken last, which clients are told, too; without a version before the first.
  [[nodiscard]] std::shared_ptr<const Status> latest() const;
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

 private:
  class Handler;
  StatusServer(Source source, Orders orders);

  std::unique_ptr<Handler> handler_;
  std::unique_ptr<os::LineServer> server_;  // Last: its thread uses the handler.
};

// Asks the pipeline that serves `path`. Where none does, an error that says how to start one.
Result<Status> ask_status(const std::string& path);

// Has the pipeline that serves `path` carry out an order: "workers 4", "savepoint NAME". What it answers.
Result<std::string> give_order(const std::string& path, std::string_view order);

}  // namespace tapeline::status
