#include "tree/nested.hpp"

#include <set>

#include "tree/cut.hpp"

namespace slipway::learners::tree {
namespace {

// A node as the walk reads it. A leaf leads to itself, so that rows can be walked to a depth without asking.
struct WalkNode {
  std::uint32_t left;  // the right child follows
  std::uint16_t feature;
  std::uint8_t limit;  // codes + shift above it go right
  std::uint8_t shift;  // 1 makes the missing code the lowest
};

// A tree with, at every node, the values that each rule would have stopped with on the way there.
struct WalkTree {
  std::vector<WalkNode> nodes;
  std::vector<float> values;  // nodes x width
  int depth = 0;
};

// What the points have in common: the depths where values are read, and the other rules, each a slot of the values.
struct Plan {
  std::vector<int> depths;          // ascending, distinct
  std::vector<StopRule> rules;      // distinct, without depth
  std::vector<std::size_t> counts;  // ascending, distinct numbers of trees
  std::size_t outputs = 1;
  std::size_t width = 4;  // floats per node: rules x outputs, padded to whole vectors
  std::size_t per_row() const { return depths.size() * width; }
};

constexpr int no_depth = std::numeric_limits<int>::max();

// Where a point's values are read, and the rule that they follow until then. A rule that looks at the whole tree takes
// the depth in.
int depth_of(const StopRule& rule) { return rule.by_node() ? rule.max_depth : no_depth; }
StopRule without_depth(StopRule rule) {
  if (rule.by_node()) rule.max_depth = no_depth;
  return rule;
}

Plan plan_of(std::span<const NestedPoint> points, int outputs) {
  Plan plan;
  std::set<int> depths;
  std::set<std::size_t> counts;
  for (const NestedPoint& point : points) {
    depths.insert(depth_of(point.stop));
    counts.insert(point.trees);
    const StopRule rule = without_depth(point.stop);
    if (std::find(plan.rules.begin(), plan.rules.end(), rule) == plan.rules.end()) plan.rules.push_back(rule);
  }
  plan.depths.assign(depths.begin(), depths.end());
  plan.counts.assign(counts.begin(), counts.end());
  plan.outputs = static_cast<std::size_t>(outputs);
  plan.width = (plan.rules.size() * plan.outputs + 3) / 4 * 4;
  return plan;
}

WalkTree flatten(const GrownTree& tree, const Plan& plan) {
  const std::size_t size = tree.nodes.size();
  const std::size_t rules = plan.rules.size();
  const std::size_t outputs = plan.outputs;
  WalkTree walk;
  walk.nodes.resize(size);
  walk.values.assign(size * plan.width, 0);
  std::vector<std::uint8_t> stopped(size * rules, 0);
  std::vector<int> depth(size, 0);
  std::vector<std::vector<std::uint8_t>> cuts;
  for (const StopRule& rule : plan.rules) cuts.push_back(cut_nodes(tree, rule));
  // Parents stand before their children.
  for (std::size_t i = 0; i < size; ++i) {
    const GrownNode& node = tree.nodes[i];
    bool all_stopped = true;
    for (std::size_t rule = 0; rule < rules; ++rule) {
      float* value = walk.values.data() + i * plan.width + rule * outputs;
      if (!stopped[i * rules + rule]) std::copy_n(tree.values.data() + i * outputs, outputs, value);
      if (node.left == 0) continue;
      const bool stops = stopped[i * rules + rule] || cuts[rule][i] != 0;
      all_stopped = all_stopped && stops;
      if (!stops) continue;
      for (std::size_t child : {node.left, node.left + 1}) {
        stopped[child * rules + rule] = 1;
        std::copy_n(value, outputs, walk.values.data() + child * plan.width + rule * outputs);
      }
    }
    walk.depth = std::max(walk.depth, depth[i]);
    if (node.left == 0 || all_stopped) {
      walk.nodes[i] = {static_cast<std::uint32_t>(i), 0, 255, 0};
    } else {
      walk.nodes[i] = {node.left, node.feature, static_cast<std::uint8_t>(node.bin + node.missing_left),
                       node.missing_left};
      depth[node.left] = depth[node.left + 1] = depth[i] + 1;
    }
  }
  return walk;
}

// Adds the values that rows [begin, end) reach at each depth to their sums.
template <int lanes>
void walk_rows(const WalkTree& tree, const Plan& plan, const CodedRows& rows, std::size_t begin, float* sums) {
  const WalkNode* nodes = tree.nodes.data();
  std::array<const std::uint8_t*, lanes> codes;
  std::array<std::uint32_t, lanes> at{};
  for (int lane = 0; lane < lanes; ++lane)
    codes[lane] = rows.row_codes() + (begin + static_cast<std::size_t>(lane)) * rows.stride();
  int depth = 0;
  for (std::size_t level = 0; level < plan.depths.size(); ++level) {
    const int until = std::min(plan.depths[level], tree.depth);
    for (; depth < until; ++depth)
      for (int lane = 0; lane < lanes; ++lane) {
        const WalkNode node = nodes[at[lane]];
        at[lane] =
            node.left + (static_cast<std::uint8_t>(codes[lane][node.feature] + node.shift) > node.limit ? 1U : 0U);
      }
    for (int lane = 0; lane < lanes; ++lane) {
      float* sum = sums + static_cast<std::size_t>(lane) * plan.per_row() + level * plan.width;
      const float* value = tree.values.data() + at[lane] * plan.width;
      for (std::size_t part = 0; part < plan.width; part += 4)
        for (std::size_t i = part; i < part + 4; ++i) sum[i] += value[i];
    }
  }
}

void walk_range(std::span<const WalkTree> trees, const Plan& plan, const CodedRows& rows, std::size_t begin,
                std::size_t end, float* sums) {
  constexpr int lanes = 8;
  for (const WalkTree& tree : trees) {
    std::size_t row = begin;
    for (; row + lanes <= end; row += lanes)
      walk_rows<lanes>(tree, plan, rows, row, sums + (row - begin) * plan.per_row());
    for (; row < end; ++row) walk_rows<1>(tree, plan, rows, row, sums + (row - begin) * plan.per_row());
  }
}

// Where a point's sums stand within a row's.
std::size_t slot_of(const NestedPoint& point, const Plan& plan) {
  const auto depth = std::lower_bound(plan.depths.begin(), plan.depths.end(), depth_of(point.stop));
  const auto rule = std::find(plan.rules.begin(), plan.rules.end(), without_depth(point.stop));
  return static_cast<std::size_t>(depth - plan.depths.begin()) * plan.width +
         static_cast<std::size_t>(rule - plan.rules.begin()) * plan.outputs;
}

}  // namespace

std::vector<model::Block> nested_means(std::span<const GrownTree> trees, const Bins& bins, int outputs,
                                       std::span<const NestedPoint> points, const model::Block& features,
                                       const Threads& threads) {
  const CodedRows rows(bins, features, {}, false, threads);
  const Plan plan = plan_of(points, outputs);
  std::vector<model::Block> means(points.size(), model::Block(features.rows, plan.outputs));
  constexpr std::size_t trees_at_once = 20;  // whose nodes stay in the cache while a block of rows passes
  constexpr std::size_t rows_at_once = 256;
  constexpr std::size_t most_sums = 1U << 26;  // floats
  const std::size_t chunk = std::max<std::size_t>(rows_at_once, most_sums / plan.per_row());
  std::vector<float> sums;
  for (std::size_t first = 0; first < features.rows; first += chunk) {
    const std::size_t last = std::min(features.rows, first + chunk);
    sums.assign((last - first) * plan.per_row(), 0);
    std::size_t done = 0;
    for (std::size_t count : plan.counts) {
      while (done < count) {
        const std::size_t size = std::min(trees_at_once, count - done);
        std::vector<WalkTree> batch(size);
        threads.for_each(size, [&](std::size_t i) { batch[i] = flatten(trees[done + i], plan); });
        const std::size_t blocks = (last - first + rows_at_once - 1) / rows_at_once;
        threads.for_each(blocks, [&](std::size_t block) {
          const std::size_t begin = first + block * rows_at_once;
          walk_range(batch, plan, rows, begin, std::min(last, begin + rows_at_once),
                     sums.data() + (begin - first) * plan.per_row());
        });
        done += size;
      }
      for (std::size_t k = 0; k < points.size(); ++k) {
        if (points[k].trees != count) continue;
        const std::size_t slot = slot_of(points[k], plan);
        for (std::size_t output = 0; output < plan.outputs; ++output) {
          const std::span<float> column = means[k].column(output);
          for (std::size_t row = first; row < last; ++row)
            column[row] = sums[(row - first) * plan.per_row() + slot + output] / static_cast<float>(count);
        }
      }
    }
  }
  return means;
}

}  // namespace slipway::learners::tree
