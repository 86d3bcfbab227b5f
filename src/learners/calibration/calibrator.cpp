#include "calibration/calibrator.hpp"

#include "fragments.hpp"
#include "linear/solver.hpp"

namespace slipway::learners::calibration {
namespace {

using model::Link;
using model::ValueId;

// Targets a little inside 0 and 1, as if by a uniform prior: without, separable scores would have no finite answer.
Sigmoid fit_sigmoid(std::span<const float> f, std::span<const std::uint8_t> positive, std::span<const float> weights,
                    const Threads& threads) {
  double yes = 0;
  double no = 0;
  const auto weight = [&](std::size_t row) { return weights.empty() ? 1.0 : static_cast<double>(weights[row]); };
  for (std::size_t row = 0; row < f.size(); ++row) (positive[row] != 0 ? yes : no) += weight(row);
  model::Block block(f.size(), 1);
  std::ranges::copy(f, block.column(0).begin());
  linear::Problem problem;
  problem.family = linear::Family::logistic;
  problem.features = &block;
  problem.scales = linear::column_scales(block, weights, true, threads);
  problem.l1 = {0.0};
  problem.l2 = {0.0};
  for (std::size_t row = 0; row < f.size(); ++row) {
    problem.targets.push_back(positive[row] != 0 ? (yes + 1) / (yes + 2) : 1 / (no + 2));
    problem.weights.push_back(weight(row));
  }
  const double share = (yes + 1) / (yes + no + 2);
  const linear::Solution solution =
      linear::minimise_by_newton(problem, {0.0, std::log(share / (1 - share))}, {200, 1e-12}, threads);
  const auto [mean, scale] = problem.scales[0];
  return {solution.w[0] * scale, solution.w[1] - solution.w[0] * scale * mean};
}

// Pool adjacent violators over the distinct decisions; of a run of equal values only its ends are kept.
Steps fit_steps(std::span<const float> f, std::span<const std::uint8_t> positive, std::span<const float> weights) {
  struct Pool {
    double weight = 0;
    double sum = 0;
    float first = 0;
    float last = 0;
    double mean() const { return sum / weight; }
  };
  std::vector<std::uint32_t> order;
  for (std::uint32_t row = 0; row < f.size(); ++row)
    if (weights.empty() || weights[row] > 0) order.push_back(row);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return f[a] < f[b]; });
  std::vector<Pool> pools;
  for (std::size_t begin = 0; begin < order.size();) {
    Pool pool;
    pool.first = pool.last = f[order[begin]];
    for (; begin < order.size() && f[order[begin]] == pool.first; ++begin) {
      const double weight = weights.empty() ? 1.0 : weights[order[begin]];
      pool.weight += weight;
      pool.sum += positive[order[begin]] != 0 ? weight : 0.0;
    }
    // Equal means are one step too.
    while (!pools.empty() && pools.back().mean() >= pool.mean()) {
      pool.weight += pools.back().weight;
      pool.sum += pools.back().sum;
      pool.first = pools.back().first;
      pools.pop_back();
    }
    pools.push_back(pool);
  }
  Steps steps;
  for (const Pool& pool : pools) {
    const auto y = static_cast<float>(pool.mean());
    steps.at.push_back(pool.first);
    steps.y.push_back(y);
    if (pool.last == pool.first) continue;
    steps.at.push_back(pool.last);
    steps.y.push_back(y);
  }
  return steps;
}

bool is_platt(std::span<const Calibrator> calibrators) { return std::holds_alternative<Sigmoid>(calibrators[0]); }

model::Piecewise piecewise_of(const Steps& steps, ValueId input) {
  model::Piecewise piecewise{};
  piecewise.input = input;
  piecewise.kind = model::Piecewise::Kind::linear;
  piecewise.at = steps.at;
  piecewise.y = steps.y;
  return piecewise;
}

void add_link(Fragment& fragment, ValueId input, Link::Kind kind, std::size_t width) {
  Link link{};
  link.input = input;
  link.kind = kind;
  add(fragment, link, numbered("probability", width));
}

