#include "boosting/growth.hpp"

#include <slipway/base/random.hpp>

#include "tree/bins.hpp"

namespace slipway::learners::boosting {
namespace {

// Below this many updates, handing work to other threads costs more than it saves.
constexpr std::size_t parallel_updates = std::size_t{1} << 15;
constexpr std::uint32_t chunk_rows = 1U << 14;
// So many rows pass all tiles before the next ones: their codes are fetched from memory once, not once per tile.
constexpr std::uint32_t block_of_tiles = 1U << 12;

void add(Packed* cells, const Packed* plus, std::size_t size) {
  for (std::size_t x = 0; x < size; ++x) cells[x] += plus[x];
}

void subtract(Packed* cells, const Packed* minus, std::size_t size) {
  for (std::size_t x = 0; x < size; ++x) cells[x] -= minus[x];
}

}  // namespace

TreeGrower::TreeGrower(const GrowthSettings& settings, const Threads& threads, const Progress& progress)
    : settings_(settings), threads_(threads), progress_(progress) {}

Packed* TreeGrower::acquire() {
  if (free_.empty()) {
    const std::size_t most = std::max<std::size_t>(3, settings_.most_histogram_bytes / (pool_cells_ * sizeof(Packed)));
    if (pool_.size() < most) {
      pool_.emplace_back(pool_cells_);
      return pool_.back().data();
    }
    // The leaf that will wait longest gives its histogram away; its children will be counted afresh.
    Leaf* poorest = nullptr;
    for (std::uint32_t leaf : queue_) {
      Leaf& one = leaves_[leaf];
      if (one.histogram != nullptr && (poorest == nullptr || one.best.gain < poorest->best.gain)) poorest = &one;
    }
    release(*poorest);
  }
  Packed* histogram = free_.back();
  free_.pop_back();
  return histogram;
}

void TreeGrower::release(Leaf& leaf) {
  if (leaf.histogram != nullptr) free_.push_back(std::exchange(leaf.histogram, nullptr));
}

bool TreeGrower::may_split(const Leaf& leaf) const {
  return leaf.depth < settings_.max_depth && leaf.size() >= 2 &&
         static_cast<double>(hessian_of(leaf.sum)) >= 2.0 * rules_.min_hessian;
}

std::vector<std::uint8_t> TreeGrower::allowed_features(std::uint64_t key) const {
  const std::size_t features = layout_->features();
  if (settings_.colsample_bynode >= 1) return {};
  const auto wanted = std::max<std::size_t>(
      1, static_cast<std::size_t>(std::llround(settings_.colsample_bynode * static_cast<double>(features))));
  std::vector<std::pair<std::uint64_t, std::size_t>> drawn(features);
  for (std::size_t feature = 0; feature < features; ++feature) drawn[feature] = {combine_key(key, feature), feature};
  std::nth_element(drawn.begin(), drawn.begin() + static_cast<std::ptrdiff_t>(wanted - 1), drawn.end());
  std::vector<std::uint8_t> allowed(features, 0);
  for (std::size_t k = 0; k < wanted; ++k) allowed[drawn[k].second] = 1;
  return allowed;
}

SplitCandidate TreeGrower::search_tile(const Search& search, const Tile& tile,
                                       std::span<const std::uint8_t> allowed) const {
  const SplitNode node(search.leaf->sum, rules_, search.leaf->bounds);
  SplitCandidate best;
  for (std::size_t feature = tile.begin; feature < tile.end; ++feature) {
    const std::size_t first = layout_->first[feature];
    FeatureCells cells{search.leaf->histogram + first,
                       search.minus == nullptr ? nullptr : search.minus + first,
                       static_cast<std::uint32_t>(feature),
                       layout_->bins[feature],
                       layout_->cells_of(feature),
                       layout_->has_missing[feature] != 0,
                       directions_.empty() ? std::int8_t{0} : directions_[feature]};
    if (!search.search || (!allowed.empty() && allowed[feature] == 0)) {
      if (cells.minus != nullptr) subtract(cells.cells, cells.minus, cells.size);
      continue;
    }
    const SplitCandidate found = best_split(cells, node, rules_, best.gain);
    if (found.better_than(best)) best = found;
  }
  return best;
}

// Counts the rows of those searches that are not made by subtraction, into chunks where there are more threads than
// tiles.
void TreeGrower::build(std::span<Search> searches) {
  for (Search& search : searches) {
    if (search.minus != nullptr) continue;
    const Leaf& leaf = *search.leaf;
    std::uint32_t chunks = 1;
    if (static_cast<std::size_t>(threads_.count()) > tiles_.size())
      chunks = std::clamp<std::uint32_t>(
          leaf.size() / chunk_rows, 1,
          static_cast<std::uint32_t>((static_cast<std::size_t>(threads_.count()) + tiles_.size() - 1) / tiles_.size()));
    if (chunks == 1) continue;  // counted by the tile's own task
    while (partial_.size() + 1 < chunks) partial_.emplace_back(pool_cells_);
    const auto target = [&](std::size_t chunk) { return chunk == 0 ? leaf.histogram : partial_[chunk - 1].data(); };
    threads_.for_each(tiles_.size() * chunks, [&](std::size_t task) {
      const Tile& tile = tiles_[task % tiles_.size()];
      const std::size_t chunk = task / tiles_.size();
      const auto begin = static_cast<std::uint32_t>(chunk * leaf.size() / chunks);
      const auto end = static_cast<std::uint32_t>((chunk + 1) * leaf.size() / chunks);
      count(leaf, {&tile, 1}, begin, end, target(chunk));
    });
    threads_.for_each(tiles_.size(), [&](std::size_t k) {
      const Tile& tile = tiles_[k];
      for (std::uint32_t chunk = 1; chunk < chunks; ++chunk)
        for (std::size_t feature = tile.begin; feature < tile.end; ++feature) {
          const std::size_t first = layout_->first[feature];
          add(leaf.histogram + first, target(chunk) + first, layout_->cells_of(feature));
        }
    });
    search.counted = true;
  }
}

void TreeGrower::count(const Leaf& leaf, std::span<const Tile> tiles, std::uint32_t begin, std::uint32_t end,
                       Packed* histogram) const {
  for (std::size_t feature = tiles.front().begin; feature < tiles.back().end; ++feature)
    std::memset(histogram + layout_->first[feature], 0, layout_->cells_of(feature) * sizeof(Packed));
  for (std::uint32_t at = begin; at < end; at += block_of_tiles) {
    const std::uint32_t rows = std::min(block_of_tiles, end - at);
    for (const Tile& tile : tiles)
      add_rows(*rows_, *layout_, tile, ordered_ ? order_.data() + leaf.begin + at : nullptr, at, rows, histogram);
  }
}

void TreeGrower::run(std::span<Search> searches) {
  std::size_t updates = 0;
  std::vector<std::vector<std::uint8_t>> allowed;
  for (const Search& search : searches) {
    allowed.push_back(allowed_features(search.key));
    updates += layout_->features() * (search.minus == nullptr ? search.leaf->size() : 128U);
  }
  build(searches);
  std::vector<std::array<SplitCandidate, 2>> found(tiles_.size());
  const auto task = [&](std::size_t k) {
    const Tile& tile = tiles_[k];
    for (std::size_t s = 0; s < searches.size(); ++s) {
      const Search& search = searches[s];
      if (!search.counted && search.minus == nullptr)
        count(*search.leaf, {&tile, 1}, 0, search.leaf->size(), search.leaf->histogram);
      found[k][s] = search_tile(search, tile, allowed[s]);
    }
  };
  if (threads_.count() > 1 && updates >= parallel_updates) {
    threads_.for_each(tiles_.size(), task);
  } else {
    for (Search& search : searches) {
      if (search.counted || search.minus != nullptr || search.leaf->size() <= block_of_tiles) continue;
      count(*search.leaf, tiles_, 0, search.leaf->size(), search.leaf->histogram);
      search.counted = true;
    }
    for (std::size_t k = 0; k < tiles_.size(); ++k) task(k);
  }
  for (std::size_t s = 0; s < searches.size(); ++s) {
    Leaf& leaf = *searches[s].leaf;
    leaf.best = {};
    for (const auto& of_tile : found)
      if (of_tile[s].better_than(leaf.best)) leaf.best = of_tile[s];
  }
}

std::uint32_t TreeGrower::partition(Leaf& leaf) {
  const bool listed = std::exchange(ordered_, true);
  if (!listed && order_.size() < rows_->rows) {
    order_.resize(rows_->rows);
    scratch_.resize(rows_->rows);
  }
  const CodeColumn column = rows_->columns != nullptr ? CodeColumn{rows_->columns[leaf.best.feature], 1}
                                                      : CodeColumn{rows_->codes + leaf.best.feature, rows_->stride};
  const GoesRight right(leaf.best.bin, leaf.best.missing_left);
  std::uint32_t* list = order_.data() + leaf.begin;
  const std::uint32_t size = leaf.size();
  const auto divide = [&](std::uint32_t begin, std::uint32_t end) {
    return listed ? partition_rows(column, right, list + begin, end - begin, scratch_.data() + begin)
                  : partition_all_rows(column, right, begin, list + begin, end - begin, scratch_.data() + begin);
  };
  if (threads_.count() == 1 || size < 4 * chunk_rows) return divide(0, size);
  const std::uint32_t chunks = size / chunk_rows;
  std::vector<std::array<std::uint32_t, 3>> pieces(chunks);  // begin, left rows, rows
  threads_.for_each(chunks, [&](std::size_t chunk) {
    const auto begin = static_cast<std::uint32_t>(chunk * size / chunks);
    const auto end = static_cast<std::uint32_t>((chunk + 1) * size / chunks);
    pieces[chunk] = {begin, divide(begin, end), end - begin};
  });
  std::uint32_t left = 0;
  std::uint32_t gone = 0;
  for (const auto& [begin, left_rows, rows] : pieces) {
    std::memmove(list + left, list + begin, left_rows * sizeof(std::uint32_t));
    left += left_rows;
    std::memmove(scratch_.data() + gone, scratch_.data() + begin, (rows - left_rows) * sizeof(std::uint32_t));
    gone += rows - left_rows;
  }
  std::copy_n(scratch_.data(), gone, list + left);
  return left;
}

void TreeGrower::bound_children(const Leaf& left, const Leaf& right, ValueBounds& left_bounds,
                                ValueBounds& right_bounds) const {
  const std::int8_t direction = directions_.empty() ? std::int8_t{0} : directions_[left.best.feature];
  if (direction == 0) return;
  const double middle = (leaf_value(left.sum, rules_, left.bounds) + leaf_value(right.sum, rules_, right.bounds)) / 2;
  ValueBounds& lesser = direction > 0 ? left_bounds : right_bounds;
  ValueBounds& greater = direction > 0 ? right_bounds : left_bounds;
  lesser.upper = std::min(lesser.upper, middle);
  greater.lower = std::max(greater.lower, middle);
}

// Whether leaf a is to be split before leaf b. Leaf-wise: the larger gain; level-wise: the lesser depth. Ties by
// number.
bool TreeGrower::before(std::uint32_t a, std::uint32_t b) const {
  const Leaf& x = leaves_[a];
  const Leaf& y = leaves_[b];
  if (settings_.leaf_wise && x.best.gain != y.best.gain) return x.best.gain > y.best.gain;
  if (!settings_.leaf_wise && x.depth != y.depth) return x.depth < y.depth;
  return a < b;
}

void TreeGrower::open(std::uint32_t leaf) {
  if (!(leaves_[leaf].best.gain > 0)) {
    release(leaves_[leaf]);
    return;
  }
  queue_.push_back(leaf);
  std::push_heap(queue_.begin(), queue_.end(), [&](std::uint32_t a, std::uint32_t b) { return before(b, a); });
}

std::uint32_t TreeGrower::next_leaf() {
  std::pop_heap(queue_.begin(), queue_.end(), [&](std::uint32_t a, std::uint32_t b) { return before(b, a); });
  const std::uint32_t leaf = queue_.back();
  queue_.pop_back();
  return leaf;
}

GrownTree TreeGrower::grow(const GrowthRows& rows, const HistogramLayout& layout,
                           std::span<const std::int8_t> directions, std::uint64_t key) {
  rows_ = &rows;
  layout_ = &layout;
  directions_ = directions;
  const double gradient_scale = rows.scale.gradient;
  const double hessian_scale = rows.scale.hessian;
  rules_.reg_lambda = static_cast<float>(settings_.reg_lambda * hessian_scale);
  rules_.reg_alpha = static_cast<float>(settings_.reg_alpha * gradient_scale);
  rules_.min_hessian = static_cast<float>(std::max(1.0, settings_.min_child_weight * hessian_scale));
  rules_.min_gain = settings_.min_split_gain * gradient_scale * gradient_scale / hessian_scale;
  if (pool_cells_ < layout.cells) {
    pool_.clear();
    partial_.clear();
    pool_cells_ = layout.cells;
  }
  free_.clear();
  for (auto& histogram : pool_) free_.push_back(histogram.data());
  tiles_ = layout.tiles;
  queue_.clear();
  ordered_ = false;
  leaves_.clear();
  leaves_.reserve(settings_.max_leaves);

  GrownTree tree;
  leaves_.push_back({});
  leaves_[0].end = rows.rows;
  for (std::uint32_t row = 0; row < rows.rows; ++row) leaves_[0].sum += rows.packed[row];
  if (may_split(leaves_[0])) {
    leaves_[0].histogram = acquire();
    Search root{&leaves_[0], nullptr, true, combine_key(key, 0)};
    run({&root, 1});
    open(0);
  }
  while (!queue_.empty() && leaves_.size() < settings_.max_leaves && !progress_.cancelled()) {
    const std::uint32_t index = next_leaf();
    const auto fresh = static_cast<std::uint32_t>(leaves_.size());
    leaves_.push_back(leaves_[index]);
    Leaf& left = leaves_[index];
    Leaf& right = leaves_[fresh];
    right.histogram = nullptr;
    tree.splits.push_back({static_cast<std::uint16_t>(index), static_cast<std::uint16_t>(fresh),
                           static_cast<std::uint16_t>(left.best.feature), left.best.bin, left.best.missing_left});
    right.sum = left.sum - left.best.left;
    left.sum = left.best.left;
    bound_children(left, right, left.bounds, right.bounds);
    if (leaves_.size() == settings_.max_leaves) break;  // nobody will ask for the rows of these

    const std::uint32_t middle = left.begin + partition(left);
    left.end = middle;
    right.begin = middle;
    left.depth = ++right.depth;
    left.best = right.best = {};
    const bool search_left = may_split(left);
    const bool search_right = may_split(right);
    if (!search_left && !search_right) {
      release(left);
      continue;
    }
    Search first{&left, nullptr, search_left, combine_key(key, 2 * fresh)};
    Search second{&right, nullptr, search_right, combine_key(key, 2 * fresh + 1)};
    if (left.histogram != nullptr) {
      Search& smaller = right.size() < left.size() ? second : first;
      Search& larger = right.size() < left.size() ? first : second;
      larger.leaf->histogram = std::exchange(left.histogram, nullptr);
      smaller.leaf->histogram = acquire();
      larger.minus = smaller.leaf->histogram;
      std::array<Search, 2> both = {smaller, larger};
      run({both.data(), larger.search ? 2U : 1U});
    } else {
      for (Search* search : {&first, &second}) {
        if (!search->search) continue;
        search->leaf->histogram = acquire();
        run({search, 1});
      }
    }
    open(index);
    open(fresh);
  }

  const double to_real = hessian_scale / gradient_scale;
  for (const Leaf& leaf : leaves_) {
    tree.values.push_back(leaf_value(leaf.sum, rules_, leaf.bounds) * to_real);
    if (!directions.empty()) tree.bounds.push_back({leaf.bounds.lower * to_real, leaf.bounds.upper * to_real});
  }
  return tree;
}

}  // namespace slipway::learners::boosting
