#include <slipway/features/features.hpp>
#include <slipway/model/interpreter.hpp>
#include <slipway/pipeline/feature_table.hpp>

#include "folds.hpp"

namespace slipway::pipeline {

Result<table::Table> feature_table(const Configuration& configuration, const Dataset& dataset) {
  // The whole of the training rows as one fold, validated on the test rows.
  Fold whole;
  whole.train_rows = dataset.split.train;
  whole.validation_rows = dataset.split.test;
  whole.train_targets = targets_of(dataset.target, whole.train_rows);
  std::vector<std::string> names;
  SLIPWAY_CHECK(fit_fold_features(configuration, dataset, whole, Threads(), silent_progress(), &names));

  std::vector<std::uint32_t> rows = whole.train_rows;
  rows.insert(rows.end(), whole.validation_rows.begin(), whole.validation_rows.end());
  table::TextColumn part{std::vector<std::int32_t>(rows.size(), 0), {"train", "test"}};
  std::fill(part.codes.begin() + static_cast<std::ptrdiff_t>(whole.train_rows.size()), part.codes.end(), 1);
  table::Table table;
  SLIPWAY_CHECK(table.add({"part", std::move(part)}));
  std::vector<std::string> known = configuration.schema.ids;
  known.push_back(configuration.schema.target);
  const table::Table given = dataset.prepared.table.select(known).take(rows);
  for (const table::Column& column : given.all())
    if (!table.has(column.name)) SLIPWAY_CHECK(table.add(column));
  for (std::size_t c = 0; c < names.size(); ++c) {
    const auto train = whole.train_features.column(c), test = whole.validation_features.column(c);
    std::vector<float> values(train.begin(), train.end());
    values.insert(values.end(), test.begin(), test.end());
    std::string name = names[c];
    while (table.has(name)) name = "feature " + name;
    SLIPWAY_CHECK(table.add({name, table::NumberColumn{std::move(values)}}));
  }
  return table;
}

}  // namespace slipway::pipeline
