// Grows trees of one kind of target, one node at a time: depth first, or, up to a number of leaves, the node of the
// largest decrease first. Private to grow.cpp.
//
// A node's rows are a part of two lists: a split reads one and writes the other, left rows upwards, right rows
// downwards, so that the children's rows lie side by side again. Subtrees whose rows fit the cache work on a copy of
// their codes.
#pragma once
#include <slipway/base/random.hpp>

#include "tree/growth.hpp"
#include "tree/items.hpp"

namespace slipway::learners::tree {

template <class Target>
class Grower final : public TreeGrower {
  using Item = typename Target::Item;
  using Cell = typename Target::Cell;
  using Totals = typename Target::Totals;
  using Split = typename Target::Split;
  static constexpr int groups = Target::groups;
  static constexpr std::int64_t dense_rows = 8;
  static constexpr std::uint32_t batch = 6;  // features whose histograms are built in one pass over the rows

 public:
  Grower(const TrainingRows& rows, const GrowthSettings& settings, const std::vector<double>& class_weights,
         const Progress& progress)
      : rows_(rows),
        settings_(settings),
        progress_(progress),
        target_(rows, settings),
        lists_{compute::Buffer<Item>(rows.rows()), compute::Buffer<Item>(rows.rows())},
        cells_(target_.cells_per_feature() * batch * groups),
        pool_rows_(
            static_cast<std::uint32_t>(std::min<std::size_t>(8192, (std::size_t{1} << 18) / rows.codes->stride()))),
        pool_(pool_rows_ * rows.codes->stride()),
        permutation_(rows.codes->features()),
        small_codes_(std::min<std::size_t>(target_.small_limit(), rows.rows())) {
    if (!class_weights.empty()) target_.set_class_weights(class_weights);
    std::fill_n(cells_.data(), cells_.size(), Cell{});
    for (std::size_t i = 0; i < permutation_.size(); ++i) permutation_[i] = static_cast<std::uint16_t>(i);
    if (settings.bootstrap) bag_.resize(rows.rows());
  }

  GrownTree grow(std::uint64_t tree) override {
    GrownTree grown;
    const std::uint64_t key = random_key({settings_.seed, tree});
    Job root;
    root.spans = fill(settings_.bootstrap ? std::optional(tree) : std::nullopt);
    // A bag may hold no row that weighs anything; such a tree grows on all rows.
    if (root.rows() == 0) root.spans = fill(std::nullopt);
    root.path = combine_key(key, 1);
    root.totals = target_.root(lists_[0].data(), root.spans);
    bag_weight_ = target_.weight(root.totals);
    min_weight_ = std::max(std::numeric_limits<double>::min(), settings_.min_weight_fraction_leaf * bag_weight_);
    add_node(grown, root);
    jobs_.clear();
    if (settings_.stop.max_leaf_nodes != 0) {
      grow_best_first(grown, std::move(root));
    } else {
      grow_depth_first(grown, std::move(root));
    }
    return grown;
  }

 private:
  struct Job {
    std::uint32_t node = 0;
    int depth = 0;
    std::uint8_t list = 0;  // which of the two holds its rows
    bool pooled = false;    // items number rows of the pool
    std::uint64_t path = 0;
    std::array<Span, groups> spans{};
    Totals totals{};
    ValueBounds bounds;
    std::uint32_t rows() const {
      std::uint32_t sum = 0;
      for (const Span& span : spans) sum += span.size();
      return sum;
    }
  };

  // A node whose split is known.
  struct Candidate {
    Job job;
    Split best;
    double decrease = 0;
    // Whether the other one is split before: a larger decrease, or an equal one of a node that is older.
    bool operator<(const Candidate& other) const {
      return decrease != other.decrease ? decrease < other.decrease : job.node > other.job.node;
    }
  };

