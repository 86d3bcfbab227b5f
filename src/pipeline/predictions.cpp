#include "predictions.hpp"

#include <fmt/format.h>

#include "assessment.hpp"
#include "decision_context.hpp"
#include "folds.hpp"

namespace slipway::pipeline {

Status write_predictions(const Configuration& configuration, const Dataset& dataset, const std::string& onnx,
                         const std::filesystem::path& file, const Threads& threads) {
  const std::vector<std::uint32_t>& test = dataset.split.test;
  const table::Table rows = dataset.prepared.table.take(test);
  SLIPWAY_TRY(const ServableModel servable, load_servable(onnx));
  SLIPWAY_TRY(const auto prediction, servable.predictor.predict_table(rows, threads));
  std::vector<table::Column> columns;
  const auto add_whole = [&](std::string name, const auto& numbers) {
    table::IntegerColumn column;
    for (const auto number : numbers) column.values.push_back(static_cast<std::int64_t>(number));
    columns.push_back({std::move(name), std::move(column)});
  };
  add_whole("row", test);
  for (const std::string& id : configuration.schema.ids)
    if (const table::Column* column = rows.find(id); column != nullptr && id != "row") columns.push_back(*column);
  if (const auto groups = groups_of(configuration, dataset.prepared.table, test); !groups.empty())
    add_whole("group", groups);
  const RowTargets truth = targets_of(dataset.target, test);
  if (servable.model.task == model::Task::regression) {
    columns.push_back({"truth", table::NumberColumn{truth.values}});
  } else {
    add_whole("truth", truth.labels);
    add_whole("label", prediction.labels);
  }
  for (std::size_t c = 0; c < prediction.scores.width; ++c) {
    const auto scores = prediction.scores.column(c);
    columns.push_back({fmt::format("score_{}", c), table::NumberColumn{{scores.begin(), scores.end()}}});
  }
  // An id column of one of these names gives way.
  std::vector<table::Column> distinct;
  for (table::Column& column : columns)
    if (std::none_of(distinct.begin(), distinct.end(), [&](const auto& known) { return known.name == column.name; }))
      distinct.push_back(std::move(column));
  SLIPWAY_TRY(const table::Table table, table::Table::make(std::move(distinct)));
  return table::write_table(table, file, threads.count()).with_context("the run's predictions");
}

}  // namespace slipway::pipeline
