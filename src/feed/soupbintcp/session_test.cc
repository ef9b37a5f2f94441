#include "feed/soupbintcp/client_session.h"
#include "feed/soupbintcp/server_session.h"

namespace tapeline::soupbintcp {
namespace {

using namespace std::string_view_literals;
using Bytes = std::vector<std::byte>;

constexpr std::uint64_t second = 1'000'000'000;
const LoginRequest login_request = {"user"sv, "secret"sv, ""sv, 1};

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A client and a server with a wire between them; each event becomes a word.
class Pair {
 public:
  explicit Pair(const SessionLimits& limits = {}) : client(limits), server(limits, counters, 0) {
    client.log_in(login_request, 0);
  }

  std::string to_server() {
    const Bytes bytes(client.output().begin(), client.output().end());
    client.consume_output(bytes.size());
    return at_server(bytes);
  }
  std::string at_server(std::span<const std::byte> bytes) {
    std::string told;
    server.feed(bytes, now);
    while (const auto event = server.next()) {
      switch (event->kind) {
        case ServerEvent::Kind::login:
          told += "login:" + std::string(event->login.user.view());
          if (decision == 'A') server.accept("S"sv, 1, now);
          if (decision == 'J') server.reject(RejectReason::not_authorised, now);
          break;
        case ServerEvent::Kind::unsequenced: told += "u:" + std::string(text_of(event->payload)); break;
        case ServerEvent::Kind::logout: told += "logout";
      }
      told += ' ';
    }
    return told;
  }
  std::string to_client(std::size_t most = SIZE_MAX) {
    const std::size_t size = std::min(most, server.output().size());
    const Bytes bytes(server.output().begin(), server.output().begin() + static_cast<std::ptrdiff_t>(size));
    server.consume_output(bytes.size());
    return at_client(bytes);
  }
  std::string at_client(std::span<const std::byte> bytes) {
    std::string told;
    client.feed(bytes, now);
    while (const auto event = client.next()) {
      switch (event->kind) {
        case ClientEvent::Kind::accepted: told += "accepted:" + std::to_string(event->sequence); break;
        case ClientEvent::Kind::message:
          told += std::to_string(event->sequence) + ":" + std::string(text_of(event->payload));
          break;
        case ClientEvent::Kind::unsequenced: told += "u:" + std::string(text_of(event->payload)); break;
        case ClientEvent::Kind::end_of_session: told += "end:" + std::to_string(event->sequence);
      }
      told += ' ';
    }
    return told;
  }
  void open() {
    EXPECT_EQ(to_server(), "login:user ");
    EXPECT_EQ(to_client(), "accepted:1 ");
  }
  // Every deadline up to then, with both ends hearing each other.
  void pass(std::uint64_t duration_ns) {
    const std::uint64_t until = now + duration_ns;
    for (;;) {
      const std::uint64_t next = std::min(client.next_deadline(), server.next_deadline());
      if (next > until) break;
      now = next;
      client.on_timer(now);
      server.on_timer(now);
      if (connected) {
        to_server();
        to_client();
      }
    }
    now = until;
  }

