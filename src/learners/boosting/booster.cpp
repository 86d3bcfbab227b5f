#include "boosting/booster.hpp"

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>

#include "boosting/growth.hpp"
#include "boosting/tree_rows.hpp"
#include "training_data.hpp"

namespace slipway::learners::boosting {
namespace {

enum class Purpose : std::uint64_t { validation = 1, tree = 2 };

Result<Loss> choose_loss(const TrainingData& data, const BoostingOptions& options) {
  const bool regression = data.task == model::Task::regression;
  const bool for_classes = options.loss == "log_loss";
  if (options.loss != "auto" && for_classes == regression)
    return invalid_input(fmt::format("loss: '{}' does not fit a {} task; expected {}", options.loss,
                                     model::task_name(data.task),
                                     regression ? "squared_error, absolute_error, quantile or poisson" : "log_loss"));
  Loss loss;
  if (data.task == model::Task::binary) {
    loss.kind = LossKind::logistic;
  } else if (data.task == model::Task::multiclass) {
    loss.kind = LossKind::softmax;
    loss.outputs = data.classes;
  } else if (options.loss == "absolute_error") {
    loss.kind = LossKind::absolute;
  } else if (options.loss == "quantile") {
    loss.kind = LossKind::quantile;
    loss.quantile = options.quantile;
  } else if (options.loss == "poisson") {
    loss.kind = LossKind::poisson;
  }
  return loss;
}

GrowthSettings growth_settings(const BoostingOptions& options) {
  constexpr std::uint32_t most_leaves = 65535;
  GrowthSettings settings;
  settings.leaf_wise = options.grow_policy == "leaf_wise";
  if (options.max_depth) {
    settings.max_depth = *options.max_depth;
  } else if (!settings.leaf_wise) {
    settings.max_depth = 6;
  }
  settings.max_leaves = options.max_leaves   ? static_cast<std::uint32_t>(*options.max_leaves)
                        : settings.leaf_wise ? 31
                                             : most_leaves;
  if (settings.max_depth < 16) settings.max_leaves = std::min(settings.max_leaves, 1U << settings.max_depth);
  settings.min_child_weight = options.min_child_weight;
  settings.min_split_gain = options.min_split_gain;
  settings.reg_lambda = options.reg_lambda;
  settings.reg_alpha = options.reg_alpha;
  settings.colsample_bynode = options.colsample_bynode;
  return settings;
}

Status check_fit(const TrainingData& data, const BoostingOptions& options, const Loss& loss,
                 const GrowthSettings& growth, std::size_t directions) {
  SLIPWAY_CHECK(check_training_data(data));
  if (data.features->rows >= (std::size_t{1} << 28))
    return invalid_input(fmt::format("{} rows: at most 268435455", data.features->rows));
  if (data.features->width > 65535)
    return invalid_input(fmt::format("{} features: at most 65535", data.features->width));
  SLIPWAY_CHECK(check_directions(directions, data.features->width));
  if (directions != 0 && loss.renews_by_quantile())
    return invalid_input(fmt::format("monotonic_cst does not go with loss: {}", options.loss));
  SLIPWAY_CHECK(check_class_weight(options.class_weight, data));
  if (options.scale_pos_weight != 1 && data.task != model::Task::binary)
    return invalid_input("scale_pos_weight: only a binary task has a positive class");
  if (options.early_stopping_rounds && data.features->rows < 2)
    return invalid_input("early_stopping_rounds: one row cannot be both learnt from and held back");
  const double leaf_values = static_cast<double>(loss.outputs) * loss.outputs * options.n_estimators *
                             std::min<double>(growth.max_leaves, static_cast<double>(data.features->rows));
  if (loss.outputs > 1 && leaf_values > 0x1.0p29)
    return invalid_input(fmt::format(
        "{} classes, {} rounds and {} leaves make a model of {:.0f} million numbers; the most is 536 million: lower "
        "n_estimators or max_leaves",
        loss.outputs, options.n_estimators, growth.max_leaves, leaf_values / 1e6));
  for (std::size_t row = 0; row < data.targets.size() && data.task == model::Task::regression; ++row) {
    if (std::abs(data.targets[row]) > 1e30F)
      return invalid_input(fmt::format("target {} at row {}: expected at most 1e30 in size", data.targets[row], row));
    if (loss.kind == LossKind::poisson && data.targets[row] < 0)
      return invalid_input(fmt::format("target {} at row {}: loss: poisson needs targets that are not negative",
                                       data.targets[row], row));
  }
  return {};
}

// Rows to learn from, then rows held back: of each class (or of all) the same share, chosen by key. Empty if none are.
struct RowOrder {
  std::vector<std::uint32_t> order;
  std::size_t learnt = 0;
};
RowOrder hold_back(const TrainingData& data, const BoostingOptions& options, std::uint64_t seed) {
  const std::size_t rows = data.features->rows;
  if (!options.early_stopping_rounds) return {{}, rows};
  const auto groups = static_cast<std::size_t>(data.task == model::Task::regression ? 1 : data.classes);
  std::vector<std::vector<std::pair<std::uint64_t, std::uint32_t>>> keyed(groups);
  for (std::uint32_t row = 0; row < rows; ++row)
    keyed[groups == 1 ? 0 : static_cast<std::size_t>(data.labels[row])].push_back(
        {random_key({seed, static_cast<std::uint64_t>(Purpose::validation), row}), row});
  std::vector<std::uint8_t> held(rows, 0);
  std::size_t count = 0;
  for (auto& group : keyed) {
    std::sort(group.begin(), group.end());
    const auto share =
        static_cast<std::size_t>(std::llround(options.validation_fraction * static_cast<double>(group.size())));
    for (std::size_t k = 0; k < share && k + 1 < group.size(); ++k, ++count) held[group[k].second] = 1;
  }
  if (count == 0) {
    const auto& largest =
        *std::max_element(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    held[largest[0].second] = 1;
    count = 1;
  }
  RowOrder result;
  result.learnt = rows - count;
  for (std::uint8_t side : {std::uint8_t{0}, std::uint8_t{1}})
    for (std::uint32_t row = 0; row < rows; ++row)
      if (held[row] == side) result.order.push_back(row);
  return result;
}

class Booster {
 public:
  Booster(const TrainingData& data, const BoostingOptions& options, const Loss& loss, const GrowthSettings& growth,
          std::vector<std::int8_t> directions, std::uint64_t seed, const Threads& threads, Progress& progress)
      : options_(options),
        loss_(loss),
        directions_(std::move(directions)),
        seed_(seed),
        threads_(threads),
        progress_(progress),
        bins_(tree::fit_bins(*data.features, {options.max_bins}, threads, progress)),
        order_(hold_back(data, options, seed)),
        rows_(data.features->rows),
        codes_(bins_, *data.features, order_.order, true, threads),
        sampling_{options.subsample, options.sampling_method == "gradient_based", options.colsample_bytree},
        tree_rows_(codes_, bins_, order_.learnt, loss.outputs, sampling_, threads),
        grower_(growth, threads, progress),
        leaves_(rows_) {
    take_targets(data);
    const Targets learnt{std::span(targets_).first(order_.learnt), weights_of(0, order_.learnt)};
    base_ = loss_.start(learnt);
    const auto outputs = static_cast<std::size_t>(loss_.outputs);
    margins_ = compute::Buffer<float>(rows_ * outputs);
    if (loss_.kind == LossKind::softmax) probabilities_ = compute::Buffer<float>(rows_ * outputs);
    for (std::size_t k = 0; k < outputs; ++k) std::fill_n(margins_.data() + k * rows_, rows_, base_[k]);
    gradients_ = compute::Buffer<float>(order_.learnt);
    hessians_ = compute::Buffer<float>(order_.learnt);
    prepare_covers();
  }

  Result<BoostedModel> run() {
    BoostedModel model;
    model.loss = loss_;
    model.base = base_;
    model.early_stopping_rounds = options_.early_stopping_rounds.value_or(0);
    const Targets learnt{std::span(targets_).first(order_.learnt), weights_of(0, order_.learnt)};
    const Targets held{std::span(targets_).subspan(order_.learnt), weights_of(order_.learnt, rows_)};
    std::size_t best = 0;
    for (int round = 0; round < options_.n_estimators; ++round) {
      const bool grown = boost_once(static_cast<std::uint64_t>(round), model.trees);
      if (progress_.cancelled()) return stopped_by_user();
      progress_.advance(1);
      if (options_.early_stopping_rounds) {
        model.validation_losses.push_back(loss_.mean(held, margins_.data() + order_.learnt, rows_, threads_));
      }
      if (progress_.wants_records()) {
        RoundRecord record{static_cast<std::size_t>(round) + 1, static_cast<std::size_t>(options_.n_estimators),
                           loss_.name()};
        record.training = loss_.reported(loss_.mean(learnt, margins_.data(), rows_, threads_));
        if (!model.validation_losses.empty()) record.validation = loss_.reported(model.validation_losses.back());
        progress_.record(record);
      }
      if (options_.early_stopping_rounds) {
        const std::size_t last = model.validation_losses.size() - 1;
        if (model.validation_losses[last] < model.validation_losses[best]) best = last;
        if (last - best >= static_cast<std::size_t>(*options_.early_stopping_rounds)) {
          progress_.note(
              fmt::format("gradient_boosting: stopped early after {} rounds; round {} was best ({} {} on {} "
                          "held-back rows)",
                          last + 1, best + 1, loss_.name(),
                          format_number(loss_.reported(model.validation_losses[best])), held.rows()));
          break;
        }
      }
      // Nothing left to learn, and nothing random that could change that.
      if (!grown && options_.subsample == 1 && options_.colsample_bytree == 1 && options_.colsample_bynode == 1) break;
    }
    model.bins = std::move(bins_);
    return model;
  }

 private:
  void take_targets(const TrainingData& data) {
    const std::vector<float> weights = effective_weights(data, options_.class_weight, options_.scale_pos_weight);
    targets_.resize(rows_);
    weights_.resize(weights.size());
    for (std::size_t position = 0; position < rows_; ++position) {
      const std::size_t row = order_.order.empty() ? position : order_.order[position];
      targets_[position] =
          data.task == model::Task::regression ? data.targets[row] : static_cast<float>(data.labels[row]);
      if (!weights.empty()) weights_[position] = weights[row];
    }
  }

  std::span<const float> weights_of(std::size_t begin, std::size_t end) const {
    return weights_.empty() ? std::span<const float>() : std::span(weights_).subspan(begin, end - begin);
  }

  // Weights as whole numbers, for sums that do not depend on their order.
  void prepare_covers() {
    if (weights_.empty()) return;
    double sum = 0;
    for (std::size_t row = 0; row < order_.learnt; ++row) sum += weights_[row];
    if (sum > 0) cover_scale_ = std::ldexp(1.0, 61 - std::ilogb(sum));
  }

  // Adds one tree per output; whether any of them has a split.
  bool boost_once(std::uint64_t round, std::vector<BoostedTree>& trees) {
    if (loss_.kind == LossKind::softmax)
      threads_.for_each(block_count(order_.learnt), [&](std::size_t block) {
        softmax_probabilities(margins_.data(), rows_, loss_.outputs, block * block_rows,
                              std::min(order_.learnt, (block + 1) * block_rows), probabilities_.data());
      });
    bool grown = false;
    for (int output = 0; output < loss_.outputs; ++output) {
      const std::uint64_t key =
          random_key({seed_, static_cast<std::uint64_t>(Purpose::tree), round, static_cast<std::uint64_t>(output)});
      trees.push_back(grow_tree(output, key));
      grown = grown || !trees.back().splits.empty();
    }
    return grown;
  }

  BoostedTree grow_tree(int output, std::uint64_t key) {
    const DerivativeSums sums = differentiate(output);
    const std::span<const float> gradients(gradients_.data(), order_.learnt);
    const std::span<const float> hessians(hessians_.data(), order_.learnt);
    const GrowthRows& rows = tree_rows_.select(gradients, hessians, sums, output, key);
    std::vector<std::int8_t> directions;
    if (!directions_.empty())
      for (std::uint32_t feature : tree_rows_.features()) directions.push_back(directions_[feature]);
    GrownTree grown = grower_.grow(rows, tree_rows_.layout(), directions, combine_key(key, 3));

    BoostedTree tree;
    tree.splits = std::move(grown.splits);
    for (Split& split : tree.splits) split.feature = static_cast<std::uint16_t>(tree_rows_.features()[split.feature]);
    threads_.for_ranges(rows_, block_rows, [&](std::size_t begin, std::size_t end) {
      replay_splits(tree.splits, tree_rows_.columns(), begin, end, leaves_.data());
    });
    float* margins = margins_.data() + static_cast<std::size_t>(output) * rows_;
    if (loss_.renews_by_quantile()) {
      renew_by_quantile(margins, grown.values);
    } else if (sampling_.rows_differ() && sampling_.gradient_based) {
      renew_from_all_rows(sums, grown);
    }
    for (double value : grown.values) tree.values.push_back(static_cast<float>(options_.learning_rate * value));
    tree.covers = covers(tree.values.size());
    threads_.for_ranges(rows_, block_rows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) margins[row] += tree.values[leaves_[row]];
    });
    return tree;
  }

