#include "os/child_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/posix/failure.h"
#include "os/posix/system_clock.h"

namespace tapeline::os {

namespace {

std::uint64_t monotonic_ns() {
  return SystemClock().monotonic_ns();
}

std::uint64_t ns_of(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_usec) * 1'000;
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(const std::vector<std::string>& arguments,
                                                          const std::string& error_file) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failure("cannot make a pipe", errno);
  Descriptor output(ends[0]);
  const Descriptor input(ends[1]);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, input.number(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, error_file.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
  pid_t id = 0;
  const int error = ::posix_spawn(&id, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return failure(fmt::format("cannot start {}", arguments[0]), error);
  return std::unique_ptr<ChildProcess>(new ChildProcess(id, std::move(output)));
}

ChildProcess::~ChildProcess() {
  if (ended_) return;
  kill();
  (void)wait(UINT64_MAX);
}

void ChildProcess::terminate() {
  if (!ended_) ::kill(id_, SIGTERM);
}

void ChildProcess::kill() {
  if (!ended_) ::kill(id_, SIGKILL);
}

std::optional<std::string> ChildProcess::read_line(std::uint64_t timeout_ns) {
  const std::uint64_t begin_ns = monotonic_ns();
  for (;;) {
    if (const std::size_t end = pending_.find('\n'); end != std::string::npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    const std::uint64_t gone_ns = monotonic_ns() - begin_ns;
    if (gone_ns >= timeout_ns) return std::nullopt;
    pollfd ready{output_.number(), POLLIN, 0};
    const auto wait_ms =
        static_cast<int>(std::min<std::uint64_t>((timeout_ns - gone_ns) / 1'000'000 + 1, 100));
    if (::poll(&ready, 1, wait_ms) <= 0) continue;
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(output_.number(), buffer.data(), buffer.size());
    if (got == 0) return std::nullopt;
    if (got > 0) pending_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

std::optional<ChildUsage> ChildProcess::poll() {
  if (ended_) return ended_;
  int status = 0;
  rusage usage{};
  const pid_t got = ::wait4(id_, &status, WNOHANG, &usage);
  if (got != id_) return std::nullopt;
  ended_ = ChildUsage{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                      ns_of(usage.ru_utime) + ns_of(usage.ru_stime),
                      static_cast<std::uint64_t>(usage.ru_maxrss) * 1024};
  return ended_;
}

std::optional<ChildUsage> ChildProcess::wait(std::uint64_t timeout_ns) {
  const std::uint64_t begin_ns = monotonic_ns();
  for (;;) {
    if (const std::optional<ChildUsage> usage = poll()) return usage;
    if (monotonic_ns() - begin_ns >= timeout_ns) return std::nullopt;
    constexpr timespec pause{0, 2'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

std::string own_program() {
  std::array<char, 4096> path;
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

}  // namespace tapeline::os