  void grow_depth_first(GrownTree& grown, Job root) {
    if (!target_.pure(root.totals)) jobs_.push_back(std::move(root));
    while (!jobs_.empty() && !progress_.cancelled()) {
      Job job = std::move(jobs_.back());
      jobs_.pop_back();
      const std::uint32_t count = job.rows();
      if (!worth_searching(grown, job, count)) continue;
      if (!job.pooled && count <= pool_rows_ && count > target_.small_limit()) copy_rows(job);
      const std::optional<double> decrease = find_split(job, count, best_);
      if (!decrease) continue;
      std::array<Job, 2> children = split(grown, job, best_, *decrease);
      if (!may_split(children[0]) && !may_split(children[1])) continue;  // nobody will ask which rows went where
      partition(job, best_, children);
      for (int side = 1; side >= 0; --side)
        if (may_split(children[side])) jobs_.push_back(std::move(children[side]));
    }
  }

  // Rows stay where they are in the lists, whichever node comes next; only the pool is for one subtree at a time.
  void grow_best_first(GrownTree& grown, Job root) {
    std::vector<Candidate> open;
    const auto consider = [&](Job&& job) {
      const std::uint32_t count = job.rows();
      if (!may_split(job) || !worth_searching(grown, job, count)) return;
      Candidate candidate;
      const std::optional<double> decrease = find_split(job, count, candidate.best);
      if (!decrease) return;
      candidate.decrease = *decrease;
      candidate.job = std::move(job);
      open.push_back(std::move(candidate));
      std::push_heap(open.begin(), open.end());
    };
    consider(std::move(root));
    for (std::uint32_t leaves = 2; !open.empty() && leaves <= settings_.stop.max_leaf_nodes; ++leaves) {
      if (progress_.cancelled()) return;
      std::pop_heap(open.begin(), open.end());
      const Candidate next = std::move(open.back());
      open.pop_back();
      std::array<Job, 2> children = split(grown, next.job, next.best, next.decrease);
      if (leaves == settings_.stop.max_leaf_nodes) return;
      partition(next.job, next.best, children);
      for (Job& child : children) consider(std::move(child));
    }
  }

  // The rows of a tree's bag (without one: all rows) into the first list.
  std::array<Span, groups> fill(std::optional<std::uint64_t> tree) {
    if (tree) draw_rows(settings_, *tree, bag_);
    std::array<Span, groups> spans = target_.ranges();
    Item* list = lists_[0].data();
    for (Span& span : spans) {
      std::uint32_t end = span.begin;
      for (std::uint32_t row = span.begin; row < span.end; ++row) {
        const std::uint32_t weight = (tree ? bag_[row] : 1U) * rows_.weight(row);
        list[end] = target_.make(row, weight);
        end += weight != 0 ? 1 : 0;
      }
      span.end = end;
    }
    return spans;
  }

  void add_node(GrownTree& grown, const Job& job) {
    GrownNode node;
    node.weight = static_cast<float>(target_.weight(job.totals) / rows_.weight_scale);
    grown.nodes.push_back(node);
    const auto outputs = static_cast<std::size_t>(rows_.outputs);
    grown.values.resize(grown.values.size() + outputs);
    target_.write_value(job.totals, job.bounds, grown.values.data() + grown.values.size() - outputs);
  }

  // Notes the node's rows; whether the rules let it be split.
  bool worth_searching(GrownTree& grown, const Job& job, std::uint32_t count) const {
    grown.nodes[job.node].rows = count;
    if (settings_.stop.before_search(job.depth, count) || count < 2 * settings_.min_samples_leaf) return false;
    if (settings_.min_weight_fraction_leaf > 0 && target_.weight(job.totals) < 2 * min_weight_) return false;
    return !target_.pure_rows(lists_[job.list].data() + job.spans[0].begin, job.spans[0].size());
  }

