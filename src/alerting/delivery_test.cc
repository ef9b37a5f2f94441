#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "alerting/alerter.h"
#include "alerting/delivery_queue.h"
#include "os/posix/system_clock.h"
#include "os/simulated/manual_clock.h"

namespace tapeline::alerting {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t second = 1'000'000'000;

Notification notification(std::string name, bool resolved = false) {
  Notification one;
  one.alert.name = std::move(name);
  one.resolved = resolved;
  return one;
}

TEST(DeliveryQueue, TriesAreEverFurtherApartUntilItGivesUp) {
  DeliveryQueue queue({.first_wait_ns = second, .most_wait_ns = 8 * second, .give_up_ns = 60 * second}, 1);
  std::uint64_t now = 100 * second;
  queue.push(notification("Gap"), now);
  EXPECT_EQ(queue.due_ns(), now);
  std::vector<std::uint64_t> waits;
  while (queue.size() != 0) {
    queue.note_failed("down", now);
    if (queue.size() == 0) break;
    waits.push_back(queue.due_ns() - now);
    now = queue.due_ns();
    ASSERT_LT(waits.size(), 100u);
  }
  EXPECT_EQ(queue.counters().failed, 1);
  EXPECT_EQ(queue.counters().retries, waits.size());
  EXPECT_GE(now, 160 * second);
  std::uint64_t due = second;
  for (const std::uint64_t wait : waits) {
    EXPECT_GE(wait, due / 2);
    EXPECT_LE(wait, due);
    due = std::min(2 * due, 8 * second);
  }
  EXPECT_EQ(queue.due_ns(), UINT64_MAX);
}

TEST(DeliveryQueue, TwoPipelinesDoNotTryAtOnce) {
  DeliveryQueue one({}, 1);
  DeliveryQueue other({}, 2);
  for (DeliveryQueue* queue : {&one, &other}) {
    queue->push(notification("Gap"), 0);
    queue->note_failed("down", 0);
  }
  EXPECT_NE(one.due_ns(), other.due_ns());
}

TEST(DeliveryQueue, ATargetMayAskForMoreTime) {
  DeliveryQueue queue({.most_wait_ns = 60 * second}, 1);
  queue.push(notification("Gap"), 0);
  queue.note_failed("busy", 0, 30 * second);
  EXPECT_EQ(queue.due_ns(), 30 * second);
  queue.note_failed("busy", 0, 3'600 * second);  // Not for as long as it likes.
  EXPECT_EQ(queue.due_ns(), 60 * second);
}

TEST(DeliveryQueue, OrderIsKeptAndARefusalDoesNotHoldUpTheRest) {
  DeliveryQueue queue({}, 1);
  queue.push(notification("Gap"), 0);
  queue.push(notification("Gap", true), 0);
  queue.note_failed("down", 0);
  EXPECT_FALSE(queue.front().resolved);
  queue.note_refused("bad", second);
  EXPECT_TRUE(queue.front().resolved);
  EXPECT_EQ(queue.due_ns(), second);
  EXPECT_EQ(queue.last_error(), "bad");
  queue.note_delivered(second);
  EXPECT_EQ(queue.last_error(), "");
  EXPECT_EQ(queue.counters().sent, 1);
  EXPECT_EQ(queue.counters().failed, 1);
}

TEST(DeliveryQueue, AFullOneLetsGoWhatIsPointlessFirst) {
  DeliveryQueue queue({.most_waiting = 4}, 1);
  queue.push(notification("A"), 0);  // It may be on its way.
  queue.push(notification("B"), 0);
  queue.push(notification("C"), 0);
  queue.push(notification("C", true), 0);
  queue.push(notification("D"), 0);
  EXPECT_EQ(queue.counters().dropped, 1);
  std::vector<std::string> left;
  while (queue.size() != 0) {
    left.push_back(queue.front().alert.name + (queue.front().resolved ? "-" : "+"));
    queue.note_delivered(0);
  }
  EXPECT_THAT(left, ElementsAre("A+", "B+", "C-", "D+"));
}

// A target in this process: what it is asked is kept, what it answers is set.
class FakeClient final : public http::HttpClient {
 public:
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> bodies;
    std::function<Result<http::Answer>()> answer = [] { return http::Answer{.status = 202}; };

    bool wait_for(std::size_t count) {
      std::unique_lock lock(mutex);
      return changed.wait_for(lock, std::chrono::seconds(20), [&] { return bodies.size() >= count; });
    }
  };
  explicit FakeClient(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  Result<http::Answer> post(const http::Post& request, std::uint64_t) override {
    std::function<Result<http::Answer>()> answer;
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->bodies.push_back(request.body);
      answer = shared_->answer;
    }
    shared_->changed.notify_all();
    while (hangs && !stopped_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return answer();
  }
  void stop() override { stopped_ = true; }

  bool hangs = false;

 private:
  std::shared_ptr<Shared> shared_;
  std::atomic<bool> stopped_{false};
};

Target target(std::uint64_t repeat_ns = 0) {
  return {.name = "test",
          .write =
              [](const Notification& one) {
                return http::Post{.url = {.host = "h", .port = 1, .target = "/secret"},
                                  .body = key_of(one.alert) + (one.resolved ? "-" : "+")};
              },
          .repeat_ns = repeat_ns};
}

TEST(Deliver, WhatATargetSaysDecides) {
  const auto shared = std::make_shared<FakeClient::Shared>();
  FakeClient client(shared);
  const auto outcome = [&](Result<http::Answer> answer) {
    shared->answer = [answer] { return answer; };
    return deliver(target(), client, notification("Gap"), 1).outcome;
  };
  for (const unsigned fine : {200u, 202u, 204u}) EXPECT_EQ(outcome(http::Answer{fine}), Outcome::delivered);
  for (const unsigned later : {408u, 429u, 500u, 503u})
    EXPECT_EQ(outcome(http::Answer{later}), Outcome::try_again);
  for (const unsigned never : {301u, 400u, 401u, 404u})
    EXPECT_EQ(outcome(http::Answer{never}), Outcome::refused);
  EXPECT_EQ(outcome(fail(ErrorCode::io, "down")), Outcome::try_again);
  shared->answer = [] { return http::Answer{400, "bad \x1b[2J key", 0}; };
  const Delivery refused = deliver(target(), client, notification("Gap"), 1);
  EXPECT_THAT(refused.error, HasSubstr("http://h:1 answered 400: bad  [2J key"));
  EXPECT_THAT(refused.error, ::testing::Not(HasSubstr("secret")));
}

status::Status crossed_book(bool crossed) {
  status::Status status;
  status.version = "1";
  status.feed.state = "live";
  status.market.crossed = crossed;
  status.clock = {"chrony", true, 1, ""};
  return status;
}

TEST(Alerter, TellsOnceRepeatsWhereItHasToAndResolves) {
  os::ManualClock clock(1'000 * second, 10 * second);
  const auto shared = std::make_shared<FakeClient::Shared>();
  AlerterConfig config;
  config.timing = {.hold_ns = second, .resolve_ns = second};
  config.targets = {target(60 * second)};
  Alerter alerter(config, [&] { return std::make_unique<FakeClient>(shared); }, clock, [](const auto&) {});
  status::Status status = crossed_book(true);
  EXPECT_THAT(alerter.judge(status), IsEmpty());
  EXPECT_THAT(status.alerts, IsEmpty());
  clock.advance(second);
  status = crossed_book(true);
  EXPECT_EQ(alerter.judge(status).size(), 1u);
  EXPECT_EQ(status.alerts.at(0).name, "CrossedBook");
  ASSERT_TRUE(shared->wait_for(1));
  // Until it is done with that nothing is repeated.
  do {
    std::this_thread::yield();
    status = crossed_book(true);
    (void)alerter.judge(status);
  } while (status.alert_targets.at(0).waiting != 0);
  for (int i = 0; i < 10; ++i) {
    clock.advance(second);
    status = crossed_book(true);
    EXPECT_THAT(alerter.judge(status), IsEmpty());
  }
  clock.advance(60 * second);
  status = crossed_book(true);
  (void)alerter.judge(status);
  ASSERT_TRUE(shared->wait_for(2));
  clock.advance(second);
  status = crossed_book(false);
  EXPECT_EQ(alerter.judge(status).size(), 1u);
  ASSERT_TRUE(shared->wait_for(3));
  EXPECT_THAT(shared->bodies, ElementsAre("CrossedBook+", "CrossedBook+", "CrossedBook-"));
}

TEST(Alerter, ATargetThatHangsHoldsUpNobody) {
  const os::SystemClock clock;
  const auto shared = std::make_shared<FakeClient::Shared>();
  const auto working = std::make_shared<FakeClient::Shared>();
  AlerterConfig config;
  config.timing = {.hold_ns = 0, .resolve_ns = 0};
  config.delivery.most_waiting = 16;
  config.targets = {target(), target()};
  int made = 0;
  const auto make = [&]() -> std::unique_ptr<http::HttpClient> {
    auto client = std::make_unique<FakeClient>(made == 0 ? shared : working);
    client->hangs = made++ == 0;
    return client;
  };
  const std::uint64_t begin_ns = clock.monotonic_ns();
  {
    Alerter alerter(config, make, clock, [](const auto&) {});
    status::Status status;
    for (int i = 0; i < 1'000; ++i) {
      status = crossed_book(i % 2 == 0);
      (void)alerter.judge(status);
    }
    EXPECT_LE(status.alert_targets.at(0).waiting, 16u);
    EXPECT_GE(status.alert_targets.at(0).dropped, 900u);
    ASSERT_TRUE(working->wait_for(2));
  }
  EXPECT_LT(clock.monotonic_ns() - begin_ns, 10 * second);
}

}  // namespace
}  // namespace tapeline::alerting
