#include "evidence/collection.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "evidence/survey.h"
#include "stream/state.h"

namespace tapeline::evidence {

namespace {

using surveillance::AlertRow;

class Searcher {
 public:
  explicit Searcher(std::size_t most) : most_(most) {}

  void on_new_session(const feed::SessionName& session) { session_ = session; }
  template <class From>
  void on_message(const From&, const Event&, std::span<const std::byte>, std::uint64_t) {}
  template <class From>
  void on_applied(const From&, const Event&) {}
  void on_alert(const AlertRow& row) {
    if (found_.alerts.size() < most_)
      found_.alerts.push_back({row, session_});
    else
      ++found_.left_out;
  }
  [[nodiscard]] bool wants_more() const { return true; }
  AlertSearch take() { return std::move(found_); }

 private:
  std::size_t most_;
  feed::SessionName session_{""};
  AlertSearch found_;
};

// Records the messages of each wanted alert's symbol, from the first of its pattern to the one that completed
// it.
class Recorder {
 public:
  Recorder(const CollectionRequest& request, const std::function<Result<void>(const Bundle&)>& take)
      : request_(request), take_(take), parameters_(parameters_text(request.parameters)) {
    for (const FoundAlert& alert : request.alerts)
      wanted_[{alert.session, alert.row.locate}].push_back({.row = alert.row});
    for (auto& [key, recordings] : wanted_)
      std::ranges::stable_sort(recordings, {}, [](const Recording& one) { return one.row.first_sequence; });
  }

  [[nodiscard]] std::bitset<65'536> keys() const {
    std::bitset<65'536> keys;
    for (const auto& [key, recordings] : wanted_) keys.set(raw(key.second));
    return keys;
  }

  void on_new_session(const feed::SessionName& session) { session_ = session; }
  template <class From>
  void on_message(const From& survey, const Event& event, std::span<const std::byte> wire,
                  std::uint64_t offset) {
    std::vector<Recording>* const recordings = of(event);
    if (recordings == nullptr) return;
    const Quality quality = survey.books().quality(event.locate);
    for (Recording& one : *recordings) {
      if (one.row.first_sequence > raw(event.sequence)) break;
      if (one.is_over || one.row.sequence < raw(event.sequence)) continue;
      if (!one.bundle) begin(one, survey, event, offset);
      if (quality != one.quality)
        one.bundle->items.push_back(
            {Item::Kind::quality, event.sequence, event.captured, {static_cast<std::byte>(quality)}});
      one.bundle->items.push_back(
          {Item::Kind::message, event.sequence, event.captured, {wire.begin(), wire.end()}});
      one.bundle->last_offset = offset;
    }
  }
  void on_alert(const AlertRow& row) {
    const auto found = wanted_.find({session_, row.locate});
    if (found == wanted_.end()) return;
    for (Recording& one : found->second) one.is_confirmed |= std::memcmp(&one.row, &row, sizeof row) == 0;
  }
  template <class From>
  void on_applied(const From& survey, const Event& event) {
    std::vector<Recording>* const recordings = of(event);
    if (recordings == nullptr) return;
    for (Recording& one : *recordings) {
      if (one.is_over || !one.bundle) continue;
      one.quality = survey.books().quality(event.locate);
      if (one.row.sequence > raw(event.sequence)) continue;
      // Where it did not come again, a later session of the same name may have it.
      one.is_over = one.is_confirmed;
      if (one.is_confirmed && !failure_) {
        if (Result<void> done = take_(*one.bundle); !done) failure_ = done.error();
        ++collected_;
      }
      one.bundle.reset();
    }
    // Those that are over stand at the front, mostly.
    while (!recordings->empty() && recordings->front().is_over) recordings->erase(recordings->begin());
  }

  [[nodiscard]] bool wants_more() const { return collected_ < request_.alerts.size() && !failure_; }
  [[nodiscard]] std::uint64_t collected() const { return collected_; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  struct Recording {
    AlertRow row;
    std::optional<Bundle> bundle = std::nullopt;  // While it records.
    Quality quality = Quality::good;              // Of the book behind the last message.
    bool is_confirmed = false;                    // The alert came again.
    bool is_over = false;
  };

  std::vector<Recording>* of(const Event& event) {
    const auto found = wanted_.find({session_, event.locate});
    return found == wanted_.end() ? nullptr : &found->second;
  }
  template <class From>
  void begin(Recording& one, const From& survey, const Event& event, std::uint64_t offset) {
    stream::StateWriter state;
    survey.books().save_book(event.locate, state);
    survey.detectors().save_key(event.locate, state);
    one.bundle = Bundle{.program = request_.program,
                        .detectors_version = surveillance::detectors_version,
                        .source = request_.source,
                        .first_offset = offset,
                        .last_offset = offset,
                        .session = session_,
                        .parameters = parameters_,
                        .alert = one.row,
                        .state = {state.bytes().begin(), state.bytes().end()},
                        .items = {}};
    one.quality = survey.books().quality(event.locate);
  }

  const CollectionRequest& request_;
  const std::function<Result<void>(const Bundle&)>& take_;
  std::string parameters_;
  std::map<std::pair<feed::SessionName, Locate>, std::vector<Recording>> wanted_;
  feed::SessionName session_{""};
  std::uint64_t collected_ = 0;
  std::optional<Error> failure_;
};

}  // namespace

Result<AlertSearch> search_alerts(const FeedDrive& drive, const surveillance::Parameters& parameters,
                                  std::size_t most) {
  Searcher searcher(most);
  const auto survey = std::make_unique<Survey<Searcher>>(parameters, searcher);
  if (Result<void> done = drive(*survey); !done) return std::unexpected(done.error());
  AlertSearch found = searcher.take();
  found.messages = survey->messages();
  return found;
}

Result<std::uint64_t> collect(const FeedDrive& drive, const CollectionRequest& request,
                              const std::function<Result<void>(const Bundle&)>& take) {
  if (request.alerts.empty()) return 0;
  Recorder recorder(request, take);
  const auto survey = std::make_unique<Survey<Recorder>>(request.parameters, recorder);
  survey->keep_only(recorder.keys());
  if (Result<void> done = drive(*survey); !done) return std::unexpected(done.error());
  if (recorder.failure()) return std::unexpected(*recorder.failure());
  return recorder.collected();
}

}  // namespace tapeline::evidence
