#include "stream/checkpoint_store.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <string>

#include <gtest/gtest.h>

#include "stream/checkpoint_writer.h"
#include "stream/rocksdb/rocksdb_checkpoint_store.h"

namespace tapeline::stream {
namespace {

namespace fs = std::filesystem;

class RocksdbCheckpointStoreTest : public ::testing::Test {
 protected:
  RocksdbCheckpointStoreTest()
      : root_(fs::path(::testing::TempDir()) /
              ("checkpoints-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name())),
        folder_(root_ / "store") {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~RocksdbCheckpointStoreTest() override { fs::remove_all(root_); }

  OpenedCheckpointStore open(std::uint64_t layout = 7) {
    Result<OpenedCheckpointStore> opened = open_rocksdb_checkpoint_store(folder_, {.layout = layout});
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : OpenedCheckpointStore{};
  }

  fs::path root_;
  fs::path folder_;
};

void put_key(CheckpointBatch& batch, std::uint16_t group, std::uint16_t key, std::uint64_t at,
             std::uint64_t state) {
  batch.begin_key(KeyGroup{group}, Locate{key}, Position{at}).put(state);
  batch.end_entry();
}

void put_manifest(CheckpointBatch& batch, std::uint16_t group, std::uint64_t at, std::uint64_t content) {
  batch.begin_manifest(KeyGroup{group}, Position{at}).put(content);
  batch.end_entry();
}

// "key@position=state …" of a group, then "from position" of its manifest.
std::string contents(const CheckpointStore& store, std::uint16_t group) {
  std::string text;
  const auto number = [](std::span<const std::byte> bytes) {
    StateReader reader(bytes);
    const auto value = reader.get<std::uint64_t>();
    EXPECT_TRUE(reader.complete());
    return std::to_string(value);
  };
  const Result<std::vector<StoredKey>> keys = store.keys(KeyGroup{group});
  EXPECT_TRUE(keys);
  for (const StoredKey& key : *keys)
    text += std::to_string(raw(key.key)) + "@" + std::to_string(raw(key.saved_at)) + "=" + number(key.state) +
            " ";
  const Result<std::optional<StoredManifest>> manifest = store.manifest(KeyGroup{group});
  EXPECT_TRUE(manifest);
  if (*manifest)
    text += "from " + std::to_string(raw((*manifest)->replay_from)) + "=" + number((*manifest)->content);
  return text;
}

TEST_F(RocksdbCheckpointStoreTest, KeepsTheLatestStateOfEachKeyAndGroup) {
  {
    const OpenedCheckpointStore opened = open();
    EXPECT_EQ(opened.warning, "");
    CheckpointBatch batch;
    put_key(batch, 3, 300, 10, 1);
    put_key(batch, 3, 5, 10, 2);
    put_key(batch, 4, 7, 11, 3);
    put_key(batch, 3, 300, 12, 4);
    put_manifest(batch, 3, 9, 5);
    ASSERT_TRUE(opened.store->commit(batch));
    EXPECT_EQ(contents(*opened.store, 3), "5@10=2 300@12=4 from 9=5");
    EXPECT_EQ(contents(*opened.store, 2), "");
  }
  const OpenedCheckpointStore again = open();
  EXPECT_EQ(again.warning, "");
  EXPECT_EQ(contents(*again.store, 3), "5@10=2 300@12=4 from 9=5");
  EXPECT_EQ(contents(*again.store, 4), "7@11=3 ");
}

TEST_F(RocksdbCheckpointStoreTest, ErasesWhatCameBeforeInItsGroupOnly) {
  const OpenedCheckpointStore opened = open();
  CheckpointBatch batch;
  put_key(batch, 3, 0, 10, 1);
  put_key(batch, 3, 65'535, 10, 2);
  put_manifest(batch, 3, 9, 5);
  put_key(batch, 4, 0, 10, 3);
  ASSERT_TRUE(opened.store->commit(batch));
  batch.clear();
  batch.erase_group(KeyGroup{3});
  put_key(batch, 3, 8, 20, 4);
  ASSERT_TRUE(opened.store->commit(batch));
  EXPECT_EQ(contents(*opened.store, 3), "8@20=4 ");
  EXPECT_EQ(contents(*opened.store, 4), "0@10=3 ");
  EXPECT_TRUE(opened.store->sync());
}

TEST_F(RocksdbCheckpointStoreTest, MovesAsideWhatAnotherLayoutWrote) {
  {
    CheckpointBatch batch;
    put_key(batch, 1, 1, 1, 1);
    ASSERT_TRUE(open(7).store->commit(batch));
  }
  {
    const OpenedCheckpointStore other = open(8);
    EXPECT_THAT(other.warning, ::testing::HasSubstr("with other settings"));
    EXPECT_EQ(contents(*other.store, 1), "");
  }
  EXPECT_TRUE(fs::exists(root_ / "store.unusable" / "CURRENT"));
  EXPECT_EQ(open(8).warning, "");
}

TEST_F(RocksdbCheckpointStoreTest, StartsEmptyWhereTheStoreIsDamaged) {
  for (const std::string_view damaged : {"MANIFEST", "CURRENT"}) {
    SCOPED_TRACE(damaged);
    {
      CheckpointBatch batch;
      put_key(batch, 1, 1, 1, 1);
      ASSERT_TRUE(open().store->commit(batch));
    }
    for (const fs::directory_entry& file : fs::directory_iterator(folder_))
      if (file.path().filename().string().starts_with(damaged))
        std::ofstream(file.path(), std::ios::trunc) << "what was never written here";
    const OpenedCheckpointStore opened = open();
    EXPECT_THAT(opened.warning, ::testing::HasSubstr("from the log's beginning"));
    EXPECT_EQ(contents(*opened.store, 1), "");
  }
}

TEST_F(RocksdbCheckpointStoreTest, SavepointsKeepWhatWasThere) {
  {
    const OpenedCheckpointStore opened = open();
    CheckpointBatch batch;
    put_key(batch, 1, 1, 10, 1);
    ASSERT_TRUE(opened.store->commit(batch));
    ASSERT_TRUE(opened.store->savepoint("noon"));
    batch.clear();
    put_key(batch, 1, 1, 20, 2);
    ASSERT_TRUE(opened.store->commit(batch));
    const Result<void> twice = opened.store->savepoint("noon");
    ASSERT_FALSE(twice);
    EXPECT_THAT(twice.error().message, ::testing::HasSubstr("choose another name"));
    EXPECT_FALSE(opened.store->savepoint("../noon"));
  }
  const fs::path savepoint = root_ / "store.savepoints" / "noon";
  EXPECT_FALSE(restore_rocksdb_savepoint(savepoint, folder_));
  EXPECT_FALSE(restore_rocksdb_savepoint(savepoint / "missing", root_ / "other"));
  for (int i = 0; i < 2; ++i) {
    fs::remove_all(folder_);
    const Result<void> restored = restore_rocksdb_savepoint(savepoint, folder_);
    ASSERT_TRUE(restored) << restored.error().message;
    const OpenedCheckpointStore opened = open();
    EXPECT_EQ(opened.warning, "");
    EXPECT_EQ(contents(*opened.store, 1), "1@10=1 ");
    CheckpointBatch batch;
    put_key(batch, 1, 1, 30, 3);
    ASSERT_TRUE(opened.store->commit(batch));
  }
}

TEST_F(RocksdbCheckpointStoreTest, OneProgramAtATimeOpensIt) {
  const OpenedCheckpointStore opened = open();
  const Result<OpenedCheckpointStore> second = open_rocksdb_checkpoint_store(folder_, {.layout = 7});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, ::testing::HasSubstr("no other program"));
}

TEST_F(RocksdbCheckpointStoreTest, AThreadCommitsInOrder) {
  const OpenedCheckpointStore opened = open();
  {
    CheckpointThread writer(*opened.store);
    CheckpointBatch batch;
    for (std::uint64_t i = 1; i <= 200; ++i) {
      put_key(batch, 1, 1, i, i);
      put_key(batch, 1, static_cast<std::uint16_t>(i), i, i);
      if (writer.is_free()) writer.hand_over(batch);
    }
    while (!writer.is_free()) std::this_thread::yield();
    if (!batch.empty()) writer.hand_over(batch);
    EXPECT_TRUE(batch.empty());
    // Destroyed, it commits what it has.
  }
  const Result<std::vector<StoredKey>> keys = opened.store->keys(KeyGroup{1});
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 200u);
  EXPECT_EQ((*keys)[0].saved_at, Position{200});
}

}  // namespace
}  // namespace tapeline::stream
