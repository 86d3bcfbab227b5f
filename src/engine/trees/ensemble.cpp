#include "ensemble.hpp"

#include <bit>
#include <queue>

#include <slipway/compute/columns.hpp>
#include <slipway/compute/dispatch.hpp>

#include "kernels.hpp"

namespace slipway::engine {

std::string_view tree_kernel_name(TreeKernel kernel) {
  switch (kernel) {
    case TreeKernel::automatic:
      return "automatic";
    case TreeKernel::walk:
      return "walk";
    case TreeKernel::interleaved:
      return "interleaved";
    case TreeKernel::avx2:
      return "avx2";
    case TreeKernel::avx512:
      return "avx512";
    case TreeKernel::sliced:
      return "sliced";
    case TreeKernel::sliced_avx2:
      return "sliced_avx2";
    case TreeKernel::sliced_avx512:
      return "sliced_avx512";
    case TreeKernel::masks:
      return "masks";
    case TreeKernel::masks_avx2:
      return "masks_avx2";
    case TreeKernel::masks_avx512:
      return "masks_avx512";
  }
  return "";
}

bool is_supported(TreeKernel kernel) {
  switch (kernel) {
    case TreeKernel::avx2:
      return compute::has_avx2();
    case TreeKernel::avx512:
      return compute::has_avx512();
    case TreeKernel::sliced_avx2:
    case TreeKernel::masks_avx2:
      return compute::best_simd_level() >= compute::SimdLevel::avx2;
    case TreeKernel::sliced_avx512:
    case TreeKernel::masks_avx512:
      return compute::best_simd_level() >= compute::SimdLevel::avx512;
    default:
      return true;
  }
}

namespace {

constexpr std::int32_t smallest = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t largest = std::numeric_limits<std::int32_t>::max();

// From so many rows on, the rows of a group are walked in step through one tree instead of several trees for one row.
constexpr std::size_t few_rows = 8;

// From so many rows on, a block of 256 costs less than walking them.
constexpr std::size_t many_rows = 80;

// The level of bit slices that a kernel means, if it means any for so many rows.
std::optional<compute::SimdLevel> sliced_level(TreeKernel kernel, std::size_t rows) {
  switch (kernel) {
    case TreeKernel::automatic:
      // Without vectors the plain form is slower than walking.
      if (rows < many_rows || compute::best_simd_level() == compute::SimdLevel::scalar) return std::nullopt;
      return compute::best_simd_level();
    case TreeKernel::sliced:
      return compute::SimdLevel::scalar;
    case TreeKernel::sliced_avx2:
      return compute::SimdLevel::avx2;
    case TreeKernel::sliced_avx512:
      return compute::SimdLevel::avx512;
    default:
      return std::nullopt;
  }
}

// The level of leaf masks that a kernel means, if it means any.
std::optional<compute::SimdLevel> mask_level(TreeKernel kernel) {
  switch (kernel) {
    case TreeKernel::automatic:
      return compute::best_simd_level();
    case TreeKernel::masks:
      return compute::SimdLevel::scalar;
    case TreeKernel::masks_avx2:
      return compute::SimdLevel::avx2;
    case TreeKernel::masks_avx512:
      return compute::SimdLevel::avx512;
    default:
      return std::nullopt;
  }
}

// Groups that are coded and walked together; their codes should stay in the first cache beside a tree.
constexpr std::size_t groups_at_once = 8;

// Sorts as the float does. No float gives the smallest or the largest integer: those stand for missing.
std::int32_t coded_number(float x) { return static_cast<std::int32_t>(compute::ordered_bits(x) ^ 0x80000000U); }

SLIPWAY_MULTIVERSION
void code_numbers(const float* numbers, std::size_t count, std::int32_t missing, std::int32_t* codes) {
  for (std::size_t i = 0; i < count; ++i) codes[i] = std::isnan(numbers[i]) ? missing : coded_number(numbers[i]);
}

// The order of one tree's nodes in memory: sibling pairs, those that most training rows reached first, so that the busy
// part of a tree shares cache lines. old_of[i] is the tree's node at place i.
struct Order {
  std::vector<std::uint32_t> old_of;
  std::uint32_t depth = 0;
};

Order hottest_first(const model::Trees& op, std::uint32_t root) {
  struct Item {
    float cover;
    std::uint32_t node, depth;
    bool operator<(const Item& other) const { return cover != other.cover ? cover < other.cover : node > other.node; }
  };
  Order order;
  order.old_of.push_back(root);
  std::priority_queue<Item> waiting;
  waiting.push({0, root, 0});
  while (!waiting.empty()) {
    const Item item = waiting.top();
    waiting.pop();
    order.depth = std::max(order.depth, item.depth);
    if (op.feature[item.node] == model::Trees::leaf) continue;
    for (const std::uint32_t child : {op.left[item.node], op.right[item.node]}) {
      order.old_of.push_back(child);
      waiting.push({op.cover.empty() ? 0.0F : op.cover[child], child, item.depth + 1});
    }
  }
  return order;
}

}  // namespace

TreeEnsemble::TreeEnsemble(const model::Trees& op, std::size_t width, TreeKernel kernel)
    : kernel_(kernel),
      outputs_(op.outputs),
      trees_(op.roots.size()),
      mean_(op.aggregate == model::Trees::Aggregate::mean),
      base_(op.base) {
  if (const auto numbered = NumberedTrees::number(op)) {
    sliced_ = slice_trees(*numbered);
    if (mask_level(kernel)) masks_ = mask_leaves(*numbered, kernel != TreeKernel::automatic);
  }
  if (outputs_ > 1) leaf_values_ = op.leaf_values;
  constexpr std::uint32_t unused = 0xffffffff;
  std::vector<std::uint32_t> slots(2 * width, unused);
  std::vector<std::uint32_t> slot_of_node(op.node_count(), 0);
  for (std::size_t i = 0; i < op.node_count(); ++i)
    if (op.feature[i] != model::Trees::leaf)
      slots[2 * static_cast<std::size_t>(op.feature[i]) + op.missing_left[i]] = 0;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] == unused) continue;
    slots[i] = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back({static_cast<std::uint32_t>(i / 2), i % 2 == 1 ? smallest : largest});
  }
  group_size_ = group_rows * (slots_.size() + 1);
  std::size_t most_nodes = 0;
  for (std::size_t tree = 0; tree < trees_; ++tree)
    most_nodes = std::max(most_nodes, (tree + 1 < trees_ ? op.roots[tree + 1] : op.node_count()) - op.roots[tree]);
  for (std::size_t i = 0; i < op.node_count(); ++i)
    slot_of_node[i] = op.feature[i] == model::Trees::leaf
                          ? static_cast<std::uint32_t>(slots_.size())
                          : slots[2 * static_cast<std::size_t>(op.feature[i]) + op.missing_left[i]];
  if (CompactNode<12>::fits(slots_.size() + 1, most_nodes)) {
    forest_ = lay_out<CompactNode<12>>(op, slot_of_node);
  } else if (CompactNode<16>::fits(slots_.size() + 1, most_nodes)) {
    forest_ = lay_out<CompactNode<16>>(op, slot_of_node);
  } else {
    forest_ = lay_out<WideNode>(op, slot_of_node);
  }
}

