#include "exchange/market_state.h"

#include "base/bytes.h"
#include "base/check.h"
#include "feed/itch50/decoder.h"
#include "feed/itch50/event_decoder.h"

namespace tapeline::exchange {

namespace {

// The kinds whose last message a snapshot repeats.
constexpr std::array<bool, 256> is_status = [] {
  std::array<bool, 256> table{};
  for (const char type : {'S', 'R', 'H', 'Y', 'h'}) table[static_cast<unsigned char>(type)] = true;
  return table;
}();

}  // namespace

MarketState::MarketState(const book::OrderBooksConfig& books) : books_(books) {}

void MarketState::apply(const feed::MessageBlock& block) {
  CHECK(block.first_sequence == next_sequence_);
  itch50::EventCursor cursor(block.bytes, Sequence{block.first_sequence}, block.capture_time);
  book::NullBookHandler nobody;
  while (const std::size_t count = cursor.decode(*batch_))
    books_.apply(std::span<const Event>(batch_->data(), count), nobody);
  keep_statuses(block);
  next_sequence_ += block.message_count;
}

void MarketState::keep_statuses(const feed::MessageBlock& block) {
  std::span<const std::byte> rest = block.bytes;
  while (rest.size() >= 2) {
    const std::size_t length = load_be<std::uint16_t>(rest.data());
    const std::byte* wire = rest.data() + 2;
    itch50::Message message;
    if (length > 0 && is_status[std::to_integer<unsigned char>(wire[0])] &&
        itch50::decode(wire, length, message) == itch50::DecodeStatus::ok)
      keep_status(message);
    rest = rest.subspan(2 + length);
  }
}

void MarketState::keep_status(const itch50::Message& message) {
  const std::size_t number = raw(message.header.locate);
  if (number >= securities_.size()) securities_.resize(number + 1);
  Security& security = securities_[number];
  switch (message.header.type) {
    case 'S':
      if (system_events_.size() < max_system_events) system_events_.push_back(message.system_event);
      break;
    case 'R': security.directory = message.stock_directory; break;
    case 'H': security.trading = message.trading_action; break;
    case 'Y': security.reg_sho = message.reg_sho; break;
    case 'h': security.operational_halt = message.operational_halt; break;
    default: break;
  }
}

void MarketState::reset() {
  books_.reset();
  securities_.clear();
  system_events_.clear();
  next_sequence_ = 1;
}

}  // namespace tapeline::exchange
