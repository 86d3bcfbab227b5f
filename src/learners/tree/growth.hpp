// What trees are grown from and how: the input of a TreeGrower.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/learners/learner.hpp>

#include "tree/bins.hpp"
#include "tree/grown.hpp"

namespace slipway::learners::tree {

enum class Criterion : std::uint8_t { gini, entropy, squared_error, absolute_error, poisson };
enum class ClassWeight : std::uint8_t { none, balanced, balanced_subsample, given };

struct GrowthSettings {
  Criterion criterion = Criterion::gini;
  StopRule stop;
  std::uint32_t min_samples_leaf = 1;
  double min_weight_fraction_leaf = 0;  // of the bag's weight, on each side of a split
  std::uint32_t max_features = 1;       // features with at least two values in the node that a split is sought over
  bool bootstrap = true;
  std::uint64_t bag_draws = 0;          // rows drawn per tree, with bootstrap
  bool random_splits = false;           // one random threshold per feature instead of the best
  std::vector<std::int8_t> directions;  // per feature: 1 the value may only rise with it, -1 only fall; empty = free
  ClassWeight class_weight = ClassWeight::none;
  std::vector<double> class_weights;  // ClassWeight::given: by class
  std::uint64_t seed = 0;
};

// Limits to the value of a node, under monotonic constraints; in the target's own units.
struct ValueBounds {
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  double clamp(double value) const { return std::clamp(value, lower, upper); }
};

// What the search of a node's split has to know besides its sums.
struct NodeContext {
  std::uint32_t rows = 0;  // distinct
  std::uint64_t key = 0;   // of the path to it
  double min_weight = 0;   // on each side of a split
  ValueBounds bounds;
};

// Whether a split over a feature of this direction gives the sides values that the constraints allow. Over a free
// feature everything goes: the values are clamped to the bounds (as in scikit-learn).
inline bool allowed_values(std::int8_t direction, const ValueBounds& bounds, double left, double right) {
  return direction == 0 || (std::min(left, right) >= bounds.lower && std::max(left, right) <= bounds.upper &&
                            (right - left) * direction >= 0);
}

// The training data, coded. Row numbers are positions: rows are ordered by class for a binary task.
struct TrainingRows {
  model::Task task = model::Task::binary;
  int classes = 2;
  int outputs = 1;  // numbers per leaf: 1, or the classes of a multi-class task
  Bins bins;
  std::unique_ptr<CodedRows> codes;
  std::uint32_t negatives = 0;        // binary: positions below this are of class 0
  std::vector<std::uint16_t> labels;  // multi-class
  // Regression: target = offset + step * quantised, step a power of two, |quantised| <= 2^30. Integers that span less
  // than 2^30 are exact, and sums do not depend on their order.
  std::vector<std::int32_t> targets;
  double target_offset = 0;
  double target_step = 1;
  // Row weights as integers: weight * weight_scale, rounded, at least 1 where the weight is positive; empty = all 1.
  // Their sum is below 2^29.
  std::vector<std::uint32_t> weights;
  double weight_scale = 1;

  std::size_t rows() const { return codes->rows(); }
  std::uint32_t weight(std::size_t row) const { return weights.empty() ? 1 : weights[row]; }
  // The class of a position (classification).
  int label(std::size_t row) const { return task == model::Task::binary ? (row < negatives ? 0 : 1) : labels[row]; }
};

// Checks the data and codes it. Errors: no rows or features, lengths, labels out of range, a target or weight that is
// not finite, more than 4,096 classes, 65,535 features or 2^28 rows.
Result<TrainingRows> prepare_rows(const TrainingData& data, const BinOptions& bins, const Threads& threads,
                                  const Progress& progress);

// How often the bag of a tree holds each position; counts.size() is the number of rows.
void draw_rows(const GrowthSettings& settings, std::uint64_t tree, std::span<std::uint8_t> counts);

// Grows one tree after another, one thread each. What tree k becomes depends on the rows, the settings and k only.
class TreeGrower {
 public:
  virtual ~TreeGrower() = default;
  virtual GrownTree grow(std::uint64_t tree) = 0;
};
// Keeps references to all. Once `progress` is cancelled, trees are left as they are.
std::unique_ptr<TreeGrower> make_grower(const TrainingRows& rows, const GrowthSettings& settings,
                                        const Progress& progress);

// Numbers (nodes x outputs) that the trees of a fit may hold: 4 GiB of values and a few of nodes.
inline constexpr std::size_t most_tree_values = std::size_t{1} << 30;

// Bytes that one TreeGrower takes.
std::size_t grower_bytes(model::Task task, int classes, bool weighted, std::size_t rows,
                         const GrowthSettings& settings);

// Trees 0 .. count - 1, on all threads. Errors: `progress` was cancelled; more than most_tree_values.
Result<std::vector<GrownTree>> grow_trees(const TrainingRows& rows, const GrowthSettings& settings, std::size_t count,
                                          const Threads& threads, Progress& progress);

}  // namespace slipway::learners::tree
