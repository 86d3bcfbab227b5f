// A small model for the tests of this room, whose scores can be worked out by hand.
#pragma once
#include <gtest/gtest.h>

#include <slipway/model/model.hpp>

namespace slipway::serving {

// fraud: the mean of two trees.
//   A: amount <= 100 (or missing) ? 0.1 : 0.7
//   B: risk of the state <= 0.5 ? 0.1 : hour <= 5 ? 0.9 : 0.5, where the risk is CA 0.1, NY 0.9, TX 0.2, unseen 0.3,
//      missing 0.4, and a missing hour goes to 0.5.
// So amount 50 in CA scores 0.1, amount 200 in NY at noon 0.6, and the label is "1" from 0.5 on.
// amount is 0 to 1000 (beyond: `out_of_range`); count must not be missing; channel must be "online" or "branch".
inline model::Model fraud_model(model::OutOfRange out_of_range = model::OutOfRange::pass, float leaf = 0.1F) {
  using namespace slipway::model;
  ModelBuilder builder("fraud");
  const ValueId amount = builder.input(
      {.name = "amount", .unit = "USD", .minimum = 0.0F, .maximum = 1000.0F, .out_of_range = out_of_range});
  const ValueId count = builder.input({.name = "count", .missing_allowed = false});
  const ValueId state = builder.input({.name = "state", .kind = InputKind::text, .categories = {"CA", "NY", "TX"}});
  builder.input({.name = "channel",
                 .kind = InputKind::text,
                 .categories = {"branch", "online"},
                 .out_of_range = OutOfRange::reject});
  const ValueId when = builder.input({.name = "when", .kind = InputKind::time});
  const ValueId risk =
      builder.add(Lookup{state, 0, {"CA", "NY", "TX"}, {0.1F, 0.9F, 0.2F}, {0.3F}, {0.4F}}, "risk", {"risk"});
  const ValueId hour =
      builder.add(Expression{{when}, 0, {{.op = ExpressionNode::Op::hour}}, "hour(when)"}, "hour", {"hour"});
  const ValueId features = builder.add(Join{{amount, count, risk, hour}, 0, Join::Kind::concatenate, {}}, "features",
                                       {"amount", "count", "risk", "hour"});
  Trees trees;
  trees.input = features;
  trees.aggregate = Trees::Aggregate::mean;
  trees.roots = {0, 3};
  trees.feature = {0, -1, -1, 2, -1, 3, -1, -1};
  trees.threshold = {100, 0, 0, 0.5F, 0, 5, 0, 0};
  trees.left = {1, 0, 1, 4, 0, 6, 2, 3};
  trees.right = {2, 0, 0, 5, 0, 7, 0, 0};
  trees.missing_left = {1, 0, 0, 0, 0, 0, 0, 0};
  trees.cover = {10, 6, 4, 10, 5, 5, 2, 3};
  trees.leaf_values = {leaf, 0.7F, 0.9F, 0.5F};
  const ValueId probability = builder.add(std::move(trees), "probability", {"probability"});
  const ValueId scores = builder.add(Link{probability, 0, Link::Kind::complement}, "scores", {"0", "1"});
  const ValueId label = builder.add(Decide{scores, 0, 0.5F}, "label", {"label"});
  builder.set_task(Task::binary, "is_fraud", {"0", "1"});
  builder.set_outputs(scores, label);
  auto built = std::move(builder).build();
  EXPECT_TRUE(built.ok()) << (built.ok() ? "" : built.error().message());
  return std::move(built).value();
}

// kind: three classes from one number x through softmax of (0, x, 2x); no trees, so no reasons.
inline model::Model kind_model() {
  using namespace slipway::model;
  ModelBuilder builder("kind");
  const ValueId x = builder.input({.name = "x"});
  const ValueId margins =
      builder.add(Dense{x, 0, {0, 1, 2}, {0, 0, 0}, Dense::Activation::identity}, "margins", {"a", "b", "c"});
  const ValueId scores = builder.add(Link{margins, 0, Link::Kind::softmax}, "scores", {"a", "b", "c"});
  const ValueId label = builder.add(Decide{scores, 0, 0.5F}, "label", {"label"});
  builder.set_task(Task::multiclass, "kind", {"a", "b", "c"});
  builder.set_outputs(scores, label);
  auto built = std::move(builder).build();
  EXPECT_TRUE(built.ok()) << (built.ok() ? "" : built.error().message());
  return std::move(built).value();
}

// price: a regression, 2 x + 1.
inline model::Model price_model() {
  using namespace slipway::model;
  ModelBuilder builder("price");
  const ValueId x = builder.input({.name = "x"});
  const ValueId y = builder.add(Affine{x, 0, {2}, {1}}, "prediction", {"prediction"});
  builder.set_task(Task::regression, "price", {});
  builder.set_outputs(y, y);
  auto built = std::move(builder).build();
  EXPECT_TRUE(built.ok()) << (built.ok() ? "" : built.error().message());
  return std::move(built).value();
}

}  // namespace slipway::serving
