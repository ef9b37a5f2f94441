#include "exchange/generated_source.h"

#include "base/bytes.h"

namespace tapeline::exchange {

namespace {

constexpr std::size_t blocks_ahead = 8;

}  // namespace

GeneratedSource::GeneratedSource(const simulator::Config& config)
    : simulator_(config),
      ahead_(std::vector<Slot>(blocks_ahead), [this](Slot& slot) { return fill(slot); }, [] {}) {}

// Runs on the read-ahead thread.
Result<bool> GeneratedSource::fill(Slot& slot) {
  const std::uint64_t before = simulator_.messages();
  const std::span<const std::byte> block = simulator_.next_block();
  if (block.empty()) return false;
  slot.bytes.resize(std::max(slot.bytes.size(), block.size() + decode_padding));
  std::memcpy(slot.bytes.data(), block.data(), block.size());
  slot.size = block.size();
  slot.messages = static_cast<std::uint32_t>(simulator_.messages() - before);
  return true;
}

Result<std::optional<feed::MessageBlock>> GeneratedSource::next() {
  const Result<Slot*> slot = ahead_.next();
  if (!slot) return std::unexpected(slot.error());
  if (*slot == nullptr) return std::nullopt;
  const Slot& filled = **slot;
  const feed::MessageBlock block{std::span(filled.bytes).first(filled.size), counters_.messages + 1,
                                 filled.messages, CaptureTime{0}};
  ++counters_.blocks;
  counters_.messages += filled.messages;
  return block;
}

Result<std::unique_ptr<feed::MessageSource>> PreloadedSource::load(feed::MessageSource& from,
                                                                   std::uint64_t max_messages) {
  auto source = std::make_unique<PreloadedSource>();
  std::uint64_t messages = 0;
  while (messages < max_messages) {
    const Result<std::optional<feed::MessageBlock>> block = from.next();
    if (!block) return std::unexpected(block.error());
    if (!*block) break;
    const std::span<const std::byte> bytes = (*block)->bytes;
    Block& kept = source->blocks_.emplace_back();
    kept.bytes.resize(bytes.size() + decode_padding);
    std::ranges::copy(bytes, kept.bytes.begin());
    kept.messages = (*block)->message_count;
    messages += kept.messages;
  }
  return source;
}

Result<std::optional<feed::MessageBlock>> PreloadedSource::next() {
  if (taken_ == blocks_.size()) return std::nullopt;
  const Block& block = blocks_[taken_++];
  const feed::MessageBlock result{std::span(block.bytes).first(block.bytes.size() - decode_padding),
                                  counters_.messages + 1, block.messages, CaptureTime{0}};
  ++counters_.blocks;
  counters_.messages += block.messages;
  return result;
}

}  // namespace tapeline::exchange
