#include "folds.hpp"

#include <fmt/format.h>

#include <slipway/model/interpreter.hpp>

#include "elimination.hpp"

namespace slipway::pipeline {

RowTargets targets_of(const Target& target, std::span<const std::uint32_t> rows) {
  RowTargets part;
  if (target.task == model::Task::regression) {
    for (std::uint32_t row : rows) part.values.push_back(target.values[row]);
  } else {
    for (std::uint32_t row : rows) part.labels.push_back(target.labels[row]);
  }
  if (!target.weights.empty())
    for (std::uint32_t row : rows) part.weights.push_back(target.weights[row]);
  return part;
}

namespace {

table::SplitMethod fold_method(const Configuration& configuration, const Dataset& dataset) {
  const std::string& wanted = configuration.search.fold_method;
  const std::string& split = configuration.split.options.method;
  if (wanted == "grouped" || (wanted == "auto" && split == "grouped")) return table::SplitMethod::grouped;
  if (wanted == "time" || (wanted == "auto" && split == "time")) return table::SplitMethod::time;
  const bool regression = dataset.target.task == model::Task::regression;
  return wanted == "random" || regression ? table::SplitMethod::random : table::SplitMethod::stratified;
}

// Each value of a column is a fold; rows without one are an error.
Result<std::vector<std::uint8_t>> folds_of_column(const Configuration& configuration, const Dataset& dataset) {
  constexpr std::size_t most_folds = 100;
  const std::string& name = configuration.search.fold_column;
  SLIPWAY_TRY(const table::Column* column, dataset.prepared.table.get(name).with_context("search: fold_column"));
  const table::TextColumn text = table::as_text(*column);
  std::map<std::string, std::uint8_t> number_of;
  for (std::uint32_t row : dataset.split.train) {
    if (text.codes[row] < 0)
      return invalid_input(fmt::format("search: fold_column: '{}' is missing in row {}", name, row + 1));
    number_of.emplace(text.dictionary[static_cast<std::size_t>(text.codes[row])], 0);
    if (number_of.size() > most_folds)
      return invalid_input(fmt::format("search: fold_column: '{}' has more than {} values", name, most_folds));
  }
  if (number_of.size() < 2)
    return invalid_input(fmt::format("search: fold_column: '{}' has one value only; expected two or more", name));
  std::uint8_t next = 0;
  for (auto& [value, number] : number_of) number = next++;
  std::vector<std::uint8_t> numbers;
  for (std::uint32_t row : dataset.split.train)
    numbers.push_back(number_of.at(text.dictionary[static_cast<std::size_t>(text.codes[row])]));
  return numbers;
}

// One fold per number, or with `forward` per number but the first, whose training rows are those of smaller numbers.
Status add_folds(const Dataset& dataset, const std::vector<std::uint8_t>& numbers, bool forward,
                 const std::vector<std::int32_t>& groups, std::vector<Fold>& folds) {
  const std::vector<std::uint32_t>& rows = dataset.split.train;
  const std::size_t count = std::size_t{1} + *std::max_element(numbers.begin(), numbers.end());
  for (std::size_t f = forward ? 1 : 0; f < count; ++f) {
    Fold& fold = folds.emplace_back();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (numbers[i] == f) {
        fold.validation_rows.push_back(rows[i]);
      } else if (!forward || numbers[i] < f) {
        fold.train_rows.push_back(rows[i]);
        if (!groups.empty()) fold.train_groups.push_back(groups[i]);
      }
    }
    if (fold.validation_rows.empty() || fold.train_rows.empty())
      return invalid_input(fmt::format("{} training rows are too few for {} folds", rows.size(), count));
    fold.train_targets = targets_of(dataset.target, fold.train_rows);
    fold.validation_targets = targets_of(dataset.target, fold.validation_rows);
  }
  return {};
}

// A validation part is one fold.
Result<std::vector<Fold>> fold_of_validation(const SearchPlan& plan, const Dataset& dataset,
                                             const std::vector<std::int32_t>& groups) {
  if (plan.fold_method == "column" || plan.repeats > 1)
    return invalid_input(
        fmt::format("split: there is a validation part of {} rows, so no folds are made: {} has no effect",
                    dataset.split.validation.size(), plan.repeats > 1 ? "search: repeats" : "search: fold_column"));
  std::vector<Fold> folds(1);
  Fold& fold = folds[0];
  fold.train_rows = dataset.split.fitting;
  fold.validation_rows = dataset.split.validation;
  if (!groups.empty())
    for (std::size_t i = 0, next = 0; i < groups.size() && next < fold.train_rows.size(); ++i)
      if (dataset.split.train[i] == fold.train_rows[next]) {
        fold.train_groups.push_back(groups[i]);
        ++next;
      }
  fold.train_targets = targets_of(dataset.target, fold.train_rows);
  fold.validation_targets = targets_of(dataset.target, fold.validation_rows);
  return folds;
}

}  // namespace

