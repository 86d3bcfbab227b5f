#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <variant>

#include <fmt/format.h>

#include <slipway/explain/tree_shap.hpp>
#include <slipway/model/interpreter.hpp>

#include "ensemble.hpp"
#include "kernels.hpp"

namespace slipway::explain {

std::string_view explained_name(Explained explained) {
  switch (explained) {
    case Explained::probability:
      return "probability";
    case Explained::margin:
      return "margin";
    case Explained::value:
      return "value";
  }
  return "";
}

double Contributions::total(std::size_t output, std::size_t row) const {
  double sum = base[output];
  for (std::size_t c = 0; c < columns; ++c) sum += column(output, c, row);
  return sum;
}

struct TreeExplainer::State {
  Explained explained = Explained::probability;
  model::ValueId features = 0;
  std::vector<std::string> columns;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<std::vector<std::uint32_t>> sources;  // per column
  Ensemble ensemble;
  // What computes the features.
  std::vector<model::Input> model_inputs;
  std::vector<model::Value> model_values;
  std::vector<model::Operator> operators;

  void explain_block(const model::Block& block, std::size_t begin, std::size_t end, bool row_by_row,
                     Contributions& out) const;
};

namespace {

// How the scores come from the trees.
struct Chain {
  const model::Trees* trees = nullptr;
  std::size_t place = 0;  // of the Trees among the operators
  bool softmax = false;
  bool probability = true;  // nothing between trees and scores changes the scale
};

std::optional<std::size_t> producer(const model::Model& model, model::ValueId value) {
  for (std::size_t i = 0; i < model.operators.size(); ++i)
    if (model::operator_output(model.operators[i]) == value) return i;
  return std::nullopt;
}

Result<Chain> trace_scores(const model::Model& model) {
  Chain chain;
  model::ValueId value = model.scores;
  // Operators are in order of evaluation, so the walk back ends.
  for (;;) {
    const std::optional<std::size_t> place = producer(model, value);
    if (!place) return invalid_input("TreeSHAP needs scores that come from trees; here they are a raw input");
    const model::Operator& op = model.operators[*place];
    if (const auto* trees = std::get_if<model::Trees>(&op)) {
      chain.trees = trees;
      chain.place = *place;
      return chain;
    }
    const std::vector<model::ValueId> inputs = model::operator_inputs(op);
    if (const auto* link = std::get_if<model::Link>(&op)) {
      using Kind = model::Link::Kind;
      if (link->kind == Kind::softmax) chain.softmax = true;
      if (link->kind == Kind::softmax || link->kind == Kind::sigmoid || link->kind == Kind::exponential)
        chain.probability = false;
    } else {
      const bool one_column = inputs.size() == 1 && model.values[inputs[0]].width() == 1;
      const bool calibration =
          std::holds_alternative<model::Affine>(op) || std::holds_alternative<model::Piecewise>(op) ||
          std::holds_alternative<model::Dense>(op) || std::holds_alternative<model::Expression>(op);
      if (!one_column || !calibration)
        return invalid_input(
            fmt::format("TreeSHAP needs scores that come from one Trees operator through links and one-column "
                        "calibration; value '{}' comes from {}",
                        model.values[value].name, model::operator_name(op)));
      chain.probability = false;
    }
    value = inputs[0];
  }
}

// Whether every leaf row is a distribution (or a single probability), so that their mean is one.
bool leaves_are_probabilities(const model::Trees& trees) {
  if (trees.aggregate != model::Trees::Aggregate::mean) return false;
  for (float base : trees.base)
    if (base != 0) return false;
  for (std::size_t row = 0; row * trees.outputs < trees.leaf_values.size(); ++row) {
    double sum = 0;
    for (std::size_t j = 0; j < trees.outputs; ++j) {
      const float value = trees.leaf_values[row * trees.outputs + j];
      if (!(value >= 0 && value <= 1)) return false;
      sum += value;
    }
    if (trees.outputs > 1 && std::abs(sum - 1) > 1e-4) return false;
  }
  return true;
}

thread_local Scratch scratch;

constexpr std::size_t few_rows = 12;  // below, the one-row kernel is faster

}  // namespace

Result<TreeExplainer> TreeExplainer::make(const model::Model& model) {
  SLIPWAY_TRY(const Chain chain, trace_scores(model));
  const model::Trees& trees = *chain.trees;
  auto state = std::make_shared<State>();
  // Explained output o = sum over j of mix[o][j] * column j of the trees' output.
  std::vector<std::vector<double>> mix;
  if (model.task == model::Task::binary) {
    state->outputs = {model.classes.size() > 1 ? model.classes[1] : model.target};
    if (trees.outputs == 1) {
      mix = {{1.0}};
    } else if (trees.outputs == 2) {
      mix =
          chain.softmax ? std::vector<std::vector<double>>{{-1.0, 1.0}} : std::vector<std::vector<double>>{{0.0, 1.0}};
    } else {
      return invalid_input(
          fmt::format("a binary model whose trees have {} outputs cannot be explained", trees.outputs));
    }
  } else {
    state->outputs = model.task == model::Task::multiclass ? model.classes : std::vector<std::string>{model.target};
    if (trees.outputs != state->outputs.size())
      return invalid_input(fmt::format("trees with {} outputs for {} {} cannot be explained", trees.outputs,
                                       state->outputs.size(),
                                       model.task == model::Task::multiclass ? "classes" : "target"));
    for (std::size_t o = 0; o < trees.outputs; ++o) {
      mix.emplace_back(trees.outputs, 0.0);
      mix[o][o] = 1;
    }
  }
  if (model.task == model::Task::regression) {
    state->explained = chain.probability ? Explained::value : Explained::margin;
  } else {
    state->explained =
        chain.probability && leaves_are_probabilities(trees) ? Explained::probability : Explained::margin;
  }
  SLIPWAY_TRY(state->ensemble, lay_out(trees, mix));
  state->features = trees.input;
  state->columns = model.values[trees.input].columns;
  state->sources = model::column_sources(model, trees.input);
  for (const model::Input& input : model.inputs) state->inputs.push_back(input.name);
  state->model_inputs = model.inputs;
  state->model_values = model.values;
  state->operators.assign(model.operators.begin(), model.operators.begin() + std::ptrdiff_t(chain.place));
  return TreeExplainer(std::move(state));
}

void TreeExplainer::State::explain_block(const model::Block& block, std::size_t begin, std::size_t end, bool row_by_row,
                                         Contributions& out) const {
  const std::size_t used = ensemble.features.size();
  const std::size_t rows = end - begin;
  const auto place = [&](std::size_t output, std::size_t feature) {
    return out.by_column.data() + (output * out.columns + ensemble.features[feature]) * out.rows + begin;
  };
  if (row_by_row) {
    std::vector<float> values(used);
    std::vector<double> sums(used * ensemble.outputs);
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t f = 0; f < used; ++f) values[f] = block.at(begin + row, ensemble.features[f]);
      std::fill(sums.begin(), sums.end(), 0.0);
      explain_one(ensemble, values.data(), sums.data(), scratch);
      for (std::size_t o = 0; o < ensemble.outputs; ++o)
        for (std::size_t f = 0; f < used; ++f) place(o, f)[row] = sums[o * used + f] * ensemble.scale;
    }
    return;
  }
  Scratch columns_buffer;
  float* columns = columns_buffer.aligned(used * block_rows);
  for (std::size_t f = 0; f < used; ++f) {
    const float* from = block.values.data() + ensemble.features[f] * block.rows + begin;
    std::copy(from, from + rows, columns + f * block_rows);
    std::fill(columns + f * block_rows + rows, columns + (f + 1) * block_rows, 0.0F);
  }
  std::vector<double> sums(used * ensemble.outputs * block_rows, 0.0);
  explain_rows(ensemble, columns, rows, sums.data(), scratch);
  for (std::size_t o = 0; o < ensemble.outputs; ++o)
    for (std::size_t f = 0; f < used; ++f)
      for (std::size_t row = 0; row < rows; ++row)
        place(o, f)[row] = sums[(o * used + f) * block_rows + row] * ensemble.scale;
}

