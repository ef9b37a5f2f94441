#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "event_log/journal/journal.h"
#include "feed/feed_log/feed_log.h"
#include "feed/itch50/encoder.h"
#include "os/posix/posix_file_system.h"
#include "os/simulated/simulated_file_system.h"
#include "trace/tracing.h"
#include "trace/waterfall.h"

namespace tapeline::trace {
namespace {

constexpr std::uint64_t us = 1'000;
constexpr std::uint64_t epoch_ns = 1'700'000'000'000'000'000;

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "trace_XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string name_of(std::uint64_t sequence) {
  return fmt::format("S{}", sequence % 5);
}

StageRecord record_of(Stage stage, std::uint64_t from, std::uint32_t count, std::uint64_t began_ns,
                      std::uint64_t ended_ns) {
  StageRecord record;
  record.stage = stage;
  record.from = from;
  record.count = count;
  record.began_ns = began_ns;
  record.middle_ns = (began_ns + ended_ns) / 2;
  record.ended_ns = ended_ns;
  record.oldest_captured_ns = began_ns - 10 * us;
  return record;
}

TEST(FlightRecorder, KeepsTheLatestAndFindsThemByOffset) {
  auto recorder = FlightRecorder::create("", 8, {});
  ASSERT_TRUE(recorder);
  const FlightReader reader(**recorder);
  EXPECT_FALSE(reader.find_offset(0));
  for (std::uint64_t i = 0; i < 100; ++i)
    (*recorder)->record(record_of(Stage::worker, i * 10, 10, epoch_ns + i, epoch_ns + i + 5));
  EXPECT_EQ(reader.written(), 100u);
  EXPECT_EQ(reader.oldest(), 93u);
  EXPECT_FALSE(reader.at(92)) << "it may be overwritten at any moment";
  EXPECT_FALSE(reader.at(100));
  EXPECT_EQ(reader.at(99)->from, 990u);
  for (std::uint64_t offset = 930; offset < 1000; ++offset)
    EXPECT_EQ(reader.find_offset(offset)->from, offset / 10 * 10);
  EXPECT_FALSE(reader.find_offset(929));
  EXPECT_FALSE(reader.find_offset(1000));
}

TEST(FlightRecorder, SkipsWhatNoBatchCovers) {
  auto recorder = FlightRecorder::create("", 8, {});
  ASSERT_TRUE(recorder);
  (*recorder)->record(record_of(Stage::worker, 0, 10, epoch_ns, epoch_ns));
  (*recorder)->record(record_of(Stage::worker, 20, 10, epoch_ns, epoch_ns));
  const FlightReader reader(**recorder);
  EXPECT_TRUE(reader.find_offset(9));
  EXPECT_FALSE(reader.find_offset(15));
  EXPECT_TRUE(reader.find_offset(20));
}

TEST(FlightRecorder, IsReadWholeWhileItIsWritten) {
  auto recorder = FlightRecorder::create("", 4, {});
  ASSERT_TRUE(recorder);
  const FlightReader reader(**recorder);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t i = 1; !stop.load(std::memory_order_relaxed); ++i) {
      StageRecord record;
      record.from = record.began_ns = record.middle_ns = record.ended_ns = i;
      record.oldest_captured_ns = record.first = record.last = i;
      (*recorder)->record(record);
    }
  });
  std::uint64_t seen = 0;
  for (int i = 0; i < 200'000 || seen < 1'000; ++i) {
    const std::uint64_t end = reader.written();
    if (end == 0) continue;
    const std::optional<StageRecord> record = reader.at(end - 1);
    if (!record) continue;
    ++seen;
    ASSERT_EQ(record->from, end);
    for (const std::uint64_t part : {record->began_ns, record->middle_ns, record->ended_ns,
                                     record->oldest_captured_ns, record->first, record->last})
      ASSERT_EQ(part, end);
  }
  stop = true;
  writer.join();
}

