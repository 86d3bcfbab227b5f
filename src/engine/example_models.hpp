// Models for tests, at least one per operator, and odd rows to run them on.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::engine {

struct Example {
  std::string name;
  model::Model model;
};
std::vector<Example> example_models();

struct ForestShape {
  std::size_t trees = 30;
  std::size_t features = 8;
  int depth = 8;
  std::uint32_t outputs = 1;
  model::Trees::Aggregate aggregate = model::Trees::Aggregate::sum;
  double stop = 0.1;  // probability that a node above the depth is a leaf
};
// Random trees over random thresholds on a coarse grid, so that rows of the same grid meet them exactly.
model::Trees random_trees(const ForestShape& shape, Random& random);
// Inputs x0, x1, ... side by side, trees over them; a regression, or classes where there are several outputs.
model::Model forest_model(const ForestShape& shape, std::uint64_t seed);

// Rows with ordinary values and, mixed in, missing and unseen ones, infinities, the largest and smallest numbers.
class OddRows {
 public:
  OddRows(const model::Model& model, std::size_t rows, std::uint64_t seed);
  // Only finite numbers or missing ones.
  static OddRows finite(const model::Model& model, std::size_t rows, std::uint64_t seed);
  const model::RowBatch& batch() const { return batch_; }

 private:
  OddRows(const model::Model& model, std::size_t rows, std::uint64_t seed, bool infinities);
  std::deque<std::vector<float>> numbers_;
  std::deque<std::vector<std::int64_t>> times_;
  std::deque<std::vector<std::int32_t>> codes_;
  std::deque<std::vector<std::string_view>> dictionaries_;
  std::deque<std::string> texts_;
  model::RowBatch batch_;
};

}  // namespace slipway::engine
