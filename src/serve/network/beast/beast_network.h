#pragma once

#include <memory>

#include "base/result.h"
#include "serve/network/network.h"

namespace tapeline::serve {

// A network on one thread of its own, by Boost.Beast. The handler outlives it. An address that cannot be had
// is an error that says which and why.
Result<std::unique_ptr<Network>> start_beast_network(const NetworkConfig& config, NetworkHandler& handler);

}  // namespace tapeline::serve
