#include "os/line_server.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <list>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "os/posix/descriptor.h"

namespace tapeline::os {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_answer = 4 << 20;  // That a client takes.

std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

std::unexpected<Error> too_long(const std::string& path) {
  return fail(ErrorCode::usage, fmt::format("{} is no path for a Unix domain socket: it takes 1 to {} bytes",
                                            path, sizeof(sockaddr_un::sun_path) - 1));
}

// The errno of connecting, 0 where someone answers.
int try_connect(int socket, const sockaddr_un& address) {
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

struct Connection {
  Descriptor socket;
  std::string input;   // A line that is not whole yet.
  std::string output;  // What the client has not taken yet.
  Clock::time_point active;
};

class PosixLineServer : public LineServer {
 public:
  PosixLineServer(std::string path, Descriptor listener, Descriptor stop, LineHandler& handler,
                  const LineServerOptions& options)
      : path_(std::move(path)),
        listener_(std::move(listener)),
        stop_(std::move(stop)),
        handler_(handler),
        options_(options),
        thread_([this] { run(); }) {}

  ~PosixLineServer() override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
    thread_.join();
    ::unlink(path_.c_str());
  }

 private:
  void run() {
    const std::chrono::milliseconds tick(options_.tick_ms);
    Clock::time_point next_tick = Clock::now();
    for (;;) {
      if (Clock::now() >= next_tick) {
        handler_.on_tick();
        next_tick = Clock::now() + tick;
      }
      if (wait(next_tick)) return;
      serve();
    }
  }

  // Until something happens; whether that is the end.
  bool wait(Clock::time_point until) {
    polled_.assign({{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}});
    for (const Connection& connection : connections_)
      polled_.push_back(
          {connection.socket.get(), static_cast<short>(connection.output.empty() ? POLLIN : POLLOUT), 0});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (::poll(polled_.data(), polled_.size(), static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0)
      for (pollfd& one : polled_) one.revents = 0;
    return polled_[0].revents != 0;
  }

  void serve() {
    const Clock::time_point now = Clock::now();
    const std::chrono::milliseconds idle(options_.idle_ms);
    std::size_t index = 2;
    for (auto connection = connections_.begin(); connection != connections_.end(); ++index) {
      const short events = polled_[index].revents;
      const bool alive = events == 0 ? now - connection->active < idle : advance(*connection, now);
      connection = alive ? std::next(connection) : connections_.erase(connection);
    }
    if (polled_[1].revents != 0) accept_one(now);
  }

  void accept_one(Clock::time_point now) {
    Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open()) {
      // Out of descriptors the listener stays ready: without a pause this would spin.
      if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return;
    }
    if (connections_.size() == options_.most_connections)
      connections_.erase(std::ranges::min_element(connections_, {}, &Connection::active));
    connections_.push_back({std::move(socket), {}, {}, now});
  }

  // One read or write; whether the connection lives on.
  bool advance(Connection& connection, Clock::time_point now) {
    if (!connection.output.empty()) return send_some(connection, now);
    char bytes[256];
    const ssize_t count = ::recv(connection.socket.get(), bytes, sizeof bytes, 0);
    if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
    connection.input.append(bytes, static_cast<std::size_t>(count));
    return answer(connection, now);
  }

  // Answers the first whole line that waits.
  bool answer(Connection& connection, Clock::time_point now) {
    const std::size_t end = connection.input.find('\n');
    if (std::min(end, connection.input.size()) > options_.longest_line) return false;
    if (end == std::string::npos) return true;
    connection.active = now;
    connection.output = handler_.on_line(std::string_view(connection.input).substr(0, end)) + '\n';
    connection.input.erase(0, end + 1);
    return send_some(connection, now);
  }

  bool send_some(Connection& connection, Clock::time_point now) {
    const ssize_t count =
        ::send(connection.socket.get(), connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    connection.output.erase(0, static_cast<std::size_t>(count));
    connection.active = now;
    // What the client sent together with its last line has been read already: no event will tell of it.
    return connection.output.empty() ? answer(connection, now) : true;
  }

  std::string path_;
  Descriptor listener_;
  Descriptor stop_;
  LineHandler& handler_;
  LineServerOptions options_;
  std::list<Connection> connections_;
  std::vector<pollfd> polled_;
  std::thread thread_;  // Last: it uses the members above.
};

Error refused(const std::string& path, std::string_view what) {
  return {ErrorCode::io,
          fmt::format("cannot {} the socket {}: {}; choose another status.socket or free this one", what,
                      path, std::strerror(errno))};
}

}  // namespace

Result<std::unique_ptr<LineServer>> start_line_server(const std::string& path, LineHandler& handler,
                                                      const LineServerOptions& options) {
  const std::optional<sockaddr_un> address = address_of(path);
  if (!address) return too_long(path);
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.is_open()) return std::unexpected(refused(path, "make"));
  {
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int error = try_connect(probe.get(), *address);
    if (error == 0 || error == EAGAIN)
      return fail(ErrorCode::usage,
                  fmt::format("a pipeline serves {} already; stop it, or choose another data.folder", path));
    // Only a socket without an owner is taken away; any other file stays, and binding fails.
    struct stat there{};
    if (error == ECONNREFUSED && ::lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode))
      ::unlink(path.c_str());
  }
  std::error_code ignored;  // Binding tells of it.
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  ::fchmod(listener.get(), S_IRUSR | S_IWUSR);  // Before binding: so it is never open to others.
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      ::listen(listener.get(), static_cast<int>(options.most_connections)) != 0)
    return std::unexpected(refused(path, "serve"));
  Descriptor stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.is_open()) return std::unexpected(refused(path, "serve"));
  return std::make_unique<PosixLineServer>(path, std::move(listener), std::move(stop), handler, options);
}

Result<std::string> ask_line_server(const std::string& path, std::string_view line,
                                    std::uint64_t timeout_ms) {
  const std::optional<sockaddr_un> address = address_of(path);
  if (!address) return too_long(path);
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{static_cast<time_t>(timeout_ms / 1'000),
                         static_cast<suseconds_t>(timeout_ms % 1'000 * 1'000)};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (const int error = try_connect(socket.get(), *address); error != 0)
    return fail(error == ENOENT || error == ECONNREFUSED ? ErrorCode::not_found : ErrorCode::io,
                fmt::format("cannot ask {}: {}", path, std::strerror(error)));
  const std::string question = std::string(line) + '\n';
  if (::send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(question.size()))
    return fail(ErrorCode::io, fmt::format("cannot ask {}: {}", path, std::strerror(errno)));
  std::string answer;
  std::array<char, 16'384> bytes;
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (answer.size() < most_answer && Clock::now() < end) {
    const ssize_t count = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    answer.append(bytes.data(), static_cast<std::size_t>(count));
    if (!answer.ends_with('\n')) continue;
    answer.pop_back();
    return answer;
  }
  return fail(ErrorCode::io, fmt::format("{} did not answer within {} ms", path, timeout_ms));
}

}  // namespace tapeline::os
