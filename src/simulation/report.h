#pragma once

#include <cstdint>
#include <string>

#include "simulation/feed_check.h"
#include "simulation/link.h"
#include "simulation/process.h"

namespace tapeline::simulation {

// What became of a run, or of many.
struct Report {
  std::uint64_t seed = 0;
  std::string plan;   // One line.
  std::string wrong;  // What was violated; empty if nothing was.

  std::uint64_t events = 0;
  std::uint64_t simulated_ns = 0;
  std::uint64_t sessions = 0;  // Published.
  std::uint64_t messages = 0;  // Published.
  FeedFindings feed;
  LinkCounters network;  // Both lines, requests and replies.
  ProcessCounters process;

  std::uint64_t starts = 0;
  std::uint64_t failed_starts = 0;  // That a fault or a crash cut short.
  std::uint64_t crashes = 0;        // Of the process, those at a call to the disk included.
  std::uint64_t crashes_at_disk = 0;
  std::uint64_t power_losses = 0;
  std::uint64_t clean_stops = 0;
  std::uint64_t gave_up = 0;  // Processes that ended by themselves, as after a sync that failed.
  std::uint64_t exchange_restarts = 0;
  std::uint64_t outages = 0;
  std::uint64_t disk_errors = 0;
  std::uint64_t commits = 0;
  std::uint64_t lost_commits = 0;
  std::uint64_t failed_commits = 0;
  std::uint64_t book_checks = 0;

  std::uint64_t rows = 0;
  std::string digest;
  std::uint64_t trace_hash = 0;

  void add(const Report& other);
};

}  // namespace tapeline::simulation
