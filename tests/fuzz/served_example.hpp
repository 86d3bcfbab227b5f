// The model that the fuzz targets of the server serve.
#pragma once
#include <cstdlib>
#include <memory>

#include <slipway/model/model.hpp>
#include <slipway/serving/service.hpp>

namespace slipway::fuzz {

inline model::Model make_model() {
  using namespace slipway::model;
  ModelBuilder builder("m");
  const ValueId number =
      builder.input({.name = "a", .minimum = -1.0F, .maximum = 1.0F, .out_of_range = OutOfRange::clamp});
  const ValueId text = builder.input({.name = "t", .kind = InputKind::text, .categories = {"x", "y"}});
  const ValueId time = builder.input({.name = "w", .kind = InputKind::time});
  const ValueId known = builder.add(Lookup{text, 0, {"x", "y"}, {1, 2}, {3}, {4}}, "known", {"known"});
  const ValueId hour =
      builder.add(Expression{{time}, 0, {{.op = ExpressionNode::Op::hour}}, "hour(w)"}, "hour", {"hour"});
  const ValueId all =
      builder.add(Join{{number, known, hour}, 0, Join::Kind::concatenate, {}}, "all", {"a", "known", "hour"});
  Trees trees;
  trees.input = all;
  trees.roots = {0};
  trees.feature = {1, -1, -1};
  trees.threshold = {1.5F, 0, 0};
  trees.left = {1, 0, 1};
  trees.right = {2, 0, 0};
  trees.missing_left = {0, 0, 0};
  trees.cover = {2, 1, 1};
  trees.leaf_values = {0.25F, 0.75F};
  const ValueId p = builder.add(std::move(trees), "p", {"p"});
  const ValueId scores = builder.add(Link{p, 0, Link::Kind::complement}, "scores", {"0", "1"});
  const ValueId label = builder.add(Decide{scores, 0, 0.5F}, "label", {"label"});
  builder.set_task(Task::binary, "y", {"0", "1"});
  builder.set_outputs(scores, label);
  auto built = std::move(builder).build();
  if (!built.ok()) std::abort();
  return std::move(built).value();
}

// Held for good, so that no destructor runs at the end.
inline const std::shared_ptr<serving::ModelRepository>& models() {
  static const auto* const one = [] {
    auto* const made = new std::shared_ptr<serving::ModelRepository>(serving::ModelRepository::empty());
    if (!(*made)->add(make_model(), "1", "d", {"key"}).ok()) std::abort();
    return made;
  }();
  return *one;
}

inline serving::Service& service() {
  static serving::Service* const one =
      new serving::Service({.models = models(), .product_version = "fuzz", .open_administration = false});
  return *one;
}

}  // namespace slipway::fuzz
