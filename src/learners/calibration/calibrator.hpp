// Functions from a classifier's decision to a probability, fitted and as operators.
#pragma once
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include <slipway/learners/learner.hpp>

namespace slipway::learners::calibration {

enum class Method : std::uint8_t { platt, isotonic };

// sigmoid(slope * f + intercept)
struct Sigmoid {
  double slope = 0;
  double intercept = 0;
};
// Through points, linear in between, flat outside. `at` ascends strictly, `y` does not descend; at least one point.
struct Steps {
  std::vector<float> at, y;
};
using Calibrator = std::variant<Sigmoid, Steps>;

// Of decisions `f` and whether each row is of the class; weights empty for all 1. Rows of weight 0 are left out; at
// least one row must count. Deterministic for any number of threads.
Calibrator fit_calibrator(Method method, std::span<const float> f, std::span<const std::uint8_t> positive,
                          std::span<const float> weights, const Threads& threads);

// A fitted classifier up to its decision: one column for two classes, one per class for more.
struct Decision {
  Fragment fragment;
  // Whether it is a column of the classifier's scores: the second of two, or all of more than two.
  bool of_scores = false;
};
Decision decision_of(Fragment classifier, model::Task task);

// The classifier with one calibrator (two classes), or one per class.
Fragment with_calibrators(Decision decision, std::span<const Calibrator> calibrators);

}  // namespace slipway::learners::calibration
