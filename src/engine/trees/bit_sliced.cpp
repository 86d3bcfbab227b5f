#include "bit_sliced.hpp"

#include <algorithm>
#include <bit>

namespace slipway::engine {
namespace {

using compute::BitSlicedTrees;

constexpr std::size_t most_nodes_per_tree = 1024;
constexpr std::size_t most_leaves = 65'535;
constexpr std::size_t tests_per_group = 8192;  // vectors of 32 bytes in the second cache

class Slicing {
 public:
  explicit Slicing(const NumberedTrees& numbered) : numbered_(numbered), op_(numbered.op()) {
    out_.outputs = op_.outputs;
    out_.slots = numbered.slots();
    out_.edges = numbered.edges();
  }

  std::optional<BitSlicedTrees> run() {
    std::size_t inner = 0;
    for (const std::int32_t feature : op_.feature) inner += feature != model::Trees::leaf;
    if (inner == 0 || inner > most_nodes_per_tree * op_.roots.size()) return std::nullopt;
    if (numbered_.most_leaves() > most_leaves) return std::nullopt;
    for (std::uint32_t tree = 0; tree < op_.roots.size();) {
      const auto next = add_group(tree);
      if (!next) return std::nullopt;
      tree = *next;
    }
    return std::move(out_);
  }

 private:
  // slot << 16 | number of the edge.
  using Test = std::uint32_t;

  Test test_of(std::size_t node) const {
    const auto [slot, edge] = numbered_.test_of(node);
    return slot << 16 | edge;
  }

  // As many trees as share tests_per_group tests, at least one; returns the next tree, nothing if one is too large.
  std::optional<std::uint32_t> add_group(std::uint32_t first) {
    std::vector<Test> tests;
    std::uint32_t last = first;
    for (; last < op_.roots.size(); ++last) {
      std::vector<Test> more = tests;
      for (std::size_t i = op_.roots[last]; i < numbered_.end_of(last); ++i)
        if (op_.feature[i] != model::Trees::leaf) more.push_back(test_of(i));
      std::sort(more.begin(), more.end());
      more.erase(std::unique(more.begin(), more.end()), more.end());
      if (last > first && more.size() > tests_per_group) break;
      if (more.size() > 65'535) return std::nullopt;
      tests = std::move(more);
    }
    BitSlicedTrees::Group group;
    group.first_run = static_cast<std::uint32_t>(out_.runs.size());
    add_runs(tests);
    group.last_run = static_cast<std::uint32_t>(out_.runs.size());
    group.first_tree = first;
    group.last_tree = last;
    for (std::uint32_t tree = first; tree < last; ++tree) add_tree(tree, tests);
    out_.groups.push_back(group);
    out_.most_tests = std::max(out_.most_tests, tests.size());
    return last;
  }

  void add_runs(const std::vector<Test>& tests) {
    std::uint32_t slot_before = 0, high_before = 0;
    bool any = false;
    for (const Test test : tests) {
      const std::uint32_t slot = test >> 16, edge = test & 0xFFFF;
      const std::uint32_t low_bits = out_.slots[slot].bits / 2;
      const std::uint32_t high = edge >> low_bits;
      const auto at = static_cast<std::uint32_t>(out_.lows.size());
      if (!any || slot != slot_before || high != high_before) out_.runs.push_back({slot, high, at, at});
      any = true;
      slot_before = slot;
      high_before = high;
      out_.lows.push_back(static_cast<std::uint16_t>(edge & ((1U << low_bits) - 1)));
      ++out_.runs.back().last_test;
    }
  }

  void add_tree(std::uint32_t number, const std::vector<Test>& tests) {
    const std::size_t first = op_.roots[number], last = numbered_.end_of(number);
    BitSlicedTrees::Tree tree;
    tree.first_node = static_cast<std::uint32_t>(out_.nodes.size());
    tree.leaves = numbered_.leaves(first);
    tree.planes = static_cast<std::uint32_t>(std::bit_width(tree.leaves - 1));
    tree.table = out_.values.size();
    const std::size_t size = out_.table_size(tree);
    out_.values.resize(out_.values.size() + size * op_.outputs, 0);
    for (std::size_t i = first; i < last; ++i) {
      if (op_.feature[i] == model::Trees::leaf) {
        const std::size_t gray = numbered_.first_leaf(i) ^ (numbered_.first_leaf(i) >> 1);
        for (std::uint32_t k = 0; k < op_.outputs; ++k)
          out_.values[tree.table + k * size + gray] = op_.leaf_values[std::size_t{op_.left[i]} * op_.outputs + k];
        continue;
      }
      const auto test = std::lower_bound(tests.begin(), tests.end(), test_of(i)) - tests.begin();
      out_.nodes.push_back({static_cast<std::uint16_t>(numbered_.first_leaf(i)),
                            static_cast<std::uint16_t>(numbered_.first_leaf(op_.right[i])),
                            static_cast<std::uint16_t>(numbered_.first_leaf(i) + numbered_.leaves(i)),
                            static_cast<std::uint16_t>(test)});
    }
    tree.last_node = static_cast<std::uint32_t>(out_.nodes.size());
    out_.most_leaves = std::max<std::size_t>(out_.most_leaves, tree.leaves);
    out_.trees.push_back(tree);
  }

  const NumberedTrees& numbered_;
  const model::Trees& op_;
  BitSlicedTrees out_;
};

}  // namespace

std::optional<BitSlicedTrees> slice_trees(const NumberedTrees& trees) { return Slicing(trees).run(); }

}  // namespace slipway::engine
