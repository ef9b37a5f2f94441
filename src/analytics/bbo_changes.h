#pragma once

#include <array>

#include "book/book_types.h"
#include "market/quality.h"
#include "market/types.h"
#include "stream/operator.h"
#include "table/schema.h"

namespace tapeline::analytics {

// The best bid and offer after a message that changed its price or its size: L1. One row per message at most.
struct BboRow {
  std::uint64_t sequence;
  EventTime time;
  CaptureTime captured;
  std::uint64_t bid_size;
  std::uint64_t ask_size;
  Price bid_price;
  Price ask_price;
  Symbol symbol;
  Locate locate;
  Quality quality;
  std::array<std::uint8_t, 5> reserved = {};  // Rows go into logs and digests as bytes.
};
static_assert(sizeof(BboRow) == 64);

[[nodiscard]] const table::Schema& bbo_schema();

// Turns BBO changes of the books into rows. Stateless: the book holds the state.
class BboChanges {
 public:
  template <class Out>
  void process(const stream::Context& context, const Symbol& symbol, const book::Bbo& bbo, Out& out) {
    out.emit(BboRow{raw(context.sequence), context.time, context.captured, bbo.bid_shares, bbo.ask_shares,
                    bbo.bid, bbo.ask, symbol, context.key, context.quality});
  }
};

}  // namespace tapeline::analytics