  DerivativeSums differentiate(int output) {
    const Targets learnt{std::span(targets_).first(order_.learnt), weights_of(0, order_.learnt)};
    std::vector<DerivativeSums> sums(block_count(order_.learnt));
    threads_.for_each(sums.size(), [&](std::size_t block) {
      const std::size_t begin = block * block_rows;
      const std::size_t end = std::min(order_.learnt, begin + block_rows);
      loss_.derivatives(learnt, margins_.data(), probabilities_.data(), rows_, output, begin, end, gradients_.data(),
                        hessians_.data());
      sums[block] = sum_derivatives(gradients_.data() + begin, hessians_.data() + begin, end - begin);
    });
    DerivativeSums all;
    for (const DerivativeSums& one : sums) {
      all.absolute_gradient += one.absolute_gradient;
      all.hessian += one.hessian;
    }
    return all;
  }

  // Sums of whole numbers by leaf over the rows learnt from. body(begin, end, add) calls add(row, number) for each of
  // them.
  template <class Body>
  std::vector<std::uint64_t> sum_by_leaf(std::size_t leaves, const Body& body) {
    std::vector<std::uint64_t> all(leaves, 0);
    std::mutex mutex;
    threads_.for_ranges(order_.learnt, 16 * block_rows, [&](std::size_t begin, std::size_t end) {
      // Neighbouring rows add to sums of their own, so that none waits for the other.
      std::vector<std::uint64_t> mine(4 * leaves, 0);
      std::uint64_t* const sums = mine.data();
      body(begin, end,
           [&](std::size_t row, std::uint64_t number) { sums[leaves_[row] * std::size_t{4} + row % 4] += number; });
      const std::lock_guard lock(mutex);
      for (std::size_t i = 0; i < mine.size(); ++i) all[i / 4] += mine[i];
    });
    return all;
  }

