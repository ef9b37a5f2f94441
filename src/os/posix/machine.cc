#include "os/machine.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "os/posix/descriptor.h"

namespace tapeline::os {

namespace {

constexpr std::size_t most_text = 64 * 1024;
constexpr std::size_t written_bytes = 4096;

// The folder, or the nearest one above it that is there.
std::filesystem::path existing_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(folder, error);
  while (!std::filesystem::is_directory(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

Error cannot(std::string_view what, const std::filesystem::path& where, int error_number) {
  return {ErrorCode::io, fmt::format("cannot {} in {}: {}; choose a folder that you may write to", what,
                                     where.string(), std::strerror(error_number))};
}

// A file without a name: it is gone when it is closed, whatever happens.
int open_nameless(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return descriptor;
  std::string name = (folder / ".tapeline-doctor-XXXXXX").string();
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

class PosixMachine : public Machine {
 public:
  explicit PosixMachine(std::string root) : root_(std::move(root)), runner_(make_command_runner()) {}

  std::optional<std::string> read(const std::string& path) override {
    const Descriptor file(::open((root_ + path).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return std::nullopt;
    std::string text;
    std::array<char, 4096> piece;
    while (text.size() < most_text) {
      const ssize_t count = ::read(file.get(), piece.data(), piece.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return std::nullopt;
      if (count == 0) break;
      text.append(piece.data(), static_cast<std::size_t>(count));
    }
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }

  Result<std::uint64_t> free_bytes(const std::string& folder) override {
    const std::filesystem::path path = existing_folder(folder);
    struct statvfs space{};
    if (::statvfs(path.c_str(), &space) != 0)
      return std::unexpected(cannot("see the free space", path, errno));
    return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
  }

  Result<std::vector<std::uint64_t>> sync_times_ns(const std::string& folder, std::size_t count) override {
    const std::filesystem::path path = existing_folder(folder);
    const Descriptor file(open_nameless(path));
    if (!file.is_open()) return std::unexpected(cannot("write", path, errno));
    const std::string page(written_bytes, 'x');
    std::vector<std::uint64_t> times;
    for (std::size_t i = 0; i < count; ++i) {
      const auto start = std::chrono::steady_clock::now();
      if (::write(file.get(), page.data(), page.size()) != static_cast<ssize_t>(page.size()) ||
          ::fdatasync(file.get()) != 0)
        return std::unexpected(cannot("write", path, errno));
      times.push_back(static_cast<std::uint64_t>((std::chrono::steady_clock::now() - start).count()));
    }
    return times;
  }

  std::optional<Timestamping> timestamping(const std::string& interface) override {
    if (interface.size() >= IFNAMSIZ) return std::nullopt;
    const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_ts_info info{};
    info.cmd = ETHTOOL_GET_TS_INFO;
    ifreq request{};
    std::memcpy(request.ifr_name, interface.data(), interface.size());
    request.ifr_data = reinterpret_cast<char*>(&info);
    if (!socket.is_open() || ::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return std::nullopt;
    const auto has = [&info](std::uint32_t flags) { return (info.so_timestamping & flags) == flags; };
    return Timestamping{
        .hardware = has(SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE),
        .software = has(SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE),
    };
  }

  ClockQuality clock_quality() override { return read_clock_quality(*runner_, read_kernel_clock()); }

 private:
  std::string root_;
  std::unique_ptr<CommandRunner> runner_;
};

}  // namespace

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, HOST_NAME_MAX) == 0 && name[0] != 0 ? name : "localhost";
}

std::unique_ptr<Machine> make_machine(std::string root) {
  return std::make_unique<PosixMachine>(std::move(root));
}

}  // namespace tapeline::os
