#include "serve/server.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "os/posix/posix_file_system.h"
#include "os/tcp_socket.h"
#include "serve/test_feed.h"

namespace tapeline::serve {
namespace {

using namespace std::chrono_literals;

void nap() {
  std::this_thread::sleep_for(1ms);
}

// Sends bytes and reads until the server closes the connection, or until `enough` bytes have come.
std::string converse(const os::Endpoint& to, const std::string& request, std::size_t enough = SIZE_MAX) {
  auto connection = os::TcpConnection::connect(to);
  if (!connection) return "";
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (!connection->connected().value_or(true) && std::chrono::steady_clock::now() < end) nap();
  (void)connection->write(std::as_bytes(std::span(request)));
  std::string answer;
  std::vector<std::byte> buffer(65'536);
  while (answer.size() < enough && std::chrono::steady_clock::now() < end) {
    const auto read = connection->read(buffer);
    if (!read || read->closed) break;
    answer.append(reinterpret_cast<const char*>(buffer.data()), read->bytes);
    if (read->bytes == 0) nap();
  }
  return answer;
}

std::string get(const os::Endpoint& to, const std::string& path) {
  return converse(to, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    std::string folder = (std::filesystem::temp_directory_path() / "tapeline-serve-XXXXXX").string();
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    feed_ = std::make_unique<TestFeed>(3, std::make_unique<os::PosixFileSystem>(), folder + "/journal");
  }
  ~ServerTest() override {
    feed_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::unique_ptr<Server> start() {
    ServeConfig config;
    config.address.port = 0;
    config.version = "test";
    auto server = Server::start(config, feed_->log(), [this] {
      ++asked_;
      return status::Status{.version = "1"};
    });
    EXPECT_TRUE(server) << server.error().message;
    return server ? std::move(*server) : nullptr;
  }
  void wait_for(const os::Endpoint& at, const std::string& path, const std::string& content) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    std::string answer;
    while (std::chrono::steady_clock::now() < end) {
      answer = get(at, path);
      if (answer.find(content) != std::string::npos) return;
      nap();
    }
    FAIL() << path << " answers " << answer;
  }

  std::string folder_;
  std::unique_ptr<TestFeed> feed_;
  std::atomic<int> asked_{0};
};

TEST_F(ServerTest, FollowsALogThatIsWrittenInTheSameProcess) {
  const auto server = start();
  ASSERT_TRUE(server);
  const os::Endpoint at = server->endpoint();
  wait_for(at, "/readyz", "starting");
  feed_->start_session("DAY");
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i) {
      feed_->send_random(50);
      feed_->flush();
    }
    done = true;
  });
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&, i] {
      while (!done) {
        EXPECT_NE(get(at, "/healthz").find("200 OK"), std::string::npos);
        (void)get(at, i == 0 ? "/v1/books/S1?sequence=60" : i == 1 ? "/metrics" : "/v1/symbols");
      }
    });
  writer.join();
  for (std::thread& reader : readers) reader.join();
  wait_for(at, "/v1/status", "\"sequence\":" + std::to_string(feed_->next_sequence() - 1));
  wait_for(at, "/readyz", "live");
  EXPECT_NE(get(at, "/v1/books/S2").find("\"quality\":\"good\""), std::string::npos);
  EXPECT_NE(get(at, "/v1/books/S2?sequence=60").find("\"sequence\":60"), std::string::npos);
  EXPECT_GT(asked_, 0);
}

TEST_F(ServerTest, StopsWithClientsInTheMiddleOfEverything) {
  feed_->start_session("DAY");
  feed_->send_random(5'000);
  feed_->flush();
  auto server = start();
  ASSERT_TRUE(server);
  const os::Endpoint at = server->endpoint();
  std::atomic<bool> done{false};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&] {
      while (!done) (void)get(at, "/v1/books/S1?sequence=4000");
    });
  for (int i = 0; i < 2; ++i)
    clients.emplace_back([&] {
      const std::string upgrade =
          "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
      while (!done) EXPECT_TRUE(done || converse(at, upgrade, 400).find("101 ") != std::string::npos);
    });
  std::this_thread::sleep_for(300ms);
  done = true;
  server->stop();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(get(at, "/healthz"), "");
}

TEST_F(ServerTest, RefusesMoreConnectionsThanItMayHave) {
  ServeConfig config;
  config.address.port = 0;
  config.max_clients = 2;
  auto server = Server::start(config, feed_->log(), {});
  ASSERT_TRUE(server);
  std::vector<os::TcpConnection> held;
  for (int i = 0; i < 2; ++i) {
    auto connection = os::TcpConnection::connect((*server)->endpoint());
    ASSERT_TRUE(connection);
    held.push_back(std::move(*connection));
  }
  const auto end = std::chrono::steady_clock::now() + 5s;
  std::string answer;
  while (answer.find("503") == std::string::npos && std::chrono::steady_clock::now() < end)
    answer = get((*server)->endpoint(), "/healthz");
  EXPECT_NE(answer.find("503 Service Unavailable"), std::string::npos);
  held.clear();
  while (answer.find("200 OK") == std::string::npos && std::chrono::steady_clock::now() < end)
    answer = get((*server)->endpoint(), "/healthz");
  EXPECT_NE(answer.find("200 OK"), std::string::npos);
}

TEST_F(ServerTest, TellsOfAnAddressThatIsTaken) {
  const auto server = start();
  ASSERT_TRUE(server);
  ServeConfig config;
  config.address = server->endpoint();
  const auto second = Server::start(config, feed_->log(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::io);
  EXPECT_NE(second.error().message.find("taken"), std::string::npos);
}

}  // namespace
}  // namespace tapeline::serve
