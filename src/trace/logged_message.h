#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "event_log/event_log.h"
#include "feed/message_source.h"
#include "market/types.h"

namespace tapeline::trace {

// A message of the exchange as the log's topic `feed` has it.
struct LoggedMessage {
  feed::SessionName session = feed::SessionName("");
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;       // In the log.
  std::uint64_t captured_ns = 0;  // Since the Unix epoch, when its packet came.
  char type = ' ';                // Of ITCH.
  Locate locate{};
  Symbol symbol = Symbol("");  // Blank but in R, A, F and P.
};

// Finds messages in the log. For one thread.
class MessageLookup {
 public:
  explicit MessageLookup(std::unique_ptr<event_log::Reader> reader) : reader_(std::move(reader)) {}

  // Calls f for each message with an offset in [from, end), until it returns false.
  Result<void> for_each(std::uint64_t from, std::uint64_t end,
                        const std::function<bool(const LoggedMessage&)>& f);
  // The first message at the offset or behind it, in the same batch.
  Result<std::optional<LoggedMessage>> at(std::uint64_t offset);
  // By its number in the last session of the log's records [oldest, end). Nothing where it is not there.
  Result<std::optional<LoggedMessage>> find(std::uint64_t sequence, std::uint64_t oldest, std::uint64_t end);

 private:
  Result<std::optional<event_log::Batch>> batch_at(std::uint64_t offset);

  std::unique_ptr<event_log::Reader> reader_;
};

}  // namespace tapeline::trace
