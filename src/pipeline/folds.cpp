#include "folds.hpp"

#include <fmt/format.h>

#include <slipway/model/interpreter.hpp>

namespace slipway::pipeline {

RowTargets targets_of(const Target& target, std::span<const std::uint32_t> rows) {
  RowTargets part;
  if (target.task == model::Task::regression) {
    for (std::uint32_t row : rows) part.values.push_back(target.values[row]);
  } else {
    for (std::uint32_t row : rows) part.labels.push_back(target.labels[row]);
  }
  return part;
}

Result<std::vector<Fold>> divide_into_folds(const Configuration& configuration, const Dataset& dataset) {
  const std::vector<std::uint32_t>& rows = dataset.split.train;
  SLIPWAY_TRY(const SplitKeys keys, split_keys(configuration, dataset.prepared.table, dataset.target, rows));
  const std::string& wanted = configuration.split.options.method;
  table::SplitMethod method =
      dataset.target.task == model::Task::regression ? table::SplitMethod::random : table::SplitMethod::stratified;
  if (wanted == "grouped") method = table::SplitMethod::grouped;
  if (wanted == "time") method = table::SplitMethod::time;
  const int count = configuration.search.folds;
  SLIPWAY_TRY(const auto numbers, table::assign_folds(keys.view(), method, count, configuration.split.options.seed));
  std::vector<Fold> folds(static_cast<std::size_t>(count));
  for (std::size_t f = 0; f < folds.size(); ++f) {
    Fold& fold = folds[f];
    for (std::size_t i = 0; i < rows.size(); ++i)
      (numbers[i] == f ? fold.validation_rows : fold.train_rows).push_back(rows[i]);
    if (fold.validation_rows.empty() || fold.train_rows.empty())
      return invalid_input(fmt::format("{} training rows are too few for {} folds", rows.size(), count));
    fold.train_targets = targets_of(dataset.target, fold.train_rows);
    fold.validation_targets = targets_of(dataset.target, fold.validation_rows);
  }
  return folds;
}

Status fit_fold_features(const Configuration& configuration, const Dataset& dataset, Fold& fold) {
  const table::Table& table = dataset.prepared.table;
  const features::TargetView target{dataset.target.task, static_cast<int>(dataset.target.classes.size()),
                                    fold.train_targets.labels, fold.train_targets.values};
  model::ModelBuilder builder(configuration.name);
  SLIPWAY_TRY(auto fitted, features::fit(builder, dataset.plan, table, fold.train_rows, target, configuration.seed));
  fold.train_features = std::move(fitted.training);
  const model::Model& model = builder.so_far();
  SLIPWAY_TRY(const auto rows, model::TableRows::from(model.inputs, table.take(fold.validation_rows)));
  SLIPWAY_TRY(fold.validation_features,
              model::evaluate_value(model.inputs, model.values, model.operators, rows.batch(), fitted.value));
  return {};
}

}  // namespace slipway::pipeline
