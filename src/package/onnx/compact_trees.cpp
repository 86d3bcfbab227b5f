// Trees as TreeEnsemble of ai.onnx.ml 5: inner nodes only, children that are leaves numbered in a table of their own.
#include <bit>

#include <fmt/format.h>

#include "read_operators.hpp"
#include "schema.hpp"
#include "write_operators.hpp"

namespace slipway::package {

namespace {

using model::Trees;

// The table of leaves: equal values share an entry.
class LeafTable {
 public:
  std::int64_t find(float value) {
    const auto [at, fresh] = index_.try_emplace(std::bit_cast<std::uint32_t>(value), size());
    if (fresh) values_.push_back(value);
    return at->second;
  }
  // An entry whose number is not `taken`. ONNX Runtime before 1.22 takes a root whose children have the same number,
  // one an inner node and one a leaf, for a leaf.
  std::int64_t find_apart_from(float value, std::int64_t taken) {
    const std::int64_t found = find(value);
    if (found != taken) return found;
    values_.push_back(value);
    if (size() - 1 == taken) values_.push_back(value);
    return size() - 1;
  }
  const std::vector<float>& values() const { return values_; }

 private:
  std::int64_t size() const { return static_cast<std::int64_t>(values_.size()); }
  std::vector<float> values_;
  std::unordered_map<std::uint32_t, std::int64_t> index_;
};

struct CompactNodes {
  std::vector<std::int64_t> features, left, right, left_is_leaf, right_is_leaf, missing_left, roots;
  std::vector<float> splits;
  LeafTable leaves;

