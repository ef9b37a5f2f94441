#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace tapeline::os {

// Runs other programs for what only they can tell.
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;

  // What the program wrote to standard output, cut at 64 KiB. Nothing where it is not installed, fails, or
  // takes longer than the runner waits. `arguments[0]` is its name, looked for in PATH.
  virtual std::optional<std::string> run(std::span<const char* const> arguments) = 0;
};

// Without a shell; standard input and standard error are /dev/null.
[[nodiscard]] std::unique_ptr<CommandRunner> make_command_runner(std::uint64_t timeout_ms = 2'000);

}  // namespace tapeline::os
