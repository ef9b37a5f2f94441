#include "base/crc32c.h"

#include <random>

namespace tapeline {
namespace {

using Bytes = std::vector<std::byte>;

// Bit by bit, as the definition says.
std::uint32_t plain_crc32c(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

// RFC 3720, section B.4; the check value "123456789" is that of the catalogue of CRCs.
TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(crc32c({}), 0);
  EXPECT_EQ(crc32c(std::as_bytes(std::span("123456789", 9))), 0xe3069283);
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0})), 0x8a9136aa);
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0xff})), 0x62a8ab43);
  Bytes counting(32);
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<std::byte>(i);
  EXPECT_EQ(crc32c(counting), 0x46dd794e);
  std::ranges::reverse(counting);
  EXPECT_EQ(crc32c(counting), 0x113fdb5c);
}

TEST(Crc32c, EveryPathIsThePlainOne) {
  std::mt19937_64 random(3720);
  Bytes bytes(40'000);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  // Around the block sizes of 3 × 256 and 3 × 4096 bytes, at any alignment.
  for (const std::size_t size : {0, 1, 7, 8, 9, 767, 768, 769, 12'287, 12'288, 12'289, 25'000, 39'990})
    for (std::size_t from = 0; from < 9; ++from) {
      const std::span<const std::byte> part = std::span(bytes).subspan(from, size);
      EXPECT_EQ(crc32c(part), plain_crc32c(part)) << size << " bytes at " << from;
    }
}

TEST(Crc32c, ContinuesWhereItStopped) {
  std::mt19937_64 random(1);
  Bytes bytes(30'000);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  const std::uint32_t whole = crc32c(bytes);
  for (const std::size_t cut : {0, 1, 100, 4'096, 29'999, 30'000})
    EXPECT_EQ(crc32c(std::span(bytes).subspan(cut), crc32c(std::span(bytes).first(cut))), whole) << cut;
}

}  // namespace
}  // namespace tapeline
