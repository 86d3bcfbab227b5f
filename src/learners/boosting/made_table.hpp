// A made table for tests that any language can make again from whole numbers: outside libraries learnt from the same
// rows.
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include <slipway/learners/learner.hpp>

#include "test_data.hpp"

namespace slipway::learners::testing {

inline std::uint32_t made_hash(std::uint32_t i, std::uint32_t j) {
  std::uint32_t x = i * 31 + j * 7919 + 17;
  for (int round = 0; round < 2; ++round) {
    x *= 2654435761U;
    x ^= x >> 15;
    x *= 2246822519U;
    x ^= x >> 13;
  }
  return x;
}
// In [-4, 4), in steps of 1 / 256.
inline double made_value(std::uint32_t i, std::uint32_t j) { return (made_hash(i, j) >> 8) % 2048 / 256.0 - 4; }

// Four columns of different scale. `missing`: a seventh of the cells are.
inline MadeData made_table(model::Task task, std::uint32_t rows, bool missing = false, bool weights = false) {
  constexpr double scale[] = {1, 10, 0.125, 4};
  constexpr double offset[] = {0, 50, 0, -3};
  const auto z = made_value;
  MadeData data;
  data.task = task;
  data.classes = task == model::Task::binary ? 2 : task == model::Task::multiclass ? 3 : 1;
  data.features = model::Block(rows, 4);
  for (std::uint32_t i = 0; i < rows; ++i) {
    for (std::uint32_t j = 0; j < 4; ++j)
      data.features.column(j)[i] = missing && made_hash(i, 20 + j) % 7 == 0
                                       ? std::numeric_limits<float>::quiet_NaN()
                                       : static_cast<float>(z(i, j) * scale[j] + offset[j]);
    if (task == model::Task::regression)
      data.targets.push_back(static_cast<float>(2 * z(i, 0) - 0.5 * z(i, 1) + 0.25 * z(i, 0) * z(i, 2) + z(i, 9)));
    if (task == model::Task::binary)
      data.labels.push_back(0.8 * z(i, 0) - 0.6 * z(i, 1) + 0.5 * z(i, 2) + 0.8 * z(i, 9) > 0.3 ? 1 : 0);
    if (task == model::Task::multiclass) {
      const double m[] = {0.8 * z(i, 0) + z(i, 9), 0.6 * z(i, 1) - 0.4 * z(i, 2) + z(i, 10),
                          0.7 * z(i, 3) - 0.5 * z(i, 0) + z(i, 12)};
      data.labels.push_back(static_cast<std::int32_t>(std::max_element(m, m + 3) - m));
    }
    if (weights) data.weights.push_back(1 + static_cast<float>(made_hash(i, 11) & 3) / 2);
  }
  return data;
}

}  // namespace slipway::learners::testing
