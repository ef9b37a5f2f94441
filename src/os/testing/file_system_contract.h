#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/file_system.h"

namespace tapeline::os::testing {

inline std::vector<std::byte> bytes_of(std::string_view text) {
  const Bytes bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline std::string text_of(FileSystem& files, const std::string& path) {
  const Result<std::vector<std::byte>> bytes = read_whole_file(files, path);
  if (!bytes) return "error: " + bytes.error().message;
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

// What every file system does alike. An environment offers files() and folder(), an empty one.
template <class Environment>
class FileSystemContract : public ::testing::Test {
 protected:
  FileSystem& files() { return environment_.files(); }
  std::string path(std::string_view name) { return join(environment_.folder(), name); }
  std::unique_ptr<File> opened(std::string_view name, OpenMode mode) {
    Result<std::unique_ptr<File>> file = files().open(path(name), mode);
    EXPECT_TRUE(file.has_value()) << file.error().message;
    return std::move(*file);
  }
  void write(std::string_view name, std::string_view text) {
    EXPECT_TRUE(opened(name, OpenMode::create)->write_at(0, bytes_of(text)).has_value());
  }
  Environment environment_;
};

TYPED_TEST_SUITE_P(FileSystemContract);

TYPED_TEST_P(FileSystemContract, PiecesAreWrittenOneBehindTheOther) {
  const auto file = this->opened("file", OpenMode::create);
  // More than the system takes in one call, some of them empty.
  std::string expected;
  std::vector<std::string> texts;
  std::vector<Bytes> pieces;
  for (int i = 0; i < 50; ++i)
    texts.push_back(std::string(static_cast<std::size_t>(i % 4), static_cast<char>('a' + i % 26)));
  for (const std::string& text : texts) {
    pieces.push_back(std::as_bytes(std::span(text)));
    expected += text;
  }
  ASSERT_TRUE(file->write_at(0, pieces).has_value());
  ASSERT_TRUE(file->write_at(3, bytes_of("XYZ")).has_value());
  expected.replace(3, 3, "XYZ");
  EXPECT_EQ(text_of(this->files(), this->path("file")), expected);
  EXPECT_EQ(file->status()->size, expected.size());
}

TYPED_TEST_P(FileSystemContract, ReadsStopAtTheEnd) {
  this->write("file", "0123456789");
  const auto file = this->opened("file", OpenMode::read);
  std::array<std::byte, 8> into;
  EXPECT_EQ(file->read_at(0, into).value(), 8);
  EXPECT_EQ(file->read_at(7, into).value(), 3);
  EXPECT_EQ(into[0], std::byte{'7'});
  EXPECT_EQ(file->read_at(10, into).value(), 0);
  EXPECT_EQ(file->read_at(99, into).value(), 0);
}

TYPED_TEST_P(FileSystemContract, ModesOfOpening) {
  const auto absent = this->files().open(this->path("absent"), OpenMode::read);
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
  this->write("file", "kept");
  this->opened("file", OpenMode::write);
  EXPECT_EQ(text_of(this->files(), this->path("file")), "kept");
  this->opened("file", OpenMode::create);
  EXPECT_EQ(text_of(this->files(), this->path("file")), "");
  EXPECT_FALSE(this->files().open(this->path("no/folder"), OpenMode::write).has_value());
}

TYPED_TEST_P(FileSystemContract, TruncateCutsAndGrows) {
  this->write("file", "0123456789");
  const auto file = this->opened("file", OpenMode::write);
  ASSERT_TRUE(file->truncate(4).has_value());
  EXPECT_EQ(text_of(this->files(), this->path("file")), "0123");
  ASSERT_TRUE(file->truncate(6).has_value());
  EXPECT_EQ(text_of(this->files(), this->path("file")), std::string("0123\0\0", 6));
}

TYPED_TEST_P(FileSystemContract, PreallocationDoesNotChangeTheSize) {
  this->write("file", "abc");
  const auto file = this->opened("file", OpenMode::write);
  ASSERT_TRUE(file->preallocate(100'000).has_value());
  EXPECT_EQ(file->status()->size, 3);
  EXPECT_TRUE(file->sync().has_value());
}

TYPED_TEST_P(FileSystemContract, RemovedAndReplacedFilesLiveWhileTheyAreOpen) {
  this->write("a", "first");
  this->write("b", "second");
  const auto first = this->opened("a", OpenMode::read);
  const auto second = this->opened("b", OpenMode::read);
  EXPECT_FALSE(first->status()->removed);
  ASSERT_TRUE(this->files().rename(this->path("b"), this->path("a")).has_value());
  EXPECT_TRUE(first->status()->removed);
  EXPECT_FALSE(second->status()->removed);
  EXPECT_EQ(text_of(this->files(), this->path("a")), "second");
  std::array<std::byte, 5> into;
  EXPECT_EQ(first->read_at(0, into).value(), 5);
  EXPECT_EQ(into[0], std::byte{'f'});
  ASSERT_TRUE(this->files().remove(this->path("a")).has_value());
  EXPECT_TRUE(second->status()->removed);
  EXPECT_TRUE(this->files().remove(this->path("a")).has_value()) << "removing what is not there is no error";
}

TYPED_TEST_P(FileSystemContract, FoldersAreMadeAndListedInOrder) {
  ASSERT_TRUE(this->files().make_folder(this->path("x/y/z")).has_value());
  ASSERT_TRUE(this->files().make_folder(this->path("x/y/z")).has_value());
  this->write("x/y/b", "");
  this->write("x/y/a", "");
  EXPECT_EQ(this->files().list(this->path("x/y")).value(), (std::vector<std::string>{"a", "b", "z"}));
  EXPECT_EQ(this->files().list(this->path("x")).value(), std::vector<std::string>{"y"});
  EXPECT_TRUE(this->files().sync_folder(this->path("x/y")).has_value());
  const auto absent = this->files().list(this->path("absent"));
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
}

TYPED_TEST_P(FileSystemContract, ALockIsHeldByOne) {
  auto held = this->files().lock(this->path("lock"));
  ASSERT_TRUE(held.has_value()) << held.error().message;
  const auto refused = this->files().lock(this->path("lock"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  held->reset();
  EXPECT_TRUE(this->files().lock(this->path("lock")).has_value());
}

TYPED_TEST_P(FileSystemContract, ReplaceFileLeavesNoTrace) {
  ASSERT_TRUE(replace_file(this->files(), this->path("file"), bytes_of("one")).has_value());
  ASSERT_TRUE(replace_file(this->files(), this->path("file"), bytes_of("two")).has_value());
  EXPECT_EQ(text_of(this->files(), this->path("file")), "two");
  EXPECT_EQ(this->files().list(this->environment_.folder()).value(), std::vector<std::string>{"file"});
}

TYPED_TEST_P(FileSystemContract, FreeBytesAreKnown) {
  const Result<std::uint64_t> free = this->files().free_bytes(this->environment_.folder());
  ASSERT_TRUE(free.has_value());
  EXPECT_GT(*free, 0);
}

REGISTER_TYPED_TEST_SUITE_P(FileSystemContract, PiecesAreWrittenOneBehindTheOther, ReadsStopAtTheEnd,
                            ModesOfOpening, TruncateCutsAndGrows, PreallocationDoesNotChangeTheSize,
                            RemovedAndReplacedFilesLiveWhileTheyAreOpen, FoldersAreMadeAndListedInOrder,
                            ALockIsHeldByOne, ReplaceFileLeavesNoTrace, FreeBytesAreKnown);

}  // namespace tapeline::os::testing
