#include "simulation/simulated_exchange.h"

#include <fmt/format.h>

#include "base/check.h"

namespace tapeline::simulation {

SimulatedExchange::SimulatedExchange(EventQueue& events, const ExchangePlan& plan, std::uint64_t seed,
                                     Send send)
    : events_(events), plan_(plan), seed_(seed), send_(std::move(send)), batch_(64) {
  begin();
}

void SimulatedExchange::begin() {
  exchange::PublisherConfig config = plan_.publisher;
  config.session = feed::SessionName(fmt::format("X{:03}000001", incarnation_ % 1000));
  publisher_ = std::make_unique<exchange::Publisher>(
      config, [this](std::uint64_t) -> Result<std::unique_ptr<feed::MessageSource>> {
        return std::make_unique<MarketSource>(plan_.market, seed_, sessions_opened_++);
      });
  if (plan_.snapshots)
    glimpse_ = std::make_unique<exchange::GlimpseService>(*publisher_, mutex_, plan_.glimpse);
  if (finishing_) publisher_->finish();
}

void SimulatedExchange::start() {
  advance();
}

void SimulatedExchange::restart() {
  requests_served_before_ += publisher_->counters().requests_served;
  ++incarnation_;
  glimpse_.reset();
  begin();
  advance();
}

void SimulatedExchange::finish() {
  finishing_ = true;
  publisher_->finish();
  advance();
}

void SimulatedExchange::advance() {
  batch_.clear();
  const Result<void> done =
      publisher_->advance({.monotonic_ns = events_.now_ns(), .realtime_ns = events_.now_ns()}, batch_);
  CHECK(done.has_value());
  for (const exchange::DatagramBatch::Entry& entry : batch_.entries()) {
    if (entry.feed == exchange::Feed::a) published_.add(entry.payload);
    send_(entry.feed, entry.payload);
  }
  plan_advance();
}

void SimulatedExchange::plan_advance() {
  if (publisher_->is_over()) return;
  events_.at(std::max(publisher_->next_deadline_ns(), events_.now_ns() + 1),
             [this, incarnation = incarnation_, finishing = finishing_] {
               // One chain of events: a restart and the finish begin a new one.
               if (incarnation == incarnation_ && finishing == finishing_) advance();
             });
}

std::optional<std::span<const std::byte>> SimulatedExchange::answer(std::span<const std::byte> request) {
  return publisher_->answer(request, events_.now_ns());
}

std::unique_ptr<exchange::ByteSession> SimulatedExchange::make_session() {
  CHECK(glimpse_ != nullptr);
  return glimpse_->make_session(events_.now_ns());
}

void SimulatedExchange::follow() {
  while (glimpse_->follow()) {
  }
}

}  // namespace tapeline::simulation
