#include "os/doorbell.h"

#include <cerrno>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/descriptor.h"

namespace tapeline::os {

void Doorbell::wake() {
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&rings_), FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
}

void Doorbell::wait(std::uint32_t ticket, std::uint64_t timeout_ns) {
  timespec timeout{};
  timeout.tv_sec = static_cast<std::time_t>(timeout_ns / 1'000'000'000);
  timeout.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000);
  waiters_.fetch_add(1, std::memory_order_seq_cst);
  // The kernel compares once more, so a ring between the ticket and here ends the wait at once.
  if (rings_.load(std::memory_order_seq_cst) == ticket)
    ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&rings_), FUTEX_WAIT, ticket, &timeout, nullptr, 0);
  waiters_.fetch_sub(1, std::memory_order_seq_cst);
}

Result<std::unique_ptr<SharedDoorbell>> SharedDoorbell::create(const std::string& path) {
  return map(path, O_CREAT);
}

Result<std::unique_ptr<SharedDoorbell>> SharedDoorbell::open(const std::string& path) {
  return map(path, 0);
}

Result<std::unique_ptr<SharedDoorbell>> SharedDoorbell::map(const std::string& path, int flags) {
  const auto failed = [&](std::string_view what) {
    return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                fmt::format("{}: could not {} the doorbell: {}", path, what, std::strerror(errno)));
  };
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0600));
  if (!file.is_open()) return failed("open");
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return failed("look at");
  if (status.st_size < static_cast<off_t>(sizeof(Doorbell))) {
    // Whoever makes it has not come so far yet.
    if (flags == 0) return fail(ErrorCode::not_found, fmt::format("{}: the doorbell is being made", path));
    if (::ftruncate(file.number(), sizeof(Doorbell)) != 0) return failed("make");
  }
  void* const memory =
      ::mmap(nullptr, sizeof(Doorbell), PROT_READ | PROT_WRITE, MAP_SHARED, file.number(), 0);
  if (memory == MAP_FAILED) return failed("map");
  // Zeros are a doorbell that nobody has rung.
  return std::unique_ptr<SharedDoorbell>(new SharedDoorbell(static_cast<Doorbell*>(memory)));
}

SharedDoorbell::~SharedDoorbell() {
  ::munmap(bell_, sizeof(Doorbell));
}

}  // namespace tapeline::os
