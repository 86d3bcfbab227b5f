// Exact SHAP values of tree ensembles: how much each column moved one row's output away from the average output.
//
// Path-dependent TreeSHAP (Lundberg et al., "From local explanations to global understanding with explainable AI for
// trees", 2020): a feature that is "absent" sends a row down both children in proportion to their training cover. The
// Shapley sum over feature subsets is written as an integral over [0, 1] of a polynomial, which Gauss-Legendre
// quadrature with ceil(d / 2) points integrates exactly (d: most distinct features on one path of the tree).
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::explain {

// What base + contributions add up to.
enum class Explained : std::uint8_t {
  probability,  // of the positive class (binary), or of every class (one output per class)
  margin,       // the ensemble's raw score, before sigmoid, softmax, exp or calibration; for two softmax margins their
                // difference (log-odds of the positive class)
  value,        // the prediction of a regression
};
std::string_view explained_name(Explained explained);

// Contributions of n rows. For every output o and row r:
//   base[o] + sum over columns of column(o, c, r) = base[o] + sum over inputs of input(o, i, r) = the explained output,
// within 1e-6 of the float32 output of a forest (sums of large margins: within a few of their float32 roundings).
struct Contributions {
  std::size_t rows = 0;
  std::size_t outputs = 0;
  std::size_t columns = 0;        // feature columns: those of the block that feeds the trees
  std::size_t inputs = 0;         // raw inputs of the Model
  std::vector<double> base;       // per output: expected output over the training rows, by cover
  std::vector<double> by_column;  // [(output * columns + column) * rows + row]
  std::vector<double> by_input;   // [(output * inputs + input) * rows + row]
  double column(std::size_t output, std::size_t column_index, std::size_t row) const {
    return by_column[(output * columns + column_index) * rows + row];
  }
  double input(std::size_t output, std::size_t input_index, std::size_t row) const {
    return by_input[(output * inputs + input_index) * rows + row];
  }
  // base + contributions of one row.
  double total(std::size_t output, std::size_t row) const;
};

// Explains a Model whose scores come from one Trees operator, followed by links and one-column calibration. Immutable;
// every method may be called from several threads at once. Holds a copy of what it needs of the Model.
class TreeExplainer {
 public:
  // Fails (invalid_input) if the scores do not come from exactly one Trees operator, or if the trees carry no cover.
  static Result<TreeExplainer> make(const model::Model& model);

  // `features` is the block that feeds the trees (value `features_value()` of the Model), missing as NaN. Replaces
  // `out`.
  Status explain(const model::Block& features, Contributions& out) const;
  // The same over blocks of rows on several threads; the numbers do not depend on how many.
  Status explain(const model::Block& features, Contributions& out, const Threads& threads) const;
  // Computes the features of the raw rows with the reference interpreter first.
  Status explain(const model::RowBatch& rows, Contributions& out) const;
  Status explain(const model::RowBatch& rows, Contributions& out, const Threads& threads) const;

  Explained explained() const;
  // The Model's value that feeds the trees.
  model::ValueId features_value() const;
  // Names of the feature columns, of the raw inputs, and of the outputs (the positive class; every class; the target).
  std::span<const std::string> columns() const;
  std::span<const std::string> inputs() const;
  std::span<const std::string> outputs() const;
  // Expected output over the training rows, one per output.
  std::span<const double> base() const;

 private:
  struct State;
  explicit TreeExplainer(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

// Adds column contributions back to the raw inputs they are computed from. A column made from several inputs (a ratio,
// an interaction) is shared equally among them; a column made from none among all inputs. `by_column` as in
// Contributions; the result is laid out like Contributions::by_input.
std::vector<double> contributions_by_input(std::span<const double> by_column, std::size_t outputs, std::size_t rows,
                                           std::span<const std::vector<std::uint32_t>> column_sources,
                                           std::size_t inputs);

}  // namespace slipway::explain
