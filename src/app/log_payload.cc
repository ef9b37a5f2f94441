#include "app/log_command.h"

namespace tapeline::app {

std::optional<std::string> known_payload(const std::string&, const event_log::Batch&, bool) {
  return std::nullopt;
}

}  // namespace tapeline::app
