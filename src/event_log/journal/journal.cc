#include "event_log/journal/journal.h"

#include <algorithm>

#include <fmt/format.h>

#include "event_log/journal/manifest.h"
#include "event_log/journal/partition_reader.h"

namespace tapeline::event_log::journal {

namespace {

constexpr std::size_t max_topic_name = 100;

bool is_topic_name(std::string_view name) {
  return !name.empty() && name.size() <= max_topic_name && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

std::string Journal::topic_folder(const std::string& topic) const {
  return os::join(folder_, topic);
}

std::string Journal::partition_folder(const std::string& topic, std::uint32_t partition) const {
  return os::join(topic_folder(topic), std::to_string(partition));
}

Result<void> Journal::create_topic(const std::string& name, const TopicOptions& options) {
  if (!is_topic_name(name))
    return fail(
        ErrorCode::usage,
        fmt::format("'{}' cannot name a topic: use up to {} of a-z, 0-9, '_' and '-'", name, max_topic_name));
  if (Result<void> sensible = check_options(options); !sensible) return sensible;
  const std::string folder = topic_folder(name);
  const Result<TopicOptions> before = load_manifest(files_, folder);
  if (!before && before.error().code != ErrorCode::not_found) return std::unexpected(before.error());
  if (before && before->compacted != options.compacted)
    return fail(ErrorCode::usage,
                fmt::format("topic {} is {}compacted and cannot be changed; choose another name", name,
                            before->compacted ? "" : "not "));
  TopicOptions now = options;
  if (before) now.partitions = std::max(before->partitions, options.partitions);
  for (std::uint32_t partition = 0; partition < now.partitions; ++partition)
    if (Result<void> made = files_.make_folder(partition_folder(name, partition)); !made) return made;
  return store_manifest(files_, folder, now);
}

Result<std::vector<TopicDescription>> Journal::topics() {
  std::vector<TopicDescription> topics;
  const Result<std::vector<std::string>> names = files_.list(folder_);
  if (!names) {
    if (names.error().code == ErrorCode::not_found) return topics;
    return std::unexpected(names.error());
  }
  for (const std::string& name : *names) {
    if (!is_topic_name(name)) continue;
    const Result<TopicOptions> options = load_manifest(files_, topic_folder(name));
    if (!options && options.error().code == ErrorCode::not_found) continue;  // Some other folder.
    if (!options) return std::unexpected(options.error());
    topics.push_back({name, *options});
  }
  return topics;
}

Result<TopicDescription> Journal::topic(const std::string& name) {
  const Result<TopicOptions> options = options_of(name, 0);
  if (!options) return std::unexpected(options.error());
  return TopicDescription{name, *options};
}

Result<TopicOptions> Journal::options_of(const std::string& topic, std::uint32_t partition) {
  Result<TopicOptions> options =
      is_topic_name(topic) ? load_manifest(files_, topic_folder(topic)) : fail(ErrorCode::not_found, "");
  if (!options && options.error().code == ErrorCode::not_found)
    return fail(ErrorCode::not_found,
                fmt::format("there is no topic '{}' in {}; `tapeline log list` names those there "
                            "are",
                            topic, folder_));
  if (options && partition >= options->partitions)
    return fail(ErrorCode::not_found, fmt::format("topic {} has no partition {}: its partitions are 0 to {}",
                                                  topic, partition, options->partitions - 1));
  return options;
}

std::shared_ptr<PartitionTip> Journal::tip_of(const std::string& topic, std::uint32_t partition) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<PartitionTip>& tip = tips_[{topic, partition}];
  if (tip == nullptr) tip = std::make_shared<PartitionTip>();
  return tip;
}

Result<PartitionDescription> Journal::describe(const std::string& topic, std::uint32_t partition) {
  const Result<TopicOptions> options = options_of(topic, partition);
  if (!options) return std::unexpected(options.error());
  const std::string folder = partition_folder(topic, partition);
  const Result<std::vector<std::uint64_t>> bases = list_segments(files_, folder);
  if (!bases) return std::unexpected(bases.error());
  PartitionDescription description;
  bool empty = true;
  for (const std::uint64_t base : *bases) {
    const Result<SegmentIndex> index = load_or_scan(files_, folder, base);
    if (!index && index.error().code == ErrorCode::not_found) continue;  // Retention was faster.
    if (!index) return std::unexpected(index.error());
    const SegmentSummary& summary = index->summary();
    if (description.segments++ == 0) description.oldest = {base};
    description.end = {std::max(description.end.value, summary.end_offset)};
    description.bytes += summary.log_bytes;
    if (summary.batches == 0) continue;
    if (empty) description.first_time_ns = summary.first_time_ns;
    empty = false;
    description.last_time_ns = std::max(description.last_time_ns, summary.last_time_ns);
  }
  return description;
}

Result<std::unique_ptr<Writer>> Journal::open_writer(const std::string& topic, std::uint32_t partition) {
  const Result<TopicOptions> options = options_of(topic, partition);
  if (!options) return std::unexpected(options.error());
  return PartitionWriter::open(files_, partition_folder(topic, partition), *options,
                               tip_of(topic, partition));
}

Result<std::unique_ptr<Reader>> Journal::open_reader(const std::string& topic, std::uint32_t partition) {
  const Result<TopicOptions> options = options_of(topic, partition);
  if (!options) return std::unexpected(options.error());
  return std::make_unique<PartitionReader>(files_, partition_folder(topic, partition), options->compacted,
                                           tip_of(topic, partition));
}

Result<Verification> Journal::verify(const std::string& topic, std::uint32_t partition) {
  const Result<TopicOptions> options = options_of(topic, partition);
  if (!options) return std::unexpected(options.error());
  return verify_partition(files_, partition_folder(topic, partition));
}

Result<Verification> Journal::repair(const std::string& topic, std::uint32_t partition) {
  const Result<TopicOptions> options = options_of(topic, partition);
  if (!options) return std::unexpected(options.error());
  return repair_partition(files_, partition_folder(topic, partition));
}

}  // namespace tapeline::event_log::journal
