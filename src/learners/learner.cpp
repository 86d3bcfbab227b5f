// The catalogue, and what every learner's result has in common.
#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/learners/learner.hpp>
#include <slipway/model/interpreter.hpp>

#include "boosting/boosting.hpp"
#include "ensemble/ensemble.hpp"
#include "forest/forest.hpp"
#include "fragments.hpp"
#include "linear/linear.hpp"

namespace slipway::learners {
namespace {

constexpr std::size_t rows_at_a_time = 4096;

// "Trees" -> "trees"
std::string value_name(const model::Operator& op, bool last) {
  return last ? "scores" : lower_case(model::operator_name(op));
}

}  // namespace

model::ValueId append(model::ModelBuilder& builder, const Fragment& fragment, model::ValueId features) {
  std::vector<model::ValueId> ids = {features};
  for (std::size_t i = 0; i < fragment.operators.size(); ++i) {
    // The output is given by the builder; until then it points nowhere.
    model::Operator op =
        renumber(fragment.operators[i], [&](model::ValueId id) { return id < ids.size() ? ids[id] : 0; });
    const bool last = i + 1 == fragment.operators.size();
    std::string name = value_name(op, last);
    ids.push_back(builder.add(std::move(op), std::move(name), fragment.columns[i]));
  }
  return ids.back();
}

Result<model::Block> predict(const Fragment& fragment, const model::Block& features, const Threads& threads) {
  if (fragment.operators.empty()) return invalid_input("a fragment without operators has no scores");
  std::vector<model::Input> inputs(features.width);
  std::vector<model::Value> values;
  model::RowBatch batch;
  batch.rows = features.rows;
  model::Join join{};
  model::Value joined{"features", model::ValueKind::numbers, {}};
  for (std::size_t column = 0; column < features.width; ++column) {
    const std::string name = fmt::format("x{}", column);
    inputs[column].name = name;
    inputs[column].kind = model::InputKind::number;
    values.push_back({name, model::ValueKind::numbers, {name}});
    batch.columns.emplace_back(model::NumberView(features.column(column)));
    join.inputs.push_back(static_cast<model::ValueId>(column));
    joined.columns.push_back(name);
  }
  const auto first = static_cast<model::ValueId>(features.width);
  join.output = first;
  values.push_back(std::move(joined));
  std::vector<model::Operator> operators = {join};
  for (std::size_t i = 0; i < fragment.operators.size(); ++i) {
    operators.push_back(renumber(fragment.operators[i], [&](model::ValueId id) { return first + id; }));
    values.push_back({fmt::format("value {}", i + 1), model::ValueKind::numbers, fragment.columns[i]});
  }
  const auto last = static_cast<model::ValueId>(values.size() - 1);
  const std::size_t parts = features.rows / rows_at_a_time;
  if (threads.count() == 1 || parts < 2) return model::evaluate_value(inputs, values, operators, batch, last);

  model::Block whole(features.rows, fragment.columns.back().size());
  std::vector<Status> outcomes(parts);
  threads.for_each(parts, [&](std::size_t part) {
    const std::size_t begin = part * features.rows / parts;
    const std::size_t end = (part + 1) * features.rows / parts;
    auto block = model::evaluate_value(inputs, values, operators, model::slice_rows(batch, begin, end), last);
    if (!block.ok()) {
      outcomes[part] = std::move(block).error();
      return;
    }
    for (std::size_t column = 0; column < whole.width; ++column)
      std::ranges::copy(block->column(column), whole.column(column).subspan(begin).begin());
  });
  for (Status& outcome : outcomes) SLIPWAY_CHECK(std::move(outcome));
  return whole;
}

bool takes_missing(const Learner& learner, const Settings& settings, model::Task task) {
  return learner.takes_missing_with == nullptr ? learner.takes_missing : learner.takes_missing_with(settings, task);
}

std::span<const Learner> catalogue() {
  static const std::vector<Learner> learners = {forest::random_forest_learner(),
                                                forest::extra_trees_learner(),
                                                forest::decision_tree_learner(),
                                                boosting::gradient_boosting(),
                                                linear::logistic_regression(),
                                                linear::linear_regression(),
                                                ensemble::bagging(),
                                                ensemble::voting(),
                                                ensemble::stacking()};
  return learners;
}

Result<const Learner*> find_learner(std::string_view name) {
  std::vector<std::string> names;
  for (const Learner& learner : catalogue()) {
    if (learner.name == name) return &learner;
    names.emplace_back(learner.name);
  }
  return not_found(fmt::format("there is no learner '{}'{}; known: {}", name, suggestion(name, names),
                               list_names(names, names.size())));
}

}  // namespace slipway::learners