  std::int64_t size() const { return static_cast<std::int64_t>(features.size()); }
  void add(std::int64_t feature, float split, std::int64_t missing) {
    features.push_back(feature);
    splits.push_back(split);
    missing_left.push_back(missing);
  }
};

CompactNodes compact(const Trees& op) {
  CompactNodes made;
  // Numbers of inner nodes; a tree of one leaf becomes a node both of whose children are that leaf.
  std::vector<std::int64_t> number(op.node_count(), 0);
  std::int64_t inner = 0;
  for (std::size_t tree = 0, i = 0; tree < op.roots.size(); ++tree) {
    const std::size_t end = tree + 1 < op.roots.size() ? op.roots[tree + 1] : op.node_count();
    if (op.feature[i] == Trees::leaf) ++inner;
    for (; i < end; ++i)
      if (op.feature[i] != Trees::leaf) number[i] = inner++;
  }
  const auto value = [&](std::size_t leaf) { return op.leaf_values[op.left[leaf]]; };
  for (std::size_t tree = 0, i = 0; tree < op.roots.size(); ++tree) {
    const std::size_t end = tree + 1 < op.roots.size() ? op.roots[tree + 1] : op.node_count();
    made.roots.push_back(made.size());
    if (op.feature[i] == Trees::leaf) {
      made.add(0, 0, 0);
      for (auto* side : {&made.left, &made.right}) side->push_back(made.leaves.find(value(i)));
      made.left_is_leaf.push_back(1);
      made.right_is_leaf.push_back(1);
    }
    for (const std::size_t root = i; i < end; ++i) {
      if (op.feature[i] == Trees::leaf) continue;
      made.add(op.feature[i], op.threshold[i], op.missing_left[i]);
      const std::size_t left = op.left[i], right = op.right[i];
      const bool left_leaf = op.feature[left] == Trees::leaf, right_leaf = op.feature[right] == Trees::leaf;
      const auto child = [&](std::size_t one, bool is_leaf, std::size_t other, bool other_is_leaf) {
        if (!is_leaf) return number[one];
        return i == root && !other_is_leaf ? made.leaves.find_apart_from(value(one), number[other])
                                           : made.leaves.find(value(one));
      };
      made.left.push_back(child(left, left_leaf, right, right_leaf));
      made.right.push_back(child(right, right_leaf, left, left_leaf));
      made.left_is_leaf.push_back(left_leaf ? 1 : 0);
      made.right_is_leaf.push_back(right_leaf ? 1 : 0);
    }
  }
  return made;
}

// Adds a leaf to a Trees being rebuilt.
void add_leaf(Trees& op, float value) {
  op.feature.push_back(Trees::leaf);
  op.threshold.push_back(0);
  op.left.push_back(static_cast<std::uint32_t>(op.leaf_values.size()));
  op.right.push_back(0);
  op.missing_left.push_back(0);
  op.leaf_values.push_back(value);
}

std::optional<std::vector<float>> tensor_attribute(const onnx::Node& node, std::string_view name) {
  const onnx::Attribute* attribute = find_attribute(node, name);
  if (!attribute || attribute->t().data_type() != element_float) return std::nullopt;
  const std::string& bytes = attribute->t().raw_data();
  if (bytes.size() % sizeof(float) != 0) return std::nullopt;
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace

void write_compact_trees(PartWriter& writer, const Trees& op, const std::string& input) {
  const CompactNodes nodes = compact(op);
  onnx::Node& node = *writer.node("TreeEnsemble", "compact", {input});
  node.set_domain(std::string(onnx_ml_domain));
  const bool mean = op.aggregate == Trees::Aggregate::mean;
  set_attribute(node, "aggregate_function", std::int64_t{mean ? 0 : 1});
  set_attribute(node, "n_targets", std::int64_t{1});
  set_attribute(node, "post_transform", std::int64_t{0});
  const auto integers = [&](std::string_view name, const std::vector<std::int64_t>& values) {
    *add_integers(node, name)->mutable_ints() = {values.begin(), values.end()};
  };
  integers("tree_roots", nodes.roots);
  integers("nodes_featureids", nodes.features);
  integers("nodes_truenodeids", nodes.left);
  integers("nodes_falsenodeids", nodes.right);
  integers("nodes_trueleafs", nodes.left_is_leaf);
  integers("nodes_falseleafs", nodes.right_is_leaf);
  integers("nodes_missing_value_tracks_true", nodes.missing_left);
  set_attribute(node, "nodes_splits", std::span<const float>(nodes.splits));
  set_attribute(node, "nodes_modes", std::span<const std::uint8_t>(std::vector<std::uint8_t>(nodes.features.size())));
  integers("leaf_targetids", std::vector<std::int64_t>(nodes.leaves.values().size()));
  set_attribute(node, "leaf_weights", std::span<const float>(nodes.leaves.values()));
  if (!op.base.empty() && op.base[0] != 0) {
    const std::string sum = node.output(0);
    writer.add("Add", "sum", {sum, writer.floats("base", {1}, op.base)});
  }
}

// Leaves lie behind their parent, the left one first, so that writing the trees again meets them in the same order.
Result<model::Operator> read_compact_trees(const ReadContext& context) {
  const auto damaged = [&](std::string_view what) {
    return invalid_input(fmt::format("'{}compact': {} is not as expected", context.prefix, what));
  };
  const onnx::Node& node = *context.parts.node(context.prefix + "compact");
  Trees op;
  op.output = context.output;
  const auto input = context.values.find(node.input_size() == 1 ? node.input(0) : "");
  if (input == context.values.end()) return damaged("its input");
  op.input = input->second;
  const onnx::Attribute* aggregate = find_attribute(node, "aggregate_function");
  op.aggregate = aggregate && aggregate->i() == 0 ? Trees::Aggregate::mean : Trees::Aggregate::sum;
  if (auto base = context.parts.floats(context.prefix + "base")) op.base = std::move(*base);
  const auto splits = tensor_attribute(node, "nodes_splits"), leaves = tensor_attribute(node, "leaf_weights");
  if (!splits || !leaves) return damaged("a list of numbers");
  const auto count = static_cast<std::int64_t>(splits->size());
  std::map<std::string_view, const google::protobuf::RepeatedField<std::int64_t>*> lists;
  for (const std::string_view name : {"nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs",
                                      "nodes_falseleafs", "nodes_missing_value_tracks_true", "tree_roots"}) {
    const onnx::Attribute* list = find_attribute(node, name);
    if (!list || (name != "tree_roots" && list->ints_size() != count)) return damaged(name);
    lists[name] = &list->ints();
  }
  const auto at = [&](std::string_view name, std::int64_t i) { return lists[name]->Get(static_cast<int>(i)); };
  const auto& roots = *lists["tree_roots"];
  if (count >= std::numeric_limits<std::int32_t>::max() / 3) return damaged("its size");
  for (int tree = 0; tree < roots.size(); ++tree) {
    const std::int64_t begin = roots[tree], end = tree + 1 < roots.size() ? roots[tree + 1] : count;
    if (begin < 0 || begin >= end || end > count || (tree == 0 && begin != 0)) return damaged("tree_roots");
    op.roots.push_back(static_cast<std::uint32_t>(op.node_count()));
    // Where each inner node comes to lie: behind the leaves of those before it.
    std::vector<std::uint32_t> place(static_cast<std::size_t>(end - begin));
    auto next = static_cast<std::uint32_t>(op.node_count());
    for (std::int64_t i = begin; i < end; ++i) {
      place[static_cast<std::size_t>(i - begin)] = next;
      next += 1 + (at("nodes_trueleafs", i) != 0 ? 1 : 0) + (at("nodes_falseleafs", i) != 0 ? 1 : 0);
    }
    for (std::int64_t i = begin; i < end; ++i) {
      const bool left_leaf = at("nodes_trueleafs", i) != 0, right_leaf = at("nodes_falseleafs", i) != 0;
      const std::int64_t feature = at("nodes_featureids", i), left = at("nodes_truenodeids", i),
                         right = at("nodes_falsenodeids", i), missing = at("nodes_missing_value_tracks_true", i);
      const auto inside = [&](std::int64_t child, bool is_leaf) {
        return is_leaf ? child >= 0 && child < static_cast<std::int64_t>(leaves->size()) : child > i && child < end;
      };
      if (feature < 0 || feature > std::numeric_limits<std::int32_t>::max() || missing < 0 || missing > 1 ||
          !inside(left, left_leaf) || !inside(right, right_leaf))
        return damaged(fmt::format("node {}", i));
      const auto leaf = [&](std::int64_t number) { return (*leaves)[static_cast<std::size_t>(number)]; };
      if (end - begin == 1 && left_leaf && right_leaf && left == right && feature == 0 && missing == 0 &&
          std::bit_cast<std::uint32_t>((*splits)[static_cast<std::size_t>(i)]) == 0) {
        add_leaf(op, leaf(left));
        continue;
      }
      const auto self = static_cast<std::uint32_t>(op.node_count());
      const auto target = [&](std::int64_t child, bool is_leaf, std::uint32_t leaf_place) {
        return is_leaf ? leaf_place : place[static_cast<std::size_t>(child - begin)];
      };
      op.feature.push_back(static_cast<std::int32_t>(feature));
      op.threshold.push_back((*splits)[static_cast<std::size_t>(i)]);
      op.missing_left.push_back(static_cast<std::uint8_t>(missing));
      op.left.push_back(target(left, left_leaf, self + 1));
      op.right.push_back(target(right, right_leaf, self + 1 + (left_leaf ? 1 : 0)));
      if (left_leaf) add_leaf(op, leaf(left));
      if (right_leaf) add_leaf(op, leaf(right));
    }
  }
  // ModelBuilder's form; match_graph compares the rest.
  op.cover.assign(op.node_count(), 0.0F);
  return model::Operator(std::move(op));
}

}  // namespace slipway::package
