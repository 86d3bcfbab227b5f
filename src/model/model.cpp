#include <fmt/format.h>

#include <slipway/model/model.hpp>

#include "checks.hpp"

namespace slipway::model {

std::string_view input_kind_name(InputKind kind) {
  switch (kind) {
    case InputKind::number:
      return "number";
    case InputKind::text:
      return "text";
    case InputKind::time:
      return "time";
  }
  return "";
}

std::string_view task_name(Task task) {
  switch (task) {
    case Task::binary:
      return "binary";
    case Task::multiclass:
      return "multiclass";
    case Task::regression:
      return "regression";
  }
  return "";
}

namespace {

ValueKind value_kind(InputKind kind) {
  return kind == InputKind::number ? ValueKind::numbers : kind == InputKind::text ? ValueKind::text : ValueKind::time;
}

// One form for equal trees: a row per leaf in node order, zeros where nothing is stored.
void bring_into_form(Trees& trees) {
  if (trees.cover.empty()) trees.cover.assign(trees.node_count(), 0.0F);
  std::vector<float> rows;
  rows.reserve(trees.leaf_values.size());
  std::uint32_t next = 0;
  for (std::size_t node = 0; node < trees.node_count(); ++node) {
    if (trees.feature[node] != Trees::leaf) continue;
    const float* row = trees.leaf_values.data() + std::size_t{trees.left[node]} * trees.outputs;
    rows.insert(rows.end(), row, row + trees.outputs);
    trees.left[node] = next++;
    trees.right[node] = 0;
    trees.threshold[node] = 0;
    trees.missing_left[node] = 0;
  }
  trees.leaf_values = std::move(rows);
}

}  // namespace

ModelBuilder::ModelBuilder(std::string name) { model_.name = std::move(name); }

void ModelBuilder::fail(std::string message) {
  if (!error_) error_ = invalid_input(std::move(message));
}

ValueId ModelBuilder::input(Input input) {
  if (!model_.operators.empty()) fail(fmt::format("input '{}' comes after an operator", input.name));
  for (const Input& other : model_.inputs)
    if (other.name == input.name) fail(fmt::format("input '{}' stands twice", input.name));
  if (Status status = check_input(input); !status.ok()) fail(status.error().message());
  model_.values.push_back({input.name, value_kind(input.kind), {input.name}});
  model_.inputs.push_back(std::move(input));
  return static_cast<ValueId>(model_.values.size() - 1);
}

ValueId ModelBuilder::add(Operator op, std::string name, std::vector<std::string> columns) {
  const auto id = static_cast<ValueId>(model_.values.size());
  std::visit([id](auto& one) { one.output = id; }, op);
  Value output{std::move(name), ValueKind::numbers, std::move(columns)};
  if (Status status = check_operator(op, model_.values, output); !status.ok()) {
    fail(status.error().message());
  } else if (auto* trees = std::get_if<Trees>(&op)) {
    bring_into_form(*trees);
  } else if (auto* decide = std::get_if<Decide>(&op); decide && model_.values[decide->input].width() > 2) {
    decide->threshold = Decide{}.threshold;
  }
  model_.values.push_back(std::move(output));
  model_.operators.push_back(std::move(op));
  return id;
}

void ModelBuilder::set_task(Task task, std::string target, std::vector<std::string> classes) {
  model_.task = task;
  model_.target = std::move(target);
  model_.classes = std::move(classes);
}

void ModelBuilder::set_outputs(ValueId scores, ValueId label) {
  model_.scores = scores;
  model_.label = label;
}

void ModelBuilder::set_metadata(std::string key, std::string value) {
  model_.metadata[std::move(key)] = std::move(value);
}

const Value& ModelBuilder::value(ValueId id) const {
  static const Value none;
  return id < model_.values.size() ? model_.values[id] : none;
}

Result<Model> ModelBuilder::build() && {
  if (!error_) {
    if (Status status = check_outputs(model_); !status.ok()) error_ = status.error();
  }
  if (error_) return std::move(*error_).with_context(fmt::format("building model '{}'", model_.name));
  return std::move(model_);
}

Status validate(const Model& model) {
  if (model.values.size() != model.inputs.size() + model.operators.size())
    return invalid_input(fmt::format("{} values for {} inputs and {} operators", model.values.size(),
                                     model.inputs.size(), model.operators.size()));
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < model.inputs.size(); ++i) {
    const Input& input = model.inputs[i];
    SLIPWAY_CHECK(check_input(input));
    if (!names.insert(input.name).second) return invalid_input(fmt::format("input '{}' stands twice", input.name));
    const Value& value = model.values[i];
    if (value.kind != value_kind(input.kind) || value.name != input.name || value.columns != std::vector{input.name})
      return invalid_input(fmt::format("value {} does not fit input '{}'", i, input.name));
  }
  for (std::size_t i = 0; i < model.operators.size(); ++i) {
    const std::size_t id = model.inputs.size() + i;
    const Operator& op = model.operators[i];
    if (operator_output(op) != id)
      return invalid_input(fmt::format("operator {} makes value {}, expected {}", i, operator_output(op), id));
    SLIPWAY_CHECK(check_operator(op, std::span(model.values).first(id), model.values[id]));
  }
  return check_outputs(model);
}

