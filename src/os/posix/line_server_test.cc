#include "os/line_server.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "os/posix/descriptor.h"

namespace tapeline::os {
namespace {

using ::testing::HasSubstr;

class Echo : public LineHandler {
 public:
  std::string on_line(std::string_view line) override {
    ++lines;
    return line == "much" ? std::string(1 << 20, 'x') : "you said " + std::string(line);
  }
  void on_tick() override { ++ticks; }

  std::atomic<int> lines = 0;
  std::atomic<int> ticks = 0;
};

class LineServers : public ::testing::Test {
 protected:
  LineServers() {
    std::string name = (std::filesystem::temp_directory_path() / "tapeline-lines-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = (folder_ / "made" / "s").string();
  }
  ~LineServers() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  void start(const LineServerOptions& options = {}) {
    auto started = start_line_server(path_, echo_, options);
    ASSERT_TRUE(started.has_value()) << started.error().message;
    server_ = std::move(*started);
  }

  Descriptor connected() const {
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
  }

  static void send(const Descriptor& socket, const std::string& text) {
    EXPECT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // Until `count` bytes came or the server closed.
  static std::string receive(const Descriptor& socket, std::size_t count) {
    std::string text;
    char bytes[4096];
    while (text.size() < count) {
      const ssize_t got = ::recv(socket.get(), bytes, std::min(sizeof bytes, count - text.size()), 0);
      if (got <= 0) break;
      text.append(bytes, static_cast<std::size_t>(got));
    }
    return text;
  }
  static bool is_closed(const Descriptor& socket) {
    char byte;
    return ::recv(socket.get(), &byte, 1, 0) <= 0;
  }

  std::filesystem::path folder_;
  std::string path_;
  Echo echo_;
  std::unique_ptr<LineServer> server_;
};

TEST_F(LineServers, AnAnswerToEachLine) {
  start();
  EXPECT_EQ(ask_line_server(path_, "status").value(), "you said status");
  EXPECT_EQ(ask_line_server(path_, "much").value().size(), 1 << 20);
  const Descriptor client = connected();
  send(client, "a\nb\n\nc");
  send(client, "d\n");
  EXPECT_EQ(receive(client, 41), "you said a\nyou said b\nyou said \nyou said ");
  EXPECT_EQ(receive(client, 3), "cd\n");
}

TEST_F(LineServers, OnlyForThisUser) {
  start();
  struct stat about{};
  ASSERT_EQ(::stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & (S_IRWXG | S_IRWXO), 0);
}

TEST_F(LineServers, TicksComeWithoutAClient) {
  start({.tick_ms = 1});
  while (echo_.ticks < 3) std::this_thread::yield();
}

TEST_F(LineServers, ALineThatIsTooLongClosesTheConnection) {
  start({.longest_line = 8});
  for (const char* text : {"123456789", "123456789\n"}) {
    const Descriptor client = connected();
    send(client, text);
    EXPECT_TRUE(is_closed(client));
  }
  EXPECT_EQ(echo_.lines, 0);
  EXPECT_EQ(ask_line_server(path_, "12345678").value(), "you said 12345678");
}

TEST_F(LineServers, TheOneIdleLongestMakesRoom) {
  start({.most_connections = 2});
  const Descriptor first = connected();
  send(first, "1\n");
  receive(first, 11);
  const Descriptor second = connected();
  send(second, "2\n");
  receive(second, 11);
  EXPECT_EQ(ask_line_server(path_, "3").value(), "you said 3");
  EXPECT_TRUE(is_closed(first));
  send(second, "4\n");
  EXPECT_EQ(receive(second, 11), "you said 4\n");
}

TEST_F(LineServers, ASilentClientIsClosed) {
  start({.idle_ms = 1, .tick_ms = 1});
  EXPECT_TRUE(is_closed(connected()));
}

TEST_F(LineServers, AClientThatDoesNotReadHoldsUpNobody) {
  start();
  const Descriptor client = connected();
  for (int i = 0; i < 20; ++i) send(client, "much\n");
  while (echo_.lines < 1) std::this_thread::yield();
  EXPECT_EQ(ask_line_server(path_, "x").value(), "you said x");
  EXPECT_EQ(echo_.lines, 2);  // The next of its lines waits until its answer is gone.
}

TEST_F(LineServers, OneServerAPath) {
  start();
  Echo other;
  EXPECT_THAT(start_line_server(path_, other).error().message, HasSubstr("already"));
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(ask_line_server(path_, "x").error().code, ErrorCode::not_found);
}

TEST_F(LineServers, WhatADeadOneLeftIsReplacedAndAFileIsNot) {
  start();
  std::filesystem::rename(path_, path_ + ".kept");
  server_.reset();
  std::filesystem::rename(path_ + ".kept", path_);
  EXPECT_EQ(ask_line_server(path_, "x").error().code, ErrorCode::not_found);
  start();
  EXPECT_EQ(ask_line_server(path_, "x").value(), "you said x");
  server_.reset();
  std::ofstream(path_) << "precious";
  EXPECT_FALSE(start_line_server(path_, echo_).has_value());
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(LineServers, PathsThatAreTooLong) {
  path_ = std::string(200, 'x');
  EXPECT_EQ(start_line_server(path_, echo_).error().code, ErrorCode::usage);
  EXPECT_EQ(ask_line_server(path_, "x").error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace tapeline::os