  // Newton's steps from the rows that the tree was not grown on, too.
  void renew_from_all_rows(const DerivativeSums& sums, GrownTree& tree) {
    const Scale scale = choose_scale(sums.absolute_gradient, sums.hessian, order_.learnt);
    const std::vector<Packed> by_leaf = sum_by_leaf(tree.values.size(), [&](std::size_t begin, std::size_t end,
                                                                            const auto& add) {
      Packed packed[512];
      for (std::size_t first = begin; first < end; first += 512) {
        const std::size_t count = std::min<std::size_t>(512, end - first);
        pack_derivatives(gradients_.data() + first, hessians_.data() + first, count, scale, std::nullopt, 0, packed);
        for (std::size_t i = 0; i < count; ++i) add(first + i, packed[i]);
      }
    });
    SplitRules rules;
    rules.reg_lambda = static_cast<float>(options_.reg_lambda * scale.hessian);
    rules.reg_alpha = static_cast<float>(options_.reg_alpha * scale.gradient);
    const double to_real = scale.hessian / scale.gradient;
    for (std::size_t leaf = 0; leaf < tree.values.size(); ++leaf) {
      double value = leaf_value(by_leaf[leaf], rules, {}) * to_real;
      if (!tree.bounds.empty()) value = std::clamp(value, tree.bounds[leaf].lower, tree.bounds[leaf].upper);
      tree.values[leaf] = value;
    }
  }

