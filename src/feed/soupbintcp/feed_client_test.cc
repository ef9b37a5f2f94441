#include "feed/soupbintcp/feed_client.h"

#include "base/bytes.h"
#include "feed/soupbintcp/server_session.h"
#include "feed/testing/recording_consumer.h"

namespace tapeline::soupbintcp {
namespace {

using namespace std::string_view_literals;
using Bytes = std::vector<std::byte>;

// Frames of a server: an accept, then messages that hold their number.
class Frames {
 public:
  Frames& accept(std::string_view session, std::uint64_t sequence) {
    encode(LoginAccepted{session, sequence}, bytes);
    return *this;
  }
  Frames& messages(std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t i = first; i < end; ++i) {
      std::array<std::byte, 8> number;
      store_be(number.data(), i);
      encode(PacketType::sequenced_data, number, bytes);
    }
    return *this;
  }
  Frames& end() {
    encode(PacketType::end_of_session, {}, bytes);
    return *this;
  }

  Bytes bytes;
};

class FeedClientTest : public ::testing::Test {
 protected:
  std::string play(FeedClient& client, const Frames& frames) {
    client.on_bytes(frames.bytes, CaptureTime{1}, 0);
    return consumer.story();
  }
  // The login that waits in the output.
  static LoginRequest login_of(FeedClient& client) {
    const auto output = client.session().output();
    const auto login = parse_login_request(output.subspan(3));
    EXPECT_TRUE(login.has_value());
    client.session().consume_output(output.size());
    return login.value_or(LoginRequest{});
  }

  feed::testing::RecordingConsumer consumer;
};

TEST_F(FeedClientTest, MessagesOfOneReadAreOneBlock) {
  FeedClient client({}, "user"sv, "secret"sv, consumer);
  client.connect(0);
  EXPECT_EQ(login_of(client), (LoginRequest{"user"sv, "secret"sv, ""sv, 1}));
  EXPECT_EQ(play(client, Frames().accept("S", 1).messages(1, 4)), "start(S,1) 1-3");
  EXPECT_EQ(play(client, Frames().messages(4, 5)), "4");
  EXPECT_EQ(play(client, Frames().messages(5, 7).end()), "5-6 end(7)");
  EXPECT_EQ(client.position(), (feed::FeedPosition{feed::SessionName("S"), 7, true, false, true}));
}

TEST_F(FeedClientTest, ALongReadIsSeveralBlocks) {
  FeedClient client({}, "user"sv, "secret"sv, consumer);
  client.connect(0);
  EXPECT_EQ(play(client, Frames().accept("S", 1).messages(1, 10'001)), "start(S,1) 1-6554 6555-10000");
}

TEST_F(FeedClientTest, ANewConnectionGoesOnWhereTheConsumerStands) {
  FeedClient client({}, "user"sv, "secret"sv, consumer);
  client.connect(0);
  play(client, Frames().accept("S", 1).messages(1, 4));
  client.session().consume_output(client.session().output().size());
  client.connect(0);
  EXPECT_EQ(login_of(client), (LoginRequest{"user"sv, "secret"sv, "S"sv, 4}));
  EXPECT_EQ(play(client, Frames().accept("S", 2).messages(2, 6)), "4-5") << "from earlier than asked";
  client.connect(0);
  EXPECT_EQ(play(client, Frames().accept("S", 9).messages(9, 10)), "gap(6,9) 9") << "the rest is not kept";
}

TEST_F(FeedClientTest, ASessionThatIsGoneIsReplacedByTheCurrentOne) {
  const feed::FeedPosition position = {feed::SessionName("MONDAY"), 50, true, false, false};
  FeedClient client({}, "user"sv, "secret"sv, consumer, position);
  client.connect(0);
  EXPECT_EQ(login_of(client).session, FixedText<10>("MONDAY"));
  Frames rejected;
  encode(LoginRejected{RejectReason::no_such_session}, rejected.bytes);
  EXPECT_EQ(play(client, rejected), "");
  EXPECT_TRUE(client.session().is_over());
  client.connect(0);
  EXPECT_EQ(login_of(client), (LoginRequest{"user"sv, "secret"sv, ""sv, 1}));
  EXPECT_EQ(play(client, Frames().accept("TUESDAY", 3).messages(3, 4)), "start(TUESDAY,1) gap(1,3) 3");
}

TEST_F(FeedClientTest, ARecoveryLeftOpenIsGivenUp) {
  const feed::FeedPosition position = {feed::SessionName("S"), 5, true, true, false};
  FeedClient client({}, "user"sv, "secret"sv, consumer, position);
  client.connect(0);
  EXPECT_EQ(play(client, Frames().accept("S", 5).messages(5, 6)), "gap(5,5) 5");
}

}  // namespace
}  // namespace tapeline::soupbintcp
