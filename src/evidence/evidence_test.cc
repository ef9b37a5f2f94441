// Evidence of a generated day with planted episodes: collected, sealed, opened, played again; and whatever is
// done to it shows.

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "evidence/bundle.h"
#include "evidence/collection.h"
#include "evidence/format.h"
#include "evidence/replay.h"
#include "simulator/market_simulator.h"

namespace tapeline::evidence {
namespace {

std::string write_day() {
  simulator::Config config;
  config.messages = 300'000;
  config.symbols = 60;
  config.spoofing = 0;
  config.episodes = {6, 6, 6, 6, 6, 6, 6};
  simulator::MarketSimulator simulator(config);
  std::string path = testing::TempDir() + "evidence_test.itch";
  std::ofstream file(path, std::ios::binary);
  for (std::span<const std::byte> block = simulator.next_block(); !block.empty();
       block = simulator.next_block())
    file.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(block.size()));
  return path;
}

struct Collected {
  AlertSearch search;
  std::vector<Bundle> bundles;
  std::vector<std::vector<std::byte>> files;
};

// Once for all tests.
const Collected& collected() {
  static const Collected made = [] {
    Collected all;
    const FeedDrive drive = drive_file(write_day());
    Result<AlertSearch> found = search_alerts(drive, {});
    EXPECT_TRUE(found) << found.error().message;
    all.search = std::move(*found);
    const CollectionRequest request{{}, "1.2.3", "evidence_test.itch", all.search.alerts};
    const Result<std::uint64_t> count = collect(drive, request, [&](const Bundle& bundle) -> Result<void> {
      const Result<std::vector<std::byte>> file = seal(bundle);
      if (!file) return std::unexpected(file.error());
      all.bundles.push_back(bundle);
      all.files.push_back(*file);
      return {};
    });
    EXPECT_TRUE(count) << count.error().message;
    EXPECT_EQ(*count, all.search.alerts.size());
    return all;
  }();
  return made;
}

TEST(Evidence, OfEveryAlertComesToTheSameAlert) {
  const Collected& all = collected();
  ASSERT_GE(all.files.size(), 12u);
  std::array<int, surveillance::detector_count> of{};
  for (const std::vector<std::byte>& file : all.files) {
    const Result<Bundle> bundle = open_bundle(file);
    ASSERT_TRUE(bundle) << bundle.error().message;
    const Result<Replay> replayed = replay(*bundle);
    ASSERT_TRUE(replayed) << replayed.error().message;
    EXPECT_EQ(std::memcmp(&replayed->alert, &bundle->alert, sizeof bundle->alert), 0);
    EXPECT_EQ(raw(bundle->items.back().sequence), bundle->alert.sequence);
    EXPECT_LE(raw(bundle->items.front().sequence), bundle->alert.first_sequence);
    ++of[static_cast<std::size_t>(bundle->alert.detector)];
  }
  for (std::size_t i = 0; i < of.size(); ++i) EXPECT_GT(of[i], 0) << surveillance::detector_names[i];
}

TEST(Evidence, TellsTheLifeOfTheOrders) {
  for (const Bundle& bundle : collected().bundles) {
    const auto detector = bundle.alert.detector;
    if (detector != surveillance::Detector::spoofing && detector != surveillance::Detector::layering)
      continue;
    const Result<Replay> replayed = replay(bundle);
    ASSERT_TRUE(replayed);
    std::uint64_t withdrawn = 0;
    for (const OrderStory& order : replayed->orders)
      if (surveillance::side_code(order.side) == bundle.alert.side) withdrawn += order.withdrawn;
    EXPECT_GE(withdrawn, bundle.alert.shares);
    std::uint64_t traded = 0;
    for (const TradeStory& trade : replayed->trades) traded += trade.shares;
    EXPECT_GE(traded, bundle.alert.other_shares);
    EXPECT_FALSE(replayed->before.bids.empty());
    EXPECT_FALSE(replayed->after.asks.empty());
  }
}

TEST(Evidence, OpensToWhatWasSealed) {
  const Collected& all = collected();
  for (std::size_t i = 0; i < all.files.size(); ++i) {
    const Result<Bundle> bundle = open_bundle(all.files[i]);
    ASSERT_TRUE(bundle);
    EXPECT_EQ(bundle->program, "1.2.3");
    EXPECT_EQ(bundle->source, "evidence_test.itch");
    EXPECT_EQ(bundle->items.size(), all.bundles[i].items.size());
    EXPECT_EQ(bundle->last_offset, 0u);  // Of a file.
    EXPECT_EQ(seal(*bundle), all.files[i]);
  }
}

TEST(Evidence, RefusesAnyByteThatWasChanged) {
  const std::vector<std::byte>& sound = collected().files.front();
  std::vector<std::byte> file = sound;
  for (std::size_t at = 0; at < file.size(); at += at < 512 || at + 64 > file.size() ? 1 : 37) {
    file[at] ^= std::byte{0x40};
    const Result<Bundle> bundle = open_bundle(file);
    ASSERT_FALSE(bundle) << "byte " << at;
    EXPECT_EQ(bundle.error().code, ErrorCode::corrupt);
    file[at] = sound[at];
  }
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{71}, std::size_t{103}, file.size() - 1}) {
    EXPECT_FALSE(open_bundle(std::span(file).first(size)));
  }
  file.push_back(std::byte{0});
  EXPECT_FALSE(open_bundle(file));
}

