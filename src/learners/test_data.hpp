// Made tables for the tests of this room.
#pragma once
#include <slipway/base/random.hpp>
#include <slipway/learners/learner.hpp>
#include <slipway/model/compare.hpp>

namespace slipway::learners::testing {

struct MadeData {
  model::Block features;
  model::Task task = model::Task::binary;
  int classes = 2;
  std::vector<std::int32_t> labels;
  std::vector<float> targets;
  std::vector<float> weights;
  TrainingData view() const {
    TrainingData data;
    data.features = &features;
    data.task = task;
    data.classes = classes;
    data.labels = labels;
    data.targets = targets;
    data.weights = weights;
    return data;
  }
};

// Normal features, the third one rounded to halves, the last one constant; a signal in the first three and noise;
// `missing` is the share of cells that are NaN (in all but the constant column).
inline MadeData make_data(model::Task task, std::size_t rows, std::size_t columns, double missing, std::uint64_t seed,
                          int classes = 4) {
  Random random(random_key({seed, 77}));
  MadeData data;
  data.task = task;
  data.classes = task == model::Task::binary ? 2 : task == model::Task::regression ? 1 : classes;
  data.features = model::Block(rows, columns);
  for (std::size_t row = 0; row < rows; ++row) {
    double signal = 0.5 * random.normal();
    for (std::size_t column = 0; column < columns; ++column) {
      double value = random.normal();
      if (column == 2) value = std::round(value * 2) / 2;
      if (column + 1 == columns && columns > 1) value = 3;
      if (column == 0) signal += value;
      if (column == 1) signal += value * value - 1;
      if (column == 2) signal += value > 0 ? 0.7 : 0;
      const bool gone = random.uniform() < missing && value != 3;
      data.features.column(column)[row] = gone ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(value);
    }
    if (task == model::Task::regression) {
      data.targets.push_back(static_cast<float>(signal));
    } else if (task == model::Task::binary) {
      data.labels.push_back(signal > 1 ? 1 : 0);
    } else {
      data.labels.push_back(std::clamp(static_cast<int>(std::floor(signal + classes / 2.0)), 0, classes - 1));
    }
  }
  return data;
}

inline Settings settings(std::initializer_list<std::pair<const char*, const char*>> given) {
  Settings result;
  for (const auto& [name, value] : given) result.emplace_back(name, params::scalar(value));
  return result;
}

// Two fragments that are the same to the last bit.
inline bool same_fragments(const Fragment& left, const Fragment& right) {
  if (left.columns != right.columns) return false;
  model::Model models[2];
  models[0].operators = left.operators;
  models[1].operators = right.operators;
  return !model::first_difference(models[0], models[1]).has_value();
}

inline bool same_block(const model::Block& left, const model::Block& right) {
  return left.rows == right.rows && left.width == right.width &&
         std::memcmp(left.values.data(), right.values.data(), left.values.size() * sizeof(float)) == 0;
}

}  // namespace slipway::learners::testing
