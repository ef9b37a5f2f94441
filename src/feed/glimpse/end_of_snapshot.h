#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace tapeline::glimpse {

// GLIMPSE 5.0: an ITCH 5.0 snapshot as the sequenced data of a SoupBinTCP session, then this message: type
// 'G' (from memory) and, as 20 ASCII digits, the sequence number at which the multicast feed goes on.
inline constexpr char end_of_snapshot_type = 'G';
inline constexpr std::size_t end_of_snapshot_size = 21;

// The number padded on the left with spaces.
[[nodiscard]] std::array<std::byte, end_of_snapshot_size> encode_end_of_snapshot(std::uint64_t next_sequence);
// Nothing where the message is another one, or its number none. Takes padding on either side, or zeros.
[[nodiscard]] std::optional<std::uint64_t> parse_end_of_snapshot(std::span<const std::byte> message);

}  // namespace tapeline::glimpse
