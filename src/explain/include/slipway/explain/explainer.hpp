// Shapley values of a Model's scores: how much each input moved a row's output away from the average output.
//
// Where the output is a sum of trees and linear parts, with whatever link or calibration behind, the values are exact:
// - path-dependent TreeSHAP (Lundberg et al., "From local explanations to global understanding with explainable AI for
//   trees", 2020): an "absent" feature sends a row down both children in proportion to their training cover. The sum
//   over feature subsets is written as an integral over [0, 1] of a polynomial, which Gauss-Legendre quadrature with
//   ceil(d / 2) points integrates exactly (d: most distinct features on one path of the tree);
// - interventional SHAP (the same paper): an absent feature takes the value of a baseline row; the mean over baselines;
// - linear SHAP: weight x (value - mean over the baselines).
// Any other model is explained as it stands, by permutations of its inputs against baselines (Strumbelj and Kononenko,
// 2014): exact up to six inputs, an estimate beyond; the contributions add up to the score all the same.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/explain/baselines.hpp>
#include <slipway/explain/contributions.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::explain {

enum class Method : std::uint8_t {
  automatic,       // path_dependent where the model's parts and covers allow it, else interventional, else sampled
  path_dependent,  // trees by their training cover; linear parts against the baselines
  interventional,  // trees and linear parts against the baselines
  sampled,         // the scores themselves against the baselines, in probability, by permuting inputs
};
inline constexpr std::string_view method_names = "automatic|path_dependent|interventional|sampled";
std::string_view method_name(Method method);
// The method of that name; an error with the nearest one.
Result<Method> find_method(std::string_view name);

struct ExplainerOptions {
  Method method = Method::automatic;
  std::optional<Baselines> baselines = {};  // needed by all but trees with cover
};

// Computes one numeric value of the Model for rows: the engine, or the reference interpreter. May be called from
// several threads at once.
using Evaluate = std::function<Status(const model::RowBatch& rows, model::ValueId value, model::Block& out)>;

// Explains one Model. Immutable and cheaply copied; every method may be called from several threads at once. Holds a
// copy of what it needs of the Model.
class Explainer {
 public:
  // Fails (invalid_input) where the method does not fit the model: no cover, no baselines, parts that do not add up.
  // `evaluate` computes features (and scores, for sampled) of rows; where it is empty, the reference interpreter does.
  static Result<Explainer> make(const model::Model& model, const ExplainerOptions& options = {},
                                Evaluate evaluate = {});

  // Explains raw rows; replaces `out`. The numbers do not depend on the number of threads.
  Status explain(const model::RowBatch& rows, Contributions& out, const Threads& threads) const;
  Status explain(const model::RowBatch& rows, Contributions& out) const;
  // The same from the blocks that feed the explained operators (features_values(), in their order), missing as NaN; not
  // for the sampled method.
  Status explain(std::span<const model::Block> features, Contributions& out, const Threads& threads) const;
  Status explain(const model::Block& features, Contributions& out, const Threads& threads) const;
  Status explain(const model::Block& features, Contributions& out) const;

  // What was chosen; never automatic.
  Method method() const;
  Explained explained() const;
  // The Model's values that feed the explained operators; empty for the sampled method.
  std::span<const model::ValueId> features_values() const;
  // Names of the feature columns (of the raw inputs for the sampled method), of the raw inputs, and of the outputs (the
  // positive class; every class; the target).
  std::span<const std::string> columns() const;
  std::span<const std::string> inputs() const;
  std::span<const std::string> outputs() const;
  // Expected output, one per output.
  std::span<const double> base() const;

 private:
  struct State;
  explicit Explainer(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace slipway::explain
