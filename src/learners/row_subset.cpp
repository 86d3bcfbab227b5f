#include "row_subset.hpp"

#include <slipway/table/split.hpp>

namespace slipway::learners {

TrainingData RowSubset::view() const {
  TrainingData data;
  data.features = &features;
  data.task = task;
  data.classes = classes;
  data.labels = labels;
  data.targets = targets;
  data.weights = weights;
  data.groups = groups;
  data.nominal = nominal;
  return data;
}

RowSubset take_rows(const TrainingData& data, std::span<const std::uint32_t> rows) {
  RowSubset subset;
  subset.task = data.task;
  subset.classes = data.classes;
  subset.features = model::Block(rows.size(), data.features->width);
  for (std::size_t column = 0; column < data.features->width; ++column) {
    const std::span<const float> from = data.features->column(column);
    const std::span<float> to = subset.features.column(column);
    for (std::size_t i = 0; i < rows.size(); ++i) to[i] = from[rows[i]];
  }
  const auto take = [&](auto& into, const auto& from) {
    if (from.empty()) return;
    into.reserve(rows.size());
    for (std::uint32_t row : rows) into.push_back(from[row]);
  };
  take(subset.labels, data.labels);
  take(subset.targets, data.targets);
  take(subset.weights, data.weights);
  take(subset.groups, data.groups);
  subset.nominal.assign(data.nominal.begin(), data.nominal.end());
  return subset;
}

Result<std::vector<std::uint8_t>> rows_by_fold(const TrainingData& data, int folds, std::uint64_t seed) {
  const std::size_t rows = data.features->rows;
  table::SplitInput input;
  input.rows = rows;
  input.classes = data.labels;
  input.groups = data.groups;
  std::size_t units = rows;
  if (!data.groups.empty()) {
    std::vector<std::int32_t> groups(data.groups.begin(), data.groups.end());
    std::sort(groups.begin(), groups.end());
    const auto alone = static_cast<std::size_t>(std::count(groups.begin(), groups.end(), -1));
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    units = groups.size() + alone - (alone > 0 ? 1 : 0);
  }
  const auto count = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(folds), units));
  if (count < 2) return std::vector<std::uint8_t>{};
  const table::SplitMethod method = !data.groups.empty()                   ? table::SplitMethod::grouped
                                    : data.task == model::Task::regression ? table::SplitMethod::random
                                                                           : table::SplitMethod::stratified;
  return table::assign_folds(input, method, count, seed);
}

std::vector<FoldRows> fold_rows(std::span<const std::uint8_t> fold_of_row) {
  if (fold_of_row.empty()) return {};
  std::vector<FoldRows> folds(std::size_t{1} + *std::max_element(fold_of_row.begin(), fold_of_row.end()));
  for (std::size_t f = 0; f < folds.size(); ++f)
    for (std::uint32_t row = 0; row < fold_of_row.size(); ++row)
      (fold_of_row[row] == f ? folds[f].inside : folds[f].outside).push_back(row);
  return folds;
}

}  // namespace slipway::learners