template <class Node>
Forest<Node> TreeEnsemble::lay_out(const model::Trees& op, const std::vector<std::uint32_t>& slot_of_node) const {
  Forest<Node> forest;
  forest.nodes = compute::Buffer<Node>(op.node_count());
  std::vector<std::uint32_t> place(op.node_count());  // within its tree
  std::uint32_t next = 0;
  for (const std::uint32_t root : op.roots) {
    const Order order = hottest_first(op, root);
    forest.roots.push_back(next);
    forest.depths.push_back(order.depth);
    for (std::uint32_t i = 0; i < order.old_of.size(); ++i) place[order.old_of[i]] = i;
    for (const std::uint32_t old : order.old_of) {
      const bool leaf = op.feature[old] == model::Trees::leaf;
      const std::uint32_t left = leaf ? place[old] : place[op.left[old]];
      const std::int32_t key = !leaf          ? coded_number(op.threshold[old])
                               : outputs_ > 1 ? static_cast<std::int32_t>(op.left[old])
                                              : std::bit_cast<std::int32_t>(op.leaf_values[op.left[old]]);
      forest.nodes[next++] = Node::make(key, slot_of_node[old] * static_cast<std::uint32_t>(group_rows), left);
    }
  }
  forest.by_depth.resize(trees_);
  std::iota(forest.by_depth.begin(), forest.by_depth.end(), 0);
  std::stable_sort(forest.by_depth.begin(), forest.by_depth.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return forest.depths[a] > forest.depths[b]; });
  const std::size_t blocks = trees_ == 0 ? 0 : (trees_ + 63) / 64 * 4;
  forest.tops.resize(blocks);
  for (std::size_t i = 0; i < blocks * 16; ++i) {
    auto& tops = forest.tops[i / 16];
    const std::uint32_t tree = forest.by_depth[std::min(i, trees_ - 1)];
    const std::uint32_t root = forest.roots[tree];
    const bool leaf = forest.depths[tree] == 0;
    tops.root[i % 16] = static_cast<std::int32_t>(root);
    // Children of the root stand right behind it.
    for (std::uint32_t k = 0; k < 3; ++k) tops.nodes[k][i % 16] = forest.nodes[leaf ? root : root + k];
  }
  return forest;
}

void TreeEnsemble::code(const float* block, std::size_t rows, std::size_t begin, std::size_t count,
                        std::int32_t* coded) const {
  for (std::size_t first = 0; first < count; first += group_rows, coded += group_size_) {
    const std::size_t size = std::min(group_rows, count - first);
    for (std::size_t s = 0; s < slots_.size(); ++s)
      code_numbers(block + slots_[s].column * rows + begin + first, size, slots_[s].missing, coded + s * group_rows);
    std::fill_n(coded + slots_.size() * group_rows, group_rows, smallest);
  }
}

