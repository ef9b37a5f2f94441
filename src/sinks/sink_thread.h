#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "sinks/table_sink.h"

namespace tapeline::sinks {

// Carries buffers of rows to a sink on a thread of its own. The buffers are recycled and their number is
// fixed: when all are full, the producer waits. The producer's side is used by one thread at a time.
class SinkThread {
 public:
  static constexpr std::size_t buffer_count = 4;

  SinkThread(std::unique_ptr<TableSink> sink, std::size_t buffer_size);
  ~SinkThread();  // Unfinished: discards what the sink wrote.
  SinkThread(const SinkThread&) = delete;
  SinkThread& operator=(const SinkThread&) = delete;

  // The buffer to fill, aligned for any row.
  [[nodiscard]] std::byte* buffer() { return filling_.get(); }

  // Hands over the first `size` bytes of the buffer, and leaves an empty one in `buffer()`. After a failure
  // the rows go nowhere, and the producer may run on at full speed until it asks.
  void hand_over(std::size_t size);

  // Whether the sink has failed; `finish` tells why.
  [[nodiscard]] bool failed() const { return failed_.load(std::memory_order_relaxed); }

  // Writes what was handed over, finishes the sink and reports the first failure. Called once, last.
  Result<void> finish();

 private:
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  using Buffer = std::unique_ptr<std::byte[], Free>;
  struct Full {
    Buffer buffer;
    std::size_t size;
  };

  void run();
  void stop(bool discard);

  std::unique_ptr<TableSink> sink_;
  Buffer filling_;
  std::mutex mutex_;
  std::condition_variable full_or_stopping_;
  std::condition_variable free_again_;
  std::deque<Full> full_;
  std::vector<Buffer> free_;
  bool stopping_ = false;
  bool discard_ = false;
  Result<void> outcome_;  // The thread's until it is joined.
  std::atomic<bool> failed_ = false;
  std::thread thread_;
};

}  // namespace tapeline::sinks
