// Path-keyed randomness: a random number is a function of (seed, what it is for), never of the order in which threads
// ask.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace slipway {

// A bijective 64-bit mixer (the finaliser of SplitMix64, Steele et al. 2014).
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// Folds one more part of a path into a key.
constexpr std::uint64_t combine_key(std::uint64_t key, std::uint64_t part) {
  return mix_bits(key ^ mix_bits(part + 0x632be59bd9b4e019ull));
}
constexpr std::uint64_t random_key(std::initializer_list<std::uint64_t> path) {
  std::uint64_t key = 0;
  for (std::uint64_t part : path) key = combine_key(key, part);
  return key;
}

// A small generator (SplitMix64) started from a key; satisfies UniformRandomBitGenerator. Use its own distributions
// below: those of the standard library differ between implementations.
class Random {
 public:
  using result_type = std::uint64_t;
  explicit constexpr Random(std::uint64_t key) : state_(key) {}
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }
  constexpr std::uint64_t operator()() {
    const std::uint64_t value = mix_bits(state_);
    state_ += 0x9e3779b97f4a7c15ull;
    return value;
  }
  // Uniform in [0, bound), bound > 0 (Lemire's multiply-shift; its bias is below bound / 2^64).
  constexpr std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>((*this)()) * bound) >> 64);
  }
  // Uniform in [0, 1) with 53 bits.
  constexpr double uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
  // Standard normal (polar method).
  double normal();
  // Exponential with mean 1.
  double exponential();
  // Poisson with the given mean (0 <= mean; inversion below 30, a rounded normal above).
  std::uint64_t poisson(double mean);

 private:
  std::uint64_t state_;
};

// Shuffles in place, the same on every platform (Fisher-Yates).
template <class T>
void shuffle(T* values, std::size_t count, Random& random) {
  for (std::size_t i = count; i > 1; --i) {
    const std::size_t j = random.below(i);
    T held = values[i - 1];
    values[i - 1] = values[j];
    values[j] = held;
  }
}

}  // namespace slipway
