#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "event_log/event_log.h"
#include "evidence/collection.h"
#include "os/clock.h"
#include "surveillance/parameters.h"

namespace tapeline::serve {

// The newest alerts, from the log's topic `rows`, and the evidence of any of them, from its topic `feed`. On
// a thread of its own: the topic has every row of every table, and evidence replays the feed.
class AlertDesk {
 public:
  // A JSON text, or why there is none.
  using Reply = std::function<void(Result<std::string>)>;
  static constexpr std::size_t most_alerts = 1'000;
  static constexpr std::size_t most_waiting = 32;

  // `parameters`: those that the pipeline computes with. The evidence of one alert is given up after
  // `timeout_ns`.
  AlertDesk(event_log::EventLog& log, const os::Clock& clock, const surveillance::Parameters& parameters,
            std::string version, std::uint64_t timeout_ns);
  ~AlertDesk();
  AlertDesk(const AlertDesk&) = delete;
  AlertDesk& operator=(const AlertDesk&) = delete;

  // The newest first, at most `limit`; of symbols that contain `filter`. From any thread.
  [[nodiscard]] std::string alerts_json(std::size_t limit, std::string_view filter) const;

  // False where too many wait already. The reply comes on the desk's thread.
  [[nodiscard]] bool ask_evidence(std::uint64_t id, Reply reply);

 private:
  void run();
  // Whether there was anything.
  [[nodiscard]] bool follow();
  void open_new_lanes();
  void take(const event_log::Batch& batch);
  [[nodiscard]] Result<std::string> evidence_of(std::uint64_t id);

  event_log::EventLog& log_;
  const os::Clock& clock_;
  const surveillance::Parameters parameters_;
  const std::string version_;
  const std::uint64_t timeout_ns_;
  std::vector<std::unique_ptr<event_log::Reader>> lanes_;
  std::uint64_t look_again_ns_ = 0;
  std::string error_;                        // Why the rows cannot be read any more.
  mutable std::mutex mutex_;                 // Of the three below.
  std::deque<evidence::FoundAlert> alerts_;  // The oldest first.
  std::uint64_t total_ = 0;
  std::deque<std::pair<std::uint64_t, Reply>> waiting_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // Last, as it uses the others.
};

}  // namespace tapeline::serve