TEST(FlightRecorder, IsLeftBehindInItsFile) {
  const Folder folder;
  os::PosixFileSystem files;
  {
    auto recorders = Recorders::open(files, folder.path() + "/trace", 4);
    ASSERT_TRUE(recorders);
    auto worker = (*recorders)->make("worker-3", {.number = 3, .groups = {12, 4}, .key_groups = 48});
    ASSERT_TRUE(worker);
    (*worker)->record(record_of(Stage::worker, 5, 2, epoch_ns, epoch_ns + 7));
    ASSERT_TRUE((*recorders)->make("ingest"));
  }
  const Result<StageReaders> readers = open_readers(files, folder.path() + "/trace");
  ASSERT_TRUE(readers);
  ASSERT_EQ(readers->workers.size(), 1u);
  EXPECT_TRUE(readers->ingest);
  EXPECT_FALSE(readers->serve);
  EXPECT_EQ(readers->workers[0].header().number, 3);
  EXPECT_EQ(readers->workers[0].header().first_group, 12);
  EXPECT_EQ(readers->workers[0].at(0)->ended_ns, epoch_ns + 7);
  // The next run begins anew; who still reads the old file keeps it.
  auto again = Recorders::open(files, folder.path() + "/trace", 4);
  ASSERT_TRUE(again);
  EXPECT_TRUE(open_readers(files, folder.path() + "/trace")->workers.empty());
  EXPECT_EQ(readers->workers[0].at(0)->from, 5u);
}

TEST(FlightRecorder, RefusesAFileThatIsNone) {
  const Folder folder;
  os::PosixFileSystem files;
  for (const std::size_t size : {1u, 63u, 64u, 500u}) {
    const std::vector<std::byte> junk(size, std::byte{0x40});
    ASSERT_TRUE(os::replace_file(files, folder.path() + "/ingest.flight", junk));
    const Result<StageReaders> readers = open_readers(files, folder.path());
    ASSERT_FALSE(readers);
    EXPECT_EQ(readers.error().code, ErrorCode::corrupt);
  }
  EXPECT_TRUE(open_readers(files, folder.path() + "/none"));
}

TEST(Recorders, RecordNothingWhereNothingIsWanted) {
  os::PosixFileSystem files;
  auto recorders = Recorders::open(files, "", 0);
  ASSERT_TRUE(recorders);
  EXPECT_EQ(*(*recorders)->make("ingest"), nullptr);
  EXPECT_FALSE((*recorders)->readers().ingest);
}

TEST(Sampling, DrawsBySequence) {
  for (const std::uint64_t one_in : {1u, 2u, 64u, 4096u}) {
    for (std::uint64_t first = 1; first < 300; ++first)
      for (const std::uint64_t count : {0u, 1u, 2u, 63u, 200u}) {
        bool any = false;
        for (std::uint64_t i = first; i < first + count; ++i) any = any || is_sampled(i, one_in);
        EXPECT_EQ(may_hold_sample(first, first + count, one_in), any) << first << " " << count;
      }
  }
  EXPECT_TRUE(may_hold_sample(900, 1, 64)) << "a new session";
}