namespace {

using Sources = std::vector<std::uint32_t>;

void merge(Sources& into, const Sources& more) {
  Sources both;
  std::set_union(into.begin(), into.end(), more.begin(), more.end(), std::back_inserter(both));
  into = std::move(both);
}

// The sources of every column of one operator's output, from those of the values before it.
class SourcesOf {
 public:
  SourcesOf(const std::vector<std::vector<Sources>>& values, std::size_t width) : values_(values), width_(width) {}
  std::vector<Sources> operator()(const Fill& op) const {
    std::vector<Sources> columns = values_[op.input];
    if (op.indicator) columns.insert(columns.end(), values_[op.input].begin(), values_[op.input].end());
    return columns;
  }
  std::vector<Sources> operator()(const Affine& op) const { return values_[op.input]; }
  std::vector<Sources> operator()(const Expression& op) const {
    Sources all;
    for (const ExpressionNode& node : op.nodes)
      if (node.op == ExpressionNode::Op::column || is_time_op(node.op))
        merge(all, values_[op.inputs[node.operand]][node.column]);
    return {all};
  }
  std::vector<Sources> operator()(const Trees& op) const {
    std::vector<std::uint8_t> used(values_[op.input].size(), 0);
    for (const std::int32_t feature : op.feature)
      if (feature != Trees::leaf) used[static_cast<std::size_t>(feature)] = 1;
    Sources all;
    for (std::size_t column = 0; column < used.size(); ++column)
      if (used[column]) merge(all, values_[op.input][column]);
    return std::vector<Sources>(width_, all);
  }
  std::vector<Sources> operator()(const Join& op) const {
    std::vector<Sources> columns;
    if (op.kind == Join::Kind::concatenate) {
      for (const ValueId id : op.inputs) columns.insert(columns.end(), values_[id].begin(), values_[id].end());
      return columns;
    }
    columns = values_[op.inputs[0]];
    for (const ValueId id : op.inputs)
      for (std::size_t column = 0; column < width_; ++column) merge(columns[column], values_[id][column]);
    return columns;
  }
  std::vector<Sources> operator()(const Link& op) const {
    if (op.kind == Link::Kind::identity || op.kind == Link::Kind::exponential) return values_[op.input];
    return everything(op.input);
  }
  std::vector<Sources> operator()(const Foreign& op) const {
    Sources all;
    for (const ValueId id : op.inputs) merge(all, values_[id][0]);
    return std::vector<Sources>(width_, all);
  }
  // Lookup, Piecewise, Terms, Match, Dense, Decide: every column from every column.
  std::vector<Sources> operator()(const auto& op) const { return everything(op.input); }

 private:
  std::vector<Sources> everything(ValueId input) const {
    Sources all;
    for (const Sources& column : values_[input]) merge(all, column);
    return std::vector<Sources>(width_, all);
  }
  const std::vector<std::vector<Sources>>& values_;
  std::size_t width_;
};

}  // namespace

std::vector<std::vector<std::uint32_t>> column_sources(const Model& model, ValueId value) {
  std::vector<std::vector<Sources>> values;
  values.reserve(model.values.size());
  for (std::uint32_t i = 0; i < model.inputs.size(); ++i) values.push_back(std::vector<Sources>{Sources{i}});
  for (const Operator& op : model.operators) {
    if (values.size() > value) break;
    values.push_back(std::visit(SourcesOf(values, model.values[values.size()].width()), op));
  }
  return value < values.size() ? values[value] : std::vector<Sources>{};
}

}  // namespace slipway::model
