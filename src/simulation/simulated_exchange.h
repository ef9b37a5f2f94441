#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "exchange/glimpse_service.h"
#include "exchange/publisher.h"
#include "simulation/event_queue.h"
#include "simulation/market_source.h"
#include "simulation/published.h"

namespace tapeline::simulation {

struct ExchangePlan {
  Market market;
  exchange::PublisherConfig publisher;
  exchange::GlimpseLimits glimpse;
  bool snapshots = true;  // Whether there is a service for them.
};

// The exchange of a run: publishes by the clock of the event queue, is restarted, and remembers what it sent.
class SimulatedExchange {
 public:
  using Send = std::function<void(exchange::Feed, std::span<const std::byte>)>;

  // The queue must outlive it.
  SimulatedExchange(EventQueue& events, const ExchangePlan& plan, std::uint64_t seed, Send send);

  void start();
  // It dies and another one takes its place, with another session, telling nobody of the end of this one.
  void restart();
  // The session ends, and with it the market.
  void finish();
  [[nodiscard]] bool is_over() const { return publisher_->is_over(); }
  // Publishing, and not between two sessions.
  [[nodiscard]] bool is_in_session() const { return !publisher_->last_session_ended_ns(); }

  [[nodiscard]] std::optional<std::span<const std::byte>> answer(std::span<const std::byte> request);
  // The other end of a connection to the snapshot service. It dies with a restart: see incarnation().
  [[nodiscard]] std::unique_ptr<exchange::ByteSession> make_session();
  void follow();
  [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }

  [[nodiscard]] const Published& published() const { return published_; }
  [[nodiscard]] std::uint64_t requests_served() const {
    return requests_served_before_ + publisher_->counters().requests_served;
  }

 private:
  void begin();
  void advance();
  void plan_advance();

  EventQueue& events_;
  ExchangePlan plan_;
  std::uint64_t seed_;
  Send send_;
  std::uint64_t incarnation_ = 0;
  std::uint64_t sessions_opened_ = 0;
  std::uint64_t requests_served_before_ = 0;
  bool finishing_ = false;
  std::unique_ptr<exchange::Publisher> publisher_;
  std::mutex mutex_;  // Of the snapshot service's contract; there is one thread.
  std::unique_ptr<exchange::GlimpseService> glimpse_;
  exchange::DatagramBatch batch_;
  Published published_;
};

}  // namespace tapeline::simulation
