#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "market/types.h"

namespace tapeline {

// Reads a time of day as a person writes it: HH:MM, HH:MM:SS or HH:MM:SS.f with one to nine digits behind the
// point; 24:00 is the end of the day. Nothing where the text is not such a time.
[[nodiscard]] std::optional<EventTime> parse_event_time(std::string_view text);

// "09:31:00.123456789"; the hours run on beyond 24 for a time past midnight.
[[nodiscard]] std::string event_time_text(EventTime time);

}  // namespace tapeline
