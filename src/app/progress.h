#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "feed/message_source.h"

namespace tapeline::app {

// One line on standard error, rewritten a few times a second: percent, rate, time left. Shown only on a
// terminal and only once the work has taken half a second; cleared at the end.
class Progress {
 public:
  explicit Progress(bool wanted = true);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `fraction`: how much of the work is done, from 0 to 1; nothing where that is not known.
  void show(std::uint64_t messages, std::optional<double> fraction);
  void show(std::uint64_t messages, const feed::SourceProgress& source);
  // Takes the line away, so that something else can be written; the next show() may draw it again.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  bool shown_;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point next_;
};

}  // namespace tapeline::app
