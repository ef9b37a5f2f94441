#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "simulator/rng.h"

namespace tapeline::simulation {

// All that happened in a run, in order: a hash of it, and lines for whoever wants to read them. Two runs of
// one seed have the same hash, or the simulation is not deterministic.
class Trace {
 public:
  using Print = std::function<void(std::string_view line)>;
  explicit Trace(Print print = {}) : print_(std::move(print)) {}

  void note(std::uint64_t now_ns, std::string_view what, std::uint64_t first = 0, std::uint64_t second = 0) {
    for (const char c : what) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    hash_ = simulator::mix(hash_ ^ now_ns);
    hash_ = simulator::mix(hash_ ^ first);
    hash_ = simulator::mix(hash_ ^ second);
    if (print_)
      print_(fmt::format("{:12.3f} us  {} {} {}", static_cast<double>(now_ns) / 1e3, what, first, second));
  }
  // The same with a text, which is made only where somebody reads it; it is not in the hash.
  template <class MakeText>
  void explain(std::uint64_t now_ns, MakeText&& make_text) {
    if (print_) print_(fmt::format("{:12.3f} us    {}", static_cast<double>(now_ns) / 1e3, make_text()));
  }

  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  Print print_;
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace tapeline::simulation
