#include "exchange/faults.h"

#include <charconv>

#include <fmt/format.h>

#include "base/bytes.h"
#include "feed/moldudp64/packet.h"

namespace tapeline::exchange {

namespace {

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !(number >= 0) || number > 1e9)
    return std::nullopt;
  return number;
}

std::uint64_t to_ns(double seconds) {
  return static_cast<std::uint64_t>(seconds * 1e9);
}

// "", "A", "B" and then nothing or "@FROM-UNTIL" in seconds.
std::optional<Outage> parse_outage(std::string_view text) {
  Outage outage;
  if (text.empty()) return outage;
  if (text.front() != 'A' && text.front() != 'B') return std::nullopt;
  outage.feed = text.front() == 'A' ? Feed::a : Feed::b;
  text.remove_prefix(1);
  if (text.empty()) return outage;
  const std::size_t dash = text.find('-');
  if (text.front() != '@' || dash == std::string_view::npos) return std::nullopt;
  const std::optional<double> from = parse_number(text.substr(1, dash - 1));
  const std::optional<double> until = parse_number(text.substr(dash + 1));
  if (!from || !until || *until < *from) return std::nullopt;
  outage.from_ns = to_ns(*from);
  outage.until_ns = to_ns(*until);
  return outage;
}

Result<void> take_fault(std::string_view name, std::string_view value, Faults& faults) {
  const auto wrong = [&](std::string_view wanted) {
    return fail(ErrorCode::usage, fmt::format("fault '{}={}': {}", name, value, wanted));
  };
  if (name == "one-feed-down") {
    faults.outage = parse_outage(value);
    if (!faults.outage)
      return wrong("name the feed, A or B, and if you like the seconds, as in one-feed-down=B@2-5");
    return {};
  }
  // A probability that is not said is one in a hundred.
  const std::optional<double> number = value.data() == nullptr ? 0.01 : parse_number(value);
  if (name == "session-change") {
    if (value.empty() || !number || *number <= 0)
      return wrong("give the seconds that a session lasts, as in session-change=10");
    faults.session_change_ns = to_ns(*number);
    return {};
  }
  if (name == "delay-ms") {
    if (value.empty() || !number) return wrong("give milliseconds, as in delay-ms=5");
    faults.delay_ns = to_ns(*number / 1e3);
    return {};
  }
  double* const probability = name == "loss"        ? &faults.loss
                              : name == "duplicate" ? &faults.duplicate
                              : name == "reorder"   ? &faults.reorder
                              : name == "delay"     ? &faults.delay
                              : name == "corrupt"   ? &faults.corrupt
                                                    : nullptr;
  if (probability == nullptr)
    return wrong(
        "there are loss, duplicate, reorder, delay, delay-ms, corrupt, one-feed-down and session-change");
  if (!number || *number > 1) return wrong("give a probability from 0 to 1, as in loss=0.01");
  *probability = *number;
  return {};
}

}  // namespace

Result<Faults> parse_faults(std::string_view text) {
  Faults faults;
  while (!text.empty()) {
    const std::string_view fault = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), fault.size() + 1));
    const std::size_t equals = std::min(fault.find('='), fault.size());
    const std::string_view value = equals == fault.size() ? std::string_view() : fault.substr(equals + 1);
    if (auto taken = take_fault(fault.substr(0, equals), value, faults); !taken)
      return std::unexpected(taken.error());
  }
  return faults;
}

// Each feed draws from a sequence of its own.
FaultInjector::FaultInjector(const Faults& faults, Feed feed, std::uint64_t seed)
    : faults_(faults), feed_(feed), rng_(simulator::mix(seed) + static_cast<std::uint64_t>(feed)) {}

std::span<const std::byte> FaultInjector::damage(std::span<const std::byte> packet, DatagramBatch& batch) {
  const std::span<std::byte> copy = batch.store(packet);
  constexpr std::size_t count_at = 18;
  const bool holds_messages = moldudp64::parse_packet(packet).blocks.size() > 0;
  switch (holds_messages ? rng_.below(4) : 0) {
    case 0: return copy.first(rng_.below(static_cast<std::uint32_t>(copy.size())));
    case 1: {
      const auto count = load_be<std::uint16_t>(copy.data() + count_at);
      store_be(copy.data() + count_at, static_cast<std::uint16_t>(count + 1 + rng_.below(100)));
      return copy;
    }
    case 2: store_be(copy.data() + moldudp64::header_size, std::uint16_t{0xffff}); return copy;
    default:
      // No session is spelled like that.
      for (std::byte& byte : copy.first(moldudp64::header_size))
        byte = static_cast<std::byte>(0x80 | rng_.below(0x7f));
      return copy;
  }
}

void FaultInjector::add(const Held& held, DatagramBatch& batch) {
  batch.add(feed_, batch.store(held.bytes));
}

void FaultInjector::pass(std::span<const std::byte> packet, std::uint64_t now_ns,
                         std::uint64_t since_start_ns, DatagramBatch& batch) {
  if (faults_.outage && faults_.outage->feed == feed_ && since_start_ns >= faults_.outage->from_ns &&
      since_start_ns < faults_.outage->until_ns) {
    ++counters_.suppressed;
    return;
  }
  // One number for each kind whatever the others say: a packet's fate does not depend on which are asked for.
  const bool lost = rng_.chance(faults_.loss);
  const bool duplicated = rng_.chance(faults_.duplicate);
  const bool reordered = rng_.chance(faults_.reorder);
  const bool delayed = rng_.chance(faults_.delay);
  const bool corrupted = rng_.chance(faults_.corrupt);
  if (lost) {
    ++counters_.lost;
    return;
  }
  if (corrupted) {
    ++counters_.corrupted;
    packet = damage(packet, batch);
  }
  if (delayed && held_.size() < max_held) {
    ++counters_.delayed;
    held_.push_back({now_ns + faults_.delay_ns, {packet.begin(), packet.end()}});
    return;
  }
  if (reordered && !overtaken_) {
    ++counters_.reordered;
    overtaken_ = Held{now_ns + faults_.delay_ns, {packet.begin(), packet.end()}};
    return;
  }
  batch.add(feed_, packet);
  if (duplicated) {
    ++counters_.duplicated;
    batch.add(feed_, packet);
  }
  if (overtaken_) add(*overtaken_, batch);
  overtaken_.reset();
}

void FaultInjector::release(std::uint64_t now_ns, DatagramBatch& batch) {
  while (!held_.empty() && held_.front().due_ns <= now_ns && batch.has_room(1, held_.front().bytes.size())) {
    add(held_.front(), batch);
    held_.pop_front();
  }
  if (overtaken_ && overtaken_->due_ns <= now_ns && batch.has_room(1, overtaken_->bytes.size())) {
    add(*overtaken_, batch);
    overtaken_.reset();
  }
}

std::optional<std::uint64_t> FaultInjector::next_release_ns() const {
  std::optional<std::uint64_t> next;
  if (!held_.empty()) next = held_.front().due_ns;
  if (overtaken_) next = std::min(next.value_or(overtaken_->due_ns), overtaken_->due_ns);
  return next;
}

}  // namespace tapeline::exchange