TEST(TraceIds, FollowFromTheMessage) {
  const TraceId id = trace_id_of(feed::SessionName("DAY1"), 7);
  // Written down: processes of different versions have to agree.
  EXPECT_EQ(hex(id), "eb2f54622aa30d666f1172a1f7b13f1d") << "the id of a message must never change";
  std::set<std::string> seen;
  for (std::uint64_t sequence = 0; sequence < 1'000; ++sequence)
    for (const char* session : {"DAY1", "DAY2"})
      seen.insert(hex(trace_id_of(feed::SessionName(session), sequence)));
  EXPECT_EQ(seen.size(), 2'000u);
  EXPECT_NE(span_id_of(id, "capture"), span_id_of(id, "operators"));
}

// A log of 100 messages in batches of 10, each message captured 1 us after the one before.
class TracingTest : public ::testing::Test, public SpanExporter {
 protected:
  TracingTest() : files_(1), journal_(files_, "data") {
    EXPECT_TRUE(journal_.create_topic("feed", {}));
    auto writer = journal_.open_writer("feed", 0);
    EXPECT_TRUE(writer);
    std::vector<std::byte> bytes;
    feed::FeedLogEncoder encoder;
    encoder.start_batch(bytes);
    encoder.on_session_started({feed::SessionName("DAY"), 1, CaptureTime{epoch_ns}});
    for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
      itch50::AddOrder add{};
      add.header = {'A', Locate{static_cast<std::uint16_t>(sequence % 5)}, 0, EventTime{sequence}};
      add.stock = Symbol(name_of(sequence));
      std::vector<std::byte> message(2 + itch50::AddOrder::wire_size + decode_padding);
      itch50::encode_framed(add, message.data());
      encoder.on_messages({std::span(message).first(2 + itch50::AddOrder::wire_size), sequence, 1,
                           CaptureTime{captured(sequence)}});
      if (sequence % 10 != 0) continue;
      event_log::NewBatch batch;
      batch.record_count = static_cast<std::uint32_t>(encoder.record_count());
      batch.first_time_ns = captured(sequence - 9);
      batch.last_time_ns = captured(sequence);
      EXPECT_TRUE((*writer)->append(batch, bytes));
      bytes.clear();
      encoder.start_batch(bytes);
    }
    recorders_ = *Recorders::open(files_, "", 64);
    ingest_ = *recorders_->make("ingest");
    // Two workers, each with half of the key groups.
    for (std::uint16_t i = 0; i < 2; ++i)
      workers_.push_back(*recorders_->make(
          i == 0 ? "worker-0" : "worker-1",
          {.number = i, .groups = {static_cast<std::uint16_t>(24 * i), 24}, .key_groups = 48}));
    lane_ = *recorders_->make("sink-1", {.number = 1});
    serve_ = *recorders_->make("serve");
    clients_ = *recorders_->make("clients");
    auto reader = journal_.open_reader("feed", 0);
    EXPECT_TRUE(reader);
    reader_ = std::move(*reader);
  }

  static std::uint64_t captured(std::uint64_t sequence) { return epoch_ns + sequence * us; }
  // The message of that sequence is at the offset of the same number: a session takes offset 0.
  void pass(std::uint64_t first, std::uint64_t end, std::uint64_t delay_ns) {
    const std::uint64_t began = captured(end - 1) + delay_ns;
    const auto count = static_cast<std::uint32_t>(end - first);
    StageRecord record = record_of(Stage::ingest, first, count, began, began + 4 * us);
    record.oldest_captured_ns = captured(first);
    record.first = first;
    record.last = end;
    ingest_->record(record);
    for (std::uint16_t i = 0; i < 2; ++i) {
      record = record_of(Stage::worker, first, count, began + 10 * us + i, began + 20 * us + i);
      record.oldest_captured_ns = captured(first);
      record.number = i;
      workers_[i]->record(record);
    }
    record = record_of(Stage::file_sink, first, count, began + 30 * us, began + 31 * us);
    record.number = 1;
    lane_->record(record);
    record = record_of(Stage::serve, first, count, began + 12 * us, began + 13 * us);
    record.oldest_captured_ns = captured(first);
    serve_->record(record);
    // A text that was made before the books had it, and one behind it.
    clients_->record(record_of(Stage::client, 0, static_cast<std::uint32_t>(first), began, began + 12 * us));
    record = record_of(Stage::client, first, count, began + 14 * us, began + 50 * us);
    record.first = 77;
    clients_->record(record);
  }
  Result<void> send(std::span<const Trace> traces) override {
    if (!works_) return fail(ErrorCode::io, "out of reach");
    sent_.insert(sent_.end(), traces.begin(), traces.end());
    return {};
  }
  Tracing tracing(const TracingConfig& config, Tracing::Own own = {}) {
    return {config, own, MessageLookup(std::move(reader_)), *this};
  }
  [[nodiscard]] StageReaders readers() const { return recorders_->readers(); }

  os::SimulatedFileSystem files_;
  event_log::journal::Journal journal_;
  std::unique_ptr<Recorders> recorders_;
  std::shared_ptr<FlightRecorder> ingest_;
  std::vector<std::shared_ptr<FlightRecorder>> workers_;
  std::shared_ptr<FlightRecorder> lane_;
  std::shared_ptr<FlightRecorder> serve_;
  std::shared_ptr<FlightRecorder> clients_;
  std::unique_ptr<event_log::Reader> reader_;
  bool works_ = true;
  std::vector<Trace> sent_;
};

TEST_F(TracingTest, FindsMessagesInTheLog) {
  MessageLookup lookup(std::move(reader_));
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
    const auto found = lookup.find(sequence, 0, 101);
    ASSERT_TRUE(found && *found) << sequence;
    EXPECT_EQ((*found)->sequence, sequence);
    EXPECT_EQ((*found)->offset, sequence);
    EXPECT_EQ((*found)->captured_ns, captured(sequence));
    EXPECT_EQ((*found)->session.view(), "DAY");
    EXPECT_EQ((*found)->type, 'A');
    EXPECT_EQ(raw((*found)->locate), sequence % 5);
    EXPECT_EQ((*found)->symbol.view(), name_of(sequence));
  }
  EXPECT_FALSE(*lookup.find(101, 0, 101));
  EXPECT_FALSE(*lookup.find(0, 0, 101));
  EXPECT_EQ((*lookup.at(0))->sequence, 1u) << "the first message behind a control record";
  std::vector<std::uint64_t> seen;
  ASSERT_TRUE(lookup.for_each(18, 23, [&](const LoggedMessage& message) {
    seen.push_back(message.sequence);
    return true;
  }));
  EXPECT_THAT(seen, ::testing::ElementsAre(18, 19, 20, 21, 22));
}

