#include "fragments.hpp"

#include <set>

#include <fmt/format.h>

namespace slipway::learners {
namespace {

using model::ValueId;

bool is_complement(const model::Operator& op) {
  const auto* link = std::get_if<model::Link>(&op);
  return link != nullptr && link->kind == model::Link::Kind::complement;
}

// The trees of a fragment that is a mean of trees over the features, and the complement of that at most.
const model::Trees* plain_forest(const Fragment& fragment) {
  if (fragment.operators.empty() || fragment.operators.size() > 2) return nullptr;
  const auto* trees = std::get_if<model::Trees>(&fragment.operators[0]);
  if (trees == nullptr || trees->aggregate != model::Trees::Aggregate::mean || !trees->base.empty()) return nullptr;
  return fragment.operators.size() == 1 || is_complement(fragment.operators[1]) ? trees : nullptr;
}

void add_trees(model::Trees& whole, const model::Trees& part) {
  const auto nodes = static_cast<std::uint32_t>(whole.node_count());
  const auto leaves = static_cast<std::uint32_t>(whole.leaf_values.size() / whole.outputs);
  for (std::uint32_t root : part.roots) whole.roots.push_back(root + nodes);
  for (std::size_t i = 0; i < part.node_count(); ++i) {
    const bool leaf = part.feature[i] == model::Trees::leaf;
    whole.left.push_back(part.left[i] + (leaf ? leaves : nodes));
    whole.right.push_back(leaf ? 0 : part.right[i] + nodes);
  }
  const auto append = [](auto& into, const auto& from) { into.insert(into.end(), from.begin(), from.end()); };
  append(whole.feature, part.feature);
  append(whole.threshold, part.threshold);
  append(whole.missing_left, part.missing_left);
  append(whole.cover, part.cover);
  append(whole.leaf_values, part.leaf_values);
}

// One forest of all trees, if each fragment is a forest of as many trees and counts as much.
std::optional<Fragment> one_forest(std::span<const Fragment> fragments, std::span<const double> weights) {
  const model::Trees* first = plain_forest(fragments[0]);
  if (first == nullptr) return std::nullopt;
  for (std::size_t i = 0; i < fragments.size(); ++i) {
    const model::Trees* trees = plain_forest(fragments[i]);
    if (trees == nullptr || trees->roots.size() != first->roots.size() || trees->outputs != first->outputs ||
        weights[i] != weights[0])
      return std::nullopt;
    if (trees->cover.size() != trees->node_count()) return std::nullopt;
  }
  Fragment whole = fragments[0];
  auto& all = std::get<model::Trees>(whole.operators[0]);
  for (const Fragment& fragment : fragments.subspan(1)) add_trees(all, *plain_forest(fragment));
  return whole;
}

}  // namespace

ValueId last_value(const Fragment& fragment) { return static_cast<ValueId>(fragment.operators.size()); }

std::size_t width_of(const Fragment& fragment, ValueId value, std::size_t features) {
  return value == 0 ? features : fragment.columns[value - 1].size();
}

ValueId add(Fragment& fragment, model::Operator op, std::vector<std::string> columns) {
  const ValueId output = last_value(fragment) + 1;
  std::visit([&](auto& one) { one.output = output; }, op);
  fragment.operators.push_back(std::move(op));
  fragment.columns.push_back(std::move(columns));
  return output;
}

ValueId splice(Fragment& whole, const Fragment& part, ValueId input) {
  const ValueId before = last_value(whole);
  for (std::size_t i = 0; i < part.operators.size(); ++i) {
    whole.operators.push_back(renumber(part.operators[i], [&](ValueId id) { return id == 0 ? input : before + id; }));
    whole.columns.push_back(part.columns[i]);
  }
  return last_value(whole);
}

ValueId select(Fragment& fragment, ValueId value, std::size_t width, std::span<const std::size_t> columns,
               std::vector<std::string> names) {
  model::Dense dense{};
  dense.input = value;
  dense.weights.assign(width * columns.size(), 0.0F);
  dense.bias.assign(columns.size(), 0.0F);
  for (std::size_t k = 0; k < columns.size(); ++k) dense.weights[columns[k] * columns.size() + k] = 1.0F;
  return add(fragment, std::move(dense), std::move(names));
}

ValueId positive_column(Fragment& fragment) {
  if (is_complement(fragment.operators.back())) {
    const ValueId share = std::get<model::Link>(fragment.operators.back()).input;
    fragment.operators.pop_back();
    fragment.columns.pop_back();
    return share;
  }
  constexpr std::size_t second[] = {1};
  return select(fragment, last_value(fragment), 2, second, {"probability_1"});
}

Fragment over_columns(const Fragment& fragment, std::span<const std::size_t> columns) {
  const auto of_features = [](const model::Operator& op) {
    const std::vector<ValueId> inputs = model::operator_inputs(op);
    return std::find(inputs.begin(), inputs.end(), 0U) != inputs.end();
  };
  const bool only_trees = std::all_of(
      fragment.operators.begin(), fragment.operators.end(),
      [&](const model::Operator& op) { return !of_features(op) || std::holds_alternative<model::Trees>(op); });
  if (only_trees) {
    Fragment whole = fragment;
    for (model::Operator& op : whole.operators) {
      if (!of_features(op)) continue;
      for (std::int32_t& feature : std::get<model::Trees>(op).feature)
        if (feature != model::Trees::leaf)
          feature = static_cast<std::int32_t>(columns[static_cast<std::size_t>(feature)]);
    }
    return whole;
  }
  // A product with zeros would let missing numbers of other columns through; reading a column does not.
  Fragment whole;
  model::Join join{};
  std::vector<std::string> names;
  for (std::size_t column : columns) {
    model::Expression read{};
    read.inputs = {0};
    model::ExpressionNode node{};
    node.op = model::ExpressionNode::Op::column;
    node.column = static_cast<std::uint32_t>(column);
    read.nodes = {node};
    names.push_back(fmt::format("feature_{}", column));
    read.source = names.back();
    join.inputs.push_back(add(whole, std::move(read), {names.back()}));
  }
  const ValueId chosen = add(whole, std::move(join), std::move(names));
  splice(whole, fragment, chosen);
  return whole;
}

Fragment mean_of(std::span<const Fragment> fragments, std::span<const double> weights) {
  if (fragments.size() == 1) return fragments[0];
  if (auto forest = one_forest(fragments, weights)) return std::move(*forest);
  Fragment whole;
  model::Join join{};
  join.kind = model::Join::Kind::weighted_sum;
  for (std::size_t i = 0; i < fragments.size(); ++i) {
    join.inputs.push_back(splice(whole, fragments[i]));
    join.weights.push_back(static_cast<float>(weights[i]));
  }
  add(whole, std::move(join), fragments[0].columns.back());
  return whole;
}

std::vector<std::string> numbered(std::string_view name, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < count; ++k) names.push_back(fmt::format("{}_{}", name, k));
  return names;
}

}  // namespace slipway::learners
