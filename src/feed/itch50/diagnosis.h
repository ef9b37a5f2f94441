#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace tapeline::itch50 {

// How many bytes of a file a diagnosis wants to see, where the file has them.
inline constexpr std::size_t diagnosis_head_size = 4096;

// Explains why the file that starts with `head` cannot be a BinaryFILE of ITCH 5.0 messages, by comparing the
// lengths of its first messages with the specification; nullopt where most of them are right. `total` is the
// size of the whole file where it is known; where it equals head.size(), the head is all there is.
[[nodiscard]] std::optional<std::string> explain_not_itch(std::span<const std::byte> head,
                                                          std::optional<std::uint64_t> total);

}  // namespace tapeline::itch50
