#include "boosting/loss.hpp"

#include <slipway/compute/dispatch.hpp>

#include "boosting/vector_math.hpp"

namespace slipway::learners::boosting {
namespace {

constexpr float least_hessian = 1e-16F;

SLIPWAY_MULTIVERSION void logistic(const float* __restrict margin, const float* __restrict target, std::size_t count,
                                   float* __restrict gradient, float* __restrict hessian) {
  for (std::size_t i = 0; i < count; ++i) {
    const float p = 1.0F / (1.0F + exponential(-margin[i]));
    const float h = p * (1.0F - p);
    gradient[i] = p - target[i];
    hessian[i] = h > least_hessian ? h : least_hessian;
  }
}

SLIPWAY_MULTIVERSION void softmax(const float* __restrict probability, const float* __restrict target,
                                  std::size_t count, float output, float factor, float* __restrict gradient,
                                  float* __restrict hessian) {
  for (std::size_t i = 0; i < count; ++i) {
    const float p = probability[i];
    const float h = factor * p * (1.0F - p);
    gradient[i] = p - (target[i] == output ? 1.0F : 0.0F);
    hessian[i] = h > least_hessian ? h : least_hessian;
  }
}

SLIPWAY_MULTIVERSION void squared(const float* __restrict margin, const float* __restrict target, std::size_t count,
                                  float* __restrict gradient, float* __restrict hessian) {
  for (std::size_t i = 0; i < count; ++i) {
    gradient[i] = margin[i] - target[i];
    hessian[i] = 1.0F;
  }
}

// Above the target the loss rises by `above` per unit, below it falls by `below`.
SLIPWAY_MULTIVERSION void pinball(const float* __restrict margin, const float* __restrict target, std::size_t count,
                                  float above, float below, float* __restrict gradient, float* __restrict hessian) {
  for (std::size_t i = 0; i < count; ++i) {
    const float over = margin[i] > target[i] ? above : 0.0F;
    gradient[i] = margin[i] < target[i] ? -below : over;
    hessian[i] = 1.0F;
  }
}

SLIPWAY_MULTIVERSION void poisson(const float* __restrict margin, const float* __restrict target, std::size_t count,
                                  float* __restrict gradient, float* __restrict hessian) {
  for (std::size_t i = 0; i < count; ++i) {
    const float mean = exponential(margin[i]);
    gradient[i] = mean - target[i];
    hessian[i] = mean * 2.01375271F;  // exp(0.7)
  }
}

SLIPWAY_MULTIVERSION void multiply(const float* __restrict weight, std::size_t count, float* __restrict gradient,
                                   float* __restrict hessian) {
  for (std::size_t i = 0; i < count; ++i) {
    gradient[i] *= weight[i];
    hessian[i] *= weight[i];
  }
}

SLIPWAY_MULTIVERSION void softmax_rows(const float* __restrict margins, std::size_t pitch, int outputs,
                                       std::size_t count, float* __restrict probabilities, float* __restrict largest,
                                       float* __restrict sum) {
  for (std::size_t i = 0; i < count; ++i) {
    largest[i] = margins[i];
    sum[i] = 0;
  }
  for (int k = 1; k < outputs; ++k)
    for (std::size_t i = 0; i < count; ++i) {
      const float margin = margins[k * pitch + i];
      largest[i] = margin > largest[i] ? margin : largest[i];
    }
  for (int k = 0; k < outputs; ++k)
    for (std::size_t i = 0; i < count; ++i) {
      const float e = exponential(margins[k * pitch + i] - largest[i]);
      probabilities[k * pitch + i] = e;
      sum[i] += e;
    }
  for (int k = 0; k < outputs; ++k)
    for (std::size_t i = 0; i < count; ++i) probabilities[k * pitch + i] /= sum[i];
}

// log(p / (1 - p)) with p kept off 0 and 1, so that rows of one class only give a finite margin.
float log_odds(double p) {
  const double kept = std::clamp(p, 1e-7, 1 - 1e-7);
  return static_cast<float>(std::log(kept / (1 - kept)));
}

double weighted_mean(const Targets& targets) {
  double sum = 0;
  double weight = 0;
  for (std::size_t row = 0; row < targets.rows(); ++row) {
    sum += targets.weight(row) * targets.values[row];
    weight += targets.weight(row);
  }
  return weight > 0 ? sum / weight : 0;
}

}  // namespace

model::Link::Kind Loss::link() const {
  switch (kind) {
    case LossKind::logistic:
      return model::Link::Kind::sigmoid;
    case LossKind::softmax:
      return model::Link::Kind::softmax;
    case LossKind::poisson:
      return model::Link::Kind::exponential;
    default:
      return model::Link::Kind::identity;
  }
}

std::string_view Loss::name() const {
  switch (kind) {
    case LossKind::logistic:
    case LossKind::softmax:
      return "log_loss";
    case LossKind::squared:
      return "squared_error";
    case LossKind::absolute:
      return "absolute_error";
    case LossKind::quantile:
      return "quantile_loss";
    case LossKind::poisson:
      return "poisson_loss";
  }
  return "";
}

std::vector<float> Loss::start(const Targets& targets) const {
  switch (kind) {
    case LossKind::logistic:
      return {log_odds(weighted_mean(targets))};
    case LossKind::softmax: {
      std::vector<double> weight(static_cast<std::size_t>(outputs));
      double all = 0;
      for (std::size_t row = 0; row < targets.rows(); ++row) {
        weight[static_cast<std::size_t>(targets.values[row])] += targets.weight(row);
        all += targets.weight(row);
      }
      std::vector<float> margins;
      for (double one : weight)
        margins.push_back(static_cast<float>(std::log(std::max(all > 0 ? one / all : 0, 1e-7))));
      return margins;
    }
    case LossKind::squared:
      return {static_cast<float>(weighted_mean(targets))};
    case LossKind::absolute:
    case LossKind::quantile: {
      std::vector<WeightedValue> values;
      values.reserve(targets.rows());
      for (std::size_t row = 0; row < targets.rows(); ++row)
        values.push_back({targets.values[row], static_cast<float>(targets.weight(row))});
      return {weighted_quantile(values, quantile)};
    }
    case LossKind::poisson:
      return {static_cast<float>(std::log(std::max(weighted_mean(targets), 1e-7)))};
  }
  return {0};
}

void Loss::derivatives(const Targets& targets, const float* margins, const float* probabilities, std::size_t pitch,
                       int output, std::size_t begin, std::size_t end, float* gradients, float* hessians) const {
  const std::size_t count = end - begin;
  const float* margin = margins + begin;
  const float* target = targets.values.data() + begin;
  switch (kind) {
    case LossKind::logistic:
      logistic(margin, target, count, gradients + begin, hessians + begin);
      break;
    case LossKind::softmax:
      softmax(probabilities + static_cast<std::size_t>(output) * pitch + begin, target, count,
              static_cast<float>(output), static_cast<float>(outputs) / static_cast<float>(outputs - 1),
              gradients + begin, hessians + begin);
      break;
    case LossKind::squared:
      squared(margin, target, count, gradients + begin, hessians + begin);
      break;
    case LossKind::absolute:
      pinball(margin, target, count, 1, 1, gradients + begin, hessians + begin);
      break;
    case LossKind::quantile:
      pinball(margin, target, count, static_cast<float>(1 - quantile), static_cast<float>(quantile), gradients + begin,
              hessians + begin);
      break;
    case LossKind::poisson:
      poisson(margin, target, count, gradients + begin, hessians + begin);
      break;
  }
  if (!targets.weights.empty()) multiply(targets.weights.data() + begin, count, gradients + begin, hessians + begin);
}

void softmax_probabilities(const float* margins, std::size_t pitch, int outputs, std::size_t begin, std::size_t end,
                           float* probabilities) {
  constexpr std::size_t most = 1024;
  float largest[most];
  float sum[most];
  for (std::size_t row = begin; row < end; row += most)
    softmax_rows(margins + row, pitch, outputs, std::min(most, end - row), probabilities + row, largest, sum);
}

double Loss::mean(const Targets& targets, const float* margins, std::size_t pitch, const Threads& threads) const {
  const auto value = [&](std::size_t row) -> double {
    const double s = margins[row];
    const double y = targets.values[row];
    switch (kind) {
      case LossKind::logistic:
        return std::max(s, 0.0) + std::log1p(std::exp(-std::abs(s))) - y * s;
      case LossKind::softmax: {
        double largest = s;
        for (int k = 1; k < outputs; ++k)
          largest = std::max<double>(largest, margins[static_cast<std::size_t>(k) * pitch + row]);
        double sum = 0;
        for (int k = 0; k < outputs; ++k) sum += std::exp(margins[static_cast<std::size_t>(k) * pitch + row] - largest);
        return largest + std::log(sum) - margins[static_cast<std::size_t>(y) * pitch + row];
      }
      case LossKind::squared:
        return (s - y) * (s - y) / 2;
      case LossKind::absolute:
        return std::abs(s - y);
      case LossKind::quantile:
        return s > y ? (1 - quantile) * (s - y) : quantile * (y - s);
      case LossKind::poisson:
        return std::exp(s) - y * s;
    }
    return 0;
  };
  std::vector<std::array<double, 2>> blocks(block_count(targets.rows()));
  threads.for_each(blocks.size(), [&](std::size_t block) {
    const std::size_t end = std::min(targets.rows(), (block + 1) * block_rows);
    for (std::size_t row = block * block_rows; row < end; ++row) {
      blocks[block][0] += targets.weight(row) * value(row);
      blocks[block][1] += targets.weight(row);
    }
  });
  double sum = 0;
  double weight = 0;
  for (const auto& block : blocks) {
    sum += block[0];
    weight += block[1];
  }
  return weight > 0 ? sum / weight : 0;
}

float weighted_quantile(std::span<WeightedValue> values, double share) {
  std::sort(values.begin(), values.end(), [](const WeightedValue& a, const WeightedValue& b) {
    return a.value != b.value ? a.value < b.value : a.weight < b.weight;
  });
  double all = 0;
  for (const WeightedValue& one : values) all += one.weight;
  const double wanted = share * all;
  double below = 0;
  std::optional<float> met;  // the value at which the share was met exactly
  for (const WeightedValue& one : values) {
    if (one.weight == 0) continue;
    if (met) return *met + (one.value - *met) / 2;
    below += one.weight;
    if (below > wanted) return one.value;
    if (below == wanted) met = one.value;
  }
  return met.value_or(0);
}

}  // namespace slipway::learners::boosting
