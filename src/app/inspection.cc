#include "app/inspection.h"

#include <fmt/format.h>

#include "terminal/drawing.h"

namespace tapeline::app {

Inspection::Inspection(const book::OrderBooks& books, Anomalies& anomalies)
    : books_(books), anomalies_(anomalies), activity_(65'536), seconds_(seconds_per_day + 1) {}

void Inspection::learn_symbol(SymbolActivity& activity, const Symbol& symbol) {
  activity.named = !symbol.view().empty();
  activity.symbol = symbol;
}

// Locate 0 is the market as a whole.
void Inspection::note_first_message(const Event& event) {
  if (raw(event.locate) == 0 || event.kind == EventKind::directory || event.kind >= EventKind::unknown)
    return;
  anomalies_.note(Anomaly::locate_without_directory, 1, raw(event.sequence));
}

void Inspection::on_status(const Event& event, const book::SymbolState&) {
  switch (event.kind) {
    case EventKind::system:
      if (system_events_.size() < most_listed) system_events_.push_back({event.time, event.code});
      break;
    case EventKind::circuit_breaker_status:
      if (circuit_breakers_.size() < most_listed) circuit_breakers_.push_back({event.time, event.code});
      break;
    case EventKind::directory: learn_symbol(activity_[raw(event.locate)], event.status.symbol); break;
    case EventKind::trading_action:
      if (!activity_[raw(event.locate)].named)
        learn_symbol(activity_[raw(event.locate)], event.status.symbol);
      note_trading_action(event, event.status.symbol);
      break;
    default: break;
  }
}

void Inspection::note_trading_action(const Event& event, const Symbol& symbol) {
  const auto open = open_halts_.find(raw(event.locate));
  if (event.code == 'H' || event.code == 'P') {
    if (open != open_halts_.end()) return;  // Of the same halt.
    ++halt_count_;
    if (halts_.size() == most_listed) return;
    open_halts_.emplace(raw(event.locate), halts_.size());
    halts_.push_back({symbol, event.time, event.code, event.status.reason, std::nullopt});
  } else if (event.code == 'T' && open != open_halts_.end()) {
    halts_[open->second].resumed = event.time;
    open_halts_.erase(open);
  }
}

void Inspection::compare_counters(const Event& event) {
  const book::BookCounters& now = books_.counters();
  const std::uint64_t message = raw(event.sequence);
  anomalies_.note(Anomaly::unknown_order, now.unknown_order - seen_.unknown_order, message);
  anomalies_.note(Anomaly::overfill, now.overfill - seen_.overfill, message);
  anomalies_.note(Anomaly::duplicate_reference, now.duplicate_ref - seen_.duplicate_ref, message);
  anomalies_.note(Anomaly::invalid_field, now.invalid_field - seen_.invalid_field, message);
  anomalies_.note(Anomaly::over_capacity, now.over_capacity - seen_.over_capacity, message);
  anomalies_.note(Anomaly::crossed_book, now.crossed - seen_.crossed, message);
  seen_ = now;
}

std::string system_event_words(char code) {
  switch (code) {
    case 'O': return "start of messages";
    case 'S': return "start of system hours";
    case 'Q': return "start of market hours";
    case 'M': return "end of market hours";
    case 'E': return "end of system hours";
    case 'C': return "end of messages";
    default: return fmt::format("unknown system event {}", terminal::printable(code));
  }
}

}  // namespace tapeline::app
