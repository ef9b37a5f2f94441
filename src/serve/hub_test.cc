#include "serve/hub.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include <gtest/gtest.h>

#include "os/simulated/manual_clock.h"
#include "serve/test_binary_decoder.h"
#include "serve/test_feed.h"

namespace tapeline::serve {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t ms = 1'000'000;

// Clients whose sockets take a text when the test lets them.
class FakeNetwork final : public Network {
 public:
  [[nodiscard]] os::Endpoint endpoint() const override { return {}; }
  void send(ClientId client, Outgoing messages) override {
    std::vector<Outgoing>& waiting = sent[static_cast<std::uint64_t>(client)];
    waiting.push_back(std::move(messages));
    most_waiting = std::max(most_waiting, waiting.size());
  }
  void close(ClientId client, CloseCode code, std::string) override {
    closed[static_cast<std::uint64_t>(client)] = code;
  }
  [[nodiscard]] NetworkCounters counters() const override { return {}; }

  std::map<std::uint64_t, std::vector<Outgoing>> sent;
  std::map<std::uint64_t, CloseCode> closed;
  std::size_t most_waiting = 0;
};

using Levels = std::map<double, std::pair<std::uint64_t, std::uint64_t>>;

// What a client makes of the messages of one channel.
struct Follower {
  std::uint64_t next = 1;
  Levels bids;
  Levels asks;
  std::string quality;
  std::uint64_t sequence = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t messages = 0;
  std::uint64_t changes = 0;

  void take(const Json& message) {
    EXPECT_EQ(message["n"].get<std::uint64_t>(), next++) << "none is left out";
    ++messages;
    if (message["type"] == "snapshot") {
      bids.clear();
      asks.clear();
      ++snapshots;
    } else {
      EXPECT_GT(snapshots, 0u) << "a snapshot comes first";
    }
    EXPECT_GE(message["sequence"].get<std::uint64_t>() + (message["type"] == "snapshot" ? UINT32_MAX : 0),
              sequence);
    sequence = message["sequence"];
    quality = message["quality"];
    changes += message["changes"].get<std::uint64_t>();
    for (const char* side : {"bids", "asks"}) {
      Levels& levels = *side == 'b' ? bids : asks;
      for (const Json& level : message[side]) {
        if (level[1] == 0)
          EXPECT_EQ(levels.erase(level[0].get<double>()), 1u) << "only what is there goes";
        else
          levels[level[0].get<double>()] = {level[1], level[2]};
      }
    }
  }
};

class HubTest : public ::testing::Test {
 protected:
  HubTest()
      : clock_(1'700'000'000 * nanoseconds_per_second, 1'000'000'000), hub_({.version = "test"}, clock_) {
    hub_.set_network(network_);
    auto reader = feed_.log().open_reader(pipeline::feed_topic, 0);
    EXPECT_TRUE(reader);
    reader_ = std::move(*reader);
  }

  void catch_up() {
    feed_.flush();
    follow(*reader_, view_, [] {});
  }
  void tick(std::uint64_t by_ns = 100 * ms) {
    clock_.advance(by_ns);
    StreamContext context{view_, status_, status_version_};
    hub_.tick(context, {.state = "live"});
  }
  void ask(std::uint64_t client, const std::string& request) {
    hub_.on_text(ClientId{client}, request, view_);
  }
  // What the client has been sent since; it is ready for more then.
  std::vector<Json> drain(std::uint64_t client) {
    std::vector<Json> messages;
    for (const Outgoing& one : network_.sent[client]) {
      std::istringstream lines(one.text);
      for (std::string line; std::getline(lines, line);) messages.push_back(Json::parse(line));
      std::ranges::move(TestBinaryDecoder::decode(one.binary), std::back_inserter(messages));
    }
    network_.sent[client].clear();
    hub_.on_drained(ClientId{client});
    return messages;
  }
  static std::vector<Json> only(const std::vector<Json>& messages, const std::string& table) {
    std::vector<Json> found;
    for (const Json& message : messages)
      if (message.value("table", "") == table) found.push_back(message);
    return found;
  }
  void expect_book(const Follower& follower, std::uint16_t locate, std::size_t depth) {
    for (const Side side : {Side::bid, Side::ask}) {
      std::vector<book::LevelView> levels(depth);
      levels.resize(view_.books().levels(Locate{locate}, side, levels));
      Levels wanted;
      for (const auto& level : levels) wanted[level.price.dollars()] = {level.shares, level.orders};
      EXPECT_EQ(side == Side::bid ? follower.bids : follower.asks, wanted);
    }
    EXPECT_EQ(follower.quality, tapeline::to_string(view_.books().quality(Locate{locate})));
  }

