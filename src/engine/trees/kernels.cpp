#include "kernels.hpp"

namespace slipway::engine {

namespace {

constexpr std::size_t in_step = 16;

template <class Node>
std::int32_t walk_one(const Forest<Node>& forest, std::size_t tree, const std::int32_t* row) {
  const Node* root = forest.nodes.data() + forest.roots[tree];
  std::uint32_t at = 0;
  for (std::uint32_t next = root[0].next(row); next != at; next = root[at].next(row)) at = next;
  return root[at].key;
}

}  // namespace

template <class Node>
void walk_row(const Forest<Node>& forest, const std::int32_t* row, std::int32_t* held) {
  for (std::size_t tree = 0; tree < forest.roots.size(); ++tree) held[tree] = walk_one(forest, tree, row);
}

template <class Node>
void walk_row_interleaved(const Forest<Node>& forest, const std::int32_t* row, std::int32_t* held) {
  const std::size_t trees = forest.roots.size();
  std::size_t first = 0;
  for (; first + in_step <= trees; first += in_step) {
    const Node* roots[in_step];
    const std::uint32_t* which = forest.by_depth.data() + first;
    for (std::size_t i = 0; i < in_step; ++i) roots[i] = forest.nodes.data() + forest.roots[which[i]];
    std::uint32_t at[in_step] = {};
    const std::uint32_t depth = forest.depths[which[0]];
    for (std::uint32_t step = 0; step < depth; ++step) {
#pragma GCC unroll 16
      for (std::size_t i = 0; i < in_step; ++i) at[i] = roots[i][at[i]].next(row);
    }
    for (std::size_t i = 0; i < in_step; ++i) held[which[i]] = roots[i][at[i]].key;
  }
  for (; first < trees; ++first) held[forest.by_depth[first]] = walk_one(forest, forest.by_depth[first], row);
}

template <class Node>
void walk_tree(const Forest<Node>& forest, std::size_t tree, const std::int32_t* coded, std::size_t group_size,
               std::size_t groups, std::int32_t* held) {
  for (std::size_t g = 0; g < groups; ++g)
    for (std::size_t i = 0; i < group_rows; ++i)
      held[g * group_rows + i] = walk_one(forest, tree, coded + g * group_size + i);
}

template <class Node>
void walk_tree_interleaved(const Forest<Node>& forest, std::size_t tree, const std::int32_t* coded,
                           std::size_t group_size, std::size_t groups, std::int32_t* held) {
  const Node* root = forest.nodes.data() + forest.roots[tree];
  const std::uint32_t depth = forest.depths[tree];
  for (std::size_t g = 0; g < groups; ++g) {
    const std::int32_t* group = coded + g * group_size;
    std::uint32_t at[group_rows] = {};
    for (std::uint32_t step = 0; step < depth; ++step) {
#pragma GCC unroll 16
      for (std::size_t i = 0; i < group_rows; ++i) at[i] = root[at[i]].next(group + i);
    }
    for (std::size_t i = 0; i < group_rows; ++i) held[g * group_rows + i] = root[at[i]].key;
  }
}

#define SLIPWAY_WALKS(...)                                                                                        \
  template void walk_row(const Forest<__VA_ARGS__>&, const std::int32_t*, std::int32_t*);                         \
  template void walk_row_interleaved(const Forest<__VA_ARGS__>&, const std::int32_t*, std::int32_t*);             \
  template void walk_tree(const Forest<__VA_ARGS__>&, std::size_t, const std::int32_t*, std::size_t, std::size_t, \
                          std::int32_t*);                                                                         \
  template void walk_tree_interleaved(const Forest<__VA_ARGS__>&, std::size_t, const std::int32_t*, std::size_t,  \
                                      std::size_t, std::int32_t*);
SLIPWAY_WALKS(CompactNode<12>)
SLIPWAY_WALKS(CompactNode<16>)
SLIPWAY_WALKS(WideNode)

}  // namespace slipway::engine
