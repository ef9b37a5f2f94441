#include "os/command_runner.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace tapeline::os {

namespace {

constexpr std::size_t most_output = 64 * 1024;

class PosixCommandRunner : public CommandRunner {
 public:
  explicit PosixCommandRunner(std::uint64_t timeout_ms) : timeout_(timeout_ms) {}

  std::optional<std::string> run(std::span<const char* const> arguments) override {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
    pid_t child = 0;
    const bool started = start(arguments, ends[1], child);
    ::close(ends[1]);
    std::string output;
    const bool ended = started && read_until_end(ends[0], output);
    ::close(ends[0]);
    if (!started) return std::nullopt;
    if (!ended) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
    return output;
  }

 private:
  static bool start(std::span<const char* const> arguments, int output, pid_t& child) {
    std::vector<char*> argv;
    for (const char* argument : arguments) argv.push_back(const_cast<char*>(argument));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const int error = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    return error == 0;
  }

  // False when the time is over first. What is beyond `most_output` is read and dropped.
  bool read_until_end(int from, std::string& output) const {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point end = Clock::now() + timeout_;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
      if (left <= 0) return false;
      pollfd waited{from, POLLIN, 0};
      if (::poll(&waited, 1, static_cast<int>(left)) <= 0) continue;
      char piece[4096];
      const ssize_t count = ::read(from, piece, sizeof piece);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return count == 0;
      output.append(piece,
                    std::min<std::size_t>(static_cast<std::size_t>(count), most_output - output.size()));
    }
  }

  std::chrono::milliseconds timeout_;
};

}  // namespace

std::unique_ptr<CommandRunner> make_command_runner(std::uint64_t timeout_ms) {
  return std::make_unique<PosixCommandRunner>(timeout_ms);
}

}  // namespace tapeline::os