  void renew_by_quantile(const float* margins, std::vector<double>& values) {
    std::vector<std::vector<WeightedValue>> residuals(values.size());
    for (std::size_t row = 0; row < order_.learnt; ++row)
      residuals[leaves_[row]].push_back({targets_[row] - margins[row], weights_.empty() ? 1.0F : weights_[row]});
    threads_.for_each(values.size(),
                      [&](std::size_t leaf) { values[leaf] = weighted_quantile(residuals[leaf], loss_.quantile); });
  }

  std::vector<float> covers(std::size_t leaves) {
    const std::vector<std::uint64_t> sums =
        sum_by_leaf(leaves, [&](std::size_t begin, std::size_t end, const auto& add) {
          if (weights_.empty()) {
            for (std::size_t row = begin; row < end; ++row) add(row, 1);
          } else {
            for (std::size_t row = begin; row < end; ++row)
              add(row, static_cast<std::uint64_t>(static_cast<double>(weights_[row]) * cover_scale_));
          }
        });
    std::vector<float> result;
    for (std::uint64_t sum : sums) result.push_back(static_cast<float>(static_cast<double>(sum) / cover_scale_));
    return result;
  }

  const BoostingOptions& options_;
  Loss loss_;
  std::vector<std::int8_t> directions_;
  std::uint64_t seed_;
  Threads threads_;
  Progress& progress_;
  tree::Bins bins_;
  RowOrder order_;
  std::size_t rows_;
  tree::CodedRows codes_;
  SamplingSettings sampling_;
  TreeRows tree_rows_;
  TreeGrower grower_;
  std::vector<float> targets_, weights_;  // by position
  std::vector<float> base_;
  double cover_scale_ = 1;
  compute::Buffer<float> margins_, probabilities_;  // by output and position
  compute::Buffer<float> gradients_, hessians_;     // of the rows learnt from
  compute::Buffer<std::uint16_t> leaves_;
};

}  // namespace

