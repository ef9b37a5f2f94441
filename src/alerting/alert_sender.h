#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "alerting/delivery_queue.h"
#include "alerting/targets.h"
#include "http/http_client.h"
#include "os/clock.h"
#include "status/status.h"

namespace tapeline::alerting {

// What a target said to one notification.
enum class Outcome : std::uint8_t { delivered, refused, try_again };
struct Delivery {
  Outcome outcome = Outcome::delivered;
  std::string error{};  // Empty where it was delivered. Holds no secret.
  std::uint64_t least_wait_ns = 0;
};
[[nodiscard]] Delivery deliver(const Target& target, http::HttpClient& client,
                               const Notification& notification, std::uint64_t timeout_ms);

// Tells one target, on a thread of its own that nobody waits for: a target that is down costs the others and
// the pipeline nothing.
class AlertSender {
 public:
  // Called on its thread when a delivery fails that came after a success, and when one succeeds after that.
  using Log = std::function<void(const std::string& line)>;

  AlertSender(Target target, std::unique_ptr<http::HttpClient> client, const DeliveryPolicy& policy,
              std::uint64_t timeout_ms, const os::Clock& clock, Log log);
  ~AlertSender();  // What waits is lost, to this target.
  AlertSender(const AlertSender&) = delete;
  AlertSender& operator=(const AlertSender&) = delete;

  // Never waits.
  void send(Notification notification);
  [[nodiscard]] const Target& target() const { return target_; }
  [[nodiscard]] status::AlertTarget account() const;

 private:
  void run();
  void note(const Delivery& delivery, std::uint64_t now_ns);

  const Target target_;
  const std::unique_ptr<http::HttpClient> client_;
  const std::uint64_t timeout_ms_;
  const os::Clock& clock_;
  const Log log_;
  mutable std::mutex mutex_;  // Over the rest.
  std::condition_variable wake_;
  DeliveryQueue queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tapeline::alerting
