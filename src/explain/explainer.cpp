#include <algorithm>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/explain/explainer.hpp>
#include <slipway/model/interpreter.hpp>

#include "decomposition.hpp"
#include "parts.hpp"
#include "sampler.hpp"

namespace slipway::explain {

std::string_view method_name(Method method) {
  switch (method) {
    case Method::automatic:
      return "automatic";
    case Method::path_dependent:
      return "path_dependent";
    case Method::interventional:
      return "interventional";
    case Method::sampled:
      return "sampled";
  }
  return "";
}

Result<Method> find_method(std::string_view name) {
  std::vector<std::string> known;
  for (const Method method : {Method::automatic, Method::path_dependent, Method::interventional, Method::sampled}) {
    if (method_name(method) == name) return method;
    known.emplace_back(method_name(method));
  }
  return invalid_input(fmt::format("there is no method of explanation '{}'{}; expected one of {}", name,
                                   suggestion(name, known), list_names(known)));
}

struct Explainer::State {
  Method method = Method::path_dependent;
  Explained explained = Explained::probability;
  std::vector<std::string> columns, inputs, outputs;
  std::vector<std::vector<std::uint32_t>> sources;  // per column
  std::vector<double> base;
  std::vector<model::ValueId> features;  // distinct
  std::vector<std::size_t> starts;       // per features value: its first column
  std::vector<std::size_t> widths;
  struct PartAt {
    std::size_t features;  // index
    std::unique_ptr<Part> part;
  };
  std::vector<PartAt> parts;
  std::optional<Sampler> sampler;
  Evaluate evaluate;

  // Returns the index among `features`.
  std::size_t add_features(const model::Model& model, model::ValueId value) {
    const auto found = std::find(features.begin(), features.end(), value);
    if (found != features.end()) return static_cast<std::size_t>(found - features.begin());
    features.push_back(value);
    starts.push_back(columns.size());
    widths.push_back(model.values[value].width());
    const auto& names = model.values[value].columns;
    columns.insert(columns.end(), names.begin(), names.end());
    for (auto& of_column : model::column_sources(model, value)) sources.push_back(std::move(of_column));
    return features.size() - 1;
  }

  void prepare(std::size_t rows, Contributions& out) const {
    out.rows = rows;
    out.outputs = outputs.size();
    out.columns = columns.size();
    out.inputs = inputs.size();
    out.base = base;
    out.by_column.assign(out.outputs * out.columns * out.rows, 0.0);
  }

