#include "alerting/alert_sender.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "os/cpu.h"

namespace tapeline::alerting {

namespace {

// The beginning of what a target answered, fit for a line.
std::string excerpt(std::string_view body) {
  constexpr std::size_t longest = 200;
  std::string text(body.substr(0, longest));
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, ' ');
  return text;
}

}  // namespace

Delivery deliver(const Target& target, http::HttpClient& client, const Notification& notification,
                 std::uint64_t timeout_ms) {
  const http::Post post = target.write(notification);
  const Result<http::Answer> answer = client.post(post, timeout_ms);
  if (!answer) return {Outcome::try_again, answer.error().message};
  if (answer->status >= 200 && answer->status < 300) return {};
  const bool is_passing = answer->status == 408 || answer->status == 429 || answer->status >= 500;
  return {is_passing ? Outcome::try_again : Outcome::refused,
          fmt::format("{} answered {}: {}", post.url.origin(), answer->status, excerpt(answer->body)),
          std::min<std::uint64_t>(answer->retry_after_s, 3'600) * 1'000'000'000};
}

AlertSender::AlertSender(Target target, std::unique_ptr<http::HttpClient> client,
                         const DeliveryPolicy& policy, std::uint64_t timeout_ms, const os::Clock& clock,
                         Log log)
    : target_(std::move(target)),
      client_(std::move(client)),
      timeout_ms_(timeout_ms),
      clock_(clock),
      log_(std::move(log)),
      queue_(policy, clock.realtime_ns()),
      thread_([this] { run(); }) {}

AlertSender::~AlertSender() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  client_->stop();
  wake_.notify_all();
  thread_.join();
}

void AlertSender::send(Notification notification) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push(std::move(notification), clock_.monotonic_ns());
  }
  wake_.notify_all();
}

status::AlertTarget AlertSender::account() const {
  const std::lock_guard lock(mutex_);
  const DeliveryQueue::Counters& counters = queue_.counters();
  return {target_.name,     counters.sent, counters.retries,   counters.failed,
          counters.dropped, queue_.size(), queue_.last_error()};
}

void AlertSender::run() {
  os::name_this_thread("alerts");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const std::uint64_t now_ns = clock_.monotonic_ns();
    const std::uint64_t due_ns = queue_.due_ns();
    if (due_ns > now_ns) {
      constexpr std::uint64_t longest_sleep_ns = 1'000'000'000;
      wake_.wait_for(lock, std::chrono::nanoseconds(std::min(due_ns - now_ns, longest_sleep_ns)));
      continue;
    }
    const Notification notification = queue_.front();
    lock.unlock();
    const Delivery delivery = deliver(target_, *client_, notification, timeout_ms_);
    lock.lock();
    if (!stopping_) note(delivery, clock_.monotonic_ns());
  }
}

void AlertSender::note(const Delivery& delivery, std::uint64_t now_ns) {
  const bool failed_before = !queue_.last_error().empty();
  switch (delivery.outcome) {
    case Outcome::delivered: queue_.note_delivered(now_ns); break;
    case Outcome::refused: queue_.note_refused(delivery.error, now_ns); break;
    case Outcome::try_again: queue_.note_failed(delivery.error, now_ns, delivery.least_wait_ns); break;
  }
  const bool fails = delivery.outcome != Outcome::delivered;
  if (fails && !failed_before) log_(fmt::format("{} cannot be told: {}", target_.name, delivery.error));
  if (!fails && failed_before) log_(fmt::format("{} can be told again", target_.name));
}

}  // namespace tapeline::alerting
