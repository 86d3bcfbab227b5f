#include "decomposition.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

namespace slipway::explain {

std::vector<std::string> explained_outputs(const model::Model& model) {
  switch (model.task) {
    case model::Task::binary:
      return {model.classes.size() > 1 ? model.classes[1] : model.target};
    case model::Task::multiclass:
      return model.classes;
    case model::Task::regression:
      break;
  }
  return {model.target};
}

namespace {

class Tracer {
 public:
  explicit Tracer(const model::Model& model)
      : model_(model), trees_above_(model.values.size(), 0), learned_above_(model.values.size(), 0) {
    for (const model::Operator& op : model.operators) {
      bool trees = std::holds_alternative<model::Trees>(op);
      bool learned = trees || std::holds_alternative<model::Dense>(op);
      for (const model::ValueId input : operator_inputs(op)) {
        trees = trees || trees_above_[input] != 0;
        learned = learned || learned_above_[input] != 0;
      }
      trees_above_[operator_output(op)] = trees;
      learned_above_[operator_output(op)] = learned;
    }
  }

  Result<Decomposition> run() {
    model::ValueId value = model_.scores;
    bool margin = false, softmax = false;
    while (const auto below = behind_link(value, margin, softmax)) value = *below;
    if (const auto* dense = std::get_if<model::Dense>(producer(value));
        dense != nullptr && dense->activation == model::Dense::Activation::sigmoid) {
      margin = true;  // the activation of a logistic model is its link
      linked_ = value;
    }
    out_.explained = model_.task == model::Task::regression ? (margin ? Explained::margin : Explained::value)
                     : margin                               ? Explained::margin
                                                            : Explained::probability;
    SLIPWAY_TRY(Mix mix, first_mix(model_.values[value].width(), softmax));
    out_.constant.assign(mix.size(), 0);
    pending_[value] = std::move(mix);
    // Operators stand in order of evaluation, so that every use of a value is seen before its producer.
    for (std::size_t i = model_.operators.size(); i-- > 0 && !pending_.empty();) {
      const auto found = pending_.find(operator_output(model_.operators[i]));
      if (found == pending_.end()) continue;
      SLIPWAY_CHECK(expand(model_.operators[i], found->first, found->second));
    }
    for (auto& [id, left] : pending_) SLIPWAY_CHECK(add_linear(id, left));  // raw inputs
    std::reverse(out_.terms.begin(), out_.terms.end());
    return std::move(out_);
  }

 private:
  const model::Operator* producer(model::ValueId value) const {
    return value < model_.inputs.size() ? nullptr : &model_.operators[value - model_.inputs.size()];
  }

  // The value before a link, or before the calibration of one learned column; nothing where another operator stands.
  std::optional<model::ValueId> behind_link(model::ValueId value, bool& margin, bool& softmax) const {
    const model::Operator* op = producer(value);
    if (op == nullptr) return std::nullopt;
    if (const auto* link = std::get_if<model::Link>(op)) {
      using Kind = model::Link::Kind;
      softmax = softmax || link->kind == Kind::softmax;
      margin = margin || (link->kind != Kind::identity && link->kind != Kind::complement);
      return link->input;
    }
    const std::vector<model::ValueId> inputs = operator_inputs(*op);
    const bool calibration =
        std::holds_alternative<model::Affine>(*op) || std::holds_alternative<model::Piecewise>(*op) ||
        std::holds_alternative<model::Dense>(*op) || std::holds_alternative<model::Expression>(*op);
    if (!calibration || inputs.size() != 1 || model_.values[inputs[0]].width() != 1 || learned_above_[inputs[0]] == 0 ||
        model_.values[value].width() != 1)
      return std::nullopt;
    margin = true;
    return inputs[0];
  }

  Result<Mix> first_mix(std::size_t width, bool softmax) const {
    if (model_.task == model::Task::binary) {
      if (width == 1) return Mix{{1.0}};
      if (width == 2) return softmax ? Mix{{-1.0, 1.0}} : Mix{{0.0, 1.0}};
      return invalid_input(fmt::format("a binary model whose scores come from {} columns cannot be explained", width));
    }
    const std::size_t outputs = explained_outputs(model_).size();
    if (width != outputs)
      return invalid_input(fmt::format("scores that come from {} columns for {} {} cannot be explained", width, outputs,
                                       model_.task == model::Task::multiclass ? "classes" : "target"));
    Mix mix(outputs, std::vector<double>(outputs, 0.0));
    for (std::size_t o = 0; o < outputs; ++o) mix[o][o] = 1;
    return mix;
  }

