#include "os/doorbell.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace tapeline::os {
namespace {

constexpr std::uint64_t long_ns = 60'000'000'000;

TEST(Doorbell, LosesNoRingBetweenLookingAndWaiting) {
  Doorbell bell;
  std::atomic<std::uint64_t> published = 0;
  constexpr std::uint64_t count = 20'000;
  std::thread writer([&] {
    for (std::uint64_t i = 1; i <= count; ++i) {
      published.store(i, std::memory_order_release);
      bell.ring();
    }
  });
  // A ring that is lost would hold this up for a minute.
  for (std::uint64_t seen = 0; seen < count;) {
    const std::uint32_t ticket = bell.ticket();
    const std::uint64_t now = published.load(std::memory_order_acquire);
    if (now == seen) bell.wait(ticket, long_ns);
    seen = now;
  }
  writer.join();
}

TEST(Doorbell, WaitsNoLongerThanToldTo) {
  Doorbell bell;
  bell.wait(bell.ticket(), 1'000'000);
  const std::uint32_t ticket = bell.ticket();
  bell.ring();
  bell.wait(ticket, long_ns);  // Rung since: returns at once.
}

TEST(SharedDoorbell, RingsForWhoMapsTheSameFile) {
  std::string folder = std::filesystem::temp_directory_path() / "doorbell_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/bell";
  EXPECT_EQ(SharedDoorbell::open(path).error().code, ErrorCode::not_found);
  const auto ringing = SharedDoorbell::create(path);
  ASSERT_TRUE(ringing) << ringing.error().message;
  const auto waiting = SharedDoorbell::open(path);
  ASSERT_TRUE(waiting) << waiting.error().message;
  const std::uint32_t ticket = (*waiting)->bell().ticket();
  std::thread waiter([&] { (*waiting)->bell().wait(ticket, long_ns); });
  (*ringing)->bell().ring();
  waiter.join();
  EXPECT_NE((*waiting)->bell().ticket(), ticket);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tapeline::os
