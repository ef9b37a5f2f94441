#include "app/progress.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

namespace tapeline::app {

namespace {

constexpr std::chrono::milliseconds first_after{500};
constexpr std::chrono::milliseconds between{200};

}  // namespace

Progress::Progress(bool wanted)
    : shown_(wanted && ::isatty(STDERR_FILENO) == 1), start_(Clock::now()), next_(start_ + first_after) {}

void Progress::show(std::uint64_t messages, std::optional<double> fraction) {
  if (!shown_) return;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + between;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::string line = "\r\033[K";
  if (fraction) line += fmt::format("{:3.0f} %  ", std::clamp(*fraction, 0.0, 1.0) * 100);
  line += fmt::format("{:.1f} M messages  {:.1f} M/s", static_cast<double>(messages) / 1e6,
                      static_cast<double>(messages) / seconds / 1e6);
  if (fraction && *fraction > 0)
    line += fmt::format("  {:.0f} s left", std::max(0.0, seconds / *fraction - seconds));
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

void Progress::show(std::uint64_t messages, const feed::SourceProgress& source) {
  std::optional<double> fraction;
  if (source.total && *source.total > 0)
    fraction = static_cast<double>(source.consumed) / static_cast<double>(*source.total);
  show(messages, fraction);
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  if (drawn_) std::fflush(stderr);
  drawn_ = false;
}

}  // namespace tapeline::app
