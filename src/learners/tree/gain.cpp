#include "tree/gain.hpp"

#include <bit>

#include <slipway/compute/dispatch.hpp>

namespace slipway::learners::tree {
namespace {

// Non-negative doubles sort as their bits do, and integers have a vector maximum.
using Bits [[gnu::may_alias]] = std::int64_t;

SLIPWAY_MULTIVERSION BestBin first_best(const double* gains, int padded) {
  const auto* bits = reinterpret_cast<const Bits*>(gains);
  std::int64_t best = -1;
  for (int x = 0; x < padded; ++x) best = bits[x] > best ? bits[x] : best;
  if (best < 0) return {};
  int bin = 0;
  while (bits[bin] != best) ++bin;
  return {gains[bin], bin};
}

struct Bounds {
  std::int32_t least;
  std::int32_t most;
};
// Rows that the values on the left may count so that both sides have enough.
Bounds bounds_of(const NodeSums& node, std::int32_t added_rows) {
  return {std::max(1, node.min_rows - added_rows), node.rows - node.min_rows - added_rows};
}

SLIPWAY_MULTIVERSION void class_gains(const std::int32_t* __restrict negative, const std::int32_t* __restrict positive,
                                      const std::int32_t* __restrict rows, double* __restrict gains, int padded,
                                      NodeSums node, double negative_weight, double positive_weight,
                                      ClassAddition added, Bounds bounds) {
  for (int x = 0; x < padded; ++x) {
    const double left_sum = positive_weight * (positive[x] + added.positive);
    const double left_weight = negative_weight * (negative[x] + added.negative) + left_sum;
    const double difference = left_sum * node.weight - left_weight * node.sum;
    const double right_weight = node.weight - left_weight;
    const double gain = difference * difference / (left_weight * right_weight);
    const bool allowed = (rows[x] >= bounds.least) & (rows[x] <= bounds.most) & (left_weight >= node.min_weight) &
                         (right_weight >= node.min_weight);
    gains[x] = allowed ? gain : -1.0;
  }
}

SLIPWAY_MULTIVERSION void number_gains(const double* __restrict left_weight, const double* __restrict left_sum,
                                       const std::int32_t* __restrict rows, double* __restrict gains, int padded,
                                       NodeSums node, Bounds bounds) {
  for (int x = 0; x < padded; ++x) {
    const double difference = left_sum[x] * node.weight - left_weight[x] * node.sum;
    const double right_weight = node.weight - left_weight[x];
    const double gain = difference * difference / (left_weight[x] * right_weight);
    const bool allowed = (rows[x] >= bounds.least) & (rows[x] <= bounds.most) & (left_weight[x] >= node.min_weight) &
                         (right_weight >= node.min_weight);
    gains[x] = allowed ? gain : -1.0;
  }
}

int padded_size(int bins) { return (bins + 15) / 16 * 16; }

}  // namespace

double squared_gain(double left_weight, double left_sum, const NodeSums& node) {
  const double difference = left_sum * node.weight - left_weight * node.sum;
  const double right_weight = node.weight - left_weight;
  if (left_weight < node.min_weight || right_weight < node.min_weight) return -1.0;
  return difference * difference / (left_weight * right_weight);
}

BestBin best_gini(ClassPrefix& prefix, int bins, const NodeSums& node, const std::array<double, 2>& class_weight,
                  const ClassAddition& added) {
  const int padded = padded_size(bins);
  for (int x = bins; x < padded; ++x) prefix.negative[x] = prefix.positive[x] = prefix.rows[x] = 0;
  class_gains(prefix.negative.data(), prefix.positive.data(), prefix.rows.data(), prefix.gain.data(), padded, node,
              class_weight[0], class_weight[1], added, bounds_of(node, added.rows));
  return first_best(prefix.gain.data(), padded);
}

BestBin best_squared(NumberPrefix& prefix, int bins, const NodeSums& node) {
  const int padded = padded_size(bins);
  for (int x = bins; x < padded; ++x) {
    prefix.weight[x] = prefix.sum[x] = 0;
    prefix.rows[x] = 0;
  }
  number_gains(prefix.weight.data(), prefix.sum.data(), prefix.rows.data(), prefix.gain.data(), padded, node,
               bounds_of(node, 0));
  return first_best(prefix.gain.data(), padded);
}

double entropy_gain(double left_weight, double left_sum, const NodeSums& node) {
  const double right_weight = node.weight - left_weight;
  const double right_sum = node.sum - left_sum;
  if (left_weight < node.min_weight || right_weight < node.min_weight) return -1.0;
  const auto bits = [](double weight, double positive) {
    return x_log2_x(weight) - x_log2_x(positive) - x_log2_x(weight - positive);
  };
  return std::max(0.0, bits(node.weight, node.sum) - bits(left_weight, left_sum) - bits(right_weight, right_sum));
}

BestBin best_entropy(const ClassPrefix& prefix, int bins, const NodeSums& node,
                     const std::array<double, 2>& class_weight, const ClassAddition& added) {
  BestBin best;
  const Bounds bounds = bounds_of(node, added.rows);
  for (int x = 0; x < bins; ++x) {
    if (prefix.rows[x] < bounds.least || prefix.rows[x] > bounds.most) continue;
    if (x > 0 && prefix.rows[x] == prefix.rows[x - 1]) continue;  // an empty bin
    const double sum = class_weight[1] * (prefix.positive[x] + added.positive);
    const double weight = class_weight[0] * (prefix.negative[x] + added.negative) + sum;
    const double gain = entropy_gain(weight, sum, node);
    if (gain > best.gain) best = {gain, x};
  }
  return best;
}

double x_log2_x(double x) { return x > 0 ? x * log2_of(x) : 0; }

double poisson_gain(double left_weight, double left_sum, const NodeSums& node) {
  const double right_weight = node.weight - left_weight;
  const double right_sum = node.sum - left_sum;
  if (left_weight < node.min_weight || right_weight < node.min_weight) return -1.0;
  // A side of zeros has no finite deviance (scikit-learn refuses it too).
  constexpr double least = 10 * std::numeric_limits<double>::epsilon();
  if (left_sum <= least || right_sum <= least) return -1.0;
  const auto part = [](double weight, double sum) { return sum * log2_of(sum / weight); };
  constexpr double log_2 = 0.69314718055994530942;
  return std::max(0.0,
                  log_2 * (part(left_weight, left_sum) + part(right_weight, right_sum) - part(node.weight, node.sum)));
}

double log2_of(double x) {
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2)); log(m) = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172.
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);
  if (mantissa < 0.70710678118654752440) {
    mantissa *= 2;
    --exponent;
  }
  const double s = (mantissa - 1) / (mantissa + 1);
  const double square = s * s;
  double series = 0;
  for (int k = 21; k >= 1; k -= 2) series = series * square + 1.0 / k;
  constexpr double two_over_log_2 = 2.8853900817779268147;
  return exponent + two_over_log_2 * s * series;
}

}  // namespace slipway::learners::tree
