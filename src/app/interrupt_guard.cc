#include "app/interrupt_guard.h"

#include <string_view>

#include <unistd.h>

#include "app/exit_code.h"

namespace tapeline::app {

namespace {

volatile std::sig_atomic_t was_interrupted = 0;

// Only what is safe in a signal handler.
void exit_at_once(int) {
  constexpr std::string_view on_terminal = "\r\033[Ktapeline: interrupted\n";
  constexpr std::string_view elsewhere = "tapeline: interrupted\n";
  const std::string_view text = ::isatty(STDERR_FILENO) == 1 ? on_terminal : elsewhere;
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(static_cast<int>(ExitCode::interrupted));
}

}  // namespace

InterruptGuard::InterruptGuard(OnInterrupt what) {
  struct sigaction action{};
  if (what == OnInterrupt::exit_at_once)
    action.sa_handler = exit_at_once;
  else
    action.sa_handler = [](int) { was_interrupted = 1; };
  sigaction(SIGINT, &action, &previous_interrupt_);
  sigaction(SIGTERM, &action, &previous_terminate_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &previous_interrupt_, nullptr);
  sigaction(SIGTERM, &previous_terminate_, nullptr);
}

bool InterruptGuard::interrupted() {
  return was_interrupted != 0;
}

}  // namespace tapeline::app
