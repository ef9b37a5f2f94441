#include "app/row_consumer.h"

#include <fmt/format.h>

#include "pipeline/live/ingest.h"

namespace tapeline::app {

Result<void> RowConsumer::open_new_lanes() {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  if (looked_ns_ != 0 && now_ns - looked_ns_ < look_interval_ns) return {};
  looked_ns_ = now_ns;
  const Result<event_log::TopicDescription> topic = log_.topic(pipeline::rows_topic);
  if (!topic && topic.error().code == ErrorCode::not_found) return {};  // Not made yet.
  if (!topic) return std::unexpected(topic.error());
  while (lanes_.size() < topic->options.partitions) {
    auto reader = log_.open_reader(pipeline::rows_topic, static_cast<std::uint32_t>(lanes_.size()));
    if (!reader) return std::unexpected(reader.error());
    lanes_.push_back(std::move(*reader));
  }
  return {};
}

Result<bool> RowConsumer::turn() {
  if (Result<void> opened = open_new_lanes(); !opened) return std::unexpected(opened.error());
  bool any = false;
  for (const auto& lane : lanes_) {
    const Result<std::optional<event_log::Batch>> batch = lane->next();
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) continue;
    any = true;
    if (Result<void> taken = take(**batch); !taken) return std::unexpected(taken.error());
  }
  return any;
}

Result<void> RowConsumer::take(const event_log::Batch& batch) {
  ++batches_;
  missed_ += batch.missed;
  const std::uint64_t now_ns = clock_.realtime_ns();
  return digests_.add_batch(batch.payload, [&](const stream::RowView& row) {
    const std::optional<CaptureTime> captured = pipeline::captured_of(row);
    if (!captured || raw(*captured) == 0) return;
    delays_.add(now_ns > raw(*captured) ? now_ns - raw(*captured) : 0);
  });
}

std::string delays_json(const metrics::HistogramSnapshot& delays) {
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  return fmt::format(R"({{"rows":{},"p50":{:.1f},"p90":{:.1f},"p99":{:.1f},"p99.9":{:.1f},"max":{:.1f}}})",
                     delays.count(), us(delays.percentile(0.5)), us(delays.percentile(0.9)),
                     us(delays.percentile(0.99)), us(delays.percentile(0.999)), us(delays.max()));
}

std::string digests_json(const pipeline::RowDigests& digests) {
  std::string text = "{";
  digests.for_each([&](std::string_view table, const stream::RowDigest& digest) {
    text += fmt::format(R"({}"{}":{{"rows":{},"digest":"{}"}})", text.size() > 1 ? "," : "", table,
                        digest.rows(), digest.hex());
  });
  return text + "}";
}

}  // namespace tapeline::app