  // Puts parts together; base holds the constants already.
  Status add_parts(const model::Model& model, const Decomposition& sum, const std::optional<Baselines>& baselines) {
    for (const Term& term : sum.terms) {
      const std::size_t index = add_features(model, term.value);
      model::Block block;
      if (term.trees == nullptr || method == Method::interventional) {
        if (!baselines)
          return invalid_input(
              fmt::format("{} needs baselines, rows to compare with; there are none",
                          term.trees == nullptr ? "an explanation of what is not trees" : "interventional SHAP"));
        SLIPWAY_CHECK(check_batch(model.inputs, baselines->rows()).with_context("baselines"));
        SLIPWAY_CHECK(evaluate(baselines->rows(), term.value, block));
      } else {
        SLIPWAY_CHECK(check_cover(*term.trees));
      }
      std::unique_ptr<Part> part = term.trees == nullptr ? linear_part(term.mix, block)
                                   : method == Method::path_dependent
                                       ? path_dependent_part(*term.trees, term.mix)
                                       : interventional_part(*term.trees, term.mix, block);
      for (std::size_t o = 0; o < base.size(); ++o) base[o] += part->base()[o];
      parts.push_back({index, std::move(part)});
    }
    return {};
  }
};

namespace {

// The reference interpreter over a copy of the model.
Evaluate interpreter_of(const model::Model& model) {
  return [copy = std::make_shared<const model::Model>(model)](const model::RowBatch& rows, model::ValueId value,
                                                              model::Block& out) -> Status {
    SLIPWAY_TRY(out, model::evaluate_value(*copy, rows, value));
    return {};
  };
}

// The method that automatic stands for.
Method choose_method(const Result<Decomposition>& sum, bool baselines) {
  if (!sum.ok()) return Method::sampled;
  bool covered = true, linear = false;
  for (const Term& term : sum->terms) {
    linear = linear || term.trees == nullptr;
    covered = covered && (term.trees == nullptr || check_cover(*term.trees).ok());
  }
  if (covered && (!linear || baselines)) return Method::path_dependent;
  return baselines ? Method::interventional : Method::path_dependent;
}

}  // namespace

Result<Explainer> Explainer::make(const model::Model& model, const ExplainerOptions& options, Evaluate evaluate) {
  auto state = std::make_shared<State>();
  state->evaluate = evaluate ? std::move(evaluate) : interpreter_of(model);
  state->outputs = explained_outputs(model);
  for (const model::Input& input : model.inputs) state->inputs.push_back(input.name);
  const Result<Decomposition> sum = decompose(model);
  state->method =
      options.method == Method::automatic ? choose_method(sum, options.baselines.has_value()) : options.method;
  if (state->method != Method::sampled) {
    if (!sum.ok()) return sum.error();
    state->explained = sum->explained;
    state->base = sum->constant;
    SLIPWAY_CHECK(state->add_parts(model, *sum, options.baselines));
    return Explainer(std::move(state));
  }
  if (!options.baselines) {
    const std::string why = sum.ok() ? std::string() : sum.error().message() + "; ";
    return invalid_input(why +
                         "to explain the scores themselves needs baselines, rows to compare with; there are none");
  }
  SLIPWAY_CHECK(check_batch(model.inputs, options.baselines->rows()).with_context("baselines"));
  state->explained = model.task == model::Task::regression ? Explained::value : Explained::probability;
  const bool pair = model.task == model::Task::binary && model.score_width() == 2;
  if (!pair && model.score_width() != state->outputs.size())
    return invalid_input(fmt::format("scores of {} columns for {} outputs cannot be explained", model.score_width(),
                                     state->outputs.size()));
  state->columns = state->inputs;
  for (std::uint32_t i = 0; i < state->inputs.size(); ++i) state->sources.push_back({i});
  state->sampler.emplace(state->inputs.size(), model.scores, pair ? 1 : 0, state->outputs.size(), *options.baselines,
                         state->evaluate);
  SLIPWAY_TRY(state->base, state->sampler->base());
  return Explainer(std::move(state));
}

Status Explainer::explain(std::span<const model::Block> features, Contributions& out, const Threads& threads) const {
  const State& state = *state_;
  if (state.sampler) return invalid_input("the sampled method explains raw rows, not blocks of features");
  if (features.size() != state.features.size())
    return invalid_input(fmt::format("{} blocks of features were given to explain; the model's parts read {}",
                                     features.size(), state.features.size()));
  const std::size_t rows = features.empty() ? 0 : features[0].rows;
  for (std::size_t i = 0; i < features.size(); ++i)
    if (features[i].width != state.widths[i] || features[i].rows != rows)
      return invalid_input(
          fmt::format("a block of {} columns and {} rows was given to explain; expected {} columns "
                      "and {} rows",
                      features[i].width, features[i].rows, state.widths[i], rows));
  state.prepare(rows, out);
  const std::size_t blocks = (rows + rows_at_once - 1) / rows_at_once;
  const auto explain_at = [&](std::size_t b) {
    for (const auto& [index, part] : state.parts)
      part->add(features[index], b * rows_at_once, std::min(rows, (b + 1) * rows_at_once),
                {out.by_column.data() + state.starts[index] * rows, rows, out.columns});
  };
  if (blocks == 1) {
    explain_at(0);
  } else {
    threads.for_each(blocks, explain_at);
  }
  out.by_input = contributions_by_input(out.by_column, out.outputs, out.rows, state.sources, out.inputs);
  return {};
}

Status Explainer::explain(const model::Block& features, Contributions& out, const Threads& threads) const {
  return explain(std::span(&features, 1), out, threads);
}

Status Explainer::explain(const model::Block& features, Contributions& out) const {
  static const Threads one(1);
  return explain(features, out, one);
}

Status Explainer::explain(const model::RowBatch& rows, Contributions& out, const Threads& threads) const {
  const State& state = *state_;
  if (rows.columns.size() != state.inputs.size())
    return invalid_input(fmt::format("rows of {} inputs were given to explain; the model has {}", rows.columns.size(),
                                     state.inputs.size()));
  if (state.sampler) {
    state.prepare(rows.rows, out);
    SLIPWAY_CHECK(state.sampler->explain(rows, out, threads));
    out.by_input = out.by_column;
    return {};
  }
  thread_local std::vector<model::Block> blocks;
  blocks.resize(state.features.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) SLIPWAY_CHECK(state.evaluate(rows, state.features[i], blocks[i]));
  return explain(blocks, out, threads);
}

Status Explainer::explain(const model::RowBatch& rows, Contributions& out) const {
  static const Threads one(1);
  return explain(rows, out, one);
}

Method Explainer::method() const { return state_->method; }
Explained Explainer::explained() const { return state_->explained; }
std::span<const model::ValueId> Explainer::features_values() const { return state_->features; }
std::span<const std::string> Explainer::columns() const { return state_->columns; }
std::span<const std::string> Explainer::inputs() const { return state_->inputs; }
std::span<const std::string> Explainer::outputs() const { return state_->outputs; }
std::span<const double> Explainer::base() const { return state_->base; }

}  // namespace slipway::explain
