// What boosting minimises: start margins, gradients and values of each loss, per row of a margin s and a target y with
// weight w. Gradients are d loss / ds, hessians the second derivative or a bound that makes Newton's step a sound one.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/model/operators.hpp>

namespace slipway::learners::boosting {

enum class LossKind : std::uint8_t {
  logistic,  // log(1 + exp(s)) - y s
  softmax,   // -log p_y; hessian K / (K - 1) p (1 - p) (Friedman 2001)
  squared,   // (s - y)^2 / 2
  absolute,  // |s - y|; hessian 1, leaf values are weighted medians
  quantile,  // pinball loss; hessian 1, leaf values are weighted quantiles
  poisson,   // exp(s) - y s; hessian exp(s + 0.7), which bounds the step (as XGBoost's max_delta_step 0.7)
};

// Rows that are learnt from or watched. Views; `weights` empty = all 1.
struct Targets {
  std::span<const float> values;  // number, 0 or 1, or class index
  std::span<const float> weights;
  std::size_t rows() const { return values.size(); }
  double weight(std::size_t row) const { return weights.empty() ? 1.0 : weights[row]; }
};

struct Loss {
  LossKind kind = LossKind::squared;
  int outputs = 1;        // margins per row: 1, or the classes of softmax
  double quantile = 0.5;  // of `quantile`; absolute is 0.5

  // Leaves take a quantile of the residuals instead of Newton's step.
  bool renews_by_quantile() const { return kind == LossKind::absolute || kind == LossKind::quantile; }
  model::Link::Kind link() const;
  // What mean() is for people: "log_loss", "squared_error" (there without the half), ...
  std::string_view name() const;
  double reported(double mean) const { return kind == LossKind::squared ? 2 * mean : mean; }

  // The best constant margins.
  std::vector<float> start(const Targets& targets) const;

  // Gradients and hessians of output `output` for rows [begin, end). `margins` holds `outputs` columns of `pitch` rows;
  // for softmax, `probabilities` (same shape, from softmax_probabilities) stands in for them.
  void derivatives(const Targets& targets, const float* margins, const float* probabilities, std::size_t pitch,
                   int output, std::size_t begin, std::size_t end, float* gradients, float* hessians) const;

  // Weighted mean of the loss over the rows, in double; margins as above.
  double mean(const Targets& targets, const float* margins, std::size_t pitch, const Threads& threads) const;
};

// Softmax of each row's margins, for rows [begin, end).
void softmax_probabilities(const float* margins, std::size_t pitch, int outputs, std::size_t begin, std::size_t end,
                           float* probabilities);

struct WeightedValue {
  float value = 0;
  float weight = 1;
};
// The smallest value whose share of the weight below or at it is above `share`; midway to the one before where a share
// meets it exactly (so 0.5 is the usual median). Reorders the values; 0 if there are none of positive weight.
float weighted_quantile(std::span<WeightedValue> values, double share);

// Rows per unit of parallel work: a fixed size, so that sums in floating point do not depend on the threads.
inline constexpr std::size_t block_rows = 4096;
inline std::size_t block_count(std::size_t rows) { return (rows + block_rows - 1) / block_rows; }

}  // namespace slipway::learners::boosting
