#include "base/bytes.h"
#include "feed/glimpse/end_of_snapshot.h"
#include "feed/glimpse/snapshot.h"
#include "feed/glimpse/snapshot_client.h"

namespace tapeline::glimpse {
namespace {

using namespace std::string_view_literals;
using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(Glimpse, EndOfSnapshotBothWays) {
  const auto message = encode_end_of_snapshot(4711);
  EXPECT_EQ(Bytes(message.begin(), message.end()), bytes_of("G                4711"));
  EXPECT_EQ(parse_end_of_snapshot(message), 4711);
  EXPECT_EQ(parse_end_of_snapshot(encode_end_of_snapshot(UINT64_MAX)), UINT64_MAX);
  EXPECT_EQ(parse_end_of_snapshot(bytes_of("G00000000000000004711")), 4711);
  EXPECT_EQ(parse_end_of_snapshot(bytes_of("G4711                ")), 4711);
  for (const std::string_view wrong :
       {"G                    ", "G              47 11 ", "G               -4711", "S                4711",
        "G               4711", "G99999999999999999999", ""})
    EXPECT_EQ(parse_end_of_snapshot(bytes_of(wrong)), std::nullopt) << wrong;
}

// Two securities and three orders, two of them in one queue.
struct Books {
  std::uint64_t next = 1'000;

