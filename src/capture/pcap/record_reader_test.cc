#include "capture/pcap/record_reader.h"

#include "base/testing/shared_data.h"
#include "capture/pcap/testing/capture_writer.h"

namespace tapeline::capture {
namespace {

using testing::append;
using testing::append_block;
using testing::append_number;
using testing::Bytes;
using testing::bytes_of;

struct Kept {
  Bytes bytes;
  std::uint32_t original_size;
  std::uint32_t link_type;
  std::uint64_t time;
};

struct ReadResult {
  std::vector<Kept> records;
  std::optional<Error> error;
};

ReadResult read_all(const Bytes& file, std::size_t buffer_bytes = 1 << 16) {
  RecordReader reader(std::make_unique<testing::MemoryStream>(file), "test",
                      {.buffers = 2, .buffer_bytes = buffer_bytes});
  ReadResult result;
  for (;;) {
    const auto record = reader.next();
    if (!record) result.error = record.error();
    if (!record || !*record) break;
    result.records.push_back({Bytes((*record)->bytes.begin(), (*record)->bytes.end()),
                              (*record)->original_size, (*record)->link_type, raw((*record)->time)});
  }
  return result;
}

TEST(RecordReader, ReadsPcapOfBothByteOrdersAndResolutionsInBuffersOfAnySize) {
  for (const bool big_endian : {false, true})
    for (const bool nanoseconds : {false, true}) {
      const testing::PcapFormat format = {big_endian, nanoseconds, 101};
      Bytes file = testing::pcap_header(format);
      testing::append_pcap_record(file, bytes_of({1, 2, 3}), 1'700'000'000, 7, format);
      testing::append_pcap_record(file, bytes_of({}), 1'700'000'001, 999'999, format);
      for (const std::size_t buffer : {1, 7, 65536}) {
        const ReadResult read = read_all(file, buffer);
        EXPECT_FALSE(read.error.has_value());
        ASSERT_EQ(read.records.size(), 2);
        EXPECT_EQ(read.records[0].bytes, bytes_of({1, 2, 3}));
        EXPECT_EQ(read.records[0].link_type, 101);
        EXPECT_EQ(read.records[0].time, nanoseconds ? 1'700'000'000'000'000'007 : 1'700'000'000'000'007'000);
        EXPECT_EQ(read.records[1].time, nanoseconds ? 1'700'000'001'000'999'999 : 1'700'000'001'999'999'000);
      }
    }
}

Bytes pcapng_file(bool big_endian) {
  Bytes file = testing::section_header(big_endian);
  Bytes interface;
  append_number(interface, 1, 2, big_endian);  // Ethernet.
  append_number(interface, 0, 2, big_endian);
  append_number(interface, 4, 4, big_endian);  // Snap length 4.
  append_number(interface, 2, 2, big_endian);  // if_name "eth".
  append_number(interface, 3, 2, big_endian);
  append(interface, bytes_of({'e', 't', 'h', 0}));
  append_number(interface, 9, 2, big_endian);  // if_tsresol: nanoseconds.
  append_number(interface, 1, 2, big_endian);
  append(interface, bytes_of({9, 0, 0, 0}));
  append_number(interface, 0, 4, big_endian);
  append_block(file, 1, interface, big_endian);
  Bytes second;  // Resolution 2^-10 s, 100 s later.
  append_number(second, 101, 2, big_endian);
  append_number(second, 0, 2, big_endian);
  append_number(second, 0, 4, big_endian);
  append_number(second, 9, 2, big_endian);
  append_number(second, 1, 2, big_endian);
  append(second, bytes_of({0x8a, 0, 0, 0}));
  append_number(second, 14, 2, big_endian);
  append_number(second, 8, 2, big_endian);
  append_number(second, 100, 8, big_endian);
  append_block(file, 1, second, big_endian);
  append_block(file, 5, bytes_of({1, 2, 3, 4, 5, 6, 7, 8, 9}), big_endian);  // Statistics: passed over.
  append_block(file, 6, testing::enhanced_packet(0, 0x1'0000'0002, bytes_of({1, 2, 3}), big_endian),
               big_endian);
  append_block(file, 6, testing::enhanced_packet(1, 1536, bytes_of({4}), big_endian), big_endian);
  Bytes simple;
  append_number(simple, 6, 4, big_endian);
  append(simple, bytes_of({5, 6, 7, 8}));
  append_block(file, 3, simple, big_endian);
  return file;
}

void expect_pcapng_records(std::span<const Kept> records) {
  ASSERT_EQ(records.size(), 3);
  EXPECT_EQ(records[0].bytes, bytes_of({1, 2, 3}));
  EXPECT_EQ(records[0].time, 0x1'0000'0002);
  EXPECT_EQ(records[0].link_type, 1);
  EXPECT_EQ(records[1].time, 101'500'000'000);  // 1536/1024 s + 100 s.
  EXPECT_EQ(records[1].link_type, 101);
  EXPECT_EQ(records[2].bytes, bytes_of({5, 6, 7, 8}));
  EXPECT_EQ(records[2].original_size, 6);
  EXPECT_EQ(records[2].time, 0);
}

TEST(RecordReader, ReadsPcapngWithOptionsAndSeveralSections) {
  Bytes file = pcapng_file(false);
  append(file, pcapng_file(true));
  for (const std::size_t buffer : {3, 65536}) {
    const ReadResult read = read_all(file, buffer);
    EXPECT_FALSE(read.error.has_value()) << read.error->message;
    ASSERT_EQ(read.records.size(), 6);
    expect_pcapng_records(std::span(read.records).first(3));
    expect_pcapng_records(std::span(read.records).last(3));
  }
}

TEST(RecordReader, TruncatedAnywhereItEndsInAnErrorAfterTheRecordsBefore) {
  Bytes pcap = testing::pcap_header();
  testing::append_pcap_record(pcap, bytes_of({1, 2, 3}));
  testing::append_pcap_record(pcap, bytes_of({4, 5}));
  const Bytes pcapng = pcapng_file(false);
  for (const Bytes* file : {&std::as_const(pcap), &pcapng}) {
    std::size_t before = 0;
    for (std::size_t size = 0; size < file->size(); ++size) {
      const ReadResult read =
          read_all(Bytes(file->begin(), file->begin() + static_cast<std::ptrdiff_t>(size)));
      EXPECT_GE(read.records.size(), before) << size;
      before = read.records.size();
      const bool clean = !read.error.has_value();
      // Only between records is an end clean.
      if (clean) {
        EXPECT_TRUE(file == &pcap ? size == 24 || size == 43 : size % 4 == 0) << size;
      }
    }
  }
}

TEST(RecordReader, RefusesAbsurdSizes) {
  Bytes file = testing::pcap_header();
  append_number(file, 0, 8, false);
  append_number(file, 0xfffffff0, 4, false);
  append_number(file, 0xfffffff0, 4, false);
  const ReadResult read = read_all(file);
  ASSERT_TRUE(read.error.has_value());
  EXPECT_THAT(read.error->message, ::testing::HasSubstr("claims 4294967280 bytes, at byte offset 24"));
}

TEST(RecordReader, RefusesAPacketOfAnInterfaceNeverDescribed) {
  Bytes file = testing::section_header();
  append_block(file, 6, testing::enhanced_packet(3, 0, bytes_of({1})));
  EXPECT_THAT(read_all(file).error.value().message, ::testing::HasSubstr("interface 3"));
}

}  // namespace
}  // namespace tapeline::capture
