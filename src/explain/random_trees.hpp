// Random ensembles for tests, and Shapley's formula over all subsets for them.
#pragma once
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::explain {

inline constexpr float missing = std::numeric_limits<float>::quiet_NaN();

inline model::Trees empty_trees(std::uint32_t outputs, model::Trees::Aggregate aggregate) {
  model::Trees trees{};
  trees.outputs = outputs;
  trees.aggregate = aggregate;
  return trees;
}

// Adds a node and its subtree; children get what cover is left. Returns its number.
inline std::uint32_t grow(model::Trees& trees, Random& random, int depth, int features, float cover) {
  const auto id = static_cast<std::uint32_t>(trees.node_count());
  const bool leaf = depth == 0 || cover < 2 || random.below(8) == 0;
  trees.feature.push_back(leaf ? -1 : static_cast<std::int32_t>(random.below(features)));
  trees.threshold.push_back(leaf ? 0 : static_cast<float>(random.normal()));
  trees.left.push_back(leaf ? static_cast<std::uint32_t>(trees.leaf_values.size() / trees.outputs) : 0);
  trees.right.push_back(0);
  trees.missing_left.push_back(!leaf && random.below(2) == 0);
  trees.cover.push_back(cover);
  if (leaf) {
    for (std::uint32_t o = 0; o < trees.outputs; ++o) trees.leaf_values.push_back(static_cast<float>(random.normal()));
    return id;
  }
  const float left = std::floor(cover * static_cast<float>(random.uniform()));
  const std::uint32_t left_child = grow(trees, random, depth - 1, features, left);
  const std::uint32_t right_child = grow(trees, random, depth - 1, features, cover - left);
  trees.left[id] = left_child;
  trees.right[id] = right_child;
  return id;
}

inline model::Trees random_trees(std::uint64_t seed, int count, int depth, int features, std::uint32_t outputs = 1,
                                 model::Trees::Aggregate aggregate = model::Trees::Aggregate::sum) {
  model::Trees trees = empty_trees(outputs, aggregate);
  Random random(random_key({seed}));
  for (int i = 0; i < count; ++i) {
    trees.roots.push_back(static_cast<std::uint32_t>(trees.node_count()));
    grow(trees, random, depth, features, 1000);
  }
  return trees;
}

inline model::Block random_block(std::uint64_t seed, std::size_t rows, std::size_t width) {
  model::Block block(rows, width);
  Random random(random_key({seed, 1}));
  for (float& value : block.values) value = random.below(10) == 0 ? missing : static_cast<float>(random.normal());
  return block;
}

// The definition: a known feature decides, an unknown one averages both children by cover.
inline double conditional(const model::Trees& trees, std::uint32_t node, const std::vector<float>& row,
                          std::uint32_t known, std::size_t output) {
  if (trees.feature[node] < 0) return trees.leaf_values[trees.left[node] * trees.outputs + output];
  const auto feature = static_cast<std::uint32_t>(trees.feature[node]);
  const std::uint32_t left = trees.left[node], right = trees.right[node];
  if (known >> feature & 1) {
    const bool goes_left =
        std::isnan(row[feature]) ? trees.missing_left[node] != 0 : row[feature] <= trees.threshold[node];
    return conditional(trees, goes_left ? left : right, row, known, output);
  }
  const double cover = double(trees.cover[left]) + trees.cover[right];
  double sum = 0;
  if (trees.cover[left] > 0) sum += trees.cover[left] / cover * conditional(trees, left, row, known, output);
  if (trees.cover[right] > 0) sum += trees.cover[right] / cover * conditional(trees, right, row, known, output);
  return sum;
}

inline double conditional_total(const model::Trees& trees, const std::vector<float>& row, std::uint32_t known,
                                std::size_t output) {
  double sum = 0;
  for (std::uint32_t root : trees.roots) sum += conditional(trees, root, row, known, output);
  if (trees.aggregate == model::Trees::Aggregate::mean) sum /= static_cast<double>(trees.roots.size());
  return sum + (trees.base.empty() ? 0 : trees.base[output]);
}

// Shapley's formula over all subsets; value(s) is the output with the features in s known.
template <class ValueOf>
std::vector<double> shapley(std::size_t features, ValueOf value_of) {
  const std::uint32_t subsets = 1U << features;
  std::vector<double> value(subsets);
  for (std::uint32_t s = 0; s < subsets; ++s) value[s] = value_of(s);
  std::vector<double> phi(features, 0);
  for (std::uint32_t s = 0; s < subsets; ++s) {
    const double size = std::popcount(s);
    const double n = static_cast<double>(features);
    const double weight = std::exp(std::lgamma(size + 1) + std::lgamma(n - size) - std::lgamma(n + 1));
    for (std::size_t f = 0; f < features; ++f)
      if (!(s >> f & 1)) phi[f] += weight * (value[s | 1U << f] - value[s]);
  }
  return phi;
}

inline std::vector<double> brute_force(const model::Trees& trees, const std::vector<float>& row, std::size_t output) {
  return shapley(row.size(), [&](std::uint32_t s) { return conditional_total(trees, row, s, output); });
}

inline std::vector<float> row_of(const model::Block& block, std::size_t row) {
  std::vector<float> values;
  for (std::size_t c = 0; c < block.width; ++c) values.push_back(block.at(row, c));
  return values;
}

// Number inputs a, b, c ... joined, into the trees, then what `finish` adds; returns the built model.
template <class Finish>
Result<model::Model> model_of(model::Trees trees, std::size_t width, Finish finish) {
  model::ModelBuilder builder("test");
  std::vector<model::ValueId> inputs;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < width; ++i) {
    names.push_back("x" + std::to_string(i));
    inputs.push_back(builder.input({.name = names.back()}));
  }
  const model::ValueId all = builder.add(model::Join{inputs, 0, model::Join::Kind::concatenate, {}}, "all", names);
  trees.input = all;
  std::vector<std::string> columns;
  for (std::uint32_t o = 0; o < trees.outputs; ++o) columns.push_back("out" + std::to_string(o));
  const model::ValueId out = builder.add(std::move(trees), "trees", columns);
  finish(builder, out);
  return std::move(builder).build();
}

inline Result<model::Model> regression_of(model::Trees trees, std::size_t width) {
  return model_of(std::move(trees), width, [](model::ModelBuilder& builder, model::ValueId out) {
    builder.set_task(model::Task::regression, "y", {});
    builder.set_outputs(out, out);
  });
}

}  // namespace slipway::explain