  [[nodiscard]] std::uint64_t next_sequence() const { return next; }
  template <class F>
  void system_events(F&& f) const {
    f(itch50::SystemEvent{{0, Locate{0}, 0, EventTime{1}}, 'O'});
    f(itch50::SystemEvent{{0, Locate{0}, 0, EventTime{2}}, 'S'});
  }
  template <class F>
  void securities(F&& f) const {
    SecurityState first = {};
    first.directory.header.locate = Locate{1};
    first.directory.stock = Symbol("AAA");
    first.trading =
        itch50::TradingAction{{0, Locate{1}, 0, EventTime{5}}, Symbol("AAA"), 'T', ' ', Code4("")};
    first.reg_sho = itch50::RegSho{{0, Locate{1}, 0, EventTime{5}}, Symbol("AAA"), '0'};
    f(first);
    SecurityState second = {};
    second.directory.header.locate = Locate{2};
    second.directory.stock = Symbol("BBB");
    second.operational_halt =
        itch50::OperationalHalt{{0, Locate{2}, 0, EventTime{6}}, Symbol("BBB"), 'Q', 'H'};
    f(second);
  }
  template <class F>
  void orders(F&& f) const {
    const RestingOrder order = {Locate{1},     Side::bid, OrderRef{7},   100, Symbol("AAA"),
                                Price{10'000}, Mpid(""),  EventTime{90}, 3};
    f(order);
    RestingOrder behind = order;
    behind.ref = OrderRef{5};
    behind.attribution = Mpid("FIRM");
    behind.entered = EventTime{95};
    f(behind);
    RestingOrder ask = order;
    ask.side = Side::ask;
    ask.ref = OrderRef{9};
    f(ask);
  }
};
static_assert(BookSource<Books>);

// The messages of a block run, each by its type.
std::string types_of(std::span<const std::byte> bytes) {
  std::string types;
  for (std::size_t at = 0; at < bytes.size(); at += 2 + load_be<std::uint16_t>(bytes.data() + at))
    types += static_cast<char>(bytes[at + 2]);
  return types;
}

TEST(Glimpse, ASnapshotHoldsEverythingInOrder) {
  const auto snapshot = take_snapshot(Books{});
  EXPECT_EQ(types_of(snapshot->bytes), "SSRHYRhAFAG");
  EXPECT_EQ(snapshot->message_count, 11);
  EXPECT_EQ(snapshot->next_sequence, 1'000);
}

TEST(Glimpse, AnOrderCarriesTheTimeOfItsEntry) {
  detail::SnapshotWriter writer;
  writer.put_order({Locate{2}, Side::ask, OrderRef{0x0102}, 300, Symbol("BBB"), Price{0x0a0b}, Mpid("FIRM"),
                    EventTime{0x010203}, 9});
  const Bytes expected = bytes_of(
      "\x00\x28"
      "F\x00\x02\x00\x09\x00\x00\x00\x01\x02\x03"
      "\x00\x00\x00\x00\x00\x00\x01\x02S\x00\x00\x01\x2c"
      "BBB     \x00\x00\x0a\x0b"
      "FIRM"sv);
  EXPECT_EQ(writer.snapshot.bytes, expected);
}

class RecordingSink : public SnapshotSink {
 public:
  void on_snapshot_messages(const feed::MessageBlock& block) override {
    EXPECT_EQ(block.first_sequence, messages + 1);
    messages += block.message_count;
    ++blocks;
    bytes.insert(bytes.end(), block.bytes.begin(), block.bytes.end());
  }
  void on_snapshot_complete(std::uint64_t next_sequence) override { complete = next_sequence; }
  void on_snapshot_failed(std::string_view reason) override { failure = reason; }

  std::uint64_t messages = 0;
  std::uint64_t blocks = 0;
  Bytes bytes;
  std::optional<std::uint64_t> complete;
  std::string failure;
};

class GlimpseSession : public ::testing::Test {
 protected:
  // Carries bytes until neither side has any, `most` at a time.
  void run(SnapshotServerSession& server, SnapshotClient& client,
           const std::shared_ptr<const Snapshot>& snapshot, std::size_t most) {
    while (!client.output().empty() || !server.session().output().empty()) {
      const Bytes up(client.output().begin(), client.output().end());
      client.consume_output(up.size());
      server.session().feed(up, 0);
      while (const auto event = server.session().next())
        if (event->kind == soupbintcp::ServerEvent::Kind::login)
          server.start(event->login, snapshot, FixedText<10>("S"), 0);
      const auto output = server.session().output();
      const Bytes down(output.begin(),
                       output.begin() + static_cast<std::ptrdiff_t>(std::min(most, output.size())));
      server.session().consume_output(down.size());
      server.pump(0);
      client.on_bytes(down, CaptureTime{1}, 0);
    }
  }

  soupbintcp::ServerCounters counters;
  RecordingSink sink;
};

TEST_F(GlimpseSession, ASnapshotArrivesWholeThroughASmallOutput) {
  Books books;
  const auto snapshot = take_snapshot(books);
  for (const std::size_t most : {1UL, 7UL, 100'000UL}) {
    sink = {};
    soupbintcp::SessionLimits limits;
    limits.max_output_bytes = 200;
    SnapshotServerSession server(limits, counters, 0);
    SnapshotClient client({}, "user"sv, "secret"sv, sink);
    client.connect(0);
    run(server, client, snapshot, most);
    EXPECT_EQ(sink.complete, 1'000);
    EXPECT_EQ(sink.failure, "");
    EXPECT_EQ(sink.messages, 10);
    EXPECT_TRUE(std::equal(sink.bytes.begin(), sink.bytes.end(), snapshot->bytes.begin()));
    EXPECT_EQ(types_of(sink.bytes), "SSRHYRhAFA");
    EXPECT_TRUE(client.is_over());
    EXPECT_TRUE(server.is_sent());
    EXPECT_EQ(server.session().end(), soupbintcp::SessionEnd::logged_out);
  }
}

TEST_F(GlimpseSession, MessagesAreGatheredIntoBlocks) {
  Snapshot snapshot;
  const Bytes message(38, std::byte{'A'});
  for (int i = 0; i < 5'000; ++i) {
    snapshot.bytes.insert(snapshot.bytes.end(), {std::byte{0}, std::byte{38}});
    snapshot.bytes.insert(snapshot.bytes.end(), message.begin(), message.end());
  }
  snapshot.bytes.insert(snapshot.bytes.end(), {std::byte{0}, std::byte{end_of_snapshot_size}});
  const auto end = encode_end_of_snapshot(3);
  snapshot.bytes.insert(snapshot.bytes.end(), end.begin(), end.end());
  SnapshotServerSession server({}, counters, 0);
  SnapshotClient client({}, "user"sv, "secret"sv, sink);
  client.connect(0);
  run(server, client, std::make_shared<const Snapshot>(snapshot), SIZE_MAX);
  EXPECT_EQ(sink.messages, 5'000);
  EXPECT_EQ(sink.blocks, 4);
  EXPECT_EQ(sink.complete, 3);
}

TEST_F(GlimpseSession, WhatMakesASnapshotFail) {
  const auto failure_after = [this](auto&& act) {
    sink = {};
    SnapshotClient client({}, "user"sv, "secret"sv, sink);
    client.connect(0);
    act(client);
    EXPECT_TRUE(client.is_over());
    EXPECT_EQ(sink.complete, std::nullopt);
    const std::string failure = std::exchange(sink.failure, "");
    client.on_disconnect();
    EXPECT_EQ(sink.failure, "") << "it fails once";
    return failure;
  };
  const auto accepted = [](std::uint64_t sequence) {
    Bytes bytes;
    soupbintcp::encode(soupbintcp::LoginAccepted{"S"sv, sequence}, bytes);
    return bytes;
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(failure_after([](SnapshotClient& c) { c.on_disconnect(); }), HasSubstr("lost"));
  EXPECT_THAT(failure_after([](SnapshotClient& c) { c.on_timer(15'000'000'000); }), HasSubstr("silent"));
  EXPECT_THAT(failure_after([&](SnapshotClient& c) { c.on_bytes(accepted(2), CaptureTime{0}, 0); }),
              HasSubstr("first message"));
  EXPECT_THAT(failure_after([&](SnapshotClient& c) {
                Bytes bytes;
                soupbintcp::encode(soupbintcp::LoginRejected{soupbintcp::RejectReason::not_authorised},
                                   bytes);
                c.on_bytes(bytes, CaptureTime{0}, 0);
              }),
              HasSubstr("rejected"));
  EXPECT_THAT(failure_after([&](SnapshotClient& c) {
                Bytes bytes = accepted(1);
                soupbintcp::encode(soupbintcp::PacketType::sequenced_data, bytes_of("G12"), bytes);
                c.on_bytes(bytes, CaptureTime{0}, 0);
              }),
              HasSubstr("no sequence number"));
  EXPECT_THAT(failure_after([&](SnapshotClient& c) {
                Bytes bytes = accepted(1);
                soupbintcp::encode(soupbintcp::PacketType::end_of_session, {}, bytes);
                c.on_bytes(bytes, CaptureTime{0}, 0);
              }),
              HasSubstr("end of session"));
  EXPECT_THAT(failure_after([&](SnapshotClient& c) {
                c.connect(0, "T"sv);
                c.on_bytes(accepted(1), CaptureTime{0}, 0);
              }),
              HasSubstr("protocol"));
}

TEST_F(GlimpseSession, ALoginForALaterMessageOrAnotherSessionIsRejected) {
  const auto snapshot = take_snapshot(Books{});
  const auto end_after = [&](std::string_view session, std::uint64_t sequence) {
    SnapshotServerSession server({}, counters, 0);
    Bytes bytes;
    soupbintcp::encode(soupbintcp::LoginRequest{"user"sv, "secret"sv, session, sequence}, bytes);
    server.session().feed(bytes, 0);
    const auto event = server.session().next();
    server.start(event->login, snapshot, FixedText<10>("S"), 0);
    return server.session().end();
  };
  EXPECT_EQ(end_after("", 1), soupbintcp::SessionEnd::none);
  EXPECT_EQ(end_after("S", 0), soupbintcp::SessionEnd::none);
  EXPECT_EQ(end_after("", 2), soupbintcp::SessionEnd::rejected);
  EXPECT_EQ(end_after("OTHER", 1), soupbintcp::SessionEnd::rejected);
}

TEST_F(GlimpseSession, AClientThatDoesNotReadIsDropped) {
  soupbintcp::SessionLimits limits;
  limits.max_output_bytes = 200;
  SnapshotServerSession server(limits, counters, 0);
  Bytes bytes;
  soupbintcp::encode(soupbintcp::LoginRequest{"user"sv, "secret"sv, ""sv, 1}, bytes);
  server.session().feed(bytes, 0);
  const auto event = server.session().next();
  server.start(event->login, take_snapshot(Books{}), FixedText<10>("S"), 0);
  bytes.clear();
  soupbintcp::encode(soupbintcp::PacketType::client_heartbeat, {}, bytes);
  std::uint64_t second = 0;
  for (; second < 60 && !server.session().is_over(); ++second) {
    server.session().feed(bytes, second * 1'000'000'000);  // It does say that it is there.
    while (server.session().next()) {
    }
    server.session().on_timer(second * 1'000'000'000);
    server.pump(second * 1'000'000'000);
  }
  EXPECT_EQ(server.session().end(), soupbintcp::SessionEnd::slow);
  EXPECT_LT(second, 60);
}

}  // namespace
}  // namespace tapeline::glimpse
