#include <bit>

#include "tensor_operators.hpp"

namespace slipway::package {

namespace {

using model::Trees;

// All trees in one table of three int32 per node: column to look at, left child, bits of the threshold. The right child
// stands behind the left one. A leaf is its own left child under a test that is always true, so that every row can take
// as many steps as the deepest tree has.
struct NodeTable {
  std::vector<std::int32_t> cells;  // [nodes, 3]
  std::vector<std::int32_t> roots;
  std::vector<std::uint32_t> leaves;  // per node the row of leaf_values, or no_leaf
  std::size_t depth = 0;
  bool missing_right = false;   // a node looks into the second block of columns, ...
  bool any_value_left = false;  // ... or into the third
  static constexpr std::uint32_t no_leaf = std::numeric_limits<std::uint32_t>::max();
};

constexpr float infinity = std::numeric_limits<float>::infinity();

// A test is "x > threshold goes right". Columns come in up to three blocks: as they are (missing goes left, since no
// comparison with it is true), with infinity for missing (goes right), and 1 for missing, 0 else (for a node that sends
// every value left, infinity included, and missing right).
void set_test(NodeTable& table, const Trees& op, std::size_t node, std::size_t width, std::int32_t* cells) {
  std::size_t column = static_cast<std::size_t>(op.feature[node]);
  float threshold = op.threshold[node];
  if (op.missing_left[node] == 0) {
    if (threshold == infinity) {
      column += 2 * width;
      threshold = 0.5F;
      table.any_value_left = true;
    } else {
      column += width;
      table.missing_right = true;
    }
  }
  cells[0] = static_cast<std::int32_t>(column);
  cells[2] = std::bit_cast<std::int32_t>(threshold);
}

NodeTable make_table(const Trees& op, std::size_t width) {
  NodeTable table;
  table.cells.resize(op.node_count() * 3);
  table.leaves.resize(op.node_count(), NodeTable::no_leaf);
  struct Placed {
    std::uint32_t node;
    std::size_t depth;
  };
  std::vector<Placed> order;  // of the tree at hand, by place
  std::size_t first = 0;
  for (const std::uint32_t root : op.roots) {
    table.roots.push_back(static_cast<std::int32_t>(first));
    order.assign(1, {root, 0});
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto [node, depth] = order[i];
      std::int32_t* cells = table.cells.data() + (first + i) * 3;
      if (op.feature[node] == Trees::leaf) {
        cells[1] = static_cast<std::int32_t>(first + i);
        cells[2] = std::bit_cast<std::int32_t>(infinity);
        table.leaves[first + i] = op.left[node];
        table.depth = std::max(table.depth, depth);
        continue;
      }
      set_test(table, op, node, width, cells);
      cells[1] = static_cast<std::int32_t>(first + order.size());
      order.push_back({op.left[node], depth + 1});
      order.push_back({op.right[node], depth + 1});
    }
    first += order.size();
  }
  return table;
}

// The one output that each tree adds to, or nothing where a tree has several.
std::optional<std::vector<std::uint32_t>> output_of_trees(const Trees& op) {
  std::vector<std::uint32_t> outputs(op.roots.size(), 0);
  for (std::size_t tree = 0; tree < op.roots.size(); ++tree) {
    const std::size_t end = tree + 1 < op.roots.size() ? op.roots[tree + 1] : op.node_count();
    std::optional<std::uint32_t> only;
    for (std::size_t node = op.roots[tree]; node < end; ++node) {
      if (op.feature[node] != Trees::leaf) continue;
      for (std::uint32_t k = 0; k < op.outputs; ++k) {
        if (op.leaf_values[std::size_t{op.left[node]} * op.outputs + k] == 0) continue;
        if (only && *only != k) return std::nullopt;
        only = k;
      }
    }
    outputs[tree] = only.value_or(0);
  }
  return outputs;
}

// The sum of tensors of one shape (-1: not known) in their order, as the operator says it: Sum and MatMul add in an
// order of their own, and what is behind may be steep (isotonic calibration). AddN of up to eight adds from left to
// right, of more it does not; a placeholder between two of them keeps TensorFlow's optimiser from making one of both.
std::string ordered_sum(TensorGraph& graph, const std::string& part, const std::vector<std::string>& tensors,
                        std::initializer_list<std::int64_t> shape) {
  constexpr std::size_t at_once = 8;
  std::string sum = tensors[0];
  for (std::size_t next = 1; next < tensors.size();) {
    std::vector<std::string> added = {sum};
    while (added.size() < at_once && next < tensors.size()) added.push_back(tensors[next++]);
    const std::string name = next == tensors.size() ? part : part + "/up_to_" + std::to_string(next);
    tensorflow::Node* node =
        graph.node("AddN", name, {}, {{"N", static_cast<std::int64_t>(added.size())}, {"T", tensor_float}});
    for (const std::string& one : added) node->add_input(one);
    sum = next == tensors.size() ? node->name() : graph.held(name + "/held", node->name(), shape);
  }
  return sum;
}

// Every tree's part has a name, so that more trees than these would make the names the larger part of the file.
constexpr std::size_t most_ordered_trees = 10'000;

// The slices of [N, trees, ...] by tree.
std::vector<std::string> by_tree(TensorGraph& graph, const std::string& values, std::size_t trees) {
  const std::string first =
      graph.add("Unpack", "each", {values},
                {{"T", tensor_float}, {"num", static_cast<std::int64_t>(trees)}, {"axis", std::int64_t{1}}});
  std::vector<std::string> slices = {first};
  for (std::size_t tree = 1; tree < trees; ++tree) slices.push_back(first + ":" + std::to_string(tree));
  return slices;
}

// [N, trees] places in the table -> [N, outputs] sums.
std::string write_sums(TensorGraph& graph, const Trees& op, const NodeTable& table, const std::string& place) {
  const auto nodes = static_cast<std::int64_t>(op.node_count()), outputs = static_cast<std::int64_t>(op.outputs);
  const auto tree_outputs = output_of_trees(op);
  if (!tree_outputs) {
    std::vector<std::int32_t> rows(table.leaves.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i] = table.leaves[i] == NodeTable::no_leaf ? 0 : static_cast<std::int32_t>(table.leaves[i]);
    const std::string row =
        graph.gather("leaf", graph.int32s("leaves", {nodes}, rows), tensor_int32, place, tensor_int32, 0);
    const std::string values =
        graph.floats("values", {static_cast<std::int64_t>(op.leaf_values.size()) / outputs, outputs}, op.leaf_values);
    const std::string value = graph.gather("value", values, tensor_float, row, tensor_int32, 0);
    if (op.roots.size() > most_ordered_trees) return graph.sum("sum", value, tensor_float, false);
    return ordered_sum(graph, "sum", by_tree(graph, value, op.roots.size()), {-1, outputs});
  }
  std::vector<float> values(table.leaves.size(), 0.0F);
  for (std::size_t tree = 0, i = 0; tree < op.roots.size(); ++tree) {
    const std::size_t end = tree + 1 < op.roots.size() ? op.roots[tree + 1] : op.node_count();
    for (; i < end; ++i)
      if (table.leaves[i] != NodeTable::no_leaf)
        values[i] = op.leaf_values[std::size_t{table.leaves[i]} * op.outputs + (*tree_outputs)[tree]];
  }
  const std::string value =
      graph.gather("value", graph.floats("values", {nodes}, values), tensor_float, place, tensor_int32, 0);
  if (op.roots.size() > most_ordered_trees && outputs == 1) return graph.sum("sum", value, tensor_float, true);
  const std::vector<std::string> slices = by_tree(graph, value, op.roots.size());
  std::vector<std::string> sums;
  for (std::uint32_t k = 0; k < op.outputs; ++k) {
    std::vector<std::string> parts;
    for (std::size_t tree = 0; tree < op.roots.size(); ++tree)
      if ((*tree_outputs)[tree] == k) parts.push_back(slices[tree]);
    const std::string part = "sum_" + std::to_string(k);
    sums.push_back(parts.empty() ? graph.add("ZerosLike", part, {slices[0]}) : ordered_sum(graph, part, parts, {-1}));
  }
  tensorflow::Node* sum =
      graph.node("Pack", "sum", {}, {{"N", outputs}, {"T", tensor_float}, {"axis", std::int64_t{1}}});
  for (const std::string& one : sums) sum->add_input(one);
  return sum->name();
}

}  // namespace

