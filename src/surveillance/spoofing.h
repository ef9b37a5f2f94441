#pragma once

#include "surveillance/large_orders.h"

namespace tapeline::surveillance {

// Spoofing: one or more large orders at one or two prices near the best, an order of the other side trades
// while they stand, and they are withdrawn right behind it.
//
// Sources: Commodity Exchange Act section 4c(a)(5)(C) as amended by the Dodd-Frank Act ("bidding or offering
// with the intent to cancel the bid or offer before execution"); Regulation (EU) 596/2014 (MAR), Annex I
// A(f), and Delegated Regulation (EU) 2016/522, Annex II section 1; E. Lee, K. Eom, K. Park,
// "Microstructure-Based Manipulation: Strategic Behavior and Performance of Spoofing Traders", Journal of
// Financial Markets 16 (2013), whose orders are at least twice the usual size and are withdrawn after a trade
// of the other side.
class Spoofing {
 public:
  explicit Spoofing(const Parameters& parameters) : parameters_(parameters) {}

  // True where it was told.
  template <class Books, class Out>
  bool process(const stream::Context& context, const book::OrderChange& change, const LargeOrderCase& found,
               const Typical& typical, const Books& books, Out& out) const {
    if (found.price_levels >= parameters_.layering_levels) return false;
    const auto row = withdrawal_alert(Detector::spoofing, parameters_.spoofing_threshold, parameters_,
                                      context, change, found, typical, books);
    if (row) out.emit(*row);
    return row.has_value();
  }

 private:
  Parameters parameters_;
};

}  // namespace tapeline::surveillance
