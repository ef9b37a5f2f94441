#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "feed/message_source.h"
#include "market/quality.h"
#include "market/types.h"
#include "surveillance/alert.h"
#include "surveillance/parameters.h"

namespace tapeline::evidence {

// What the symbol's book and detectors took in, one after the other.
struct Item {
  enum class Kind : std::uint8_t {
    message = 1,  // Of the feed, as it came.
    quality = 2,  // The book's quality was set from outside: a gap, a recovery. One byte.
  };
  Kind kind;
  Sequence sequence;  // Of a quality: of the message behind it.
  CaptureTime captured;
  std::vector<std::byte> bytes;
};

// All that it takes to come to one alert again: where it was found, by which program and with which
// parameters, the symbol's book and the detectors' state right before the first message of the pattern, and
// every message of the symbol from there to the one that completed it. docs/formats/evidence.md has the
// layout on disk.
struct Bundle {
  std::string program;  // Version of Tapeline.
  std::uint32_t detectors_version = 0;
  std::string source;              // The name of the feed's file; "feed" for the log's topic.
  std::uint64_t first_offset = 0;  // In the log, of the first item; 0 for a file.
  std::uint64_t last_offset = 0;   // Of the last one.
  feed::SessionName session{""};
  std::string parameters;  // The settings [surveillance] as TOML; every one.
  surveillance::AlertRow alert{};
  std::vector<std::byte> state;  // The book, then the detectors, as a checkpoint has them.
  std::vector<Item> items;
};

inline constexpr std::size_t digest_bytes = 32;
// More is no evidence of one pattern in one symbol: neither written nor read.
inline constexpr std::size_t most_bundle_bytes = std::size_t{256} << 20;

// SHA-256.
[[nodiscard]] std::array<std::byte, digest_bytes> digest_of(std::span<const std::byte> bytes);
[[nodiscard]] std::string hex(std::span<const std::byte> bytes);

// The bytes of a file: the bundle, then the digest of all of it.
[[nodiscard]] Result<std::vector<std::byte>> seal(const Bundle& bundle);
// Checks the seal first. Fails as corrupt where anything is not as it was sealed, as unsupported where the
// format is of another version.
[[nodiscard]] Result<Bundle> open_bundle(std::span<const std::byte> file);
// The name of an alert's file: "spoofing-AAPL-0123456789abcdef.evidence".
[[nodiscard]] std::string file_name(const surveillance::AlertRow& alert);

// Parameters as TOML, exactly, and back. The text is checked as any configuration is.
[[nodiscard]] std::string parameters_text(const surveillance::Parameters& parameters);
[[nodiscard]] Result<surveillance::Parameters> parameters_of(std::string_view text);

}  // namespace tapeline::evidence
