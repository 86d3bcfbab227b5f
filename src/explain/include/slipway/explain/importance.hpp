// Which inputs a model rests on, over many rows and without looking inside it: permutation importance, partial
// dependence; and the mean size of SHAP contributions where there are any.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/explain/tree_shap.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::explain {

// Scores a batch of raw rows: rows x outputs numbers, column by column (for a binary model usually the probability of
// the positive class alone). Called from several threads at once.
using Scorer = std::function<Result<std::vector<float>>(const model::RowBatch&)>;

// The quality of scores of the rows with these numbers (ascending positions in the batch given to
// permutation_importance). Called from several threads at once.
using MetricOfRows =
    std::function<Result<double>(std::span<const float> scores, std::span<const std::uint32_t> row_numbers)>;

struct ImportanceOptions {
  int repeats = 5;                // shuffles per input, >= 1
  std::size_t max_rows = 20'000;  // more rows are sampled down to this many
  bool higher_is_better = true;   // of the metric
  std::uint64_t seed = 1234;
};

struct InputImportance {
  std::string input;
  double mean = 0;                // how much worse the metric gets when the input's values are shuffled among the rows
  double standard_deviation = 0;  // over repeats (n - 1); 0 for one repeat
  std::vector<double> repeats;
};

struct PermutationImportance {
  double metric = 0;                    // of the unshuffled rows
  std::size_t rows = 0;                 // that were used
  std::vector<InputImportance> inputs;  // largest mean first, ties in the order of the model
};

// Breiman, "Random forests" (2001), over whole raw inputs, so that encodings and derived features move together. The
// same seed gives the same numbers on any number of threads. Needs at least two rows.
Result<PermutationImportance> permutation_importance(std::span<const model::Input> inputs, const model::RowBatch& rows,
                                                     const Scorer& scorer, const MetricOfRows& metric,
                                                     const ImportanceOptions& options, const Threads& threads,
                                                     Progress& progress = silent_progress());

struct DependenceOptions {
  int grid = 20;  // points: quantiles of a number (ends at the 1 % and 99 % quantile), frequent categories
  std::size_t max_rows = 1'000;  // more rows are sampled down to this many
  std::uint64_t seed = 1234;
};

// Friedman's partial dependence by brute force: at each grid value every (sampled) row gets that value, and the scores
// are averaged. It includes unlikely combinations of inputs where inputs depend on each other.
struct PartialDependence {
  std::string input;
  bool is_number = true;
  std::size_t rows = 0;                 // that were used
  std::vector<double> numbers;          // grid of a number, ascending
  std::vector<std::string> categories;  // grid of a text, by falling frequency; "" stands for missing only if `missing`
  bool missing = false;                 // the last grid point of a text is "missing"
  std::size_t outputs = 1;
  // [output * grid size + point]: the mean, and individual conditional expectation: quantiles 0.1, 0.5, 0.9 over the
  // rows.
  std::vector<double> mean, low, median, high;
  std::size_t grid_size() const { return is_number ? numbers.size() : categories.size(); }
};

// Fails for a time input (it has no meaningful average over the other inputs) and for an unknown name (with the
// nearest). An input that is missing in all rows gives an empty grid.
Result<PartialDependence> partial_dependence(std::span<const model::Input> inputs, const model::RowBatch& rows,
                                             std::string_view input, const Scorer& scorer,
                                             const DependenceOptions& options, const Threads& threads);

struct MeanContribution {
  std::string name;
  double value = 0;  // mean |contribution| over rows, summed over outputs
};
// Global importance from SHAP contributions, by raw input, largest first.
std::vector<MeanContribution> mean_contributions(const TreeExplainer& explainer, const Contributions& contributions);

nlohmann::json to_json(const PermutationImportance& importance);
nlohmann::json to_json(const PartialDependence& dependence);
nlohmann::json to_json(const std::vector<MeanContribution>& contributions);

}  // namespace slipway::explain
