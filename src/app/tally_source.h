#pragma once

#include <array>
#include <cstdint>

#include "app/anomalies.h"
#include "feed/message_source.h"

namespace tapeline::app {

// Stands before another source and counts what its messages look like on the wire, which events do not tell.
class TallySource final : public feed::MessageSource {
 public:
  // Both must outlive this object.
  TallySource(feed::MessageSource& source, Anomalies& anomalies) : source_(source), anomalies_(anomalies) {}

  Result<std::optional<feed::MessageBlock>> next() override;
  [[nodiscard]] feed::SessionName session() const override { return source_.session(); }
  [[nodiscard]] feed::SourceProgress progress() const override { return source_.progress(); }
  [[nodiscard]] const feed::SourceCounters& counters() const override { return source_.counters(); }
  [[nodiscard]] std::span<const feed::SequenceGap> gaps() const override { return source_.gaps(); }

  // By type code; a message without even a type is in `empty`.
  [[nodiscard]] const std::array<std::uint64_t, 256>& types() const { return types_; }
  [[nodiscard]] std::uint64_t empty() const { return empty_; }
  [[nodiscard]] std::uint64_t message_bytes() const { return message_bytes_; }  // Without length prefixes.

 private:
  void walk(const feed::MessageBlock& block);
  void compare_counters(std::optional<std::uint64_t> position);

  feed::MessageSource& source_;
  Anomalies& anomalies_;
  feed::SourceCounters seen_;
  std::array<std::uint64_t, 256> types_{};
  std::uint64_t empty_ = 0;
  std::uint64_t message_bytes_ = 0;
};

}  // namespace tapeline::app
