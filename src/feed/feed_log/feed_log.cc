#include "feed/feed_log/feed_log.h"

#include <bit>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"

namespace tapeline::feed {

static_assert(std::endian::native == std::endian::little, "the log's integers are little-endian");

namespace {

constexpr std::size_t message_length_size = 2;

std::size_t padded(std::size_t size) {
  return (size + record_alignment - 1) / record_alignment * record_alignment;
}

bool is_control(FeedRecordKind kind) {
  return kind != FeedRecordKind::messages && kind != FeedRecordKind::snapshot_messages;
}

// Whether the bytes are exactly so many messages behind their lengths.
bool holds_messages(std::span<const std::byte> bytes, std::uint32_t count) {
  std::size_t at = 0;
  for (; count > 0; --count) {
    if (bytes.size() - at < message_length_size) return false;
    const std::size_t length = load_be<std::uint16_t>(bytes.data() + at);
    at += message_length_size;
    if (bytes.size() - at < length) return false;
    at += length;
  }
  return at == bytes.size();
}

std::uint64_t offsets_of(const FeedRecordHeader& header) {
  return is_control(header.kind) ? 1 : header.message_count;
}

}  // namespace

// ---- Writing.

void FeedLogEncoder::start_batch(std::vector<std::byte>& to) {
  CHECK(to.empty());
  to_ = &to;
  record_count_ = 0;
  FeedBatchHeader header = {};
  header.version = FeedBatchHeader::current_version;
  header.flags = static_cast<std::uint8_t>((position_.in_session ? FeedBatchHeader::in_session : 0) |
                                           (position_.in_recovery ? FeedBatchHeader::in_recovery : 0) |
                                           (position_.ended ? FeedBatchHeader::ended : 0));
  header.session = position_.session.bytes;
  header.next_sequence = position_.next_sequence;
  to.resize(sizeof header);
  std::memcpy(to.data(), &header, sizeof header);
}

void FeedLogEncoder::append(FeedRecordKind kind, std::uint64_t sequence, CaptureTime time,
                            std::span<const std::byte> body, std::uint32_t message_count) {
  CHECK(to_ != nullptr && body.size() <= std::numeric_limits<std::uint32_t>::max());
  FeedRecordHeader header = {};
  header.kind = kind;
  header.message_count = message_count;
  header.byte_count = static_cast<std::uint32_t>(body.size());
  header.first_sequence = sequence;
  header.capture_time_ns = raw(time);
  const std::size_t at = to_->size();
  const auto* bytes = reinterpret_cast<const std::byte*>(&header);
  to_->insert(to_->end(), bytes, bytes + sizeof header);
  to_->insert(to_->end(), body.begin(), body.end());
  to_->resize(at + sizeof header + padded(body.size()));
  record_count_ += offsets_of(header);
}

void FeedLogEncoder::on_session_started(const SessionStarted& item) {
  append(FeedRecordKind::session, item.next_sequence, item.time,
         std::as_bytes(std::span(item.session.bytes)));
  position_.apply(item);
}

void FeedLogEncoder::on_messages(const MessageBlock& block) {
  append(FeedRecordKind::messages, block.first_sequence, block.capture_time, block.bytes,
         block.message_count);
  position_.apply_messages(block);
}

void FeedLogEncoder::on_gap_declared(const GapDeclared& item) {
  append(FeedRecordKind::gap, item.from, item.time, std::as_bytes(std::span(&item.to, 1)));
  position_.apply(item);
}

void FeedLogEncoder::on_recovery_started(const RecoveryStarted& item) {
  append(FeedRecordKind::recovery_started, item.at, item.time, {});
  position_.apply(item);
}

void FeedLogEncoder::on_snapshot_messages(const MessageBlock& block) {
  append(FeedRecordKind::snapshot_messages, block.first_sequence, block.capture_time, block.bytes,
         block.message_count);
}

void FeedLogEncoder::on_snapshot_complete(const SnapshotComplete& item) {
  append(FeedRecordKind::snapshot_complete, item.next_sequence, item.time, {});
  position_.apply(item);
}

void FeedLogEncoder::on_end_of_session(const SessionEnded& item) {
  append(FeedRecordKind::end_of_session, item.next_sequence, item.time, {});
  position_.apply(item);
}

// ---- Reading.

void replay(const FeedRecord& record, FeedConsumer& consumer) {
  switch (record.kind) {
    case FeedRecordKind::messages: return consumer.on_messages(record.block);
    case FeedRecordKind::gap: return consumer.on_gap_declared(record.gap);
    case FeedRecordKind::session: return consumer.on_session_started(record.session);
    case FeedRecordKind::recovery_started: return consumer.on_recovery_started(record.recovery);
    case FeedRecordKind::snapshot_messages: return consumer.on_snapshot_messages(record.block);
    case FeedRecordKind::snapshot_complete: return consumer.on_snapshot_complete(record.snapshot_complete);
    case FeedRecordKind::end_of_session: return consumer.on_end_of_session(record.end);
  }
}

Result<FeedLogCursor> FeedLogCursor::open(std::span<const std::byte> payload) {
  FeedBatchHeader header;
  if (payload.size() < sizeof header)
    return fail(
        ErrorCode::corrupt,
        fmt::format("a batch of the feed log has {} bytes, fewer than its header: the log is damaged, "
                    "or this is another topic",
                    payload.size()));
  std::memcpy(&header, payload.data(), sizeof header);
  if (header.version != FeedBatchHeader::current_version)
    return fail(ErrorCode::unsupported,
                fmt::format("a batch of the feed log has version {}, this program reads version {}: read it "
                            "with the program that wrote it",
                            header.version, FeedBatchHeader::current_version));
  FeedPosition position;
  position.session.bytes = header.session;
  position.next_sequence = header.next_sequence;
  position.in_session = (header.flags & FeedBatchHeader::in_session) != 0;
  position.in_recovery = (header.flags & FeedBatchHeader::in_recovery) != 0;
  position.ended = (header.flags & FeedBatchHeader::ended) != 0;
  return FeedLogCursor(payload, position);
}

std::unexpected<Error> FeedLogCursor::corrupt(const char* what) const {
  return fail(
      ErrorCode::corrupt,
      fmt::format("a record at byte {} of a batch of the feed log {}: the log is damaged; move it away "
                  "and capture anew, or restore a copy",
                  at_, what));
}

Result<std::optional<FeedRecord>> FeedLogCursor::next() {
  if (at_ == payload_.size()) return std::nullopt;
  FeedRecordHeader header;
  if (payload_.size() - at_ < sizeof header) return corrupt("is cut off inside its header");
  std::memcpy(&header, payload_.data() + at_, sizeof header);
  const std::size_t rest = payload_.size() - at_ - sizeof header;
  if (padded(header.byte_count) > rest) return corrupt("is cut off inside its body");
  const Result<FeedRecord> record = read(header, payload_.subspan(at_ + sizeof header, header.byte_count));
  if (!record) return std::unexpected(record.error());
  if (const char* what = contradiction(*record)) return corrupt(what);
  at_ += sizeof header + padded(header.byte_count);
  record_count_ += offsets_of(header);
  switch (record->kind) {
    case FeedRecordKind::messages: position_.apply_messages(record->block); break;
    case FeedRecordKind::gap: position_.apply(record->gap); break;
    case FeedRecordKind::session: position_.apply(record->session); break;
    case FeedRecordKind::recovery_started: position_.apply(record->recovery); break;
    case FeedRecordKind::snapshot_messages: break;
    case FeedRecordKind::snapshot_complete: position_.apply(record->snapshot_complete); break;
    case FeedRecordKind::end_of_session: position_.apply(record->end); break;
  }
  return *record;
}

Result<FeedRecord> FeedLogCursor::read(const FeedRecordHeader& header, std::span<const std::byte> body) {
  if (header.kind < FeedRecordKind::messages || header.kind > FeedRecordKind::end_of_session)
    return corrupt("is of no known kind");
  if (is_control(header.kind)) return read_control(header, body);
  if (header.message_count == 0) return corrupt("holds no message");
  if (header.first_sequence > std::numeric_limits<std::uint64_t>::max() - header.message_count)
    return corrupt("has a sequence number that overflows");
  if (!holds_messages(body, header.message_count))
    return corrupt("has messages of other lengths than it says");
  FeedRecord record = {};
  record.kind = header.kind;
  record.block = {body, header.first_sequence, header.message_count, CaptureTime{header.capture_time_ns}};
  return record;
}

Result<FeedRecord> FeedLogCursor::read_control(const FeedRecordHeader& header,
                                               std::span<const std::byte> body) {
  FeedRecord record = {};
  record.kind = header.kind;
  const CaptureTime time{header.capture_time_ns};
  const std::size_t size = header.kind == FeedRecordKind::session ? sizeof(SessionName)
                           : header.kind == FeedRecordKind::gap   ? sizeof(std::uint64_t)
                                                                  : 0;
  if (body.size() != size || header.message_count != 0) return corrupt("has another size than its kind");
  switch (header.kind) {
    case FeedRecordKind::session:
      std::memcpy(record.session.session.bytes.data(), body.data(), body.size());
      record.session.next_sequence = header.first_sequence;
      record.session.time = time;
      break;
    case FeedRecordKind::gap:
      record.gap = {header.first_sequence, 0, time};
      std::memcpy(&record.gap.to, body.data(), body.size());
      break;
    case FeedRecordKind::recovery_started: record.recovery = {header.first_sequence, time}; break;
    case FeedRecordKind::snapshot_complete: record.snapshot_complete = {header.first_sequence, time}; break;
    default: record.end = {header.first_sequence, time};
  }
  return record;
}

// How the record breaks the order of the items (see FeedConsumer), or null.
const char* FeedLogCursor::contradiction(const FeedRecord& record) const {
  if (record.kind == FeedRecordKind::session) return nullptr;
  if (!position_.in_session || position_.ended) return "stands outside a session";
  const std::uint64_t next = position_.next_sequence;
  switch (record.kind) {
    case FeedRecordKind::messages:
      if (position_.in_recovery) return "has messages inside a recovery";
      return record.block.first_sequence == next ? nullptr : "does not go on where the one before it ended";
    case FeedRecordKind::gap:
      if (record.gap.to == next && !position_.in_recovery) return "declares an empty gap";
      return record.gap.from == next && record.gap.to >= next
                 ? nullptr
                 : "declares a gap that does not begin at the end";
    case FeedRecordKind::recovery_started:
      return record.recovery.at == next ? nullptr : "starts a recovery elsewhere than at the end";
    case FeedRecordKind::snapshot_messages:
      return position_.in_recovery ? nullptr : "has a snapshot outside a recovery";
    case FeedRecordKind::snapshot_complete:
      if (!position_.in_recovery) return "ends a snapshot outside a recovery";
      return record.snapshot_complete.next_sequence >= next ? nullptr : "goes back in sequence";
    default:
      if (position_.in_recovery) return "ends a session inside a recovery";
      return record.end.next_sequence == next ? nullptr : "ends a session elsewhere than at the end";
  }
}

Result<std::uint64_t> feed_record_count(std::span<const std::byte> payload) {
  if (const Result<FeedLogCursor> cursor = FeedLogCursor::open(payload); !cursor)
    return std::unexpected(cursor.error());
  std::uint64_t count = 0;
  for (std::size_t at = sizeof(FeedBatchHeader); at < payload.size();) {
    FeedRecordHeader header;
    const std::size_t rest = payload.size() - at;
    if (rest < sizeof header)
      return fail(ErrorCode::corrupt,
                  "a batch of the feed log is cut off inside a record: the log is damaged");
    std::memcpy(&header, payload.data() + at, sizeof header);
    if (padded(header.byte_count) > rest - sizeof header)
      return fail(ErrorCode::corrupt,
                  "a batch of the feed log is cut off inside a record: the log is damaged");
    count += offsets_of(header);
    at += sizeof header + padded(header.byte_count);
  }
  return count;
}

Result<FeedPosition> feed_position_behind(std::span<const std::byte> payload) {
  Result<FeedLogCursor> cursor = FeedLogCursor::open(payload);
  if (!cursor) return std::unexpected(cursor.error());
  for (;;) {
    const Result<std::optional<FeedRecord>> record = cursor->next();
    if (!record) return std::unexpected(record.error());
    if (!*record) return cursor->position();
  }
}

}  // namespace tapeline::feed