  // The node's best split, and by how much it decreases the impurity; nothing if there is none that the rules let be.
  std::optional<double> find_split(const Job& job, std::uint32_t count, Split& best) {
    best.gain = -1;
    search(job, count, best);
    if (best.gain < 0) return std::nullopt;
    const double decrease = target_.decrease(best.gain, job.totals, bag_weight_);
    return settings_.stop.after_search(decrease) ? std::nullopt : std::optional(decrease);
  }

  // Makes the node an inner one. The children's rows are not known yet.
  std::array<Job, 2> split(GrownTree& grown, const Job& job, const Split& best, double decrease) {
    const auto left = static_cast<std::uint32_t>(grown.nodes.size());
    GrownNode& node = grown.nodes[job.node];
    node.left = left;
    node.feature = best.feature;
    node.bin = best.bin;
    node.missing_left = best.missing_left;
    node.decrease = decrease;
    std::array<Job, 2> children;
    children[1].totals = target_.rest(job.totals, best);
    children[0].totals = best.left;
    children[0].bounds = children[1].bounds = job.bounds;
    if (!settings_.directions.empty()) bound_children(settings_.directions[best.feature], children);
    for (int side = 0; side < 2; ++side) {
      add_node(grown, children[side]);
      children[side].node = left + static_cast<std::uint32_t>(side);
      children[side].depth = job.depth + 1;
      children[side].list = job.list ^ 1;
      children[side].pooled = job.pooled;
      children[side].path = combine_key(job.path, static_cast<std::uint64_t>(side) + 1);
    }
    return children;
  }

  // Neither side may pass the middle of both any more.
  void bound_children(std::int8_t direction, std::array<Job, 2>& children) const {
    if (direction == 0) return;
    const double middle = (target_.value(children[0].totals) + target_.value(children[1].totals)) / 2;
    children[direction > 0 ? 0 : 1].bounds.upper = middle;
    children[direction > 0 ? 1 : 0].bounds.lower = middle;
  }

  bool may_split(const Job& child) const {
    return child.depth < settings_.stop.max_depth && !target_.pure(child.totals);
  }

  // Moves the codes of the node's rows side by side. Jobs below it are done before the next node does this.
  void copy_rows(Job& job) {
    const std::size_t stride = rows_.codes->stride();
    const std::uint8_t* codes = rows_.codes->row_codes();
    std::uint32_t next = 0;
    for (const Span& span : job.spans) {
      Item* items = lists_[job.list].data() + span.begin;
      const std::uint32_t count = span.size();
      for (std::uint32_t i = 0; i < count; ++i) {
        __builtin_prefetch(codes + items[std::min(i + 16, count - 1)].row() * stride);
        const std::uint8_t* from = codes + items[i].row() * stride;
        std::uint8_t* to = pool_.data() + next * stride;
        for (std::size_t part = 0; part < stride; part += 16) std::memcpy(to + part, from + part, 16);
        items[i] = items[i].at(next++);
      }
    }
    job.pooled = true;
  }

  const std::uint8_t* codes_of(const Job& job) const { return job.pooled ? pool_.data() : rows_.codes->row_codes(); }

  // Looks at features in an order of the node's own until enough of them had two values here.
  void search(const Job& job, std::uint32_t count, Split& best) {
    target_.begin(job.totals, {count, job.path, min_weight_, job.bounds});
    const auto features = static_cast<std::uint32_t>(permutation_.size());
    const std::uint32_t wanted = std::min(settings_.max_features, features);
    const bool small = count <= target_.small_limit();
    if (small) gather_small(job);
    Random random(combine_key(job.path, 0));
    swaps_.clear();
    std::uint32_t found = 0;
    for (std::uint32_t drawn = 0; found < wanted && drawn < features;) {
      const std::uint32_t size = std::min({wanted - found, features - drawn, batch});
      for (std::uint32_t i = drawn; i < drawn + size; ++i) {
        const auto other = i + static_cast<std::uint32_t>(random.below(features - i));
        swaps_.push_back(other);
        std::swap(permutation_[i], permutation_[other]);
      }
      const std::uint16_t* sample = permutation_.data() + drawn;
      drawn += size;
      if (small) {
        for (std::uint32_t k = 0; k < size; ++k)
          found += target_.scan_small(small_items_.data(), small_codes_.data(), count, job.spans[0].size(), sample[k],
                                      cells_of(0), best);
        continue;
      }
      for (int group = 0; group < groups; ++group) histograms(job, group, sample, size);
      for (std::uint32_t k = 0; k < size; ++k) found += target_.scan(cells_of(k), sample[k], best);
    }
    for (std::size_t i = swaps_.size(); i-- > 0;) std::swap(permutation_[i], permutation_[swaps_[i]]);
  }

