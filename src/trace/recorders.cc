#include "trace/recorders.h"

#include <algorithm>

namespace tapeline::trace {

namespace {

constexpr std::string_view ending = ".flight";

}  // namespace

void StageReaders::add(std::string_view name, FlightReader reader) {
  if (name == "ingest") ingest = std::move(reader);
  if (name == "serve") serve = std::move(reader);
  if (name == "clients") clients = std::move(reader);
  if (name.starts_with("worker-")) workers.push_back(std::move(reader));
  if (name.starts_with("sink-")) lanes.push_back(std::move(reader));
}

Result<StageReaders> open_readers(os::FileSystem& files, const std::string& folder) {
  StageReaders readers;
  const Result<std::vector<std::string>> names = files.list(folder);
  if (!names && names.error().code == ErrorCode::not_found) return readers;
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (!name.ends_with(ending)) continue;
    Result<FlightReader> reader = FlightReader::open(os::join(folder, name));
    if (!reader && reader.error().code == ErrorCode::not_found) continue;  // Replaced just now.
    if (!reader) return std::unexpected(reader.error());
    readers.add(std::string_view(name).substr(0, name.size() - ending.size()), std::move(*reader));
  }
  return readers;
}

Result<std::unique_ptr<Recorders>> Recorders::open(os::FileSystem& files, const std::string& folder,
                                                   std::uint64_t records) {
  if (!folder.empty()) {
    if (Result<void> made = files.make_folder(folder); !made) return std::unexpected(made.error());
    const Result<std::vector<std::string>> names = files.list(folder);
    if (!names) return std::unexpected(names.error());
    for (const std::string& name : *names)
      if (name.ends_with(ending))
        if (Result<void> removed = files.remove(os::join(folder, name)); !removed)
          return std::unexpected(removed.error());
  }
  return std::unique_ptr<Recorders>(new Recorders(files, folder, records));
}

std::string Recorders::path_of(std::string_view name) const {
  return folder_.empty() ? "" : os::join(folder_, std::string(name).append(ending));
}

Result<std::shared_ptr<FlightRecorder>> Recorders::make(const std::string& name,
                                                        const FlightRecorder::Owner& owner) {
  if (records_ == 0) return nullptr;
  Result<std::unique_ptr<FlightRecorder>> recorder = FlightRecorder::create(path_of(name), records_, owner);
  if (!recorder) return std::unexpected(recorder.error());
  std::shared_ptr<FlightRecorder> shared = std::move(*recorder);
  const std::lock_guard lock(mutex_);
  std::erase_if(made_, [&](const auto& known) { return known.first == name; });
  made_.emplace_back(name, shared);
  return shared;
}

void Recorders::remove(std::string_view prefix) {
  const std::lock_guard lock(mutex_);
  std::erase_if(made_, [&](const auto& known) {
    if (!known.first.starts_with(prefix)) return false;
    if (!folder_.empty()) (void)files_.remove(path_of(known.first));
    return true;
  });
}

StageReaders Recorders::readers() const {
  const std::lock_guard lock(mutex_);
  StageReaders readers;
  for (const auto& [name, recorder] : made_) readers.add(name, FlightReader(*recorder));
  return readers;
}

}  // namespace tapeline::trace
