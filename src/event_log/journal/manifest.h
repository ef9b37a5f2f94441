#pragma once

#include <string>

#include "event_log/event_log.h"
#include "os/file_system.h"

namespace tapeline::event_log::journal {

inline constexpr std::uint32_t max_partitions = 4096;

[[nodiscard]] std::string manifest_path(const std::string& topic_folder);

// A topic's options on disk: JSON with the format's version. Errors: not_found, corrupt, unsupported where a
// newer version wrote it.
Result<TopicOptions> load_manifest(os::FileSystem& files, const std::string& topic_folder);
Result<void> store_manifest(os::FileSystem& files, const std::string& topic_folder,
                            const TopicOptions& options);

// Whether the options make sense by themselves.
Result<void> check_options(const TopicOptions& options);

}  // namespace tapeline::event_log::journal
