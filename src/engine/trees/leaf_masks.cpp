#include "leaf_masks.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include <slipway/engine/predictor.hpp>

namespace slipway::engine {
namespace {

using compute::LeafMasks;

constexpr std::uint32_t most_leaves = 64;
constexpr std::size_t most_bytes = std::size_t{16} << 20;
// What stays in the second cache. A larger table is twice as fast as walking on an idle machine, and slower on one
// whose third cache others use too: every row reads it at other places.
constexpr std::size_t most_bytes_chosen = std::size_t{1} << 20;
// A step of a walk costs as much as so many words of a row of masks (measured): less where 64 trees walk in step.
std::size_t words_per_step() { return compute::has_avx512() ? 5 : 8; }

std::size_t padded(std::size_t size) {
  return (size + LeafMasks::padding - 1) / LeafMasks::padding * LeafMasks::padding;
}

// Steps to the deepest leaves of all trees.
std::size_t steps_of(const model::Trees& op) {
  std::vector<std::uint32_t> depth(op.node_count(), 0);
  std::size_t steps = 0;
  for (std::size_t tree = 0, i = 0; tree < op.roots.size(); ++tree) {
    std::uint32_t deepest = 0;
    for (const std::size_t end = tree + 1 < op.roots.size() ? op.roots[tree + 1] : op.node_count(); i < end; ++i) {
      deepest = std::max(deepest, depth[i]);
      if (op.feature[i] != model::Trees::leaf) depth[op.left[i]] = depth[op.right[i]] = depth[i] + 1;
    }
    steps += deepest;
  }
  return steps;
}

// The slots in the order of their searches' length, longest first.
std::vector<std::uint32_t> slot_order(const std::vector<compute::EdgeSlot>& slots) {
  std::vector<std::uint32_t> order(slots.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return slots[a].bits > slots[b].bits; });
  return order;
}

// What a node rules out where its test holds.
struct Test {
  std::uint32_t slot, edge, word;
  std::uint64_t kept;
  bool operator<(const Test& other) const { return std::pair(slot, edge) < std::pair(other.slot, other.edge); }
};

std::vector<Test> tests_of(const NumberedTrees& trees, const std::vector<LeafMasks::Tree>& places) {
  const model::Trees& op = trees.op();
  std::vector<Test> tests;
  for (std::size_t tree = 0; tree < op.roots.size(); ++tree)
    for (std::size_t i = op.roots[tree]; i < trees.end_of(tree); ++i) {
      if (op.feature[i] == model::Trees::leaf) continue;
      const auto [slot, edge] = trees.test_of(i);
      const std::uint64_t ones = ~std::uint64_t{0} >> (64 - trees.leaves(op.left[i]));
      tests.push_back({slot, edge, places[tree].word, ~(ones << trees.first_leaf(op.left[i]))});
    }
  std::sort(tests.begin(), tests.end());
  return tests;
}

// The rows of masks of one slot; returns the place behind them. [test, end) are the slot's.
std::uint32_t* fill_rows(const compute::EdgeSlot& slot, std::size_t words, std::vector<Test>::const_iterator test,
                         std::vector<Test>::const_iterator end, std::uint32_t* row) {
  std::fill_n(row, words, ~std::uint32_t{0});
  for (std::uint32_t edge = 0; edge < slot.edge_count; ++edge) {
    std::copy_n(row, words, row + words);
    row += words;
    for (; test != end && test->edge == edge; ++test) {
      row[test->word] &= static_cast<std::uint32_t>(test->kept);
      // A small tree's mask says nothing of the second word, which is another tree's.
      row[test->word + 1] &= static_cast<std::uint32_t>(test->kept >> 32);
    }
  }
  return row + words;
}

// How many rows of masks there are, and words of a row; nothing where trees are not scored by masks.
struct TableSize {
  std::size_t rows = 0, words = 0;
  std::size_t bytes() const { return rows * words * sizeof(std::uint32_t); }
};
std::optional<TableSize> table_size(const NumberedTrees& trees, bool anyway) {
  const model::Trees& op = trees.op();
  if (trees.slots().empty() || trees.most_leaves() > most_leaves) return std::nullopt;
  std::size_t words = 0;
  for (const std::uint32_t root : op.roots) words += trees.leaves(root) > 32 ? 2 : 1;
  TableSize size{.words = padded(words + 1)};
  for (const compute::EdgeSlot& slot : trees.slots()) size.rows += slot.edge_count + 1;
  if (size.bytes() > (anyway ? most_bytes : most_bytes_chosen)) return std::nullopt;
  if (!anyway && trees.slots().size() * size.words > words_per_step() * steps_of(op)) return std::nullopt;
  return size;
}

}  // namespace

std::uint64_t leaf_mask_bytes(const model::Model& model) {
  std::uint64_t bytes = 0;
  for (const model::Operator& op : model.operators)
    if (const auto* trees = std::get_if<model::Trees>(&op))
      if (const auto numbered = NumberedTrees::number(*trees))
        if (const auto size = table_size(*numbered, false)) bytes += size->bytes();
  return bytes;
}

std::optional<LeafMasks> mask_leaves(const NumberedTrees& trees, bool anyway) {
  const model::Trees& op = trees.op();
  const auto size = table_size(trees, anyway);
  if (!size) return std::nullopt;
  LeafMasks out;
  out.outputs = op.outputs;
  std::uint32_t word = 0, leaves = 0;
  for (const std::uint32_t root : op.roots) {
    out.trees.push_back({word, leaves});
    word += trees.leaves(root) > 32 ? 2 : 1;
    leaves += trees.leaves(root);
  }
  out.words = size->words;
  out.used = trees.slots().size();
  out.edges = trees.edges();
  out.edges.push_back(0);
  for (std::vector<std::uint32_t>* each : {&out.column, &out.first_edge, &out.missing_code, &out.half})
    each->resize(padded(out.used), 0);
  out.rows.resize(out.used);
  out.table = compute::Buffer<std::uint32_t>(size->rows * size->words);
  const std::vector<Test> tests = tests_of(trees, out.trees);
  std::uint32_t* row = out.table.data();
  const std::vector<std::uint32_t> order = slot_order(trees.slots());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const compute::EdgeSlot& slot = trees.slots()[order[i]];
    out.column[i] = slot.column;
    out.first_edge[i] = slot.first_edge;
    out.missing_code[i] = slot.missing_above ? slot.edge_count : 0;
    out.half[i] = 1U << (slot.bits - 1);
    out.rows[i] = static_cast<std::size_t>(row - out.table.data());
    const auto first = std::lower_bound(tests.begin(), tests.end(), Test{order[i], 0, 0, 0});
    row = fill_rows(slot, out.words, first, std::lower_bound(first, tests.end(), Test{order[i] + 1, 0, 0, 0}), row);
  }
  out.values.resize(std::size_t{leaves} * op.outputs);
  for (std::size_t tree = 0; tree < op.roots.size(); ++tree)
    for (std::size_t i = op.roots[tree]; i < trees.end_of(tree); ++i)
      if (op.feature[i] == model::Trees::leaf)
        std::copy_n(op.leaf_values.data() + std::size_t{op.left[i]} * op.outputs, op.outputs,
                    out.values.data() + std::size_t{out.trees[tree].first_value + trees.first_leaf(i)} * op.outputs);
  return out;
}

}  // namespace slipway::engine