  ServerCounters counters;
  ClientSession client;
  ServerSession server;
  std::uint64_t now = 0;
  char decision = 'A';
  bool connected = true;
};

TEST(SoupBinTcpSession, LoginMessagesAndEnd) {
  Pair pair;
  EXPECT_FALSE(pair.client.send(bytes_of("early"), 0));
  pair.open();
  EXPECT_TRUE(pair.client.is_open());
  EXPECT_EQ(pair.client.session().view(), "S");
  EXPECT_TRUE(pair.server.send(bytes_of("a"), 0));
  EXPECT_TRUE(pair.server.send(bytes_of(""), 0));
  EXPECT_TRUE(pair.server.send(bytes_of("ccc"), 0));
  EXPECT_EQ(pair.server.next_sequence(), 4);
  std::string told;
  while (!pair.server.output().empty()) told += pair.to_client(1);  // Byte by byte.
  EXPECT_EQ(told, "1:a 2: 3:ccc ");
  EXPECT_TRUE(pair.client.send(bytes_of("up"), 0));
  EXPECT_EQ(pair.to_server(), "u:up ");
  pair.server.end_session(0);
  EXPECT_EQ(pair.to_client(), "end:4 ");
  EXPECT_EQ(pair.client.end(), SessionEnd::end_of_session);
  EXPECT_FALSE(pair.server.send(bytes_of("late"), 0));
  EXPECT_EQ(pair.counters.messages, 3);
  EXPECT_EQ(pair.counters.ended[static_cast<std::size_t>(SessionEnd::end_of_session)], 1);
}

TEST(SoupBinTcpSession, ALoginMayBeRejected) {
  Pair pair;
  pair.decision = 'J';
  EXPECT_EQ(pair.to_server(), "login:user ");
  EXPECT_EQ(pair.to_client(), "");
  EXPECT_EQ(pair.client.end(), SessionEnd::rejected);
  EXPECT_EQ(pair.client.reject_reason(), RejectReason::not_authorised);
  EXPECT_TRUE(pair.server.is_over());
}

TEST(SoupBinTcpSession, AClientLogsOut) {
  Pair pair;
  pair.open();
  pair.client.log_out(0);
  EXPECT_EQ(pair.to_server(), "logout ");
  EXPECT_EQ(pair.server.end(), SessionEnd::logged_out);
  EXPECT_EQ(pair.at_server(bytes_of("\0\1R")), "");
}

TEST(SoupBinTcpSession, HeartbeatsKeepAnIdleSessionOpen) {
  Pair pair;
  pair.open();
  pair.now = second - 1;
  pair.client.on_timer(pair.now);
  EXPECT_TRUE(pair.client.output().empty());
  pair.now = second;
  pair.client.on_timer(pair.now);
  pair.server.on_timer(pair.now);
  EXPECT_EQ(text_of(pair.client.output()), "\0\1R"sv);
  EXPECT_EQ(text_of(pair.server.output()), "\0\1H"sv);
  pair.pass(60 * second);
  EXPECT_TRUE(pair.client.is_open());
  EXPECT_TRUE(pair.server.is_open());
}

TEST(SoupBinTcpSession, AMessageIsAsGoodAsAHeartbeat) {
  Pair pair;
  pair.open();
  pair.server.send(bytes_of("x"), second / 2);
  EXPECT_EQ(pair.server.next_deadline(), second / 2 + second);
}

TEST(SoupBinTcpSession, ASilentPeerIsDropped) {
  Pair pair;
  pair.open();
  pair.connected = false;
  pair.pass(15 * second - 1);
  EXPECT_TRUE(pair.client.is_open());
  EXPECT_TRUE(pair.server.is_open());
  pair.pass(1);
  EXPECT_EQ(pair.client.end(), SessionEnd::silent);
  EXPECT_EQ(pair.server.end(), SessionEnd::silent);
  EXPECT_TRUE(pair.server.output().empty());
  EXPECT_EQ(pair.counters.ended[static_cast<std::size_t>(SessionEnd::silent)], 1);
}

TEST(SoupBinTcpSession, AConnectionWithoutLoginIsDropped) {
  Pair pair;
  pair.connected = false;
  pair.pass(15 * second);
  EXPECT_EQ(pair.server.end(), SessionEnd::silent);
}

TEST(SoupBinTcpSession, AClientThatDoesNotReadIsDropped) {
  SessionLimits limits;
  limits.max_output_bytes = 1'000;
  Pair pair(limits);
  pair.open();
  const Bytes message(97);
  for (int i = 0; i < 10; ++i) {
    const bool fits = pair.server.room() >= message.size();
    EXPECT_EQ(fits, i < 9) << "room for what ends a session is kept";
    EXPECT_TRUE(pair.server.send(message, 0)) << i;
    EXPECT_LE(pair.server.output().size(), limits.max_output_bytes);
  }
  EXPECT_FALSE(pair.server.send(message, 0));
  EXPECT_EQ(pair.server.end(), SessionEnd::slow);
  EXPECT_TRUE(pair.server.output().empty());
  EXPECT_EQ(pair.counters.messages, 10);
  EXPECT_EQ(pair.counters.ended[static_cast<std::size_t>(SessionEnd::slow)], 1);
}

TEST(SoupBinTcpSession, ASlowReaderThatKeepsUpIsServedForEver) {
  SessionLimits limits;
  limits.max_output_bytes = 1'000;
  Pair pair(limits);
  pair.open();
  std::uint64_t expected = 1;
  for (int i = 0; i < 1'000; ++i) {
    while (pair.server.room() >= 50) ASSERT_TRUE(pair.server.send(Bytes(50), 0));
    pair.client.feed(pair.server.output().first(300), 0);
    while (const auto event = pair.client.next()) EXPECT_EQ(event->sequence, expected++);
    pair.server.consume_output(300);
  }
  EXPECT_GT(expected, 5'000);
}

TEST(SoupBinTcpSession, PacketsOutOfPlaceEndTheSession) {
  Pair early;
  EXPECT_EQ(early.at_server(bytes_of("\0\2Ux"sv)), "");
  EXPECT_EQ(early.server.end(), SessionEnd::against_protocol);
  EXPECT_EQ(early.at_client(bytes_of("\0\2Sx"sv)), "");
  EXPECT_EQ(early.client.end(), SessionEnd::against_protocol);

  Pair twice;
  twice.open();
  Bytes login;
  encode(login_request, login);
  EXPECT_EQ(twice.at_server(login), "");
  EXPECT_EQ(twice.server.end(), SessionEnd::against_protocol);

  Pair damaged;
  damaged.open();
  EXPECT_EQ(damaged.at_client(bytes_of("\0\0\0\0"sv)), "");
  EXPECT_EQ(damaged.client.end(), SessionEnd::damaged);
  EXPECT_EQ(damaged.at_server(bytes_of("\0\0"sv)), "");
  EXPECT_EQ(damaged.counters.ended[static_cast<std::size_t>(SessionEnd::damaged)], 1);
}

TEST(SoupBinTcpSession, AnAcceptOfAnotherSessionOrNoNumberIsRefused) {
  const auto end_after = [](std::string_view asked, const LoginAccepted& accepted) {
    ClientSession client;
    client.log_in({"user"sv, "secret"sv, asked, 1}, 0);
    Bytes bytes;
    encode(accepted, bytes);
    client.feed(bytes, 0);
    const bool is_accepted = client.next().has_value();
    EXPECT_EQ(is_accepted, !client.is_over());
    return client.end();
  };
  EXPECT_EQ(end_after("", {"ANY"sv, 1}), SessionEnd::none);
  EXPECT_EQ(end_after("ONE", {"ONE"sv, 1}), SessionEnd::none);
  EXPECT_EQ(end_after("ONE", {"TWO"sv, 1}), SessionEnd::against_protocol);
  EXPECT_EQ(end_after("", {"ANY"sv, 0}), SessionEnd::against_protocol);
  EXPECT_EQ(end_after("", {"ANY"sv, UINT64_MAX}), SessionEnd::against_protocol);
}

}  // namespace
}  // namespace tapeline::soupbintcp