  // Cells of the k-th feature of a batch, per group.
  std::array<Cell*, groups> cells_of(std::uint32_t k) {
    std::array<Cell*, groups> cells;
    for (int group = 0; group < groups; ++group)
      cells[group] = cells_.data() + (static_cast<std::size_t>(group) * batch + k) * target_.cells_per_feature();
    return cells;
  }

  void gather_small(const Job& job) {
    const std::uint8_t* codes = codes_of(job);
    const std::size_t stride = rows_.codes->stride();
    small_items_.clear();
    for (const Span& span : job.spans)
      for (std::uint32_t i = span.begin; i < span.end; ++i) {
        const Item item = lists_[job.list][i];
        small_codes_[small_items_.size()] = codes + item.row() * stride;
        small_items_.push_back(item);
      }
  }

  void histograms(const Job& job, int group, const std::uint16_t* sample, std::uint32_t size) {
    switch (size) {
      case 1:
        return add_rows<1>(job, group, sample);
      case 2:
        return add_rows<2>(job, group, sample);
      case 3:
        return add_rows<3>(job, group, sample);
      case 4:
        return add_rows<4>(job, group, sample);
      case 5:
        return add_rows<5>(job, group, sample);
      default:
        return add_rows<6>(job, group, sample);
    }
  }

  template <int size>
  void add_rows(const Job& job, int group, const std::uint16_t* sample) {
    const std::uint8_t* codes = codes_of(job);
    const std::size_t stride = rows_.codes->stride();
    const Span span = job.spans[static_cast<std::size_t>(group)];
    const Item* items = lists_[job.list].data() + span.begin;
    const std::uint32_t count = span.size();
    const std::size_t per_feature = target_.cells_per_feature();
    Cell* cells = cells_of(0)[static_cast<std::size_t>(group)];
    // By value: the compiler cannot know that counting leaves the lists alone.
    const auto add = [&](Item item, const auto& code) __attribute__((always_inline)) {
      for (int k = 0; k < size; ++k)
        Target::add(cells[static_cast<std::size_t>(k) * per_feature + target_.cell(code(k), item)], item);
    };
    std::uint32_t i = 0;
    if (!job.pooled && count > 0 && is_dense(items, count)) {
      // Most of a column's cache lines are asked for, and they follow each other: less to fetch than whole rows.
      std::array<const std::uint8_t*, size> columns;
      for (int k = 0; k < size; ++k) columns[k] = rows_.codes->column(sample[k]);
      for (; i < count; ++i) {
        const Item item = items[i];
        const std::uint32_t row = item.row();
        add(
            item, [&](int k) __attribute__((always_inline)) { return columns[k][row]; });
      }
      return;
    }
    std::array<std::size_t, size> offsets;
    for (int k = 0; k < size; ++k) offsets[k] = sample[k];
    const auto add_row = [&](Item item) __attribute__((always_inline)) {
      const std::uint8_t* row = codes + item.row() * stride;
      add(
          item, [&](int k) __attribute__((always_inline)) { return row[offsets[k]]; });
    };
    constexpr std::uint32_t ahead = 24;
    if (!job.pooled)
      for (; i + ahead < count; ++i) {
        __builtin_prefetch(codes + items[i + ahead].row() * stride);
        add_row(items[i]);
      }
    for (; i < count; ++i) add_row(items[i]);
  }

