#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "event_log/journal/journal.h"
#include "event_log/journal/segment.h"
#include "os/simulated/simulated_file_system.h"

namespace tapeline::event_log::journal::testing {

inline constexpr std::uint64_t second_ns = 1'000'000'000;

inline std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A journal on a simulated disk. Times are in seconds.
class JournalTest : public ::testing::Test {
 protected:
  static constexpr std::string_view data = "/data";

  explicit JournalTest(std::uint64_t seed = 1) : files_(seed) {}

  void create(const TopicOptions& options = {}, const std::string& topic = "feed") {
    const Result<void> created = journal_->create_topic(topic, options);
    ASSERT_TRUE(created.has_value()) << created.error().message;
  }
  // What another process sees: the same disk, nothing else shared.
  void restart() { journal_ = std::make_unique<Journal>(files_, std::string(data)); }

  std::unique_ptr<Writer> writer(const std::string& topic = "feed", std::uint32_t partition = 0) {
    Result<std::unique_ptr<Writer>> opened = journal_->open_writer(topic, partition);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  std::unique_ptr<Reader> reader(const std::string& topic = "feed", std::uint32_t partition = 0) {
    Result<std::unique_ptr<Reader>> opened = journal_->open_reader(topic, partition);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }

  static Result<Offset> try_append(Writer& to, std::string_view text, std::uint64_t time_s = 1,
                                   std::uint32_t records = 1) {
    NewBatch batch{.record_count = records, .kind = 7};
    batch.first_time_ns = batch.last_time_ns = time_s * second_ns;
    return to.append(batch, std::as_bytes(std::span(text)));
  }
  static Offset append(Writer& to, std::string_view text, std::uint64_t time_s = 1,
                       std::uint32_t records = 1) {
    const Result<Offset> appended = try_append(to, text, time_s, records);
    EXPECT_TRUE(appended.has_value()) << appended.error().message;
    return appended.value_or(Offset{});
  }

  // "OFFSET:TEXT" of the next batch with "+N" in front where N records were missed, "-" where there is none,
  // the error's message where it fails.
  static std::string next(Reader& from) {
    const Result<std::optional<Batch>> batch = from.next();
    if (!batch) return batch.error().message;
    if (!*batch) return "-";
    const std::string missed = (*batch)->missed > 0 ? "+" + std::to_string((*batch)->missed) + " " : "";
    return missed + std::to_string((*batch)->first.value) + ":" + text_of((*batch)->payload);
  }
  // All that there is now.
  static std::vector<std::string> rest(Reader& from) {
    std::vector<std::string> texts;
    for (std::string text = next(from); text != "-"; text = next(from)) {
      texts.push_back(text);
      if (texts.size() > 1 && texts.back() == texts[texts.size() - 2]) break;  // An error that stays.
    }
    return texts;
  }
  std::vector<std::string> everything() { return rest(*reader()); }

  [[nodiscard]] std::string folder(const std::string& topic = "feed") const {
    return std::string(data) + "/" + topic + "/0";
  }
  std::vector<std::uint64_t> segments(const std::string& topic = "feed") {
    return list_segments(files_, folder(topic)).value();
  }
  std::string segment(std::uint64_t base) { return segment_path(folder(), base); }

  os::SimulatedFileSystem files_;
  std::unique_ptr<Journal> journal_ = std::make_unique<Journal>(files_, std::string(data));
};

}  // namespace tapeline::event_log::journal::testing
