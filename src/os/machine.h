#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/clock_quality.h"

namespace tapeline::os {

// Which receive timestamps an interface can give.
struct Timestamping {
  bool hardware = false;
  bool software = false;
};

// What a machine tells of itself, for those who judge whether it can do the work.
class Machine {
 public:
  virtual ~Machine() = default;

  // The text of a file of /proc or /sys, without the last line feed, at most 64 KiB; nothing where it cannot
  // be read.
  virtual std::optional<std::string> read(const std::string& path) = 0;
  // Bytes that are free for this user where `folder` is, or would be made.
  virtual Result<std::uint64_t> free_bytes(const std::string& folder) = 0;
  // How long it took, `count` times, to write 4 KiB there and have the disk confirm them. Leaves nothing
  // behind.
  virtual Result<std::vector<std::uint64_t>> sync_times_ns(const std::string& folder, std::size_t count) = 0;
  virtual std::optional<Timestamping> timestamping(const std::string& interface) = 0;
  virtual ClockQuality clock_quality() = 0;
};

// What this machine calls itself on a network.
[[nodiscard]] std::string host_name();

// The machine at hand. `root` stands before every path that is read.
[[nodiscard]] std::unique_ptr<Machine> make_machine(std::string root = "");

}  // namespace tapeline::os
