// Shapley values of any scores, by permuting inputs between a row and baselines.
#pragma once
#include <slipway/base/parallel.hpp>
#include <slipway/explain/explainer.hpp>

namespace slipway::explain {

class Sampler {
 public:
  // Explains columns [first, first + outputs) of value `scores`.
  Sampler(std::size_t inputs, model::ValueId scores, std::size_t first, std::size_t outputs, Baselines baselines,
          Evaluate evaluate);
  // Mean output over the baselines; computes it.
  Result<std::vector<double>> base() const;
  // Fills by_column, whose columns are the raw inputs. Rows are spread over the threads.
  Status explain(const model::RowBatch& rows, Contributions& out, const Threads& threads) const;

 private:
  struct Plan;
  Status explain_row(const model::RowBatch& rows, std::size_t row, Contributions& out) const;
  std::size_t inputs_;
  model::ValueId scores_;
  std::size_t first_, outputs_;
  Baselines baselines_;
  Evaluate evaluate_;
};

}  // namespace slipway::explain
