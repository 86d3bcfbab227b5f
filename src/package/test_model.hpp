// Models for this room's tests. The conformance test of the engine has one for every operator.
#pragma once
#include <slipway/model/model.hpp>

namespace slipway::package {

// One text and one number, a Lookup, a stump, sigmoid and label.
inline model::Model test_model(float leaf = 0.5F) {
  using namespace model;
  ModelBuilder builder("fraud");
  const ValueId state = builder.input({.name = "state", .kind = InputKind::text, .categories = {"CA", "Zürich"}});
  const ValueId amount = builder.input(
      {.name = "amount", .unit = "USD", .minimum = 0.1F, .maximum = 1e4F, .out_of_range = OutOfRange::clamp});
  const ValueId rate = builder.add(Lookup{state, 0, {"CA", "Zürich"}, {1, 2}, {0}, {0}}, "rate", {"rate"});
  const ValueId all = builder.add(Join{{rate, amount}, 0, Join::Kind::concatenate, {}}, "all", {"rate", "amount"});
  Trees trees{all, 0, 1, Trees::Aggregate::sum, {0.25F}, {0}};
  trees.feature = {1, -1, -1};
  trees.threshold = {12.5F, 0, 0};
  trees.left = {1, 0, 1};
  trees.right = {2, 0, 0};
  trees.missing_left = {1, 0, 0};
  trees.cover = {3, 2, 1};
  trees.leaf_values = {-1, leaf};
  const ValueId margin = builder.add(trees, "margin", {"margin"});
  const ValueId scores = builder.add(Link{margin, 0, Link::Kind::sigmoid}, "scores", {"no", "yes"});
  const ValueId label = builder.add(Decide{scores, 0, 0.3F}, "label", {"label"});
  builder.set_task(Task::binary, "is_fraud", {"no", "yes"});
  builder.set_outputs(scores, label);
  builder.set_metadata("created by", "a test");
  return *std::move(builder).build();
}

// Stumps of three nodes, `nodes` in all.
inline model::Model large_model(std::uint32_t nodes) {
  using namespace model;
  ModelBuilder builder("large");
  const ValueId x = builder.input({.name = "x"});
  Trees trees{x, 0, 1, Trees::Aggregate::mean};
  for (std::uint32_t i = 0; i < nodes; i += 3) {
    trees.roots.push_back(i);
    trees.feature.insert(trees.feature.end(), {0, -1, -1});
    trees.threshold.insert(trees.threshold.end(), {static_cast<float>(i) * 0.37F, 0, 0});
    trees.left.insert(trees.left.end(), {i + 1, i / 3 * 2, i / 3 * 2 + 1});
    trees.right.insert(trees.right.end(), {i + 2, 0, 0});
    trees.missing_left.insert(trees.missing_left.end(), {0, 0, 0});
    trees.cover.insert(trees.cover.end(), {10, 6, 4});
    trees.leaf_values.insert(trees.leaf_values.end(), {0.1F, static_cast<float>(i)});
  }
  const ValueId out = builder.add(trees, "out", {"y"});
  builder.set_task(Task::regression, "y", {});
  builder.set_outputs(out, out);
  return *std::move(builder).build();
}

}  // namespace slipway::package
