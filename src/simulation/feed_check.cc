#include "simulation/feed_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "feed/feed_log/feed_log.h"
#include "pipeline/live/ingest.h"

namespace tapeline::simulation {

namespace {

class FeedChecker final : public feed::FeedConsumer {
 public:
  explicit FeedChecker(const Published& published) : published_(published) {}

  void on_session_started(const feed::SessionStarted& item) override {
    leave();
    const std::optional<std::size_t> found = published_.find(item.session);
    if (!found) return note(fmt::format("the session {} was never published", item.session.view()));
    if (session_ && *found <= *session_)
      return note(fmt::format("the session {} comes again", item.session.view()));
    findings.missed_sessions += *found - (session_ ? *session_ + 1 : 0);
    session_ = found;
    ++findings.sessions;
    next_ = item.next_sequence;
    ended_ = recovering_ = false;
    if (next_ != 1) note("a session does not begin at its first message");
  }

  void on_messages(const feed::MessageBlock& block) override {
    if (!may_go_on("messages", block.first_sequence)) return;
    if (recovering_) note("messages come in the middle of a recovery");
    const Published::Session& session = published_.sessions()[*session_];
    const std::uint64_t end = block.first_sequence + block.message_count;
    if (end > session.next_sequence()) return note("messages that were never published");
    std::span<const std::byte> rest = block.bytes;
    for (; next_ < end; ++next_) {
      const std::span<const std::byte> frame = session.frame(next_);
      if (rest.size() < frame.size() || !std::ranges::equal(rest.first(frame.size()), frame))
        return note("a message that is not the one that was published");
      rest = rest.subspan(frame.size());
    }
    if (!rest.empty()) note("bytes behind the last message of a block");
    findings.messages += block.message_count;
  }

  void on_gap_declared(const feed::GapDeclared& item) override {
    if (!may_go_on("a gap", item.from)) return;
    recovering_ = false;
    ++findings.gaps;
    if (item.to < item.from || item.to > published_.sessions()[*session_].next_sequence())
      return note("a gap over what was never published");
    findings.lost += item.to - item.from;
    next_ = item.to;
  }

  void on_recovery_started(const feed::RecoveryStarted& item) override {
    if (may_go_on("a recovery", item.at)) recovering_ = true;
  }

  void on_snapshot_messages(const feed::MessageBlock&) override {
    if (!recovering_) note("a snapshot that nobody asked for");
  }

  void on_snapshot_complete(const feed::SnapshotComplete& item) override {
    if (!recovering_ || !session_) return note("the end of a snapshot that nobody asked for");
    recovering_ = false;
    ++findings.snapshots;
    if (item.next_sequence < next_ || item.next_sequence > published_.sessions()[*session_].next_sequence())
      return note(fmt::format("a snapshot up to message {}", item.next_sequence));
    findings.replaced += item.next_sequence - next_;
    next_ = item.next_sequence;
  }

  void on_end_of_session(const feed::SessionEnded& item) override {
    if (!may_go_on("the end of the session", item.next_sequence)) return;
    ended_ = true;
    const Published::Session& session = published_.sessions()[*session_];
    if (!session.ended) return note("the end of a session that was never told");
    if (item.next_sequence != session.next_sequence()) note("the end of a session before its last message");
  }

  // All that is left is what nobody heard of.
  void leave() {
    if (session_) findings.unknown += published_.sessions()[*session_].next_sequence() - next_;
  }
  void finish() {
    leave();
    findings.missed_sessions += published_.sessions().size() - (session_ ? *session_ + 1 : 0);
  }
  void note(const std::string& what) {
    if (!findings.wrong.empty()) return;
    findings.wrong = fmt::format(
        "the feed's log has {} at offset {}, where message {} of session {} should be", what,
        findings.records, next_, session_ ? published_.sessions()[*session_].name.view() : "none");
  }

  FeedFindings findings;

 private:
  bool may_go_on(std::string_view what, std::uint64_t sequence) {
    if (!session_) return note(fmt::format("{} before any session", what)), false;
    if (ended_) return note(fmt::format("{} behind the end of the session", what)), false;
    if (sequence != next_) return note(fmt::format("{} at message {}", what, sequence)), false;
    return true;
  }

  const Published& published_;
  std::optional<std::size_t> session_;
  std::uint64_t next_ = 1;
  bool ended_ = false;
  bool recovering_ = false;
};

}  // namespace

FeedFindings check_feed(event_log::EventLog& log, const Published& published) {
  FeedChecker checker(published);
  const Result<std::unique_ptr<event_log::Reader>> reader = log.open_reader(pipeline::feed_topic, 0);
  const auto fail = [&](const Error& error) {
    checker.note(fmt::format("something that cannot be read ({})", error.message));
    return checker.findings;
  };
  if (!reader) return fail(reader.error());
  for (;;) {
    const Result<std::optional<event_log::Batch>> batch = (*reader)->next();
    if (!batch) return fail(batch.error());
    if (!*batch) break;
    if ((*batch)->first.value != checker.findings.records) checker.note("a hole");
    Result<feed::FeedLogCursor> cursor = feed::FeedLogCursor::open((*batch)->payload);
    if (!cursor) return fail(cursor.error());
    for (;;) {
      const Result<std::optional<feed::FeedRecord>> record = cursor->next();
      if (!record) return fail(record.error());
      if (!*record) break;
      feed::replay(**record, checker);
      checker.findings.records = (*batch)->first.value + cursor->record_count();
    }
  }
  checker.finish();
  return checker.findings;
}

}  // namespace tapeline::simulation