  Mix& pending(model::ValueId value) {
    Mix& mix = pending_[value];
    if (mix.empty()) mix.assign(out_.constant.size(), std::vector<double>(model_.values[value].width(), 0.0));
    return mix;
  }

  Status expand(const model::Operator& op, model::ValueId value, const Mix& given) {
    const Mix mix = given;
    pending_.erase(value);
    const std::size_t outputs = mix.size();
    if (const auto* trees = std::get_if<model::Trees>(&op)) {
      out_.terms.push_back({trees, trees->input, mix});
      return {};
    }
    if (const auto* dense = std::get_if<model::Dense>(&op);
        dense != nullptr && (dense->activation == model::Dense::Activation::identity || linked_ == value)) {
      Mix& input = pending(dense->input);
      for (std::size_t o = 0; o < outputs; ++o)
        for (std::size_t j = 0; j < mix[o].size(); ++j) {
          out_.constant[o] += mix[o][j] * dense->bias[j];
          for (std::size_t i = 0; i < input[o].size(); ++i)
            input[o][i] += mix[o][j] * dense->weights[i * mix[o].size() + j];
        }
      return {};
    }
    if (trees_above_[value] == 0) return add_linear(value, mix);
    if (const auto* affine = std::get_if<model::Affine>(&op)) {
      Mix& input = pending(affine->input);
      for (std::size_t o = 0; o < outputs; ++o)
        for (std::size_t j = 0; j < mix[o].size(); ++j) {
          input[o][j] += mix[o][j] * affine->scale[j];
          out_.constant[o] += mix[o][j] * affine->shift[j];
        }
      return {};
    }
    if (const auto* join = std::get_if<model::Join>(&op)) {
      std::size_t at = 0;
      for (std::size_t k = 0; k < join->inputs.size(); ++k) {
        Mix& input = pending(join->inputs[k]);
        const bool sum = join->kind == model::Join::Kind::weighted_sum;
        for (std::size_t o = 0; o < outputs; ++o)
          for (std::size_t j = 0; j < input[o].size(); ++j)
            input[o][j] += sum ? mix[o][j] * join->weights[k] : mix[o][at + j];
        if (!sum) at += model_.values[join->inputs[k]].width();
      }
      return {};
    }
    if (const auto* link = std::get_if<model::Link>(&op)) {
      if (link->kind == model::Link::Kind::identity) {
        Mix& input = pending(link->input);
        for (std::size_t o = 0; o < outputs; ++o)
          for (std::size_t j = 0; j < mix[o].size(); ++j) input[o][j] += mix[o][j];
        return {};
      }
      if (link->kind == model::Link::Kind::complement) {
        Mix& input = pending(link->input);
        for (std::size_t o = 0; o < outputs; ++o) {
          input[o][0] += mix[o][1] - mix[o][0];
          out_.constant[o] += mix[o][0];
        }
        return {};
      }
    }
    return invalid_input(
        fmt::format("the scores are no weighted sum of trees and linear parts: value '{}' comes from {}",
                    model_.values[value].name, model::operator_name(op)));
  }

  // A linear part's columns are attributed to the inputs they are computed from, which says something only as long as
  // nothing was learned on the way.
  Status add_linear(model::ValueId value, const Mix& mix) {
    std::vector<std::uint8_t> above(model_.values.size(), 0);
    above[value] = 1;
    for (std::size_t i = model_.operators.size(); i-- > 0;) {
      const model::Operator& op = model_.operators[i];
      if (above[operator_output(op)] == 0) continue;
      if (std::holds_alternative<model::Dense>(op) || std::holds_alternative<model::Trees>(op) ||
          std::holds_alternative<model::Link>(op))
        return invalid_input(
            fmt::format("the scores are no weighted sum of trees and linear parts: value '{}' comes through {}",
                        model_.values[value].name, model::operator_name(op)));
      for (const model::ValueId input : operator_inputs(op)) above[input] = 1;
    }
    if (model_.values[value].kind != model::ValueKind::numbers)
      return invalid_input(fmt::format("value '{}' holds no numbers", model_.values[value].name));
    out_.terms.push_back({nullptr, value, mix});
    return {};
  }

  const model::Model& model_;
  std::vector<std::uint8_t> trees_above_, learned_above_;  // per value: Trees, or Trees or Dense, among its sources
  std::optional<model::ValueId> linked_;                   // made by a Dense whose activation is a link
  std::map<model::ValueId, Mix> pending_;
  Decomposition out_;
};

}  // namespace

Result<Decomposition> decompose(const model::Model& model) { return Tracer(model).run(); }

}  // namespace slipway::explain
