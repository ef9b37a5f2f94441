#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

#include "base/check.h"
#include "base/prefetch.h"
#include "base/virtual_array.h"
#include "market/types.h"
#include "stream/state.h"

namespace tapeline::stream {

// The state of an operator for each key: an array over all locates, so that a look-up is one index. It takes
// memory only where there is state, and no time to make; so the initial state has to be all zeros.
template <class State>
class KeyedState {
  static_assert(std::is_trivially_copyable_v<State>);

 public:
  KeyedState() : states_(65'536) {
    static const State initial{};
    const std::span<const std::byte> bytes = std::as_bytes(std::span(&initial, 1));
    CHECK(std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; }));
  }

  State& operator[](Locate key) { return states_[raw(key)]; }
  const State& operator[](Locate key) const { return states_[raw(key)]; }

  // Loads what a record of the key will touch: the state, or so much of its beginning.
  template <std::size_t bytes = sizeof(State)>
  void prefetch(Locate key) const {
    prefetch_bytes<std::min(bytes, sizeof(State))>(&states_[raw(key)]);
  }

  // Saves the state of one key, in one byte if it is not `in_use`: as good as the initial one.
  void save_key(Locate key, StateWriter& writer, bool in_use) const {
    writer.put(in_use);
    if (in_use) writer.put(states_[raw(key)]);
  }
  // Returns whether the state was in use.
  bool load_key(Locate key, StateReader& reader) {
    const bool in_use = reader.get<std::uint8_t>() != 0;
    states_[raw(key)] = in_use ? reader.get<State>() : State{};
    return in_use;
  }

 private:
  VirtualArray<State> states_;
};

}  // namespace tapeline::stream