std::string write_tensor_trees(TensorGraph graph, const Trees& op, const std::string& input, std::size_t width) {
  const NodeTable table = make_table(op, width);
  const auto trees = static_cast<std::int64_t>(op.roots.size());
  std::vector<std::string> blocks = {input};
  if (table.missing_right || table.any_value_left) {
    const std::string missing = graph.add("IsNan", "missing", {input});
    blocks.push_back(graph.add("SelectV2", "missing_last", {missing, graph.scalar("infinity", infinity), input}));
    if (table.any_value_left) blocks.push_back(graph.cast("is_missing", missing, tensor_bool, tensor_float));
  }
  const std::string x = blocks.size() == 1 ? input : graph.concatenate("x", blocks, tensor_float, 1);

  const std::string zeros = graph.add("ZerosLike", "zeros", {graph.column("first", input, 0)});
  const std::string start = graph.cast("start", zeros, tensor_float, tensor_int32);
  std::string place = graph.add("AddV2", "root", {start, graph.int32s("roots", {1, trees}, table.roots)}, tensor_int32);
  const std::string nodes = graph.int32s("nodes", {static_cast<std::int64_t>(op.node_count()), 3}, table.cells);
  for (std::size_t level = 0; level < table.depth; ++level) {
    TensorGraph step = graph.inside("level_" + std::to_string(level));
    const std::string node = step.gather("node", nodes, tensor_int32, place, tensor_int32, 0);
    const std::string column =
        step.add("Unpack", "parts", {node}, {{"T", tensor_int32}, {"num", std::int64_t{3}}, {"axis", std::int64_t{2}}});
    const std::string threshold =
        step.add("Bitcast", "threshold", {column + ":2"}, {{"T", tensor_int32}, {"type", tensor_float}});
    const std::string value = step.gather("value", x, tensor_float, column, tensor_int32, 1, 1);
    const std::string right =
        step.cast("right", step.add("Greater", "above", {value, threshold}), tensor_bool, tensor_int32);
    place = step.add("AddV2", "child", {column + ":1", right}, tensor_int32);
  }
  std::string sum = write_sums(graph, op, table, place);
  if (op.aggregate == Trees::Aggregate::mean)
    sum = graph.add("RealDiv", "mean", {sum, graph.scalar("trees", static_cast<float>(op.roots.size()))});
  if (!op.base.empty())
    sum = graph.add("AddV2", "shifted",
                    {sum, graph.floats("base", {1, static_cast<std::int64_t>(op.base.size())}, op.base)});
  return sum;
}

}  // namespace slipway::package
