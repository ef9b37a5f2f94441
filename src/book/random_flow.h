#pragma once

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "book/event_makers.h"
#include "market/event.h"

namespace tapeline::book {

// What a RandomFlow is like. Weights are relative to each other.
struct FlowProfile {
  std::string_view name;
  unsigned locates = 4;
  std::size_t live_orders = 2'000;  // Adds outweigh removals below it, and the other way round above.
  std::uint32_t middle_ticks = 1'000'000;
  std::uint32_t spread_levels = 40;  // Prices lie so many steps around the middle.
  unsigned hot_level_percent = 0;    // Adds that go to one price of the side.
  unsigned bad_percent = 0;          // Events that contradict the book or the specification.
  unsigned status_permille = 0;      // Halts and resumptions.
  bool may_cross = false;
  // References: counted from `first_ref` in steps of `ref_step`; a step of 2^32 makes all lower halves equal.
  std::uint64_t first_ref = 1;
  std::uint64_t ref_step = 1;
  unsigned random_high_percent = 0;  // References that get a random upper half.
  bool collide_in_hash =
      false;  // References that the first multiplier of OrderIndex sends to the same place.
};

// An endless flow of events in which most refer to orders that rest. Deterministic by its seed.
class RandomFlow {
 public:
  RandomFlow(const FlowProfile& profile, std::uint64_t seed)
      : profile_(profile), random_(seed), ref_(profile.first_ref) {}

  Event next();

 private:
  struct Live {
    Locate locate;
    std::uint64_t ref;
    Shares shares;
    char side;
  };

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool percent(unsigned chance) { return below(100) < chance; }
  Live& any_live() { return live_[below(live_.size())]; }
  Locate any_locate() { return Locate{static_cast<std::uint16_t>(1 + below(profile_.locates))}; }
  std::uint64_t new_ref();
  std::uint32_t price_for(char side);
  void forget(Live& order);

  Event good();
  Event add();
  Event reduce(Live& order);
  Event replace(Live& order);
  Event bad();
  Event bad_field(Live& order);
  Event other();

  FlowProfile profile_;
  std::mt19937_64 random_;
  std::uint64_t ref_;
  std::uint64_t sequence_ = 0;
  std::vector<Live> live_;
};

}  // namespace tapeline::book
