#include "feed/itch50/decoder.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "feed/itch50/encoder.h"
#include "feed/itch50/event_decoder.h"
#include "feed/itch50/spec_layout.h"

namespace tapeline::itch50 {
namespace {

// The value of a field as the number its bytes make on the wire: the first byte of a text is the highest.
template <class T>
std::uint64_t wire_value(const T& value) {
  if constexpr (kind_of<T> == FieldKind::integer) {
    if constexpr (sizeof(T) == 4)
      return std::bit_cast<std::uint32_t>(value);
    else
      return std::bit_cast<std::uint64_t>(value);
  } else {
    std::uint64_t number = 0;
    std::array<unsigned char, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &value, sizeof value);
    for (const unsigned char byte : bytes) number = number << 8 | byte;
    return number;
  }
}

const SpecMessage* find_spec(char type) {
  const auto found = std::ranges::find(spec_messages(), type, &SpecMessage::type);
  return found == spec_messages().end() ? nullptr : &*found;
}

TEST(Messages, AreThoseOfTheSpecification) {
  EXPECT_EQ(message_type_count, 23u);
  EXPECT_EQ(spec_messages().size(), 23u);
  std::size_t sum = 0;
  std::set<char> types;
  for_each_message_type([&]<class M>() {
    sum += M::wire_size;
    types.insert(M::type_code);
    const SpecMessage* spec = find_spec(M::type_code);
    ASSERT_NE(spec, nullptr) << M::name;
    EXPECT_EQ(M::wire_size, spec->length) << M::name;
    EXPECT_EQ(wire_sizes[static_cast<unsigned char>(M::type_code)], spec->length) << M::name;
    EXPECT_EQ(message_name(M::type_code), M::name);
    EXPECT_LE(M::wire_size, max_wire_size);
  });
  EXPECT_EQ(types.size(), 23u);
  EXPECT_EQ(sum, 694u);  // Of the lengths in the specification's tables.
}

TEST(Decoder, PutsEveryFieldOfEveryMessageInItsPlace) {
  for_each_message_type([]<class M>() {
    const auto wire = numbered_bytes(M::type_code);
    Message message;
    std::memset(&message, 0xEE, sizeof message);
    ASSERT_EQ(decode(wire.data(), M::wire_size, message), DecodeStatus::ok) << M::name;
    const SpecMessage* spec = find_spec(M::type_code);
    ASSERT_NE(spec, nullptr);
    EXPECT_EQ(message.header.type, M::type_code);
    EXPECT_EQ(raw(message.header.locate), number_at(1, 2));
    EXPECT_EQ(message.header.tracking_number, number_at(3, 2));
    EXPECT_EQ(raw(message.header.timestamp), number_at(5, 6));
    std::size_t next = 0;
    ASSERT_TRUE(visit(message, [&]<class Visited>(const Visited& m) {
      ASSERT_EQ(Visited::type_code, M::type_code);
      m.for_each_field([&]<class T>(std::string_view name, const T& value) {
        ASSERT_LT(next, spec->fields.size()) << M::name << " has more fields than the specification";
        const SpecField& field = spec->fields[next++];
        EXPECT_EQ(name, field.name) << M::name;
        EXPECT_EQ(sizeof(T), field.size) << M::name << "." << name;
        EXPECT_EQ(wire_value(value), number_at(field.offset, field.size)) << M::name << "." << name;
      });
    }));
    EXPECT_EQ(next, spec->fields.size()) << M::name;
    EXPECT_EQ(spec->fields.back().offset + spec->fields.back().size, spec->length) << M::name;
    for (std::size_t i = sizeof(M); i < sizeof message; ++i)
      EXPECT_EQ(message.bytes[i], std::byte{0}) << M::name << ": the tail is not zero at " << i;
  });
}

TEST(Encoder, GivesBackTheBytesThatWereDecoded) {
  for_each_message_type([]<class M>() {
    const auto wire = numbered_bytes(M::type_code);
    Message message;
    ASSERT_EQ(decode(wire.data(), M::wire_size, message), DecodeStatus::ok);
    std::array<std::byte, 64> again{};
    visit(message, [&]<class Visited>(const Visited& m) {
      EXPECT_EQ(encode(m, again.data()) - again.data(), static_cast<std::ptrdiff_t>(M::wire_size)) << M::name;
    });
    EXPECT_EQ(std::memcmp(wire.data(), again.data(), M::wire_size), 0) << M::name;
    std::array<std::byte, 64> framed{};
    visit(message, [&](const auto& m) { encode_framed(m, framed.data()); });
    EXPECT_EQ(load_be<std::uint16_t>(framed.data()), M::wire_size);
    EXPECT_EQ(std::memcmp(wire.data(), framed.data() + 2, M::wire_size), 0) << M::name;
  });
}

TEST(Decoder, GivesBackRandomBytesOfEveryType) {
  constexpr std::uint64_t seed = 4'711;
  std::mt19937_64 random(seed);
  for_each_message_type([&]<class M>() {
    for (int round = 0; round < 2'000; ++round) {
      std::array<std::byte, 128> wire;
      for (std::byte& byte : wire) byte = static_cast<std::byte>(random());
      wire[0] = static_cast<std::byte>(M::type_code);
      Message message;
      ASSERT_EQ(decode(wire.data(), M::wire_size, message), DecodeStatus::ok);
      std::array<std::byte, 64> again{};
      visit(message, [&](const auto& m) { encode(m, again.data()); });
      ASSERT_EQ(std::memcmp(wire.data(), again.data(), M::wire_size), 0)
          << M::name << ", seed " << seed << ", round " << round;
    }
  });
}

TEST(Decoder, RefusesEveryWrongLength) {
  for_each_message_type([]<class M>() {
    const auto wire = numbered_bytes(M::type_code);
    for (std::size_t length = 0; length <= 300; ++length) {
      Message message;
      const auto expected = length == M::wire_size ? DecodeStatus::ok : DecodeStatus::wrong_length;
      EXPECT_EQ(decode(wire.data(), length, message), expected) << M::name << ", length " << length;
    }
    Message message;
    EXPECT_EQ(decode(wire.data(), 65'535, message), DecodeStatus::wrong_length) << M::name;
    EXPECT_EQ(decode(wire.data(), M::wire_size + 256, message), DecodeStatus::wrong_length) << M::name;
  });
}

TEST(Decoder, KnowsNoOtherType) {
  for (unsigned type = 0; type < 256; ++type) {
    if (find_spec(static_cast<char>(type)) != nullptr) continue;
    const auto wire = numbered_bytes(static_cast<char>(type));
    for (const std::size_t length : {0u, 1u, 11u, 36u, 65'535u}) {
      Message message;
      EXPECT_EQ(decode(wire.data(), length, message), DecodeStatus::unknown_type)
          << type << ", length " << length;
    }
    EXPECT_EQ(wire_sizes[type], 0u);
    EXPECT_TRUE(message_name(static_cast<char>(type)).empty());
  }
}

// Memory that ends where it says: the page behind is not mapped.
class GuardedPage {
 public:
  GuardedPage() : page_size_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
    memory_ = static_cast<std::byte*>(
        ::mmap(nullptr, 2 * page_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(memory_ != MAP_FAILED && ::mprotect(memory_ + page_size_, page_size_, PROT_NONE) == 0);
  }
  ~GuardedPage() { ::munmap(memory_, 2 * page_size_); }
  GuardedPage(const GuardedPage&) = delete;
  GuardedPage& operator=(const GuardedPage&) = delete;

  // Where `size` bytes stand so that decode_padding bytes and no more can be read behind them.
  [[nodiscard]] std::byte* place(std::size_t size) { return memory_ + page_size_ - decode_padding - size; }

 private:
  std::size_t page_size_;
  std::byte* memory_;
};

// Under every length, since a truncated message is where reading on would be easy.
TEST(Decoder, ReadsNoFurtherThanThePadding) {
  GuardedPage page;
  for (unsigned type = 0; type < 256; ++type) {
    const auto wire = numbered_bytes(static_cast<char>(type));
    for (std::size_t length = 0; length <= 64; ++length) {
      std::byte* at = page.place(length);
      std::memcpy(at, wire.data(), length + decode_padding);
      Message message;
      [[maybe_unused]] const DecodeStatus status = decode(at, length, message);
      Event event;
      decode_event(at, length, Sequence{1}, CaptureTime{0}, event);
    }
  }
}

}  // namespace
}  // namespace tapeline::itch50
