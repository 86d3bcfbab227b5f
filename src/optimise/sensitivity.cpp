#include "sensitivity.hpp"

namespace slipway::optimise {

namespace {

using namespace model;

// The slope of one operator: how much its output's columns can change when its inputs' columns change by at most 1.
class SlopeOf {
 public:
  explicit SlopeOf(std::size_t which_input) : which_(which_input) {}

  std::optional<double> operator()(const Affine& op) const { return largest(op.scale); }
  std::optional<double> operator()(const Piecewise& op) const {
    if (op.kind == Piecewise::Kind::step) return std::nullopt;
    double steepest = 0;
    for (std::size_t i = 0; i + 1 < op.at.size(); ++i)
      steepest = std::max(steepest, std::abs((static_cast<double>(op.y[i + 1]) - static_cast<double>(op.y[i])) /
                                             (static_cast<double>(op.at[i + 1]) - static_cast<double>(op.at[i]))));
    return steepest;
  }
  std::optional<double> operator()(const Dense& op) const {
    const std::size_t outputs = op.bias.size();
    double steepest = 0;
    for (std::size_t j = 0; j < outputs; ++j) {
      double sum = 0;
      for (std::size_t i = 0; i * outputs < op.weights.size(); ++i)
        sum += std::abs(static_cast<double>(op.weights[i * outputs + j]));
      steepest = std::max(steepest, sum);
    }
    return op.activation == Dense::Activation::sigmoid ? steepest / 4 : steepest;
  }
  std::optional<double> operator()(const Join& op) const {
    return op.kind == Join::Kind::concatenate ? 1.0 : std::abs(static_cast<double>(op.weights[which_]));
  }
  // The sigmoid's slope is at most 1/4. Softmax: sum over j of |dp_i/dx_j| = 2 p_i (1 - p_i), at most 1/2.
  std::optional<double> operator()(const Link& op) const {
    switch (op.kind) {
      case Link::Kind::identity:
      case Link::Kind::complement:
        return 1;
      case Link::Kind::sigmoid:
        return 0.25;
      case Link::Kind::softmax:
        return 0.5;
      case Link::Kind::exponential:
      case Link::Kind::normalise:
        return std::nullopt;
    }
    return std::nullopt;
  }
  // Fill, Lookup, Expression, Terms, Trees, Decide, Foreign.
  std::optional<double> operator()(const auto&) const { return std::nullopt; }

 private:
  static double largest(const std::vector<float>& numbers) {
    double most = 0;
    for (const float number : numbers) most = std::max(most, std::abs(static_cast<double>(number)));
    return most;
  }
  std::size_t which_;
};

}  // namespace

std::vector<std::optional<double>> sensitivities(const Model& model) {
  std::vector<std::optional<double>> all(model.values.size(), 0.0);
  all[model.scores] = 1;
  for (std::size_t i = model.operators.size(); i-- > 0;) {
    const std::optional<double>& behind = all[model.inputs.size() + i];
    if (behind && *behind == 0) continue;  // the label's operators among them
    const std::vector<ValueId> inputs = operator_inputs(model.operators[i]);
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const std::optional<double> slope = std::visit(SlopeOf(k), model.operators[i]);
      std::optional<double>& before = all[inputs[k]];
      before = before && behind && slope ? std::optional(*before + *behind * *slope) : std::nullopt;
    }
  }
  return all;
}

}  // namespace slipway::optimise
