#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/url.h"

// The port to servers of others: one request, one answer. The alternatives lie in sub-folders.
namespace tapeline::http {

struct Post {
  Url url{};
  std::vector<std::pair<std::string, std::string>> headers{};  // Besides Host, Content-Type and the like.
  std::string_view content_type = "application/json";          // A constant.
  std::string body{};
};

struct Answer {
  unsigned status = 0;
  std::string body{};               // The first most_answer_bytes of it at most.
  std::uint64_t retry_after_s = 0;  // Of that header, where it is a number; 0: none.
};

// Used by one thread, but for stop().
class HttpClient {
 public:
  static constexpr std::size_t most_answer_bytes = std::size_t{64} << 10;

  virtual ~HttpClient() = default;

  // `io` where no answer came within the time limit, for whatever reason; any status is an answer.
  virtual Result<Answer> post(const Post& request, std::uint64_t timeout_ms) = 0;
  // From any thread: ends a request that is on its way and each one after it at once.
  virtual void stop() = 0;
};

}  // namespace tapeline::http
