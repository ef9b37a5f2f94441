#pragma once

#include <expected>
#include <string>
#include <utility>

namespace tapeline {

// What kind of failure it was. Each maps to one exit code of the program (see app/exit_code.h).
enum class ErrorCode : unsigned char {
  usage = 1,    // The caller asked for something that makes no sense.
  not_found,    // A file, symbol or time that is not there.
  io,           // The operating system refused.
  corrupt,      // Bytes that are not what their format says.
  unsupported,  // A valid request that this build or machine cannot serve.
  interrupted,  // The user stopped it.
};

// A failing operation: what failed, why, and what to do about it, in one message fit for a user to read.
struct Error {
  ErrorCode code;
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace tapeline
