#pragma once

#include <array>
#include <cstdint>

namespace tapeline::simulator {

// One step of splitmix64: turns any number into well-mixed bits. Also serves as a hash.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// xoshiro256++. The standard library's engines would do, but its distributions differ between libraries, and
// a seed has to mean the same day everywhere.
class Rng {
 public:
  explicit constexpr Rng(std::uint64_t seed) {
    for (std::uint64_t& word : state_) word = seed = mix(seed);
  }

  constexpr std::uint64_t next() {
    const std::uint64_t result = rotate(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  // In [0, bound). The bias of the multiplication is below 2^-32 and does not matter here.
  constexpr std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }

  // In [low, high].
  constexpr std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + static_cast<std::uint64_t>(unit() * static_cast<double>(high - low + 1));
  }

  // In [0, 1).
  constexpr double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  constexpr bool chance(double probability) { return unit() < probability; }

 private:
  static constexpr std::uint64_t rotate(std::uint64_t value, int by) {
    return (value << by) | (value >> (64 - by));
  }

  std::array<std::uint64_t, 4> state_{};
};

// Exponential variates of mean 1 from a table of quantiles. The last cell, which has no upper end, is drawn
// by the distribution's lack of memory: add the quantile where it begins and draw again.
class ExponentialTable {
 public:
  ExponentialTable();

  // `bits` are random, and more are drawn only in the last cell.
  double draw(std::uint32_t bits, Rng& rng) const {
    double passed = 0;
    while (bits >> within_bits == cells - 1) [[unlikely]] {
      passed += quantiles_[cells - 1];
      bits = static_cast<std::uint32_t>(rng.next());
    }
    const std::uint32_t cell = bits >> within_bits;
    const double within = static_cast<double>(bits & ((1u << within_bits) - 1)) * (1.0 / (1u << within_bits));
    return passed + quantiles_[cell] + within * (quantiles_[cell + 1] - quantiles_[cell]);
  }

 private:
  static constexpr int within_bits = 21;
  static constexpr std::uint32_t cells = 1u << (32 - within_bits);
  std::array<double, cells> quantiles_;
};

}  // namespace tapeline::simulator
