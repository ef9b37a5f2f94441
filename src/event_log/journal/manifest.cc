#include "event_log/journal/manifest.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "event_log/journal/format.h"
#include "event_log/journal/segment.h"

namespace tapeline::event_log::journal {

namespace {

constexpr std::array<std::string_view, 3> policy_names = {"none", "interval", "batch"};
constexpr std::uint64_t least_segment_bytes = 4096;
constexpr std::uint64_t most_segment_bytes = std::uint64_t{1} << 40;

// One visit for both directions, so that no option is written and not read.
template <class Options, class Visit>
void for_each_number(Options& options, Visit visit) {
  visit("segment_bytes", options.segment_bytes);
  visit("segment_ns", options.segment_ns);
  visit("retention_ns", options.retention_ns);
  visit("retention_bytes", options.retention_bytes);
  visit("sync_interval_ns", options.sync_interval_ns);
  visit("preallocate_bytes", options.preallocate_bytes);
  visit("tombstone_retention_ns", options.tombstone_retention_ns);
}

std::unexpected<Error> not_a_manifest(const std::string& path, std::string_view why) {
  return fail(
      ErrorCode::corrupt,
      fmt::format("{} is no manifest of a topic: {}; restore it, or remove the topic's folder", path, why));
}

}  // namespace

std::string manifest_path(const std::string& topic_folder) {
  return os::join(topic_folder, "manifest.json");
}

Result<TopicOptions> load_manifest(os::FileSystem& files, const std::string& topic_folder) {
  const std::string path = manifest_path(topic_folder);
  const Result<std::vector<std::byte>> bytes = os::read_whole_file(files, path);
  if (!bytes) return std::unexpected(bytes.error());
  const auto* text = reinterpret_cast<const char*>(bytes->data());
  const auto json = nlohmann::json::parse(text, text + bytes->size(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return not_a_manifest(path, "it is not JSON");
  std::string missing;
  const auto number = [&](const char* name) -> std::uint64_t {
    const auto found = json.find(name);
    if (found != json.end() && found->is_number_unsigned()) return found->get<std::uint64_t>();
    missing = name;
    return 0;
  };
  const std::uint64_t version = number("format");
  if (!missing.empty()) return not_a_manifest(path, "it states no format");
  if (version > format_version)
    return std::unexpected(
        newer_format(path, static_cast<std::uint32_t>(std::min<std::uint64_t>(version, ~0U))));
  TopicOptions options;
  const std::uint64_t partitions = number("partitions");
  options.partitions = static_cast<std::uint32_t>(std::min<std::uint64_t>(partitions, max_partitions + 1));
  for_each_number(options, [&](const char* name, std::uint64_t& value) { value = number(name); });
  const auto sync = json.find("sync");
  const auto compacted = json.find("compacted");
  if (sync == json.end() || !sync->is_string()) missing = "sync";
  if (compacted == json.end() || !compacted->is_boolean()) missing = "compacted";
  if (!missing.empty()) return not_a_manifest(path, fmt::format("{} is missing or of a wrong type", missing));
  options.compacted = compacted->get<bool>();
  const auto policy = std::ranges::find(policy_names, sync->get<std::string>());
  if (policy == policy_names.end()) return not_a_manifest(path, "its sync is none of none, interval, batch");
  options.sync = static_cast<SyncPolicy>(policy - policy_names.begin());
  if (const Result<void> sensible = check_options(options); !sensible)
    return not_a_manifest(path, sensible.error().message);
  return options;
}

Result<void> store_manifest(os::FileSystem& files, const std::string& topic_folder,
                            const TopicOptions& options) {
  nlohmann::ordered_json json;
  json["format"] = format_version;
  json["partitions"] = options.partitions;
  json["compacted"] = options.compacted;
  json["sync"] = policy_names[static_cast<std::size_t>(options.sync)];
  for_each_number(options, [&](const char* name, std::uint64_t value) { json[name] = value; });
  const std::string text = json.dump(2) + "\n";
  return os::replace_file(files, manifest_path(topic_folder), std::as_bytes(std::span(text)));
}

Result<void> check_options(const TopicOptions& options) {
  if (options.partitions == 0 || options.partitions > max_partitions)
    return fail(ErrorCode::usage, fmt::format("a topic has 1 to {} partitions", max_partitions));
  if (options.segment_bytes < least_segment_bytes || options.segment_bytes > most_segment_bytes)
    return fail(ErrorCode::usage,
                fmt::format("segment_bytes is {} to {}", least_segment_bytes, most_segment_bytes));
  if (options.segment_ns == 0) return fail(ErrorCode::usage, "segment_ns is more than 0");
  return {};
}

}  // namespace tapeline::event_log::journal
