#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "feed/itch50/encoder.h"
#include "feed/soupbintcp/server_session.h"
#include "market/types.h"

namespace tapeline::glimpse {

// What there is to say of one security; headers are complete but for the type.
struct SecurityState {
  itch50::StockDirectory directory;
  std::optional<itch50::TradingAction> trading;
  std::optional<itch50::RegSho> reg_sho;
  std::optional<itch50::OperationalHalt> operational_halt;
};

struct RestingOrder {
  Locate locate;
  Side side;
  OrderRef ref;
  Shares shares;  // What is left of it.
  Symbol stock;
  Price price;
  Mpid attribution;   // Blank where there is none.
  EventTime entered;  // When it took its place in the queue.
  std::uint16_t tracking_number = 0;
};

// The books that a snapshot is of, as they stand between two messages of the feed. Whoever serves snapshots
// implements it; it must not change while a snapshot is made.
//   next_sequence()                number of the next message of the feed
//   system_events(f)               f(itch50::SystemEvent) for each so far, in order
//   securities(f)                  f(const SecurityState&)
//   orders(f)                      f(const RestingOrder&): the orders of one price level in the order of
//   their
//                                  queue; levels, sides and securities in any order
template <class S>
concept BookSource = requires(const S& source) {
  { source.next_sequence() } -> std::convertible_to<std::uint64_t>;
  source.system_events([](const itch50::SystemEvent&) {});
  source.securities([](const SecurityState&) {});
  source.orders([](const RestingOrder&) {});
};

// A whole snapshot, frozen: its messages behind their lengths, the end of snapshot among them. Shared by the
// sessions that send it.
struct Snapshot {
  std::uint64_t next_sequence = 0;
  std::uint64_t message_count = 0;
  std::vector<std::byte> bytes;
};

namespace detail {

class SnapshotWriter {
 public:
  template <class M>
  void put(const M& message) {
    const std::size_t at = snapshot.bytes.size();
    snapshot.bytes.resize(at + 2 + M::wire_size);
    itch50::encode_framed(message, snapshot.bytes.data() + at);
    ++snapshot.message_count;
  }
  void put_order(const RestingOrder& order);
  void put_end(std::uint64_t next_sequence);

  Snapshot snapshot;
};

}  // namespace detail

// System events, then each security's messages, then the orders, each as an add with the time it was
// entered: whoever applies them in order has every queue in its order.
template <BookSource Source>
[[nodiscard]] std::shared_ptr<const Snapshot> take_snapshot(const Source& source) {
  detail::SnapshotWriter writer;
  source.system_events([&writer](const itch50::SystemEvent& event) { writer.put(event); });
  source.securities([&writer](const SecurityState& security) {
    writer.put(security.directory);
    if (security.trading) writer.put(*security.trading);
    if (security.reg_sho) writer.put(*security.reg_sho);
    if (security.operational_halt) writer.put(*security.operational_halt);
  });
  source.orders([&writer](const RestingOrder& order) { writer.put_order(order); });
  writer.put_end(source.next_sequence());
  return std::make_shared<const Snapshot>(std::move(writer.snapshot));
}

// Serves one snapshot to one client. The caller owns the connection as with soupbintcp::ServerSession. When
// next() tells of a login, it takes or reuses a snapshot and calls start; then pump() whenever the output
// has been sent on, until the session is over.
class SnapshotServerSession {
 public:
  SnapshotServerSession(const soupbintcp::SessionLimits& limits, soupbintcp::ServerCounters& counters,
                        std::uint64_t now_ns)
      : session_(limits, counters, now_ns) {}

  [[nodiscard]] soupbintcp::ServerSession& session() { return session_; }

  // Answers the login; a client that asks for another message than the first is rejected.
  void start(const soupbintcp::LoginRequest& login, std::shared_ptr<const Snapshot> snapshot,
             const FixedText<10>& session_name, std::uint64_t now_ns);
  // Fills the output as far as there is room, so that no client counts as slow for a long snapshot. One that
  // does not read at all is dropped when heartbeats have filled what is left, after some twenty seconds.
  void pump(std::uint64_t now_ns);
  [[nodiscard]] bool is_sent() const { return snapshot_ != nullptr && at_ == snapshot_->bytes.size(); }

 private:
  soupbintcp::ServerSession session_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::size_t at_ = 0;
};

}  // namespace tapeline::glimpse
