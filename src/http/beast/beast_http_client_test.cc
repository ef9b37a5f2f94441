#include "http/beast/beast_http_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapeline::http {
namespace {

using boost::asio::ip::tcp;
using ::testing::HasSubstr;

// Answers one connection with bytes of the test's, whatever it is asked, on a free port of the loopback.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer, int hold_ms = 0)
      : acceptor_(context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
        thread_([this, answer = std::move(answer), hold_ms] { serve(answer, hold_ms); }) {}
  ~OneAnswer() { thread_.join(); }

  [[nodiscard]] Url url() const {
    return parse_url("http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/in").value();
  }
  std::string asked;  // Once the client has its answer.

 private:
  void serve(const std::string& answer, int hold_ms) {
    tcp::socket socket(context_);
    acceptor_.accept(socket);
    boost::asio::streambuf buffer;
    boost::system::error_code ignored;
    boost::asio::read_until(socket, buffer, "BODY", ignored);
    asked.assign(boost::asio::buffers_begin(buffer.data()), boost::asio::buffers_end(buffer.data()));
    boost::asio::write(socket, boost::asio::buffer(answer), ignored);
    std::this_thread::sleep_for(std::chrono::milliseconds(hold_ms));
  }

  boost::asio::io_context context_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

Post post_to(const Url& url) {
  return {.url = url, .headers = {{"Authorization", "Bearer t"}}, .body = "BODY"};
}

TEST(BeastHttpClient, PostsAndTakesTheAnswer) {
  const auto client = make_beast_http_client("test/1");
  std::string asked;
  {
    OneAnswer server("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 3\r\n\r\nyes");
    const Result<Answer> answer = client->post(post_to(server.url()), 5'000);
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_EQ(answer->status, 429u);
    EXPECT_EQ(answer->body, "yes");
    EXPECT_EQ(answer->retry_after_s, 7u);
    asked = server.asked;
  }
  EXPECT_THAT(asked, HasSubstr("POST /in HTTP/1.1\r\n"));
  EXPECT_THAT(asked, HasSubstr("Authorization: Bearer t\r\n"));
  EXPECT_THAT(asked, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(asked, HasSubstr("Content-Length: 4\r\n"));
}

TEST(BeastHttpClient, WhatIsNoAnswerIsAFailure) {
  const auto client = make_beast_http_client("test/1");
  for (const char* answer : {"", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"}) {
    OneAnswer server(answer);
    EXPECT_EQ(client->post(post_to(server.url()), 5'000).error().code, ErrorCode::io) << answer;
  }
}

TEST(BeastHttpClient, ALongAnswerIsNotTakenWhole) {
  const auto client = make_beast_http_client("test/1");
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'));
  const Result<Answer> answer = client->post(post_to(server.url()), 5'000);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->status, 200u);
  EXPECT_LE(answer->body.size(), HttpClient::most_answer_bytes);
}

TEST(BeastHttpClient, ItDoesNotWaitForEver) {
  const auto client = make_beast_http_client("test/1");
  OneAnswer server("", 500);
  const auto begin = std::chrono::steady_clock::now();
  const Result<Answer> answer = client->post(post_to(server.url()), 100);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(450));
  ASSERT_FALSE(answer.has_value());
  EXPECT_THAT(answer.error().message, HasSubstr("within 100 ms"));
}

TEST(BeastHttpClient, NobodyThere) {
  boost::asio::io_context context;
  const tcp::acceptor taken(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  tcp::acceptor other(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const std::string port = std::to_string(other.local_endpoint().port());
  other.close();
  const auto client = make_beast_http_client("test/1");
  EXPECT_THAT(client->post(post_to(parse_url("http://127.0.0.1:" + port).value()), 1'000).error().message,
              HasSubstr("cannot connect to http://127.0.0.1:" + port));
}

TEST(BeastHttpClient, TlsToWhoDoesNotSpeakIt) {
  const auto client = make_beast_http_client("test/1");
  OneAnswer server("HTTP/1.1 200 OK\r\n\r\n");
  Url url = server.url();
  url.secure = true;
  // Its greeting holds no "BODY": it waits for more, and so does the client.
  const Result<Answer> answer = client->post(post_to(url), 200);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::io);
}

TEST(BeastHttpClient, AStopEndsARequestOnItsWay) {
  const auto client = make_beast_http_client("test/1");
  OneAnswer server("", 1'000);
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    client->stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(client->post(post_to(server.url()), 30'000).error().code, ErrorCode::interrupted);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(800));
  stopper.join();
}

}  // namespace
}  // namespace tapeline::http
