#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "evidence/bundle.h"
#include "evidence/feed_drive.h"
#include "surveillance/parameters.h"

namespace tapeline::evidence {

// An alert and the session of the feed that it was found in.
struct FoundAlert {
  surveillance::AlertRow row;
  feed::SessionName session;
};

// Every alert of a feed, in its order, at most so many.
struct AlertSearch {
  std::vector<FoundAlert> alerts;
  std::uint64_t left_out = 0;
  std::uint64_t messages = 0;
};
[[nodiscard]] Result<AlertSearch> search_alerts(const FeedDrive& drive,
                                                const surveillance::Parameters& parameters,
                                                std::size_t most = 100'000);

struct CollectionRequest {
  surveillance::Parameters parameters;
  std::string program;  // Version of Tapeline.
  std::string source;   // See Bundle.
  std::vector<FoundAlert> alerts;
};

// Reads the feed once more and hands a bundle to `take` for each of the alerts, when it is whole. Returns how
// many there were: fewer than asked for only where the feed has changed, or was computed with other
// parameters.
[[nodiscard]] Result<std::uint64_t> collect(const FeedDrive& drive, const CollectionRequest& request,
                                            const std::function<Result<void>(const Bundle&)>& take);

}  // namespace tapeline::evidence
