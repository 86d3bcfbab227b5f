#include "tree/emit.hpp"

#include "tree/cut.hpp"

namespace slipway::learners::tree {
namespace {

class Emitter {
 public:
  Emitter(model::Trees& trees, const Bins& bins, const StopRule& stop) : trees_(trees), bins_(bins), stop_(stop) {}

  void add(const GrownTree& tree) {
    const std::vector<std::uint8_t> cut = cut_nodes(tree, stop_);
    trees_.roots.push_back(static_cast<std::uint32_t>(trees_.node_count()));
    struct Pending {
      std::uint32_t node;
      std::uint32_t parent;  // emitted node whose right child this is, or none
    };
    constexpr std::uint32_t none = ~std::uint32_t{0};
    std::vector<Pending> pending = {{0, none}};
    while (!pending.empty()) {
      const Pending here = pending.back();
      pending.pop_back();
      const GrownNode& node = tree.nodes[here.node];
      const auto place = static_cast<std::uint32_t>(trees_.node_count());
      if (here.parent != none) trees_.right[here.parent] = place;
      if (node.left == 0 || cut[here.node] != 0) {
        add_leaf(tree, here.node, node);
        continue;
      }
      add_node(static_cast<std::int32_t>(node.feature), bins_.threshold(node.feature, node.bin), place + 1,
               node.missing_left, node.weight);
      pending.push_back({node.left + 1, place});
      pending.push_back({node.left, none});
    }
  }

 private:
  void add_node(std::int32_t feature, float threshold, std::uint32_t left, std::uint8_t missing_left, float cover) {
    trees_.feature.push_back(feature);
    trees_.threshold.push_back(threshold);
    trees_.left.push_back(left);
    trees_.right.push_back(0);
    trees_.missing_left.push_back(missing_left);
    trees_.cover.push_back(cover);
  }
  void add_leaf(const GrownTree& tree, std::uint32_t index, const GrownNode& node) {
    const std::size_t outputs = trees_.outputs;
    add_node(model::Trees::leaf, 0, static_cast<std::uint32_t>(trees_.leaf_values.size() / outputs), 0, node.weight);
    const float* values = tree.values.data() + index * outputs;
    trees_.leaf_values.insert(trees_.leaf_values.end(), values, values + outputs);
  }

  model::Trees& trees_;
  const Bins& bins_;
  const StopRule& stop_;
};

}  // namespace

model::Trees emit_trees(std::span<const GrownTree> trees, const Bins& bins, int outputs, const StopRule& stop) {
  model::Trees result{};
  result.input = 0;
  result.output = 1;
  result.outputs = static_cast<std::uint32_t>(outputs);
  result.aggregate = model::Trees::Aggregate::mean;
  Emitter emitter(result, bins, stop);
  for (const GrownTree& tree : trees) emitter.add(tree);
  return result;
}

}  // namespace slipway::learners::tree
