#include <fmt/format.h>

#include <slipway/base/random.hpp>

#include "tree/absolute_target.hpp"
#include "tree/bag.hpp"
#include "tree/binary_target.hpp"
#include "tree/class_target.hpp"
#include "tree/grower.hpp"
#include "tree/regression_target.hpp"

namespace slipway::learners::tree {
namespace {

// "balanced": rows / (classes present * rows of the class), of all training rows, as scikit-learn has it.
std::vector<double> class_weights_of(const TrainingRows& rows, ClassWeight kind, const std::vector<double>& given) {
  if (kind == ClassWeight::none || rows.task == model::Task::regression) return {};
  if (kind == ClassWeight::given) return given;
  std::vector<double> weights(static_cast<std::size_t>(rows.classes), 1.0);
  if (kind == ClassWeight::balanced_subsample) return weights;  // set for each tree
  std::vector<double> sums(weights.size());
  double total = 0;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const double weight = rows.weight(row);
    sums[static_cast<std::size_t>(rows.label(row))] += weight;
    total += weight;
  }
  const auto present = std::count_if(sums.begin(), sums.end(), [](double sum) { return sum > 0; });
  for (std::size_t index = 0; index < weights.size(); ++index)
    weights[index] = sums[index] > 0 ? total / (static_cast<double>(present) * sums[index]) : 0;
  return weights;
}

}  // namespace

void draw_rows(const GrowthSettings& settings, std::uint64_t tree, std::span<std::uint8_t> counts) {
  draw_bag(combine_key(random_key({settings.seed, tree}), 0), settings.bag_draws, counts);
}

std::unique_ptr<TreeGrower> make_grower(const TrainingRows& rows, const GrowthSettings& settings,
                                        const Progress& progress) {
  const std::vector<double> class_weights = class_weights_of(rows, settings.class_weight, settings.class_weights);
  const bool counted = settings.min_samples_leaf > 1;
  switch (rows.task) {
    case model::Task::regression:
      if (settings.criterion == Criterion::absolute_error)
        return std::make_unique<Grower<AbsoluteTarget>>(rows, settings, class_weights, progress);
      return std::make_unique<Grower<RegressionTarget>>(rows, settings, class_weights, progress);
    case model::Task::multiclass:
      if (counted) return std::make_unique<Grower<ClassTarget<true>>>(rows, settings, class_weights, progress);
      return std::make_unique<Grower<ClassTarget<false>>>(rows, settings, class_weights, progress);
    case model::Task::binary:
      break;
  }
  const bool is_short = rows.weights.empty() && rows.rows() <= ShortItem::most_rows;
  if (is_short && !counted)
    return std::make_unique<Grower<BinaryTarget<ShortItem, false>>>(rows, settings, class_weights, progress);
  if (is_short) return std::make_unique<Grower<BinaryTarget<ShortItem, true>>>(rows, settings, class_weights, progress);
  if (!counted) return std::make_unique<Grower<BinaryTarget<LongItem, false>>>(rows, settings, class_weights, progress);
  return std::make_unique<Grower<BinaryTarget<LongItem, true>>>(rows, settings, class_weights, progress);
}

std::size_t grower_bytes(model::Task task, int classes, bool weighted, std::size_t rows,
                         const GrowthSettings& settings) {
  const bool absolute = settings.criterion == Criterion::absolute_error;
  std::size_t item = sizeof(LongItem);
  std::size_t cells = 2 * 256 * sizeof(std::uint64_t);
  if (task == model::Task::binary && !weighted && rows <= ShortItem::most_rows) item = sizeof(ShortItem);
  if (task == model::Task::multiclass) cells = static_cast<std::size_t>(256 * classes) * sizeof(std::uint64_t);
  if (task == model::Task::regression) {
    item = sizeof(TargetItem);
    cells = 256 * 2 * sizeof(std::uint64_t);
  }
  // Medians: items, codes, ranks, values, order, a Fenwick tree.
  const std::size_t of_row = absolute ? 2 * item + sizeof(void*) + 12 + 16 : 0;
  constexpr std::size_t batch = 6;
  constexpr std::size_t pool = std::size_t{1} << 18;
  return rows * (2 * item + of_row + (settings.bootstrap ? 1 : 0)) + batch * cells + pool;
}

Result<std::vector<GrownTree>> grow_trees(const TrainingRows& rows, const GrowthSettings& settings, std::size_t count,
                                          const Threads& threads, Progress& progress) {
  std::vector<GrownTree> trees(count);
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> values{0};
  const std::size_t workers = std::min(count, static_cast<std::size_t>(threads.count()));
  threads.for_each(workers, [&](std::size_t) {
    // One set of lists per worker, not per tree.
    const std::unique_ptr<TreeGrower> grower = make_grower(rows, settings, progress);
    for (std::size_t tree = next++; tree < count && !progress.cancelled(); tree = next++) {
      trees[tree] = grower->grow(tree);
      values += trees[tree].values.size();
      if (values > most_tree_values) break;
      progress.advance(1);
    }
  });
  if (progress.cancelled()) return stopped_by_user();
  if (values > most_tree_values)
    return invalid_input(
        fmt::format("{} trees of so many nodes hold more than {} million numbers; lower max_depth, "
                    "max_samples or n_estimators, or raise min_samples_leaf",
                    count, most_tree_values >> 20));
  return trees;
}

}  // namespace slipway::learners::tree
