#pragma once

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "base/result.h"

namespace tapeline::os {

// "WHAT: what the kernel says", as an error of input and output. Read errno before anything else can set it.
inline std::unexpected<Error> failure(std::string_view what, int error = errno) {
  return fail(ErrorCode::io, fmt::format("{}: {}", what, std::strerror(error)));
}

}  // namespace tapeline::os
