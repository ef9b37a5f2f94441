#pragma once

#include <cstdio>
#include <cstdlib>

// CHECK guards against bugs of our own. It is always on, and never stands on input: bad input is an event
// with a quality and a counter (see market/quality.h), a failing operation a Result (see base/result.h).
#define CHECK(condition)                                                                         \
  do {                                                                                           \
    if (!(condition)) [[unlikely]] {                                                             \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition);         \
      std::abort();                                                                              \
    }                                                                                            \
  } while (false)