Status TreeExplainer::explain(const model::Block& features, Contributions& out, const Threads& threads) const {
  const State& state = *state_;
  if (features.width != state.columns.size())
    return invalid_input(fmt::format("a block of {} columns was given to explain; the trees read {}", features.width,
                                     state.columns.size()));
  out.rows = features.rows;
  out.outputs = state.outputs.size();
  out.columns = state.columns.size();
  out.inputs = state.inputs.size();
  out.base = state.ensemble.expected;
  out.by_column.assign(out.outputs * out.columns * out.rows, 0.0);
  const bool row_by_row = features.rows < few_rows || state.ensemble.deepest > deepest_recursion;
  const std::size_t blocks = (features.rows + block_rows - 1) / block_rows;
  const auto explain_at = [&](std::size_t b) {
    state.explain_block(features, b * block_rows, std::min(features.rows, (b + 1) * block_rows), row_by_row, out);
  };
  if (blocks == 1) {
    explain_at(0);
  } else {
    threads.for_each(blocks, explain_at);
  }
  out.by_input = contributions_by_input(out.by_column, out.outputs, out.rows, state.sources, out.inputs);
  return {};
}

Status TreeExplainer::explain(const model::Block& features, Contributions& out) const {
  static const Threads one(1);
  return explain(features, out, one);
}

Status TreeExplainer::explain(const model::RowBatch& rows, Contributions& out, const Threads& threads) const {
  SLIPWAY_TRY(const model::Block features, model::evaluate_value(state_->model_inputs, state_->model_values,
                                                                 state_->operators, rows, state_->features));
  return explain(features, out, threads);
}

Status TreeExplainer::explain(const model::RowBatch& rows, Contributions& out) const {
  static const Threads one(1);
  return explain(rows, out, one);
}

Explained TreeExplainer::explained() const { return state_->explained; }
model::ValueId TreeExplainer::features_value() const { return state_->features; }
std::span<const std::string> TreeExplainer::columns() const { return state_->columns; }
std::span<const std::string> TreeExplainer::inputs() const { return state_->inputs; }
std::span<const std::string> TreeExplainer::outputs() const { return state_->outputs; }
std::span<const double> TreeExplainer::base() const { return state_->ensemble.expected; }

std::vector<double> contributions_by_input(std::span<const double> by_column, std::size_t outputs, std::size_t rows,
                                           std::span<const std::vector<std::uint32_t>> column_sources,
                                           std::size_t inputs) {
  std::vector<double> by_input(outputs * inputs * rows, 0.0);
  std::vector<std::uint32_t> all(inputs);
  std::iota(all.begin(), all.end(), 0);
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t c = 0; c < column_sources.size(); ++c) {
      const double* from = by_column.data() + (o * column_sources.size() + c) * rows;
      const std::vector<std::uint32_t>& sources = column_sources[c].empty() ? all : column_sources[c];
      const double part = 1.0 / static_cast<double>(sources.size());
      for (std::uint32_t input : sources) {
        double* to = by_input.data() + (o * inputs + input) * rows;
        for (std::size_t row = 0; row < rows; ++row) to[row] += from[row] * part;
      }
    }
  }
  return by_input;
}

}  // namespace slipway::explain
