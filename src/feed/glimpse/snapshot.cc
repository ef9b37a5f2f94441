#include "feed/glimpse/snapshot.h"

#include "base/bytes.h"
#include "base/check.h"
#include "feed/glimpse/end_of_snapshot.h"

namespace tapeline::glimpse {

namespace detail {

void SnapshotWriter::put_order(const RestingOrder& order) {
  const itch50::Header header = {0, order.locate, order.tracking_number, order.entered};
  const char side = order.side == Side::bid ? 'B' : 'S';
  if (order.attribution.view().empty()) {
    put(itch50::AddOrder{header, order.ref, side, order.shares, order.stock, order.price});
  } else {
    put(itch50::AddOrderAttributed{header, order.ref, side, order.shares, order.stock, order.price,
                                   order.attribution});
  }
}

void SnapshotWriter::put_end(std::uint64_t next_sequence) {
  const auto message = encode_end_of_snapshot(next_sequence);
  const std::size_t at = snapshot.bytes.size();
  snapshot.bytes.resize(at + 2);
  store_be(snapshot.bytes.data() + at, static_cast<std::uint16_t>(message.size()));
  snapshot.bytes.insert(snapshot.bytes.end(), message.begin(), message.end());
  snapshot.next_sequence = next_sequence;
  ++snapshot.message_count;
}

}  // namespace detail

void SnapshotServerSession::start(const soupbintcp::LoginRequest& login,
                                  std::shared_ptr<const Snapshot> snapshot, const FixedText<10>& session_name,
                                  std::uint64_t now_ns) {
  CHECK(snapshot != nullptr);
  // 0 asks for the newest on; of a snapshot made just now that is the first.
  if (login.sequence > 1) return session_.reject(soupbintcp::RejectReason::no_such_session, now_ns);
  if (!login.session.view().empty() && login.session != session_name)
    return session_.reject(soupbintcp::RejectReason::no_such_session, now_ns);
  snapshot_ = std::move(snapshot);
  at_ = 0;
  session_.accept(session_name, 1, now_ns);
  pump(now_ns);
}

void SnapshotServerSession::pump(std::uint64_t now_ns) {
  if (snapshot_ == nullptr || !session_.is_open()) return;
  const std::span<const std::byte> bytes(snapshot_->bytes);
  while (at_ < bytes.size()) {
    const std::size_t length = load_be<std::uint16_t>(bytes.data() + at_);
    if (session_.room() < length) return;
    if (!session_.send(bytes.subspan(at_ + 2, length), now_ns)) return;
    at_ += 2 + length;
  }
}

}  // namespace tapeline::glimpse
