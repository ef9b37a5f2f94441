#include "capture/pcap/tcp_reassembly.h"

#include <random>

namespace tapeline::capture {
namespace {

// Plays segments of one direction and concatenates what comes out.
class Player {
 public:
  void segment(std::uint32_t sequence, const std::string& text, TcpHeader flags = {}) {
    Frame frame;
    frame.content = FrameContent::tcp;
    frame.payload = std::as_bytes(std::span(text));
    frame.tcp = flags;
    frame.tcp.sequence = sequence;
    reassembly_.add(frame, runs_);
    drain();
  }
  void finish() {
    reassembly_.finish(runs_);
    drain();
  }
  const std::string& out() const { return out_; }
  std::uint64_t missing() const { return reassembly_.missing_bytes(); }
  std::uint64_t retransmitted() const { return reassembly_.retransmitted_bytes(); }

 private:
  void drain() {
    for (const TcpReassembly::Run& run : runs_) {
      if (run.missing_before > 0) out_ += "[" + std::to_string(run.missing_before) + "]";
      out_.append(reinterpret_cast<const char*>(run.bytes.data()), run.bytes.size());
    }
    runs_.clear();
  }
  TcpReassembly reassembly_;
  std::deque<TcpReassembly::Run> runs_;
  std::string out_;
};

TEST(TcpReassembly, InOrderFromTheMiddleOfAConnection) {
  Player player;
  player.segment(100, "");  // An acknowledgement.
  player.segment(101, "abc");
  player.segment(104, "def");
  EXPECT_EQ(player.out(), "abcdef");
}

TEST(TcpReassembly, OutOfOrderRetransmittedAndOverlapping) {
  Player player;
  player.segment(999, "", {.syn = true});
  player.segment(1003, "def");
  player.segment(1006, "ghi");
  EXPECT_EQ(player.out(), "");
  player.segment(1000, "abcd");
  EXPECT_EQ(player.out(), "abcdefghi");
  player.segment(1000, "abcdef");
  player.segment(1007, "hijk");
  EXPECT_EQ(player.out(), "abcdefghijk");
  EXPECT_EQ(player.missing(), 0);
  EXPECT_EQ(player.retransmitted(), 1 + 6 + 2);
}

TEST(TcpReassembly, SequenceNumbersWrap) {
  Player player;
  player.segment(0xfffffffe, "abcd");
  player.segment(4, "gh");
  player.segment(2, "ef");
  EXPECT_EQ(player.out(), "abcdefgh");
}

TEST(TcpReassembly, AHoleIsPassedOverAtTheEnd) {
  Player player;
  player.segment(0, "ab");
  player.segment(5, "fg");
  player.finish();
  EXPECT_EQ(player.out(), "ab[3]fg");
  EXPECT_EQ(player.missing(), 3);
}

TEST(TcpReassembly, AHoleIsPassedOverWhenTooMuchWaitsBehindIt) {
  Player player;
  player.segment(0, "ab");
  const std::string much(TcpReassembly::max_pending_bytes / 2 - 180, 'x');
  player.segment(3, much);
  player.segment(static_cast<std::uint32_t>(3 + much.size()), much);
  EXPECT_EQ(player.out(), "ab");
  player.segment(static_cast<std::uint32_t>(3 + 2 * much.size()), "y");
  EXPECT_EQ(player.out(), "ab[1]" + much + much + "y");
}

TEST(TcpReassembly, ANewConnectionOnTheSamePortsStartsANewStream) {
  Player player;
  player.segment(9, "", {.syn = true});
  player.segment(10, "ab");
  player.segment(5'000'000, "", {.syn = true});
  player.segment(5'000'001, "cd", {.fin = true});
  EXPECT_EQ(player.out(), "abcd");
  EXPECT_EQ(player.missing(), 0);
}

TEST(TcpReassembly, AnyOrderOfSegmentsGivesTheStream) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::string text(400, ' ');
    for (char& c : text) c = static_cast<char>('a' + random() % 26);
    std::vector<std::pair<std::size_t, std::size_t>> parts;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 40, text.size() - at);
      parts.emplace_back(at, size);
      // Some are sent again, with other bounds.
      if (random() % 4 == 0) parts.emplace_back(at / 2, size);
      at += size;
    }
    std::shuffle(parts.begin(), parts.end(), random);
    const std::uint32_t start = static_cast<std::uint32_t>(random());
    Player player;
    player.segment(start - 1, "", {.syn = true});
    for (const auto& [at, size] : parts)
      player.segment(start + static_cast<std::uint32_t>(at), text.substr(at, size));
    ASSERT_EQ(player.out(), text);
  }
}

}  // namespace
}  // namespace tapeline::capture
