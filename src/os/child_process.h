#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/descriptor.h"

namespace tapeline::os {

// What a process used, once it has ended.
struct ChildUsage {
  int exit_code = 0;  // 128 + the signal's number where one ended it.
  std::uint64_t cpu_ns = 0;
  std::uint64_t peak_resident_bytes = 0;
};

// Another process that this one starts, watches and ends. Destroyed, it is killed.
class ChildProcess {
 public:
  // Its standard output comes through read_output(), its standard error goes to the file, which is appended
  // to. `arguments[0]` is the program's path.
  static Result<std::unique_ptr<ChildProcess>> start(const std::vector<std::string>& arguments,
                                                     const std::string& error_file);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] std::uint64_t id() const { return static_cast<std::uint64_t>(id_); }
  void terminate();  // Asks it to end.
  void kill();       // It never learns of it.

  // The next line of its output, without the line feed; nothing after the timeout or at the end.
  std::optional<std::string> read_line(std::uint64_t timeout_ns);

  // How it ended; nothing while it runs.
  std::optional<ChildUsage> poll();
  // Waits for its end; nothing after the timeout.
  std::optional<ChildUsage> wait(std::uint64_t timeout_ns);

 private:
  ChildProcess(int id, Descriptor output) : id_(id), output_(std::move(output)) {}

  int id_;
  Descriptor output_;
  std::string pending_;
  std::optional<ChildUsage> ended_;
};

// The path of the program that runs.
[[nodiscard]] std::string own_program();

}  // namespace tapeline::os
