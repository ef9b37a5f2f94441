#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "feed/itch50/messages.h"

namespace tapeline::simulator {

// A plain reader of the feed for tests, which shares no code with the generator: std::map books that are
// rebuilt message by message, and a list of everything that a real feed could not contain.
class FeedChecker {
 public:
  struct Resting {
    std::uint16_t locate;
    char side;
    std::uint32_t shares;
    std::uint32_t price;
    std::uint64_t added_ns;
  };
  struct Book {
    std::map<std::uint32_t, std::deque<std::uint64_t>> bids;  // References, first in first.
    std::map<std::uint32_t, std::deque<std::uint64_t>> asks;
    char state = ' ';
  };

  // Whole messages behind their lengths.
  void take_block(std::span<const std::byte> block);

  std::uint64_t messages = 0;
  std::array<std::uint64_t, 256> counts{};
  std::map<std::uint64_t, std::uint64_t> by_half_hour;
  std::unordered_map<std::uint64_t, Resting> orders;
  std::map<std::uint16_t, Book> books;
  std::vector<std::string> complaints;  // The first twenty.
  std::string events;                   // The codes of the system events in their order.
  std::uint64_t out_of_volume_in_auctions = 0;
  std::vector<std::uint64_t> lifetimes_ns;
  // The sequence number at which each reference was added and deleted.
  std::unordered_map<std::uint64_t, std::uint64_t> added_at;
  std::unordered_map<std::uint64_t, std::uint64_t> deleted_at;

  [[nodiscard]] std::uint64_t shares_at(const std::deque<std::uint64_t>& queue) const;

 private:
  void take(const std::byte* m, std::size_t size);
  void add(std::uint16_t locate, std::uint64_t ref, char side, std::uint32_t shares, std::uint32_t price);
  void reduce(std::uint16_t locate, std::uint64_t ref, std::uint32_t shares, bool trade);
  void remove(std::uint16_t locate, std::uint64_t ref);
  void replace(std::uint16_t locate, const std::byte* m);
  void match(std::uint64_t number);
  void complain(const std::string& what);
  std::deque<std::uint64_t>& queue_of(const Resting& order);
  void leave_queue(std::uint64_t ref, const Resting& order);

  std::uint64_t now_ns_ = 0;
  std::uint64_t last_ref_ = 0;
  std::uint64_t last_match_ = 0;
};

}  // namespace tapeline::simulator