TEST_F(TracingTest, AssemblesEveryStage) {
  pass(1, 11, 5 * us);
  pass(11, 21, 5 * us);
  MessageLookup lookup(std::move(reader_));
  for (std::uint64_t sequence = 11; sequence < 16; ++sequence) {
    const LoggedMessage message = **lookup.at(sequence);
    const Trace trace = assemble(message, readers());
    const auto group = static_cast<stream::KeyGroup>(stream::KeyGroups::hash(sequence % 5) % 48);
    const bool second = raw(group) >= 24;
    std::vector<std::string_view> names{"capture", "log append", "operators", "rows append"};
    if (second) names.emplace_back("file sink");  // Only lane 1 has one here.
    names.insert(names.end(), {"serve books", "client send"});
    ASSERT_EQ(trace.spans.size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(trace.spans[i].name, names[i]);
    EXPECT_EQ(trace.spans[0].began_ns, captured(sequence)) << "of the message's own packet";
    const std::uint64_t began = captured(20) + 5 * us;
    EXPECT_EQ(trace.spans[0].ended_ns, began);
    EXPECT_EQ(trace.spans[1].ended_ns, began + 4 * us);
    EXPECT_EQ(trace.spans[2].number, second ? 1u : 0u) << "the worker that owns the symbol";
    EXPECT_EQ(trace.spans[2].ended_ns, trace.spans[3].began_ns);
    EXPECT_EQ(trace.spans.back().began_ns, began + 14 * us) << "the first text with the message";
    EXPECT_EQ(trace.spans.back().number, 77u);
  }
}

TEST_F(TracingTest, TracesWhatIsDrawnOnceAllStagesAreDone) {
  Tracing tracing = this->tracing({.sample_one_in = 16, .hold_ns = 1'000});
  tracing.turn(readers(), 1'000'000);
  for (std::uint64_t first = 1; first < 101; first += 10) pass(first, first + 10, 5 * us);
  tracing.turn(readers(), 1'000'500);
  EXPECT_TRUE(sent_.empty()) << "some stage may not be done";
  tracing.turn(readers(), 1'002'000);
  std::vector<std::uint64_t> sequences;
  for (const Trace& trace : sent_) {
    sequences.push_back(trace.message.sequence);
    EXPECT_FALSE(trace.slow);
    EXPECT_GE(trace.spans.size(), 6u);
  }
  EXPECT_THAT(sequences, ::testing::ElementsAre(16, 32, 48, 64, 80, 96));
  EXPECT_EQ(tracing.counters().sampled, 6u);
  EXPECT_EQ(tracing.counters().sent, 6u);
  tracing.turn(readers(), 1'009'000);
  EXPECT_EQ(sent_.size(), 6u) << "once";
}

TEST_F(TracingTest, WaitsForAStageThatIsBehindButNotForEver) {
  Tracing tracing = this->tracing({.sample_one_in = 16, .hold_ns = 1'000, .most_hold_ns = 50'000});
  tracing.turn(readers(), 1);
  StageRecord record = record_of(Stage::ingest, 11, 10, captured(20), captured(20) + us);
  record.first = 11;
  record.last = 21;
  ingest_->record(record);
  tracing.turn(readers(), 2);
  tracing.turn(readers(), 40'000);
  EXPECT_TRUE(sent_.empty()) << "the workers are not there yet";
  tracing.turn(readers(), 60'000);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].spans.size(), 2u) << "what is known";
}

TEST_F(TracingTest, TellsItsOwnPartOfWhatIsDrawn) {
  Tracing tracing = this->tracing({.sample_one_in = 16, .hold_ns = 0}, {.pipeline = false});
  tracing.turn(readers(), 1);
  pass(11, 21, 5 * us);
  tracing.turn(readers(), 2);
  ASSERT_EQ(sent_.size(), 1u);
  ASSERT_EQ(sent_[0].spans.size(), 2u);
  EXPECT_EQ(sent_[0].spans[0].name, "serve books");
}

TEST_F(TracingTest, TracesASlowMessageAfterTheFact) {
  Tracing tracing = this->tracing({.slow_ns = 100 * us, .hold_ns = 0});
  tracing.turn(readers(), 1);
  pass(1, 11, 5 * us);
  tracing.turn(readers(), 2);
  EXPECT_TRUE(sent_.empty());
  pass(11, 21, 95 * us);
  tracing.turn(readers(), 3);
  ASSERT_EQ(sent_.size(), 1u) << "late at every stage, traced once";
  EXPECT_TRUE(sent_[0].slow);
  EXPECT_EQ(sent_[0].message.sequence, 11u) << "the oldest";
  EXPECT_GE(sent_[0].spans.size(), 6u);
}

TEST_F(TracingTest, BoundsSlowTracesAndCountsTheRest) {
  Tracing tracing = this->tracing({.slow_ns = 1, .slow_per_second = 3, .hold_ns = 0});
  tracing.turn(readers(), 1);
  for (std::uint64_t first = 1; first < 101; first += 10) pass(first, first + 10, 5 * us);
  tracing.turn(readers(), 2);
  EXPECT_EQ(tracing.counters().slow, 3u);
  EXPECT_GT(tracing.counters().slow_untraced, 0u);
  EXPECT_EQ(sent_.size(), 3u);
}

TEST_F(TracingTest, KeepsTracesWhileNobodyTakesThemUpToABound) {
  Tracing tracing = this->tracing({.sample_one_in = 8, .most_waiting = 5, .hold_ns = 0});
  tracing.turn(readers(), 1);
  works_ = false;
  pass(1, 31, 5 * us);
  tracing.turn(readers(), 2);
  EXPECT_EQ(tracing.counters().failure, "out of reach");
  pass(31, 101, 5 * us);
  tracing.turn(readers(), 3);
  EXPECT_EQ(tracing.counters().sampled, 12u);
  EXPECT_EQ(tracing.counters().dropped, 7u);
  works_ = true;
  tracing.turn(readers(), 4);
  EXPECT_TRUE(sent_.empty()) << "not at once";
  tracing.turn(readers(), 2'000'000'000);
  EXPECT_EQ(sent_.size(), 5u);
  EXPECT_TRUE(tracing.counters().failure.empty());
}

TEST_F(TracingTest, CountsWhatWasOverwritten) {
  Tracing tracing = this->tracing({.sample_one_in = 1, .most_waiting = 1, .hold_ns = 0});
  tracing.turn(readers(), 1);
  for (int i = 0; i < 100; ++i) ingest_->record(record_of(Stage::ingest, 1, 1, epoch_ns, epoch_ns));
  tracing.turn(readers(), 2);
  EXPECT_EQ(tracing.counters().missed_records, 37u);
}

TEST_F(TracingTest, DrawsAWaterfall) {
  pass(11, 21, 5 * us);
  MessageLookup lookup(std::move(reader_));
  const Trace trace = assemble(**lookup.at(12), readers());
  const std::string text = draw_waterfall(trace, "S2", {.width = 100});
  EXPECT_THAT(text, ::testing::HasSubstr("message 12 of session DAY"));
  EXPECT_THAT(text, ::testing::HasSubstr("client 77"));
  std::size_t lines = 0;
  std::size_t last = 0;
  for (std::size_t at = text.find("capture"); at != std::string::npos; at = text.find('\n', at + 1)) ++lines;
  EXPECT_EQ(lines, trace.spans.size() + 1);
  // Bars go to the right with the stages.
  for (const char* name : {"capture", "serve books", "client send"}) {
    const std::string line = text.substr(text.find(name), text.find('\n', text.find(name)) - text.find(name));
    const std::size_t bar = line.find_first_of("\xE2");
    ASSERT_NE(bar, std::string::npos) << line;
    EXPECT_GE(bar, last);
    last = bar;
  }
  EXPECT_THAT(draw_waterfall(Trace{trace.message, trace.id, false, {}}, "", {}),
              ::testing::HasSubstr("no stage remembers it"));
}

}  // namespace
}  // namespace tapeline::trace
