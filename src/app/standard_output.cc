#include "app/standard_output.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace tapeline::app {

namespace {

constexpr std::size_t default_width = 100;
constexpr std::size_t least_width = 70;  // What is drawn narrower is wrapped by the terminal.

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

StandardOutput standard_output() {
  StandardOutput output{::isatty(STDOUT_FILENO) == 1, false, default_width};
  if (!output.is_terminal) return output;
  const char* terminal = std::getenv("TERM");
  output.colour = !is_set("NO_COLOR") && (terminal == nullptr || std::strcmp(terminal, "dumb") != 0);
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    output.width = std::max<std::size_t>(size.ws_col, least_width);
  return output;
}

Result<void> write_standard_output(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      return fail(ErrorCode::io, fmt::format("cannot write to standard output: {}", std::strerror(errno)));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace tapeline::app
