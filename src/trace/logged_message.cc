#include "trace/logged_message.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "feed/feed_log/feed_log.h"

namespace tapeline::trace {

namespace {

// Where a message tells its symbol, in the types from which a locate can be learned; 0 in others.
std::size_t symbol_place(char type) {
  if (type == 'R') return 11;
  return type == 'A' || type == 'F' || type == 'P' ? 24 : 0;
}

void read_message(std::span<const std::byte> bytes, LoggedMessage& message) {
  message.type = bytes.empty() ? ' ' : static_cast<char>(bytes[0]);
  message.locate = bytes.size() < 3 ? Locate{} : Locate{load_be<std::uint16_t>(bytes.data() + 1)};
  message.symbol = Symbol("");
  const std::size_t at = symbol_place(message.type);
  if (at != 0 && bytes.size() >= at + sizeof(Symbol))
    std::memcpy(message.symbol.bytes.data(), bytes.data() + at, sizeof(Symbol));
}

// False where f has had enough.
bool walk(const feed::MessageBlock& block, LoggedMessage message, std::uint64_t from, std::uint64_t end,
          const std::function<bool(const LoggedMessage&)>& f) {
  std::span<const std::byte> rest = block.bytes;
  message.sequence = block.first_sequence;
  message.captured_ns = raw(block.capture_time);
  for (std::uint32_t i = 0; i < block.message_count && message.offset < end; ++i) {
    if (rest.size() < 2) return true;
    const std::size_t size = std::min<std::size_t>(load_be<std::uint16_t>(rest.data()), rest.size() - 2);
    if (message.offset >= from) {
      read_message(rest.subspan(2, size), message);
      if (!f(message)) return false;
    }
    rest = rest.subspan(2 + size);
    ++message.offset;
    ++message.sequence;
  }
  return true;
}

Result<bool> walk(const event_log::Batch& batch, std::uint64_t from, std::uint64_t end,
                  const std::function<bool(const LoggedMessage&)>& f) {
  Result<feed::FeedLogCursor> cursor = feed::FeedLogCursor::open(batch.payload);
  if (!cursor) return std::unexpected(cursor.error());
  for (;;) {
    LoggedMessage message;
    message.offset = batch.first.value + cursor->record_count();
    if (message.offset >= end) return true;
    const Result<std::optional<feed::FeedRecord>> record = cursor->next();
    if (!record) return std::unexpected(record.error());
    if (!*record) return true;
    message.session = cursor->position().session;
    if ((*record)->kind == feed::FeedRecordKind::messages && !walk((*record)->block, message, from, end, f))
      return false;
  }
}

}  // namespace

Result<std::optional<event_log::Batch>> MessageLookup::batch_at(std::uint64_t offset) {
  if (Result<void> done = reader_->seek({offset}); !done) return std::unexpected(done.error());
  return reader_->next();
}

Result<void> MessageLookup::for_each(std::uint64_t from, std::uint64_t end,
                                     const std::function<bool(const LoggedMessage&)>& f) {
  Result<std::optional<event_log::Batch>> batch = batch_at(from);
  for (;;) {
    if (!batch) return std::unexpected(batch.error());
    if (!*batch || (*batch)->first.value >= end) return {};
    const Result<bool> more = walk(**batch, from, end, f);
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    batch = reader_->next();
  }
}

Result<std::optional<LoggedMessage>> MessageLookup::at(std::uint64_t offset) {
  std::optional<LoggedMessage> found;
  const Result<std::optional<event_log::Batch>> batch = batch_at(offset);
  if (!batch) return std::unexpected(batch.error());
  if (!*batch) return found;
  const Result<bool> done = walk(**batch, offset, UINT64_MAX, [&found](const LoggedMessage& message) {
    found = message;
    return false;
  });
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<std::optional<LoggedMessage>> MessageLookup::find(std::uint64_t sequence, std::uint64_t oldest,
                                                         std::uint64_t end) {
  std::optional<LoggedMessage> found;
  if (oldest >= end) return found;
  const Result<std::optional<event_log::Batch>> last = batch_at(end - 1);
  if (!last) return std::unexpected(last.error());
  if (!*last) return found;
  const Result<feed::FeedPosition> place = feed::feed_position_behind((*last)->payload);
  if (!place) return std::unexpected(place.error());
  // The last batch that begins at the sequence or before it.
  std::uint64_t least = oldest;
  std::uint64_t most = end;
  while (most - least > 1) {
    const std::uint64_t middle = least + (most - least) / 2;
    const Result<std::optional<event_log::Batch>> batch = batch_at(middle);
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) {
      most = middle;
      continue;
    }
    const Result<feed::FeedLogCursor> cursor = feed::FeedLogCursor::open((*batch)->payload);
    if (!cursor) return std::unexpected(cursor.error());
    const feed::FeedPosition& at = cursor->position();
    if (at.session == place->session && at.next_sequence > sequence)
      most = middle;
    else
      least = middle;
  }
  const Result<std::optional<event_log::Batch>> holder = batch_at(least);
  if (!holder) return std::unexpected(holder.error());
  if (*holder) least = (*holder)->first.value;
  // Behind a recovery numbers go on in the batch after it, so a little more is looked at.
  constexpr std::uint64_t most_records = 100'000;
  const Result<void> done =
      for_each(least, std::min(end, least + most_records), [&](const LoggedMessage& message) {
        if (message.session == place->session && message.sequence == sequence) found = message;
        return !found && !(message.session == place->session && message.sequence > sequence);
      });
  if (!done) return std::unexpected(done.error());
  return found;
}

}  // namespace tapeline::trace
