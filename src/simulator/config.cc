#include "simulator/config.h"

#include <algorithm>

#include <fmt/format.h>

namespace tapeline::simulator {

std::uint64_t Config::live_orders_wanted() const {
  if (live_orders) return *live_orders;
  return std::min<std::uint64_t>(messages / 10'000 * 425 + messages % 10'000 * 425 / 10'000, 1'000'000);
}

std::uint32_t Config::spoofing_wanted() const {
  if (spoofing) return *spoofing;
  return static_cast<std::uint32_t>((messages + 500'000) / 1'000'000);
}

std::uint64_t Config::minimum_messages() const {
  return std::uint64_t{symbols} * 6 + 2'000;
}

Result<void> Config::validate() const {
  if (symbols == 0 || symbols > max_symbols)
    return fail(ErrorCode::usage, fmt::format("{} symbols cannot be listed; ask for 1 to {} (--symbols)",
                                              symbols, max_symbols));
  if (messages > max_messages)
    return fail(ErrorCode::usage,
                fmt::format("{} messages are more than a day can have; ask for at most {} (--messages)",
                            messages, max_messages));
  if (messages < minimum_messages())
    return fail(
        ErrorCode::usage,
        fmt::format("{} messages are too few for {} symbols, whose directory and crosses alone take most of "
                    "them; ask for at least {} messages (--messages) or for fewer symbols (--symbols)",
                    messages, symbols, minimum_messages()));
  if (live_orders_wanted() > messages / 4)
    return fail(ErrorCode::usage,
                fmt::format("{} live orders cannot come of {} messages; ask for at most {} (--live-orders)",
                            live_orders_wanted(), messages, messages / 4));
  if (spoofing_wanted() > messages / 1'000)
    return fail(
        ErrorCode::usage,
        fmt::format("{} spoofing episodes would drown in {} messages; ask for at most {} (--spoofing)",
                    spoofing_wanted(), messages, messages / 1'000));
  std::uint64_t planted = 0;
  for (const std::uint32_t count : episodes) planted += count;
  if (planted > messages / 2'000)
    return fail(ErrorCode::usage,
                fmt::format("{} episodes would drown {} messages; ask for at most {} in all (--episodes)",
                            planted, messages, messages / 2'000));
  return {};
}

}  // namespace tapeline::simulator
