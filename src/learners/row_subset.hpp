// Some rows of training data as data of their own, and folds of them: for learners that hold rows back.
#pragma once
#include <slipway/learners/learner.hpp>

namespace slipway::learners {

struct RowSubset {
  model::Block features;
  std::vector<std::int32_t> labels;
  std::vector<float> targets;
  std::vector<float> weights;
  std::vector<std::int32_t> groups;
  std::vector<std::int32_t> nominal;
  model::Task task = model::Task::binary;
  int classes = 2;
  // Refers to this object.
  TrainingData view() const;
};
RowSubset take_rows(const TrainingData& data, std::span<const std::uint32_t> rows);

// A fold number per row: grouped where the data has groups, else stratified by class; at most `folds`, fewer if there
// are fewer rows or groups. Empty if there are not two of them.
Result<std::vector<std::uint8_t>> rows_by_fold(const TrainingData& data, int folds, std::uint64_t seed);

// The rows of a fold, and all others.
struct FoldRows {
  std::vector<std::uint32_t> inside, outside;
};
std::vector<FoldRows> fold_rows(std::span<const std::uint8_t> fold_of_row);

}  // namespace slipway::learners
