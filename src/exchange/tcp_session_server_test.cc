#include "exchange/tcp_session_server.h"

#include "os/posix/system_clock.h"
#include "os/simulated/manual_clock.h"

namespace tapeline::exchange {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr os::Endpoint any_port{os::loopback_address, 0};

// Sends back what it gets; "bye" ends it, "flood" makes it send for ever.
class Echo final : public ByteSession {
 public:
  void feed(std::span<const std::byte> bytes, std::uint64_t) override {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    output_.insert(output_.end(), bytes.begin(), bytes.end());
    over_ = text == "bye";
    flood_ = text == "flood";
  }
  void pump(std::uint64_t) override {
    if (flood_) output_.resize(1 << 20);
  }
  void on_timer(std::uint64_t) override {}
  [[nodiscard]] std::span<const std::byte> output() const override { return output_; }
  void consume_output(std::size_t size) override {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(size));
  }
  [[nodiscard]] bool is_over() const override { return over_; }

 private:
  std::vector<std::byte> output_;
  bool over_ = false;
  bool flood_ = false;
};

std::unique_ptr<ByteSession> make_echo(std::uint64_t) {
  return std::make_unique<Echo>();
}

void write(os::TcpConnection& client, std::string_view text) {
  ASSERT_EQ(client.write(std::as_bytes(std::span(text)))->bytes, text.size());
}

// Polls the server until the client has received something, or its end ("closed").
std::string answer(TcpSessionServer& server, os::TcpConnection& client) {
  std::array<std::byte, 64> bytes;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(server.poll(1'000'000));
    const auto got = client.read(bytes);
    if (got->bytes > 0) return {reinterpret_cast<const char*>(bytes.data()), got->bytes};
    if (got->closed) return "closed";
  }
  return "nothing";
}

TEST(TcpSessionServer, CarriesSessionsAndClosesThemWhenTheyAreOver) {
  const os::SystemClock clock;
  TcpSessionServer server = *TcpSessionServer::listen(any_port, {}, make_echo, clock);
  os::TcpConnection first = *os::TcpConnection::connect(server.endpoint());
  os::TcpConnection second = *os::TcpConnection::connect(server.endpoint());
  write(first, "hello");
  write(second, "bye");
  EXPECT_EQ(answer(server, first), "hello");
  EXPECT_EQ(answer(server, second), "bye");
  EXPECT_EQ(answer(server, second), "closed");
  EXPECT_EQ(server.connections(), 1);
  write(first, "again");
  EXPECT_EQ(answer(server, first), "again");
  EXPECT_EQ(server.counters().accepted, 2);
}

TEST(TcpSessionServer, ThereAreNoMoreConnectionsThanAllowed) {
  const os::SystemClock clock;
  TcpSessionServer server = *TcpSessionServer::listen(any_port, {.max_connections = 2}, make_echo, clock);
  std::vector<os::TcpConnection> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(*os::TcpConnection::connect(server.endpoint()));
  EXPECT_EQ(answer(server, clients[2]), "closed");
  EXPECT_EQ(server.connections(), 2);
  EXPECT_EQ(server.counters().refused, 1);
  clients.erase(clients.begin());
  for (int i = 0; i < 1000 && server.connections() == 2; ++i) ASSERT_TRUE(server.poll(1'000'000));
  os::TcpConnection next = *os::TcpConnection::connect(server.endpoint());
  write(next, "room?");
  EXPECT_EQ(answer(server, next), "room?");
}

TEST(TcpSessionServer, PeerThatDoesNotReadIsDropped) {
  os::ManualClock clock(0, second_ns);
  TcpSessionServer server =
      *TcpSessionServer::listen(any_port, {.stall_ns = 5 * second_ns}, make_echo, clock);
  os::TcpConnection client = *os::TcpConnection::connect(server.endpoint());
  write(client, "flood");
  // Until the kernel's buffers are full; then the peer takes nothing.
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(server.poll(0));
  EXPECT_EQ(server.connections(), 1);
  clock.advance(4 * second_ns);
  ASSERT_TRUE(server.poll(0));
  EXPECT_EQ(server.connections(), 1);
  clock.advance(2 * second_ns);
  ASSERT_TRUE(server.poll(0));
  EXPECT_EQ(server.connections(), 0);
  EXPECT_EQ(server.counters().stalled, 1);
}

}  // namespace
}  // namespace tapeline::exchange
