#include "pipeline/run/file_sink.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "os/cpu.h"
#include "pipeline/live/ingest.h"
#include "stream/row_log.h"

namespace tapeline::pipeline {

namespace {

constexpr std::string_view progress_name = "PROGRESS";
constexpr std::uint64_t look_interval_ns = 200'000'000;

// "LANE-FROM-TO.EXT", as it stands in a file's name.
struct PartName {
  std::uint64_t lane;
  std::uint64_t from;
  std::uint64_t to;
};

std::string part_name(const PartName& part, std::string_view extension) {
  return fmt::format("{:03}-{:015}-{:015}.{}", part.lane, part.from, part.to, extension);
}

std::optional<PartName> parse_part_name(std::string_view name) {
  std::array<std::uint64_t, 3> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), numbers[i]);
    if (error != std::errc() || stop == name.data() + name.size()) return std::nullopt;
    if (*stop != (i + 1 < numbers.size() ? '-' : '.')) return std::nullopt;
    name.remove_prefix(static_cast<std::size_t>(stop - name.data()) + 1);
  }
  return PartName{numbers[0], numbers[1], numbers[2]};
}

}  // namespace

FileSink::FileSink(const FileSinkConfig& config, event_log::EventLog& log, os::FileSystem& files)
    : config_(config), log_(log), files_(files) {}

const table::Schema* FileSink::schema_of_table(std::uint16_t table) const {
  const table::Schema* found = nullptr;
  for_each_row_type([&]<class Row>() {
    if (static_cast<std::uint16_t>(row_table<Row>()) == table) found = &schema_of<Row>(config_.levels);
  });
  if (table >= first_user_table && std::size_t{table} - first_user_table < config_.user_tables.size())
    found = config_.user_tables[table - first_user_table];
  return found;
}

std::string FileSink::table_folder(std::uint16_t table) const {
  const table::Schema* const schema = schema_of_table(table);
  return os::join(config_.folder, schema != nullptr ? std::string(schema->name) : name_of_table(table));
}

Result<void> FileSink::open() {
  if (Result<void> made = files_.make_folder(config_.folder); !made) return made;
  if (Result<void> read = read_progress(); !read) return read;
  return remove_leftovers();
}

// One number a line, by lane.
Result<void> FileSink::read_progress() {
  const Result<std::vector<std::byte>> bytes =
      os::read_whole_file(files_, os::join(config_.folder, progress_name));
  if (!bytes && bytes.error().code == ErrorCode::not_found) return {};
  if (!bytes) return std::unexpected(bytes.error());
  const auto* at = reinterpret_cast<const char*>(bytes->data());
  const char* const end = at + bytes->size();
  while (at < end) {
    std::uint64_t to = 0;
    const auto [stop, error] = std::from_chars(at, end, to);
    if (error != std::errc() || stop == end || *stop != '\n')
      return fail(ErrorCode::corrupt,
                  fmt::format("{}/{} is damaged: move the folder away to have its files written anew",
                              config_.folder, progress_name));
    progress_.push_back(to);
    at = stop + 1;
  }
  return {};
}

// Parts behind what PROGRESS vouches for, or of rows that a loss of power has taken from the lanes.
Result<void> FileSink::remove_leftovers() {
  for (std::size_t lane = 0; lane < progress_.size(); ++lane) {
    const Result<event_log::PartitionDescription> found =
        log_.describe(rows_topic, static_cast<std::uint32_t>(lane));
    if (!found) return std::unexpected(found.error());
    if (progress_[lane] <= found->end.value) continue;
    std::uint64_t kept = 0;
    for (std::uint16_t table = 0; table < max_tables; ++table)
      for (const std::string& name : files_.list(table_folder(table)).value_or(std::vector<std::string>()))
        if (const auto part = parse_part_name(name);
            part && part->lane == lane && part->to <= found->end.value)
          kept = std::max(kept, part->to);
    progress_[lane] = kept;
  }
  for (std::uint16_t table = 0; table < max_tables; ++table) {
    const std::string folder = table_folder(table);
    const Result<std::vector<std::string>> names = files_.list(folder);
    if (!names && names.error().code == ErrorCode::not_found) continue;
    if (!names) return std::unexpected(names.error());
    for (const std::string& name : *names) {
      const std::optional<PartName> part = parse_part_name(name);
      if (!part) continue;
      const std::uint64_t written = part->lane < progress_.size() ? progress_[part->lane] : 0;
      if (part->to <= written && !name.ends_with(".partial")) continue;
      if (Result<void> removed = files_.remove(os::join(folder, name)); !removed) return removed;
    }
  }
  return {};
}

Result<void> FileSink::open_new_lanes() {
  const Result<event_log::TopicDescription> topic = log_.topic(rows_topic);
  if (!topic && topic.error().code == ErrorCode::not_found) return {};
  if (!topic) return std::unexpected(topic.error());
  while (lanes_.size() < topic->options.partitions) {
    Lane lane;
    auto reader = log_.open_reader(rows_topic, static_cast<std::uint32_t>(lanes_.size()));
    if (!reader) return std::unexpected(reader.error());
    lane.reader = std::move(*reader);
    if (progress_.size() <= lanes_.size()) progress_.push_back(0);
    lane.from = lane.to = progress_[lanes_.size()];
    if (Result<void> sought = lane.reader->seek({lane.from}); !sought) return sought;
    lanes_.push_back(std::move(lane));
  }
  return {};
}