void TreeEnsemble::add_leaves(const std::int32_t* held, std::size_t count, std::size_t rows, float* out) const {
  if (outputs_ == 1) {
    for (std::size_t r = 0; r < count; ++r) out[r] += std::bit_cast<float>(held[r]);
    return;
  }
  for (std::size_t r = 0; r < count; ++r) {
    const float* row = leaf_values_.data() + static_cast<std::size_t>(held[r]) * outputs_;
    for (std::uint32_t k = 0; k < outputs_; ++k) out[k * rows + r] += row[k];
  }
}

void TreeEnsemble::finish(std::size_t rows, float* out) const {
  const auto trees = static_cast<float>(trees_);
  for (std::uint32_t k = 0; k < outputs_; ++k)
    for (std::size_t r = 0; r < rows; ++r) {
      float& value = out[k * rows + r];
      if (mean_) value = value / trees;
      if (!base_.empty()) value = value + base_[k];
    }
}

template <class Node>
void TreeEnsemble::score_rows(const Forest<Node>& forest, const std::int32_t* coded, std::size_t rows,
                              std::int32_t* held, float* out) const {
  for (std::size_t r = 0; r < rows; ++r) {
    if (kernel_ == TreeKernel::walk) {
      walk_row(forest, coded + r, held);
    } else if ((kernel_ == TreeKernel::automatic || kernel_ == TreeKernel::avx512) && compute::has_avx512()) {
      walk_row_avx512(forest, slots_.size() + 1, coded + r, held);
    } else {
      walk_row_interleaved(forest, coded + r, held);
    }
    if (outputs_ == 1) {
      float sum = out[r];
      for (std::size_t tree = 0; tree < trees_; ++tree) sum += std::bit_cast<float>(held[tree]);
      out[r] = sum;
    } else {
      for (std::size_t tree = 0; tree < trees_; ++tree) add_leaves(held + tree, 1, rows, out + r);
    }
  }
}

template <class Node>
void TreeEnsemble::score_groups(const Forest<Node>& forest, const std::int32_t* coded, std::size_t count,
                                std::size_t rows, std::int32_t* held, float* out) const {
  const std::size_t groups = (count + group_rows - 1) / group_rows;
  for (std::size_t tree = 0; tree < trees_; ++tree) {
    if (kernel_ == TreeKernel::walk) {
      walk_tree(forest, tree, coded, group_size_, groups, held);
    } else if (kernel_ == TreeKernel::avx2) {
      walk_tree_avx2(forest, tree, coded, group_size_, groups, held);
    } else {
      walk_tree_interleaved(forest, tree, coded, group_size_, groups, held);
    }
    add_leaves(held, count, rows, out);
  }
}

void TreeEnsemble::score(const float* block, std::size_t rows, TreeScratch& scratch, float* out) const {
  if (const auto level = sliced_level(kernel_, rows); level && sliced_) {
    std::fill(out, out + outputs_ * rows, 0.0F);
    for (std::size_t begin = 0; begin < rows; begin += compute::sliced_rows)
      compute::score_sliced(*sliced_, block + begin, rows, std::min(compute::sliced_rows, rows - begin), *level,
                            scratch.sliced, out + begin, rows);
    return finish(rows, out);
  }
  if (const auto level = mask_level(kernel_); level && masks_) {
    std::fill(out, out + outputs_ * rows, 0.0F);
    for (std::size_t r = 0; r < rows; ++r)
      compute::score_masked(*masks_, block + r, rows, *level, scratch.masks, out + r, rows);
    return finish(rows, out);
  }
  constexpr std::size_t at_once = groups_at_once * group_rows;
  const std::size_t groups = std::min(groups_at_once, (rows + group_rows - 1) / group_rows);
  // What lies beyond the last row stays as it is: any numbers will do there.
  if (scratch.coded.size() < groups * group_size_) scratch.coded.resize(groups * group_size_);
  if (scratch.leaves.size() < std::max(at_once, trees_)) scratch.leaves.resize(std::max(at_once, trees_));
  std::int32_t* coded = scratch.coded.data();
  std::int32_t* held = scratch.leaves.data();
  std::fill(out, out + outputs_ * rows, 0.0F);
  for (std::size_t begin = 0; begin < rows; begin += at_once) {
    const std::size_t count = std::min(at_once, rows - begin);
    code(block, rows, begin, count, coded);
    std::visit(
        [&](const auto& forest) {
          if (rows < few_rows) {
            score_rows(forest, coded, rows, held, out);
          } else {
            score_groups(forest, coded, count, rows, held, out + begin);
          }
        },
        forest_);
  }
  finish(rows, out);
}

}  // namespace slipway::engine