Result<std::vector<std::int32_t>> training_groups(const Configuration& configuration, const Dataset& dataset) {
  if (fold_method(configuration, dataset) != table::SplitMethod::grouped) return std::vector<std::int32_t>{};
  SLIPWAY_TRY(SplitKeys keys, split_keys(configuration, dataset.prepared.table, dataset.target, dataset.split.train));
  return std::move(keys.groups);
}

Result<std::vector<Fold>> divide_into_folds(const Configuration& configuration, const Dataset& dataset) {
  std::vector<Fold> folds;
  const SearchPlan& plan = configuration.search;
  SLIPWAY_TRY(const std::vector<std::int32_t> groups, training_groups(configuration, dataset));
  if (!dataset.split.validation.empty()) return fold_of_validation(plan, dataset, groups);
  if (plan.fold_method == "column") {
    SLIPWAY_TRY(const auto numbers, folds_of_column(configuration, dataset));
    SLIPWAY_CHECK(add_folds(dataset, numbers, false, groups, folds));
    return folds;
  }
  SLIPWAY_TRY(const SplitKeys keys,
              split_keys(configuration, dataset.prepared.table, dataset.target, dataset.split.train));
  const table::SplitMethod method = fold_method(configuration, dataset);
  const bool forward = method == table::SplitMethod::time;
  for (int repeat = 0; repeat < plan.repeats; ++repeat) {
    const std::uint64_t seed = configuration.split.options.seed + static_cast<std::uint64_t>(repeat);
    SLIPWAY_TRY(
        const auto numbers,
        table::assign_folds(keys.view(), method, plan.folds + (forward ? 1 : 0), seed).with_context("search: folds"));
    SLIPWAY_CHECK(add_folds(dataset, numbers, forward, groups, folds));
  }
  return folds;
}

Status fit_fold_features(const Configuration& configuration, const Dataset& dataset, Fold& fold, const Threads& threads,
                         Progress& progress, std::vector<std::string>* names) {
  const table::Table& table = dataset.prepared.table;
  const features::TargetView target{dataset.target.task, static_cast<int>(dataset.target.classes.size()),
                                    fold.train_targets.labels, fold.train_targets.values};
  SLIPWAY_TRY(const learners::Learner learner, learner_of(configuration));
  learners::TrainingData data;
  data.task = target.task;
  data.classes = target.task == model::Task::regression ? 1 : target.classes;
  data.labels = target.labels;
  data.targets = target.values;
  data.weights = fold.train_targets.weights;
  data.groups = fold.train_groups;
  model::ModelBuilder builder(configuration.name);
  SLIPWAY_TRY(auto fitted, features::fit(builder, dataset.plan, table, fold.train_rows, target, configuration.seed,
                                         importance_in(learner, configuration.settings, data, configuration.seed,
                                                       threads, progress)));
  fold.train_features = std::move(fitted.training);
  fold.nominal = std::move(fitted.nominal);
  if (names != nullptr) *names = builder.value(fitted.value).columns;
  const model::Model& model = builder.so_far();
  SLIPWAY_TRY(const auto rows, model::TableRows::from(model.inputs, table.take(fold.validation_rows)));
  SLIPWAY_TRY(fold.validation_features,
              model::evaluate_value(model.inputs, model.values, model.operators, rows.batch(), fitted.value));
  return {};
}

}  // namespace slipway::pipeline