Result<bool> FileSink::turn(std::uint64_t now_ns) {
  if (looked_ns_ == 0 || now_ns - looked_ns_ >= look_interval_ns) {
    looked_ns_ = now_ns;
    if (Result<void> opened = open_new_lanes(); !opened) return std::unexpected(opened.error());
  }
  bool any = false;
  for (std::size_t number = 0; number < lanes_.size(); ++number) {
    Lane& lane = lanes_[number];
    for (unsigned i = 0; i < batches_per_turn; ++i) {
      const Result<std::optional<event_log::Batch>> batch = lane.reader->next();
      if (!batch) return std::unexpected(batch.error());
      if (!*batch) break;
      any = true;
      if (lane.begun_ns == 0) lane.begun_ns = now_ns;
      if (Result<void> taken = take(number, **batch); !taken) return std::unexpected(taken.error());
    }
    const bool is_over =
        lane.begun_ns != 0 && (lane.rows >= config_.part_rows || now_ns - lane.begun_ns >= config_.part_ns);
    if (is_over)
      if (Result<void> closed = close_part(number); !closed) return std::unexpected(closed.error());
  }
  return any;
}

Result<void> FileSink::take(std::size_t number, const event_log::Batch& batch) {
  missed_ += batch.missed;
  Result<stream::RowBatchCursor> cursor = stream::RowBatchCursor::open(batch.payload);
  if (!cursor) return std::unexpected(cursor.error());
  for (;;) {
    const Result<std::optional<stream::RowView>> row = cursor->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const std::uint16_t table = (*row)->header.table;
    const table::Schema* const schema = schema_of_table(table);
    if (schema == nullptr || (*row)->bytes.size() != schema->row_size)
      return fail(ErrorCode::unsupported,
                  "the log has rows of another version of the program: start in another data folder");
    const Result<sinks::TableSink*> sink = table_of(number, table);
    if (!sink) return std::unexpected(sink.error());
    if (Result<void> appended = (*sink)->append((*row)->bytes); !appended) return appended;
    ++lanes_[number].rows;
    ++rows_;
  }
  lanes_[number].to = batch.end().value;
  return {};
}

// The file is made under a name that says where it begins only; close_part() gives it its own.
Result<sinks::TableSink*> FileSink::table_of(std::size_t number, std::uint16_t table) {
  Lane& lane = lanes_[number];
  std::unique_ptr<sinks::TableSink>& sink = lane.tables[table];
  if (sink != nullptr) return sink.get();
  std::string& path = lane.paths[table];
  path = os::join(table_folder(table),
                  part_name({number, lane.from, lane.from}, sinks::extension_of(config_.format)));
  Result<std::unique_ptr<sinks::TableSink>> opened =
      sinks::open_table_sink(config_.format, path, *schema_of_table(table));
  if (!opened) return std::unexpected(opened.error());
  sink = std::move(*opened);
  return sink.get();
}

Result<void> FileSink::close_part(std::size_t number) {
  Lane& lane = lanes_[number];
  for (std::uint16_t i = 0; i < max_tables; ++i) {
    if (lane.tables[i] == nullptr) continue;
    if (Result<void> finished = lane.tables[i]->finish(); !finished) return finished;
    lane.tables[i].reset();
    const std::string path = os::join(
        table_folder(i), part_name({number, lane.from, lane.to}, sinks::extension_of(config_.format)));
    if (Result<void> renamed = files_.rename(lane.paths[i], path); !renamed) return renamed;
  }
  progress_[number] = lane.from = lane.to;
  lane.begun_ns = 0;
  lane.rows = 0;
  return write_progress();
}

Result<void> FileSink::write_progress() {
  std::string text;
  for (const std::uint64_t to : progress_) text += fmt::format("{}\n", to);
  return os::replace_file(files_, os::join(config_.folder, progress_name), std::as_bytes(std::span(text)));
}

Result<void> FileSink::finish() {
  for (std::size_t number = 0; number < lanes_.size(); ++number)
    if (lanes_[number].to != lanes_[number].from)
      if (Result<void> closed = close_part(number); !closed) return closed;
  return {};
}

Result<std::unique_ptr<FileSinkThread>> FileSinkThread::start(const FileSinkConfig& config,
                                                              event_log::EventLog& log, os::FileSystem& files,
                                                              const os::Clock& clock,
                                                              std::function<void(const Error&)> on_failure) {
  std::unique_ptr<FileSinkThread> thread(
      new FileSinkThread(config, log, files, clock, std::move(on_failure)));
  if (Result<void> opened = thread->sink_.open(); !opened) return std::unexpected(opened.error());
  thread->thread_ = std::thread([raw = thread.get()] { raw->run(); });
  return thread;
}

FileSinkThread::~FileSinkThread() {
  stopping_.store(true, std::memory_order_release);
  if (thread_.joinable()) thread_.join();
}

void FileSinkThread::run() {
  os::name_this_thread("file-sink");
  os::put_this_thread_behind();
  for (;;) {
    const bool last = stopping_.load(std::memory_order_acquire);
    const Result<bool> any = sink_.turn(clock_.monotonic_ns());
    // A part that could not be written whole is written anew by the next start.
    if (!any) return on_failure_(any.error());
    if (*any) continue;
    if (last) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (const Result<void> finished = sink_.finish(); !finished) on_failure_(finished.error());
}

}  // namespace tapeline::pipeline
