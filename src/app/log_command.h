#pragma once

#include <optional>
#include <string>

#include "event_log/event_log.h"

namespace tapeline::app {

// Prints the payload of a batch of a topic that the program knows: text lines, each ended by a line feed, or
// with `json` one JSON value. Nothing where the topic or the batch's kind is unknown; it is then printed in
// hex. New layouts of payloads are added in log_payload.cc.
[[nodiscard]] std::optional<std::string> known_payload(const std::string& topic,
                                                       const event_log::Batch& batch, bool json);

}  // namespace tapeline::app
