// How Slipway and its peers are timed alike: medians of CPU time of the thread; one row hot, and cold.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

#include "../driver.hpp"

namespace slipway::bench {

template <class Body>
double median_of(int repeats, Body body) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const double begin = cpu_seconds();
    body();
    times.push_back(cpu_seconds() - begin);
  }
  std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
  return times[static_cast<std::size_t>(repeats / 2)];
}

// Throws the model out of the caches.
inline void sweep() {
  static std::vector<char> memory(64U << 20);
  for (std::size_t i = 0; i < memory.size(); i += 64) ++memory[i];
}

// The rows that are scored one at a time.
inline constexpr std::size_t single_rows = 200;
inline std::size_t single_row(std::size_t i, std::size_t rows) { return i * 37 % rows; }

// score(i) scores the i-th of `count` single rows.
template <class Score>
double hot_microseconds(std::size_t count, const Score& score) {
  const auto all = [&] {
    for (std::size_t i = 0; i < count; ++i) score(i);
  };
  all();
  return median_of(15, all) / static_cast<double>(count) * 1e6;
}
template <class Score>
double cold_microseconds(std::size_t count, const Score& score) {
  std::vector<double> times;
  for (std::size_t i = 0; i < std::min<std::size_t>(30, count); ++i) {
    sweep();
    const double begin = cpu_seconds();
    score(i);
    times.push_back(cpu_seconds() - begin);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2] * 1e6;
}

}  // namespace slipway::bench