// The seal is right, and what it seals is not what happened.
TEST(Evidence, RefusesAStoryThatDoesNotComeToTheAlert) {
  const auto comes_out = [](const Bundle& bundle) {
    const Result<std::vector<std::byte>> file = seal(bundle);
    EXPECT_TRUE(file);
    const Result<Bundle> opened = open_bundle(*file);
    return opened && replay(*opened);
  };
  const Bundle& sound = collected().bundles.front();
  EXPECT_TRUE(comes_out(sound));
  Bundle score = sound;
  score.alert.score += 1;
  EXPECT_FALSE(comes_out(score));
  Bundle shorter = sound;
  shorter.items.pop_back();
  EXPECT_FALSE(comes_out(shorter));
  Bundle without_state = sound;
  without_state.state.clear();
  EXPECT_FALSE(comes_out(without_state));
  Bundle other_symbol = sound;
  other_symbol.items.front().bytes[2] ^= std::byte{1};
  EXPECT_FALSE(comes_out(other_symbol));
  Bundle parameters = sound;
  parameters.parameters = "[surveillance]\nstuffing_pane_ms = 0\n";
  EXPECT_FALSE(comes_out(parameters));
}

TEST(Evidence, SaysWhenItIsOfOtherDetectors) {
  Bundle bundle = collected().bundles.front();
  ++bundle.detectors_version;
  const Result<Replay> replayed = replay(bundle);
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code, ErrorCode::unsupported);
  EXPECT_NE(replayed.error().message.find("1.2.3"), std::string::npos);
}

TEST(Evidence, KeepsParametersExactly) {
  surveillance::Parameters parameters;
  parameters.large_order_ratio = 7.1;
  parameters.layering_levels = 5;
  parameters.cooldown_ms = 1.0 / 3;
  const Result<surveillance::Parameters> read = parameters_of(parameters_text(parameters));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, parameters);
}

// A gap in the middle of the pattern: the book's quality is part of what is played again.
TEST(Evidence, CarriesTheQualityOfTheBook) {
  const std::string path = testing::TempDir() + "evidence_test.itch";
  const FoundAlert& wanted = collected().search.alerts.front();
  const FeedDrive whole = drive_file(path);
  // The same feed, and a gap of no messages right before the last message of the pattern.
  class WithGap final : public LoggedFeedConsumer {
   public:
    WithGap(LoggedFeedConsumer& to, std::uint64_t at) : to_(to), at_(at) {}
    void set_offset(std::uint64_t offset) override { to_.set_offset(offset); }
    void on_hole(const feed::FeedPosition& position) override { to_.on_hole(position); }
    void on_session_started(const feed::SessionStarted& item) override { to_.on_session_started(item); }
    void on_gap_declared(const feed::GapDeclared& item) override { to_.on_gap_declared(item); }
    void on_recovery_started(const feed::RecoveryStarted& item) override { to_.on_recovery_started(item); }
    void on_snapshot_messages(const feed::MessageBlock& block) override { to_.on_snapshot_messages(block); }
    void on_snapshot_complete(const feed::SnapshotComplete& item) override { to_.on_snapshot_complete(item); }
    void on_end_of_session(const feed::SessionEnded& item) override { to_.on_end_of_session(item); }
    void on_messages(const feed::MessageBlock& block) override {
      if (at_ < block.first_sequence || at_ >= block.first_sequence + block.message_count)
        return to_.on_messages(block);
      std::size_t size = 0;
      for (std::uint64_t i = block.first_sequence; i < at_; ++i)
        size += 2 + (std::to_integer<std::size_t>(block.bytes[size]) << 8) +
                std::to_integer<std::size_t>(block.bytes[size + 1]);
      const auto count = static_cast<std::uint32_t>(at_ - block.first_sequence);
      to_.on_messages({block.bytes.first(size), block.first_sequence, count, block.capture_time});
      to_.on_gap_declared({at_, at_, block.capture_time});
      to_.on_messages({block.bytes.subspan(size), at_, block.message_count - count, block.capture_time});
    }

   private:
    LoggedFeedConsumer& to_;
    std::uint64_t at_;
  };
  const FeedDrive drive = [&](LoggedFeedConsumer& consumer) {
    WithGap with_gap(consumer, wanted.row.sequence);
    return whole(with_gap);
  };
  Result<AlertSearch> found = search_alerts(drive, {});
  ASSERT_TRUE(found);
  std::erase_if(found->alerts, [&](const FoundAlert& alert) { return alert.row.id != wanted.row.id; });
  ASSERT_EQ(found->alerts.size(), 1u);
  EXPECT_EQ(found->alerts[0].row.quality, Quality::gapped);
  std::uint64_t played = 0;
  const CollectionRequest request{{}, "1.2.3", "", found->alerts};
  const Result<std::uint64_t> count = collect(drive, request, [&](const Bundle& bundle) -> Result<void> {
    const Result<Replay> replayed = replay(bundle);
    EXPECT_TRUE(replayed) << replayed.error().message;
    EXPECT_EQ(replayed->after.quality, Quality::gapped);
    ++played;
    return {};
  });
  ASSERT_TRUE(count);
  EXPECT_EQ(played, 1u);
}

}  // namespace
}  // namespace tapeline::evidence
