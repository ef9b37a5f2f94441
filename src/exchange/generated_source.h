#pragma once

#include <memory>
#include <span>
#include <vector>

#include "capture/file/read_ahead.h"
#include "feed/message_source.h"
#include "simulator/market_simulator.h"

namespace tapeline::exchange {

// The messages of a generated day, made by a thread of its own some blocks ahead of whoever reads them.
class GeneratedSource final : public feed::MessageSource {
 public:
  // `config` must be valid.
  explicit GeneratedSource(const simulator::Config& config);

  Result<std::optional<feed::MessageBlock>> next() override;
  [[nodiscard]] feed::SessionName session() const override { return feed::SessionName(""); }
  [[nodiscard]] feed::SourceProgress progress() const override { return {}; }
  [[nodiscard]] const feed::SourceCounters& counters() const override { return counters_; }
  [[nodiscard]] std::span<const feed::SequenceGap> gaps() const override { return {}; }

 private:
  struct Slot {
    std::vector<std::byte> bytes;
    std::size_t size = 0;
    std::uint32_t messages = 0;
  };
  Result<bool> fill(Slot& slot);

  simulator::MarketSimulator simulator_;
  feed::SourceCounters counters_;
  capture::ReadAhead<Slot> ahead_;  // Last: its thread uses what stands above.
};

// Another source's messages, all of them read into memory before the first one is asked for, so that nothing
// but sending is left to do: for rates near what the machine can.
class PreloadedSource final : public feed::MessageSource {
 public:
  // Reads up to `max_messages`, to the end of their block.
  static Result<std::unique_ptr<feed::MessageSource>> load(feed::MessageSource& from,
                                                           std::uint64_t max_messages);

  Result<std::optional<feed::MessageBlock>> next() override;
  [[nodiscard]] feed::SessionName session() const override { return feed::SessionName(""); }
  [[nodiscard]] feed::SourceProgress progress() const override { return {}; }
  [[nodiscard]] const feed::SourceCounters& counters() const override { return counters_; }
  [[nodiscard]] std::span<const feed::SequenceGap> gaps() const override { return {}; }

 private:
  struct Block {
    std::vector<std::byte> bytes;
    std::uint32_t messages;
  };

  std::vector<Block> blocks_;
  std::size_t taken_ = 0;
  feed::SourceCounters counters_;
};

}  // namespace tapeline::exchange
