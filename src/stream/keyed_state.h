#pragma once

#include <type_traits>
#include <vector>

#include "market/types.h"
#include "stream/state.h"

namespace tapeline::stream {

// The state of an operator for each key: an array over all locates, so that a look-up is one index.
template <class State>
class KeyedState {
  static_assert(std::is_trivially_copyable_v<State>);

 public:
  KeyedState() : states_(65'536) {}

  State& operator[](Locate key) { return states_[raw(key)]; }
  const State& operator[](Locate key) const { return states_[raw(key)]; }

  // Saves the keys for which `in_use(state)` holds.
  template <class InUse>
  void save(StateWriter& writer, InUse&& in_use) const {
    std::uint32_t count = 0;
    for (const State& state : states_) count += in_use(state);
    writer.put(count);
    for (std::size_t key = 0; key < states_.size(); ++key) {
      if (!in_use(states_[key])) continue;
      writer.put(static_cast<std::uint16_t>(key));
      writer.put(states_[key]);
    }
  }
  void load(StateReader& reader) {
    states_.assign(states_.size(), State{});
    const auto count = reader.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
      const auto key = reader.get<std::uint16_t>();
      states_[key] = reader.get<State>();
    }
  }

 private:
  std::vector<State> states_;
};

}  // namespace tapeline::stream