void add_single(Fragment& fragment, const Calibrator& calibrator) {
  if (const auto* sigmoid = std::get_if<Sigmoid>(&calibrator)) {
    model::Dense dense{};
    dense.input = last_value(fragment);
    dense.weights = {static_cast<float>(sigmoid->slope)};
    dense.bias = {static_cast<float>(sigmoid->intercept)};
    add_link(fragment, add(fragment, std::move(dense), {"calibrated_margin"}), Link::Kind::sigmoid, 2);
    return;
  }
  const ValueId share = add(fragment, piecewise_of(std::get<Steps>(calibrator), last_value(fragment)), {"calibrated"});
  add_link(fragment, share, Link::Kind::complement, 2);
}

// Each class by its own calibrator.
ValueId add_each(Fragment& fragment, std::span<const Calibrator> calibrators) {
  const std::size_t classes = calibrators.size();
  const ValueId decisions = last_value(fragment);
  if (is_platt(calibrators)) {
    model::Dense dense{};
    dense.input = decisions;
    dense.activation = model::Dense::Activation::sigmoid;
    dense.weights.assign(classes * classes, 0.0F);
    for (std::size_t k = 0; k < classes; ++k) {
      const auto& sigmoid = std::get<Sigmoid>(calibrators[k]);
      dense.weights[k * classes + k] = static_cast<float>(sigmoid.slope);
      dense.bias.push_back(static_cast<float>(sigmoid.intercept));
    }
    return add(fragment, std::move(dense), numbered("against_rest", classes));
  }
  model::Join join{};
  for (std::size_t k = 0; k < classes; ++k) {
    const std::size_t column[] = {k};
    const std::vector<std::string> name = {"class_" + std::to_string(k)};
    const ValueId alone = select(fragment, decisions, classes, column, name);
    join.inputs.push_back(add(fragment, piecewise_of(std::get<Steps>(calibrators[k]), alone), name));
  }
  return add(fragment, std::move(join), numbered("against_rest", classes));
}

}  // namespace

Calibrator fit_calibrator(Method method, std::span<const float> f, std::span<const std::uint8_t> positive,
                          std::span<const float> weights, const Threads& threads) {
  if (method == Method::platt) return fit_sigmoid(f, positive, weights, threads);
  return fit_steps(f, positive, weights);
}

Decision decision_of(Fragment classifier, model::Task task) {
  Decision decision{std::move(classifier), false};
  Fragment& fragment = decision.fragment;
  if (const auto* link = std::get_if<Link>(&fragment.operators.back());
      link != nullptr && link->input == last_value(fragment) - 1 && link->input > 0) {
    const Link::Kind kind = link->kind;
    if (kind == Link::Kind::sigmoid || kind == Link::Kind::complement ||
        (kind == Link::Kind::softmax && task == model::Task::multiclass)) {
      fragment.operators.pop_back();
      fragment.columns.pop_back();
      decision.of_scores = kind == Link::Kind::complement;
      return decision;
    }
  }
  decision.of_scores = true;
  if (task == model::Task::binary) positive_column(fragment);
  return decision;
}

Fragment with_calibrators(Decision decision, std::span<const Calibrator> calibrators) {
  Fragment& fragment = decision.fragment;
  if (calibrators.size() == 1) {
    add_single(fragment, calibrators[0]);
    return std::move(fragment);
  }
  const std::size_t classes = calibrators.size();
  model::Affine affine{};
  affine.input = add_each(fragment, calibrators);
  affine.scale.assign(classes, 1.0F);
  // Too small to change any other row; a row of zeros becomes equal shares instead of 0 / 0.
  affine.shift.assign(classes, 1e-30F);
  add_link(fragment, add(fragment, std::move(affine), numbered("against_rest", classes)), Link::Kind::normalise,
           classes);
  return std::move(fragment);
}

}  // namespace slipway::learners::calibration