  // Whether at least one in `dense_rows` of the rows between a node's first and last is its own. Rows of a node's list
  // are in order, up or down.
  static bool is_dense(const Item* items, std::uint32_t count) {
    const auto first = static_cast<std::int64_t>(items[0].row());
    const auto last = static_cast<std::int64_t>(items[count - 1].row());
    return static_cast<std::int64_t>(count) * dense_rows > std::abs(last - first);
  }

  void partition(const Job& job, const Split& best, std::array<Job, 2>& children) {
    // With missing values to the left, all codes are shifted by one, which makes the missing code 0.
    const std::uint8_t shift = best.missing_left;
    const auto limit = static_cast<std::uint8_t>(best.bin + shift);
    const std::uint8_t* pooled = pool_.data() + best.feature;
    const std::size_t stride = rows_.codes->stride();
    const std::uint8_t* column = rows_.codes->column(best.feature);
    const auto goes_left = [=](std::uint8_t code) { return static_cast<std::uint8_t>(code + shift) <= limit; };
    for (std::size_t group = 0; group < groups; ++group) {
      const Span span = job.spans[group];
      const std::uint32_t lefts = job.pooled
                                      ? divide(lists_[job.list].data(), lists_[job.list ^ 1].data(), span,
                                               [=](const Item& item) { return goes_left(pooled[item.row() * stride]); })
                                      : divide(lists_[job.list].data(), lists_[job.list ^ 1].data(), span,
                                               [=](const Item& item) { return goes_left(column[item.row()]); });
      const std::uint32_t middle = span.begin + lefts;
      children[0].spans[group] = {span.begin, middle};
      children[1].spans[group] = {middle, span.end};
    }
  }

  // Copies a span's items to the same span of the other list, those that go left upwards from its begin, the others
  // downwards from its end; how many go left. Every item is written to both ends and counted at one: a branch would be
  // guessed wrong too often. Directions come first, a block at a time, so that the reads do not wait for the writes.
  template <class GoesLeft>
  static std::uint32_t divide(const Item* from, Item* to, Span span, const GoesLeft& goes_left) {
    constexpr std::uint32_t block = 16;
    Item* lower = to + span.begin;
    Item* upper = to + span.end;
    std::uint32_t i = span.begin;
    for (; i + block <= span.end; i += block) {
      std::array<std::uint32_t, block> left;
      for (std::uint32_t k = 0; k < block; ++k) left[k] = goes_left(from[i + k]) ? 1 : 0;
      for (std::uint32_t k = 0; k < block; ++k) {
        const Item item = from[i + k];
        *lower = item;
        *(upper - 1) = item;
        lower += left[k];
        upper -= 1 - left[k];
      }
    }
    for (; i < span.end; ++i) {
      const Item item = from[i];
      const std::uint32_t left = goes_left(item) ? 1 : 0;
      *lower = item;
      *(upper - 1) = item;
      lower += left;
      upper -= 1 - left;
    }
    return static_cast<std::uint32_t>(lower - to) - span.begin;
  }

  const TrainingRows& rows_;
  const GrowthSettings& settings_;
  const Progress& progress_;
  Target target_;
  std::array<compute::Buffer<Item>, 2> lists_;
  compute::Buffer<Cell> cells_;  // all zero between searches
  std::uint32_t pool_rows_;
  compute::Buffer<std::uint8_t> pool_;
  std::vector<std::uint16_t> permutation_;  // the identity between searches
  std::vector<std::uint32_t> swaps_;
  std::vector<const std::uint8_t*> small_codes_;
  std::vector<Item> small_items_;
  std::vector<std::uint8_t> bag_;
  std::vector<Job> jobs_;
  Split best_;
  double bag_weight_ = 0;
  double min_weight_ = 0;
};

}  // namespace slipway::learners::tree
