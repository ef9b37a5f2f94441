#include "http/url.h"

#include <gtest/gtest.h>

namespace tapeline::http {
namespace {

TEST(Url, ItsParts) {
  const Url plain = parse_url("http://127.0.0.1:9093").value();
  EXPECT_FALSE(plain.secure);
  EXPECT_EQ(plain.host, "127.0.0.1");
  EXPECT_EQ(plain.port, 9093);
  EXPECT_EQ(plain.target, "/");
  EXPECT_EQ(plain.host_header(), "127.0.0.1:9093");

  const Url secure = parse_url("https://events.example/v2/enqueue?a=b").value();
  EXPECT_TRUE(secure.secure);
  EXPECT_EQ(secure.port, 443);
  EXPECT_EQ(secure.target, "/v2/enqueue?a=b");
  EXPECT_EQ(secure.host_header(), "events.example");
  EXPECT_EQ(secure.origin(), "https://events.example");

  const Url ipv6 = parse_url("http://[::1]:8080?q").value();
  EXPECT_EQ(ipv6.host, "::1");
  EXPECT_EQ(ipv6.target, "/?q");
  EXPECT_EQ(ipv6.origin(), "http://[::1]:8080");
}

TEST(Url, WhatIsNone) {
  for (const std::string text :
       {"", "host", "ftp://host/", "http://", "http://:80/", "http://host:0/", "http://host:65536/",
        "http://host:x/", "http://host:/", "http://[::1/", "http://[::1]80/", "http://[[x]/",
        "http://[name]/", "http://a]b/", "http://user@host/", "http://host/#part", "http://ho st/",
        "http://host/\r\nX: y"}) {
    const Result<Url> url = parse_url(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().code, ErrorCode::usage);
  }
  EXPECT_FALSE(parse_url("http://host/" + std::string(3'000, 'x')).has_value());
}

TEST(Url, AMistakeDoesNotTellThePath) {
  EXPECT_EQ(parse_url("http://host:x/secret").error().message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace tapeline::http
