#include "os/poller.h"

#include <cerrno>
#include <ctime>
#include <limits>

#include <sys/epoll.h>

#include "os/posix/failure.h"

namespace tapeline::os {

Result<Poller> Poller::open() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return failure("cannot wait for sockets (epoll_create1)");
  return Poller(std::move(epoll));
}

Result<void> Poller::control(int operation, int descriptor, std::uint32_t token, PollInterest interest) {
  epoll_event event{};
  event.events = (interest.reading ? EPOLLIN : 0u) | (interest.writing ? EPOLLOUT : 0u);
  event.data.u32 = token;
  if (::epoll_ctl(epoll_.number(), operation, descriptor, &event) != 0)
    return failure("cannot wait for a socket (epoll_ctl)");
  return {};
}

Result<void> Poller::add(int descriptor, std::uint32_t token, PollInterest interest) {
  return control(EPOLL_CTL_ADD, descriptor, token, interest);
}

Result<void> Poller::change(int descriptor, std::uint32_t token, PollInterest interest) {
  return control(EPOLL_CTL_MOD, descriptor, token, interest);
}

Result<std::span<const Poller::Ready>> Poller::wait(std::optional<std::uint64_t> timeout_ns) {
  std::array<epoll_event, max_reports> events;
  timespec timeout{};
  if (timeout_ns) {
    timeout.tv_sec = static_cast<time_t>(*timeout_ns / 1'000'000'000);
    timeout.tv_nsec = static_cast<long>(*timeout_ns % 1'000'000'000);
  }
  int count =
      ::epoll_pwait2(epoll_.number(), events.data(), max_reports, timeout_ns ? &timeout : nullptr, nullptr);
  if (count < 0 && errno == ENOSYS) {
    // Before Linux 5.11 there were milliseconds only. Rounded up, so that a short wait is not a busy loop.
    constexpr std::uint64_t longest = std::numeric_limits<int>::max();
    const int milliseconds =
        timeout_ns ? static_cast<int>(std::min((*timeout_ns + 999'999) / 1'000'000, longest)) : -1;
    count = ::epoll_wait(epoll_.number(), events.data(), max_reports, milliseconds);
  }
  ready_.clear();
  if (count < 0) {
    if (errno == EINTR) return ready_;
    return failure("cannot wait for sockets (epoll_pwait2)");
  }
  for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(count)))
    ready_.push_back({event.data.u32, (event.events & EPOLLIN) != 0, (event.events & EPOLLOUT) != 0,
                      (event.events & (EPOLLERR | EPOLLHUP)) != 0});
  return ready_;
}

}  // namespace tapeline::os
