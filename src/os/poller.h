#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "os/descriptor.h"

namespace tapeline::os {

struct PollInterest {
  bool reading = true;
  bool writing = false;
};

// Waits for sockets to become ready, level-triggered: what is not read to its end is reported again. Used by
// one thread.
class Poller {
 public:
  static Result<Poller> open();

  struct Ready {
    std::uint32_t token;
    bool readable;
    bool writable;
    bool failed;  // The peer is gone, or an error is waiting to be read from the socket.
  };

  // `token` comes back with each report. A descriptor leaves by itself when it is closed.
  Result<void> add(int descriptor, std::uint32_t token, PollInterest interest = {});
  Result<void> change(int descriptor, std::uint32_t token, PollInterest interest);

  // Returns at once where something is ready or the timeout is 0; empty after the timeout or after a signal.
  // Without a timeout it waits for as long as it takes. Valid until the next call.
  Result<std::span<const Ready>> wait(std::optional<std::uint64_t> timeout_ns);

 private:
  explicit Poller(Descriptor epoll) : epoll_(std::move(epoll)) {}
  Result<void> control(int operation, int descriptor, std::uint32_t token, PollInterest interest);

  static constexpr std::size_t max_reports = 64;

  Descriptor epoll_;
  std::vector<Ready> ready_;
};

}  // namespace tapeline::os