  TestFeed feed_;
  MarketView view_;
  os::ManualClock clock_;
  FakeNetwork network_;
  Hub hub_;
  std::unique_ptr<event_log::Reader> reader_;
  std::string status_;
  std::uint64_t status_version_ = 0;
};

TEST_F(HubTest, TellsASnapshotAndThenEveryChange) {
  feed_.start_session("DAY");
  feed_.send_random(200);
  catch_up();
  hub_.on_open(ClientId{1}, view_);
  ask(1, R"({"op":"subscribe","id":9,"tables":["book"],"symbols":["S1","S3"],"depth":5})");
  std::map<std::string, Follower> followers;
  for (int round = 0; round < 200; ++round) {
    feed_.send_random(feed_.random()() % 30);
    if (round == 60) feed_.declare_gap(3);
    if (round == 90) feed_.recover();
    catch_up();
    tick(20 * ms);
    if (feed_.random()() % 3 == 0) continue;  // Its socket is slow now and then.
    for (const Json& message : only(drain(1), "book")) {
      EXPECT_EQ(message["id"], 9);
      followers[message["symbol"]].take(message);
    }
  }
  drain(1);
  tick();
  for (const Json& message : only(drain(1), "book")) followers[message["symbol"]].take(message);
  tick();
  for (const Json& message : only(drain(1), "book")) followers[message["symbol"]].take(message);
  ASSERT_EQ(followers.size(), 2u);
  expect_book(followers["S1"], 1, 5);
  expect_book(followers["S3"], 3, 5);
  EXPECT_EQ(followers["S1"].snapshots, 1u);
  EXPECT_GT(followers["S1"].messages, 20u);
}

TEST_F(HubTest, SaysInBytesWhatItSaysInJson) {
  feed_.start_session("MON");
  feed_.send_random(300);
  catch_up();
  const auto ask_in = [this](std::uint64_t client, const std::string& format) {
    hub_.on_open(ClientId{client}, view_);
    for (const int width : {1, 60})
      ask(client, fmt::format(R"({{"op":"subscribe","id":{},"tables":["book","bbo","trades","bars"],)"
                              R"("symbols":["S1","S2","S3"],"bar_seconds":{},"depth":7,"format":"{}"}})",
                              width, width, format));
  };
  ask_in(1, "json");
  ask_in(2, "binary");
  std::map<std::string, int> compared;
  for (int round = 0; round < 300; ++round) {
    feed_.send_random(feed_.random()() % 40);
    if (round == 100) feed_.declare_gap(3);
    if (round == 150) feed_.recover();
    if (round == 200) {
      feed_.end_session();
      feed_.start_session("TUE");
    }
    catch_up();
    tick(100 * ms);
    if (feed_.random()() % 4 == 0) continue;
    std::vector<Json> in_json = drain(1);
    std::vector<Json> in_bytes = drain(2);
    for (const char* table : {"book", "bbo", "trades", "bars"}) {
      const std::vector<Json> wanted = only(in_json, table);
      ASSERT_EQ(only(in_bytes, table), wanted) << "round " << round;
      compared[table] += static_cast<int>(wanted.size());
    }
  }
  for (const char* table : {"book", "bbo", "trades", "bars"}) EXPECT_GT(compared[table], 100) << table;
}

TEST_F(HubTest, TellsDocumentsInJsonWhateverIsAsked) {
  feed_.start_session("DAY");
  feed_.send_random(100);
  catch_up();
  hub_.on_open(ClientId{1}, view_);
  ask(1, R"({"op":"subscribe","id":1,"tables":["overview","bbo"],"symbols":["S1"],"format":"binary"})");
  tick();
  ASSERT_EQ(network_.sent[1].size(), 1u);
  const Outgoing& sent = network_.sent[1][0];
  EXPECT_NE(sent.text.find("\"overview\""), std::string::npos);
  EXPECT_EQ(sent.binary.size(), sizeof(BinaryHeader) + sizeof(BinaryBbo));
}

TEST_F(HubTest, ConflatesByTheInterval) {
  feed_.start_session("DAY");
  feed_.send_random(200);
  catch_up();
  hub_.on_open(ClientId{1}, view_);
  ask(1, R"({"op":"subscribe","id":1,"tables":["book"],"symbols":["S2"],"interval_ms":500})");
  Follower follower;
  const std::uint64_t before = view_.record(Locate{2})->messages;
  for (int i = 0; i < 100; ++i) {
    feed_.send_random(20);
    catch_up();
    tick(20 * ms);
    for (const Json& message : only(drain(1), "book")) follower.take(message);
  }
  EXPECT_LE(follower.messages, 5u);
  EXPECT_GE(follower.messages, 4u);
  EXPECT_GT(follower.changes, before);
}

TEST_F(HubTest, ASlowClientHoldsOneTextAndLearnsWhatItMissed) {
  feed_.start_session("DAY");
  feed_.send_random(200);
  catch_up();
  for (const std::uint64_t client : {1, 2}) {
    hub_.on_open(ClientId{client}, view_);
    ask(client, R"({"op":"subscribe","id":1,"tables":["book","trades"],"symbols":["S1"],"depth":100})");
  }
  Follower slow;
  Follower fast;
  tick();
  for (const Json& message : only(drain(1), "book")) slow.take(message);
  for (const Json& message : only(drain(2), "book")) fast.take(message);
  tick();
  const std::uint64_t resting = feed_.add(1, 'B', 1'000'000, 940'000, true);
  for (int i = 0; i < 600; ++i) {
    feed_.execute(resting, 1, 1);
    feed_.send_random(3);
    catch_up();
    tick();
    for (const Json& message : only(drain(2), "book")) fast.take(message);
  }
  EXPECT_EQ(network_.most_waiting, 1u);
  EXPECT_GT(fast.messages, 500u);
  drain(1);  // What it had been sent before it became slow.
  tick();
  const std::vector<Json> told = drain(1);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told[0]["type"], "lag");
  EXPECT_GT(told[0]["skipped"].get<std::uint64_t>(), 500u);
  EXPECT_GT(told[0]["blocked_ms"].get<std::uint64_t>(), 50'000u);
  // The next message of each channel is of now, and says how much it sums up.
  EXPECT_EQ(only(told, "book").size(), 1u);
  EXPECT_GT(only(told, "book")[0]["changes"].get<std::uint64_t>(), 600u);
  EXPECT_EQ(only(told, "book")[0]["sequence"], feed_.next_sequence() - 1);
  const Json trades = only(told, "trades").at(0);
  EXPECT_EQ(trades["trades"].size(), SymbolRecord::most_trades);
  EXPECT_GT(trades["missed"].get<std::uint64_t>(), 300u);
}

TEST_F(HubTest, BeginsAnewWithASession) {
  feed_.start_session("MON");
  feed_.send_random(100);
  catch_up();
  hub_.on_open(ClientId{1}, view_);
  ask(1, R"({"op":"subscribe","id":1,"tables":["book"],"symbols":["S1"]})");
  Follower follower;
  tick();
  for (const Json& message : only(drain(1), "book")) follower.take(message);
  feed_.end_session();
  feed_.start_session("TUE");
  feed_.send_random(50);
  catch_up();
  tick();
  for (const Json& message : only(drain(1), "book")) {
    EXPECT_EQ(message["session"], "TUE");
    follower.take(message);
  }
  EXPECT_EQ(follower.snapshots, 2u);
  expect_book(follower, 1, 10);
}

TEST_F(HubTest, WaitsForASymbolThatIsNotNamedYet) {
  catch_up();
  hub_.on_open(ClientId{1}, view_);
  ask(1, R"({"op":"subscribe","id":1,"tables":["bbo"],"symbols":["S4"]})");
  tick();
  const std::vector<Json> told = drain(1);
  EXPECT_EQ(told.at(0)["type"], "hello");
  EXPECT_EQ(told.at(1)["unknown"], Json::array({"S4"}));
  EXPECT_TRUE(only(told, "bbo").empty());
  feed_.start_session("DAY");
  feed_.add(4, 'B', 100, 99'900);
  catch_up();
  tick();
  const Json bbo = only(drain(1), "bbo").at(0);
  EXPECT_EQ(bbo["type"], "snapshot");
  EXPECT_EQ(bbo["bid"], 9.99);
  EXPECT_EQ(bbo["bid_size"], 100);
  EXPECT_TRUE(bbo["ask"].is_null());
}

TEST_F(HubTest, TellsTheOverviewByRows) {
  feed_.start_session("DAY");
  feed_.send_random(300);
  catch_up();
  hub_.on_open(ClientId{1}, view_);
  ask(1, R"({"op":"subscribe","id":1,"tables":["overview"],"rows":3})");
  tick();
  const Json all = only(drain(1), "overview").at(0);
  EXPECT_EQ(all["rows"].size(), 3u);
  EXPECT_EQ(all["order"].size(), 3u);
  EXPECT_EQ(all["symbols"], 5);
  EXPECT_EQ(all["columns"].size(), all["rows"][0].size());
  tick();
  EXPECT_TRUE(only(drain(1), "overview").empty()) << "nothing has changed";
  ask(1, R"({"op":"subscribe","id":1,"tables":["overview"],"filter":"S4"})");
  tick();
  EXPECT_EQ(only(drain(1), "overview").at(0)["rows"][0][0], "S4");
}

TEST_F(HubTest, ClosesWhoSendsNonsenseOrTooMuch) {
  catch_up();
  for (const std::uint64_t client : {1, 2, 3}) hub_.on_open(ClientId{client}, view_);
  ask(1, "{this is no JSON");
  EXPECT_EQ(network_.closed[1], CloseCode::invalid_payload);
  for (int i = 0; i < 200; ++i) ask(2, R"({"op":"ping","id":1})");
  EXPECT_EQ(network_.closed[2], CloseCode::policy_violation);
  ask(3, R"({"op":"subscribe","id":41,"tables":["none"]})");
  tick();
  EXPECT_EQ(network_.closed.count(3), 0u) << "a mistake is told";
  const Json told = drain(3).at(1);
  EXPECT_EQ(told["type"], "error");
  EXPECT_EQ(told["id"], 41);
  EXPECT_EQ(hub_.client_count(), 1u);
  EXPECT_EQ(hub_.counters().floods, 1u);
}

TEST_F(HubTest, BoundsTheChannelsOfAClient) {
  catch_up();
  hub_.on_open(ClientId{1}, view_);
  for (int id = 0; id < 3; ++id) {
    Json request = {{"op", "subscribe"}, {"id", id}, {"tables", {"book", "bbo"}}, {"symbols", Json::array()}};
    for (int i = 0; i < 200; ++i) request["symbols"].push_back("X" + std::to_string(i));
    ask(1, request.dump());
  }
  EXPECT_EQ(hub_.channel_count(), 400u);
  ask(1, R"({"op":"unsubscribe","id":0})");
  EXPECT_EQ(hub_.channel_count(), 0u);
}

TEST_F(HubTest, BeatsEverySecond) {
  catch_up();
  hub_.on_open(ClientId{1}, view_);
  int beats = 0;
  for (int i = 0; i < 100; ++i) {
    tick(50 * ms);
    for (const Json& message : drain(1)) beats += message["type"] == "heartbeat" ? 1 : 0;
  }
  EXPECT_GE(beats, 4);
  EXPECT_LE(beats, 6);
}

}  // namespace
}  // namespace tapeline::serve
