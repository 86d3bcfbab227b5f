// Growing one tree on packed gradients.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>

#include "boosting/histogram.hpp"
#include "boosting/partition.hpp"
#include "boosting/split_search.hpp"

namespace slipway::learners::boosting {

struct GrowthSettings {
  bool leaf_wise = true;  // else level by level
  std::uint32_t max_leaves = 31;
  int max_depth = std::numeric_limits<int>::max();
  double min_child_weight = 1;
  double min_split_gain = 0;
  double reg_lambda = 1;
  double reg_alpha = 0;
  double colsample_bynode = 1;
  // Histograms beyond this are given away and counted afresh if they are needed after all; at least 3 are kept.
  std::size_t most_histogram_bytes = std::size_t{1} << 30;
};

struct GrownTree {
  std::vector<Split> splits;        // in order; features are numbers within the tree's own
  std::vector<double> values;       // by leaf: Newton's step, before the learning rate
  std::vector<ValueBounds> bounds;  // by leaf, under monotonic constraints; else empty
};

// Grows trees one after another, reusing its memory: histograms take at most 1 GiB or that of two nodes. What a tree
// becomes does not depend on the threads.
class TreeGrower {
 public:
  // `directions`: a monotonic constraint for each feature of the tree, or empty.
  // Once `progress` is cancelled, trees are left as they are. Keeps the reference.
  TreeGrower(const GrowthSettings& settings, const Threads& threads, const Progress& progress = silent_progress());
  GrownTree grow(const GrowthRows& rows, const HistogramLayout& layout, std::span<const std::int8_t> directions,
                 std::uint64_t key);

 private:
  struct Leaf {
    std::uint32_t begin = 0, end = 0;  // in order_
    int depth = 0;
    Packed sum = 0;
    Packed* histogram = nullptr;
    SplitCandidate best;
    ValueBounds bounds;
    std::uint32_t size() const { return end - begin; }
  };
  // One histogram to make and search, or to make by subtraction from its parent's.
  struct Search {
    Leaf* leaf = nullptr;
    const Packed* minus = nullptr;
    bool search = true;  // false: only the histogram is needed
    std::uint64_t key = 0;
    bool counted = false;  // the histogram is there already
  };

  Packed* acquire();
  void release(Leaf& leaf);
  bool may_split(const Leaf& leaf) const;
  void run(std::span<Search> searches);
  void build(std::span<Search> searches);
  // The leaf's rows [begin, end) into the cells of the tiles, which are neighbours; what was there goes.
  void count(const Leaf& leaf, std::span<const Tile> tiles, std::uint32_t begin, std::uint32_t end,
             Packed* histogram) const;
  SplitCandidate search_tile(const Search& search, const Tile& tile, std::span<const std::uint8_t> allowed) const;
  std::vector<std::uint8_t> allowed_features(std::uint64_t key) const;
  std::uint32_t partition(Leaf& leaf);
  void bound_children(const Leaf& left, const Leaf& right, ValueBounds& left_bounds, ValueBounds& right_bounds) const;
  bool before(std::uint32_t a, std::uint32_t b) const;
  void open(std::uint32_t leaf);
  std::uint32_t next_leaf();

  GrowthSettings settings_;
  Threads threads_;
  const Progress& progress_;
  // Of the tree that is being grown.
  const GrowthRows* rows_ = nullptr;
  const HistogramLayout* layout_ = nullptr;
  std::span<const std::int8_t> directions_;
  SplitRules rules_;
  std::vector<Tile> tiles_;
  std::vector<Leaf> leaves_;
  std::vector<std::uint32_t> queue_;  // a heap of the leaves that can be split
  bool ordered_ = false;              // order_ is filled
  // Kept between trees.
  std::vector<std::uint32_t> order_, scratch_;
  std::size_t pool_cells_ = 0;
  std::vector<compute::Buffer<Packed>> pool_;
  std::vector<Packed*> free_;
  std::vector<compute::Buffer<Packed>> partial_;  // of chunks of rows
};

}  // namespace slipway::learners::boosting
