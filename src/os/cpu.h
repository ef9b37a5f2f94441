#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace tapeline::os {

// Cores that this process may run on: what the machine has, less what cpusets and affinity take away.
[[nodiscard]] unsigned usable_cores();

// Keeps the calling thread on one core, numbered as the kernel does from 0.
Result<void> pin_this_thread(unsigned core);

// What `top -H` and debuggers show; the kernel keeps 15 characters.
void name_this_thread(std::string_view name);

// Lets the threads of this machine with the usual priority go first, for work that nobody waits for.
void put_this_thread_behind();
// Before them, for work that everything waits for; where the system does not allow it, nothing changes.
void put_this_thread_ahead();

// How late the kernel may let the calling thread's timeouts fire, so that it can bundle them; 50 µs is usual.
void set_timer_slack_ns(std::uint64_t slack_ns);

// Processor time used so far, user and system.
[[nodiscard]] std::uint64_t process_cpu_ns();
[[nodiscard]] std::uint64_t this_thread_cpu_ns();

}  // namespace tapeline::os
