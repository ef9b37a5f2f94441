#pragma once

#include "base/result.h"

namespace tapeline::app {

// Exit codes of the program, documented in the README and in `tapeline --help`.
enum class ExitCode : int {
  success = 0,
  failure = 1,       // A bug of ours.
  usage = 2,         // Wrong arguments or configuration.
  not_found = 3,     // No such file, symbol or time.
  io = 4,            // The operating system refused: disk full, permission, network.
  corrupt = 5,       // Input that is not what its format says; what came before it was processed.
  unsupported = 6,   // A valid request that this build or machine cannot serve.
  interrupted = 130  // Stopped by the user.
};

// For a command that tests the program itself and finds a bug: no operation fails like that, so it is none of
// the error codes.
inline constexpr ErrorCode found_a_bug{};

[[nodiscard]] constexpr ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage: return ExitCode::usage;
    case ErrorCode::not_found: return ExitCode::not_found;
    case ErrorCode::io: return ExitCode::io;
    case ErrorCode::corrupt: return ExitCode::corrupt;
    case ErrorCode::unsupported: return ExitCode::unsupported;
    case ErrorCode::interrupted: return ExitCode::interrupted;
  }
  return ExitCode::failure;
}

}  // namespace tapeline::app
