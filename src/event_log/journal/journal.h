#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "event_log/event_log.h"
#include "event_log/journal/partition_writer.h"
#include "event_log/journal/verification.h"
#include "os/file_system.h"

namespace tapeline::event_log::journal {

// The log in files of this machine: FOLDER/TOPIC/PARTITION/ holds the segments, FOLDER/TOPIC/manifest.json
// the options. docs/formats/journal.md says what is in them.
class Journal final : public EventLog {
 public:
  // The folder is made when the first topic is. The file system outlives the journal.
  Journal(os::FileSystem& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  Result<void> create_topic(const std::string& name, const TopicOptions& options) override;
  Result<std::vector<TopicDescription>> topics() override;
  Result<TopicDescription> topic(const std::string& name) override;
  Result<PartitionDescription> describe(const std::string& topic, std::uint32_t partition) override;
  Result<std::unique_ptr<Writer>> open_writer(const std::string& topic, std::uint32_t partition) override;
  Result<std::unique_ptr<Reader>> open_reader(const std::string& topic, std::uint32_t partition) override;

  // See event_log/journal/verification.h.
  Result<Verification> verify(const std::string& topic, std::uint32_t partition);
  Result<Verification> repair(const std::string& topic, std::uint32_t partition);

 private:
  [[nodiscard]] std::string topic_folder(const std::string& topic) const;
  [[nodiscard]] std::string partition_folder(const std::string& topic, std::uint32_t partition) const;
  Result<TopicOptions> options_of(const std::string& topic, std::uint32_t partition);
  std::shared_ptr<PartitionTip> tip_of(const std::string& topic, std::uint32_t partition);

  os::FileSystem& files_;
  const std::string folder_;
  std::mutex mutex_;  // Over the map.
  std::map<std::pair<std::string, std::uint32_t>, std::shared_ptr<PartitionTip>> tips_;
};

}  // namespace tapeline::event_log::journal
