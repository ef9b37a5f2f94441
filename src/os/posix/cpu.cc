#include "os/cpu.h"

#include <cerrno>
#include <ctime>
#include <string>

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/posix/failure.h"

namespace tapeline::os {

namespace {

std::uint64_t cpu_time(clockid_t clock) {
  timespec used{};
  ::clock_gettime(clock, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

}  // namespace

unsigned usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&cores)));
}

Result<void> pin_this_thread(unsigned core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (core < CPU_SETSIZE) CPU_SET(core, &cores);
  const int error = ::pthread_setaffinity_np(::pthread_self(), sizeof cores, &cores);
  if (error == EINVAL)
    return fail(ErrorCode::usage, fmt::format("cannot pin a thread to core {}: this process may run on {} "
                                              "cores (`taskset -p $$` shows which)",
                                              core, usable_cores()));
  if (error != 0) return failure(fmt::format("cannot pin a thread to core {}", core), error);
  return {};
}

void name_this_thread(std::string_view name) {
  constexpr std::size_t kept = 15;
  ::pthread_setname_np(::pthread_self(), std::string(name.substr(0, kept)).c_str());
}

namespace {

// On Linux the priority is that of the thread, not of the process.
void set_nice(int nice) {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice);
}

}  // namespace

void put_this_thread_behind() {
  constexpr int nice = 10;
  set_nice(nice);
}

void put_this_thread_ahead() {
  constexpr int nice = -10;
  set_nice(nice);
}

void set_timer_slack_ns(std::uint64_t slack_ns) {
  ::prctl(PR_SET_TIMERSLACK, slack_ns, 0, 0, 0);
}

std::uint64_t process_cpu_ns() {
  return cpu_time(CLOCK_PROCESS_CPUTIME_ID);
}

std::uint64_t this_thread_cpu_ns() {
  return cpu_time(CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace tapeline::os
