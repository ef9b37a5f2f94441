#include "stream/checkpoint_writer.h"

#include <thread>

#include <gtest/gtest.h>

#include "stream/memory/memory_checkpoint_store.h"

namespace tapeline::stream {
namespace {

void put_key(CheckpointBatch& batch, std::uint64_t at) {
  batch.begin_key(KeyGroup{1}, Locate{7}, Position{at}).put(at);
  batch.end_entry();
}

void wait_for(const CheckpointWriter& writer) {
  while (!writer.is_free()) std::this_thread::yield();
}

TEST(CheckpointThread, TellsOfALostBatchOnceAndGoesOn) {
  MemoryCheckpointStore store;
  {
    CheckpointThread writer(store);
    CheckpointBatch batch;
    store.fail_next_commits(1);
    put_key(batch, 1);
    writer.hand_over(batch);
    EXPECT_TRUE(batch.empty());
    wait_for(writer);
    EXPECT_TRUE(writer.take_failure().has_value());
    EXPECT_FALSE(writer.take_failure().has_value());
    EXPECT_TRUE(store.content().keys.empty());
    for (std::uint64_t at = 2; at <= 300; ++at) {
      put_key(batch, at);
      wait_for(writer);
      writer.hand_over(batch);
    }
    // Destroyed, it commits what it was handed.
  }
  ASSERT_EQ(store.content().keys.size(), 1u);
  EXPECT_EQ(store.content().keys.begin()->second.saved_at, Position{300});
}

}  // namespace
}  // namespace tapeline::stream