Result<std::size_t> boosting_bytes(const FitSize& size, const BoostingOptions& options) {
  const auto outputs = static_cast<std::size_t>(size.task == model::Task::multiclass ? size.classes : 1);
  const bool softmax = outputs > 1;
  const bool sampled = options.subsample < 1;
  const std::size_t codes = tree::coded_bytes(size.rows, size.features, size.threads);
  // Margins, probabilities; gradients, hessians, packed; targets, weights, leaves; the lists of rows of a tree.
  std::size_t of_row = outputs * 4 * (softmax ? 2 : 1) + 8 + 8 + 4 + 8 + 2 + 8;
  if (options.early_stopping_rounds) of_row += 4 + 16;  // the order of the rows, and their keys while it is made
  if (sampled) of_row += 4 + 4 + 4 + 8;
  if (options.loss == "absolute_error" || options.loss == "quantile") of_row += 16;
  std::size_t copied = 0;
  if (sampled || options.colsample_bytree < 1) copied = size.rows * ((size.features + 31) / 32 * 32);
  const GrowthSettings growth = growth_settings(options);
  const std::size_t histogram = size.features * most_cells_apart * sizeof(Packed);
  const std::size_t wanted = std::min<std::size_t>(growth.max_leaves, size.rows) * histogram;
  const std::size_t histograms = std::max(3 * histogram, std::min(growth.most_histogram_bytes, wanted)) +
                                 static_cast<std::size_t>(size.threads) * histogram;
  return codes + size.rows * of_row + copied + histograms;
}

Result<BoostedModel> boost(const TrainingData& data, const BoostingOptions& options, std::uint64_t seed,
                           const Threads& threads, Progress& progress) {
  SLIPWAY_TRY(const Loss loss, choose_loss(data, options));
  SLIPWAY_TRY(std::vector<std::int8_t> directions, read_directions(options.monotonic_cst));
  const GrowthSettings growth = growth_settings(options);
  SLIPWAY_CHECK(check_fit(data, options, loss, growth, directions.size()));
  progress.begin(fmt::format("gradient_boosting: {} rounds", options.n_estimators),
                 static_cast<std::size_t>(options.n_estimators));
  struct End {
    Progress& progress;
    ~End() { progress.end(); }
  } end{progress};
  Booster booster(data, options, loss, growth, std::move(directions), seed, threads, progress);
  if (progress.cancelled()) return stopped_by_user();
  SLIPWAY_TRY(BoostedModel model, booster.run());
  model.task = data.task;
  return model;
}

}  // namespace slipway::learners::boosting
