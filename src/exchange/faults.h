#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "exchange/datagram_batch.h"
#include "simulator/rng.h"

namespace tapeline::exchange {

// A time during which one feed is silent, from the start of the exchange on.
struct Outage {
  Feed feed = Feed::b;
  std::uint64_t from_ns = 0;
  std::uint64_t until_ns = ~std::uint64_t{0};
};

// What goes wrong on the way, as probabilities of each packet of each feed.
struct Faults {
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;  // The packet goes out behind the next one.
  double delay = 0;    // The packet goes out `delay_ns` later.
  double corrupt = 0;  // The packet arrives damaged; see FaultInjector.
  std::uint64_t delay_ns = 5'000'000;
  std::optional<Outage> outage = std::nullopt;
  std::optional<std::uint64_t> session_change_ns =
      std::nullopt;  // A session ends after so long, and the next one begins.
};

// "loss=0.01,duplicate=0.01,one-feed-down=B": as `tapeline exchange --help` says.
[[nodiscard]] Result<Faults> parse_faults(std::string_view text);

struct FaultCounters {
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t delayed = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t suppressed = 0;  // While the feed was down.
  friend bool operator==(const FaultCounters&, const FaultCounters&) = default;
};

// The way of one feed. The same seed and packets give the same faults. A damaged packet is one that a careful
// receiver can tell: cut off, a count or a length that runs over its end, a header of other bytes. (On a real
// network, UDP's checksum turns any other damage into a loss.)
class FaultInjector {
 public:
  FaultInjector(const Faults& faults, Feed feed, std::uint64_t seed);

  // Puts the packet, which is stored in the batch, on its way: into the batch now or later, once, twice or
  // never. Adds at most max_entries_per_packet entries, and stores at most so many copies of it.
  void pass(std::span<const std::byte> packet, std::uint64_t now_ns, std::uint64_t since_start_ns,
            DatagramBatch& batch);
  // Adds delayed packets whose time has come while the batch has room.
  void release(std::uint64_t now_ns, DatagramBatch& batch);
  // When release() has something to do next.
  [[nodiscard]] std::optional<std::uint64_t> next_release_ns() const;

  [[nodiscard]] const FaultCounters& counters() const { return counters_; }

  static constexpr std::size_t max_entries_per_packet = 3;
  static constexpr std::size_t max_held = 4096;  // Beyond that, packets are not delayed.

 private:
  struct Held {
    std::uint64_t due_ns;
    std::vector<std::byte> bytes;
  };

  void add(const Held& held, DatagramBatch& batch);
  std::span<const std::byte> damage(std::span<const std::byte> packet, DatagramBatch& batch);

  Faults faults_;
  Feed feed_;
  simulator::Rng rng_;
  FaultCounters counters_;
  std::optional<Held> overtaken_;  // Goes out behind the next packet, or when it is due if none comes.
  std::deque<Held> held_;          // By due time: every delay is the same.
};

}  // namespace tapeline::exchange
