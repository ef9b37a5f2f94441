#include "feed/itch50/diagnosis.h"

#include <array>

#include <fmt/format.h>

#include "base/bytes.h"
#include "feed/itch50/messages.h"

namespace tapeline::itch50 {

namespace {

constexpr std::size_t length_size = 2;
constexpr std::size_t messages_examined = 64;
// So many messages in a row at the right distances are no accident.
constexpr std::size_t convincing_run = 3;

std::size_t size_of_type(std::byte type) {
  return wire_sizes[std::to_integer<std::size_t>(type)];
}

// Counts messages in a row, starting at the front: `stride(at)` is the distance from the message to the next
// one, 0 where what stands at `at` is no message. A head that ends in the middle of a message counts as
// convincing.
template <class Stride>
bool is_a_run(std::span<const std::byte> head, Stride stride) {
  std::size_t at = 0;
  for (std::size_t count = 0; count < convincing_run; ++count) {
    if (at >= head.size()) return count > 0;
    const std::size_t step = stride(at);
    if (step == 0) return false;
    at += step;
  }
  return true;
}

// The type of a message that starts at `at`, or byte 0 behind the end.
std::byte byte_at(std::span<const std::byte> head, std::size_t at) {
  return at < head.size() ? head[at] : std::byte{};
}

std::size_t length_at(std::span<const std::byte> head, std::size_t at) {
  return at + length_size <= head.size() ? load_be<std::uint16_t>(head.data() + at) : 0;
}

// The first messages, walked by the lengths that the file states.
struct Survey {
  std::size_t messages = 0;
  std::size_t right = 0;
  std::size_t known_types = 0;
  std::size_t same_excess = 0;  // Of known type, and off by as much as the first of those.
  long excess = 0;
};

Survey survey(std::span<const std::byte> head) {
  Survey result;
  std::size_t at = 0;
  while (result.messages < messages_examined && at + length_size < head.size()) {
    const std::size_t length = length_at(head, at);
    if (length == 0) break;
    const std::size_t specified = size_of_type(head[at + length_size]);
    ++result.messages;
    if (specified != 0) {
      const long excess = static_cast<long>(length) - static_cast<long>(specified);
      if (result.known_types++ == 0) result.excess = excess;
      if (excess == result.excess) ++result.same_excess;
      if (excess == 0) ++result.right;
    }
    at += length_size + length;
  }
  return result;
}

std::string describe_byte(std::byte value) {
  const unsigned code = std::to_integer<unsigned>(value);
  if (code > 0x20 && code < 0x7f) return fmt::format("'{}'", static_cast<char>(code));
  return fmt::format("0x{:02x}", code);
}

bool is_text(std::span<const std::byte> head) {
  for (const std::byte value : head.first(std::min<std::size_t>(head.size(), 512))) {
    const unsigned code = std::to_integer<unsigned>(value);
    if (code < 0x20 && code != '\n' && code != '\r' && code != '\t') return false;
    if (code == 0x7f) return false;
  }
  return true;
}

std::string explain_zero_length(std::span<const std::byte> head, std::optional<std::uint64_t> total) {
  const std::string follow =
      total ? fmt::format("{} bytes follow", *total - length_size) : "more bytes follow";
  const bool every_prefix_is_zero = is_a_run(head, [&](std::size_t at) -> std::size_t {
    const std::size_t size = size_of_type(byte_at(head, at + length_size));
    return size != 0 && length_at(head, at) == 0 ? length_size + size : 0;
  });
  return fmt::format("the first frame has length 0, which marks the end, but {}{}", follow,
                     every_prefix_is_zero
                         ? ": each message is prefixed by 00 00 instead of its length; write the length there"
                         : ": this is not a BinaryFILE of ITCH 5.0");
}

std::string explain_excess(long excess) {
  const std::string amount = fmt::format("every message is {} bytes {} than ITCH 5.0 says", std::abs(excess),
                                         excess > 0 ? "longer" : "shorter");
  if (excess == 2) return amount + ": it seems to have 8-byte timestamps where ITCH 5.0 has 6";
  return amount + ": this is another version of the format";
}

// Layouts that writers of test files get wrong, each recognised by walking the head the way such a file is
// built.
std::optional<std::string> recognise_layout(std::span<const std::byte> head) {
  const bool bare = is_a_run(head, [&](std::size_t at) { return size_of_type(byte_at(head, at)); });
  if (bare)
    return fmt::format(
        "it starts with the message type {} where a length should be: the messages have no length "
        "prefix; put each message's length as two big-endian bytes before it",
        describe_byte(head[0]));
  const bool little_endian = is_a_run(head, [&](std::size_t at) -> std::size_t {
    const std::size_t size = size_of_type(byte_at(head, at + length_size));
    return size != 0 && length_at(head, at) == size << 8 ? length_size + size : 0;
  });
  if (little_endian) return "the lengths are little-endian; ITCH 5.0 is big-endian";
  const bool counts_itself = is_a_run(head, [&](std::size_t at) -> std::size_t {
    const std::size_t size = size_of_type(byte_at(head, at + length_size));
    return size != 0 && length_at(head, at) == size + length_size ? size + length_size : 0;
  });
  if (counts_itself) return "each length counts its own two bytes; it must count the message only";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> explain_not_itch(std::span<const std::byte> head,
                                            std::optional<std::uint64_t> total) {
  if (head.size() <= length_size) return std::nullopt;  // Nothing to judge by; framing says what is missing.
  const std::size_t first_length = length_at(head, 0);
  if (first_length == 0) return explain_zero_length(head, total);

  const Survey found = survey(head);
  // Half is enough: one bad message in a good file is the decoder's business.
  if (found.right > 0 && found.right * 2 >= found.messages) return std::nullopt;
  if (std::optional<std::string> layout = recognise_layout(head)) return layout;
  const bool one_excess = found.known_types > 0 && found.same_excess == found.messages && found.excess != 0;
  if (one_excess && found.messages >= convincing_run) return explain_excess(found.excess);
  if (is_text(head))
    return "this is text; expected binary ITCH 5.0 messages, each behind its two-byte length";

  const std::byte type = head[length_size];
  if (size_of_type(type) != 0)
    return fmt::format("the first message has type {} and length {}, but ITCH 5.0 says {}",
                       describe_byte(type), first_length, size_of_type(type));
  return fmt::format("the first message has type {}, which ITCH 5.0 does not know, and length {}",
                     describe_byte(type), first_length);
}

}  // namespace tapeline::itch50
