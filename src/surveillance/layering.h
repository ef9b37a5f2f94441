#pragma once

#include "surveillance/large_orders.h"

namespace tapeline::surveillance {

// Layering: as spoofing, with the large orders at several prices, so that a whole side of the book looks
// deeper than it is.
//
// Sources: Delegated Regulation (EU) 2016/522, Annex II section 1 ("submitting multiple or large orders to
// trade often away from the touch on one side of the order book in order to execute a trade on the other side
// of the order book. Once the trade has taken place, the orders with no intention to be executed shall be
// removed - usually known as layering and spoofing"); FINRA Rule 5210, Supplementary Material .03, type 1.
class Layering {
 public:
  explicit Layering(const Parameters& parameters) : parameters_(parameters) {}

  // True where it was told.
  template <class Books, class Out>
  bool process(const stream::Context& context, const book::OrderChange& change, const LargeOrderCase& found,
               const Typical& typical, const Books& books, Out& out) const {
    if (found.price_levels < parameters_.layering_levels) return false;
    const auto row = withdrawal_alert(Detector::layering, parameters_.layering_threshold, parameters_,
                                      context, change, found, typical, books);
    if (row) out.emit(*row);
    return row.has_value();
  }

 private:
  Parameters parameters_;
};

}  // namespace tapeline::surveillance
