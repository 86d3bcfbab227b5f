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

SLIPWAY_MULTIVERSION void squared_gains(const double* __restrict left_weight, const double* __restrict left_sum,
                                        const std::int32_t* __restrict left_rows, double* __restrict gains, int padded,
                                        double weight, double sum, std::int32_t min_rows, std::int32_t max_rows) {
  for (int x = 0; x < padded; ++x) {
    const double difference = left_sum[x] * weight - left_weight[x] * sum;
    const double product = left_weight[x] * (weight - left_weight[x]);
    const double gain = difference * difference / product;
    const bool allowed = (left_rows[x] >= min_rows) & (left_rows[x] <= max_rows) & (product > 0);
    gains[x] = allowed ? gain : -1.0;
  }
}

int padded_size(int bins) { return (bins + 15) / 16 * 16; }

void pad(LeftSums& left, int bins) {
  for (int x = bins; x < padded_size(bins); ++x) {
    left.weight[x] = left.sum[x] = 0;
    left.rows[x] = 0;
  }
}

}  // namespace

double squared_gain(double left_weight, double left_sum, const NodeSums& node) {
  const double difference = left_sum * node.weight - left_weight * node.sum;
  const double product = left_weight * (node.weight - left_weight);
  return product > 0 ? difference * difference / product : -1.0;
}

BestBin best_squared(LeftSums& left, int bins, const NodeSums& node) {
  pad(left, bins);
  squared_gains(left.weight, left.sum, left.rows, left.gain, padded_size(bins), node.weight, node.sum, node.min_rows,
                node.rows - node.min_rows);
  return first_best(left.gain, padded_size(bins));
}

double entropy_gain(double left_weight, double left_sum, const NodeSums& node) {
  const double right_weight = node.weight - left_weight;
  const double right_sum = node.sum - left_sum;
  if (!(left_weight > 0) || !(right_weight > 0)) return -1.0;
  const auto bits = [](double weight, double positive) {
    return x_log2_x(weight) - x_log2_x(positive) - x_log2_x(weight - positive);
  };
  return std::max(0.0, bits(node.weight, node.sum) - bits(left_weight, left_sum) - bits(right_weight, right_sum));
}

BestBin best_entropy(LeftSums& left, int bins, const NodeSums& node) {
  BestBin best;
  for (int x = 0; x < bins; ++x) {
    if (left.rows[x] < node.min_rows || node.rows - left.rows[x] < node.min_rows) continue;
    if (x > 0 && left.rows[x] == left.rows[x - 1]) continue;  // an empty bin
    const double gain = entropy_gain(left.weight[x], left.sum[x], node);
    if (gain > best.gain) best = {gain, x};
  }
  return best;
}

double x_log2_x(double x) {
  if (!(x > 0)) return 0;
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
  return x * (exponent + two_over_log_2 * s * series);
}

}  // namespace slipway::learners::tree
