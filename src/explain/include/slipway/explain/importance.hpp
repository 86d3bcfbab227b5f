// Which inputs a model rests on: permutation importance over rows, the mean size of SHAP contributions, and the
// impurity that the trees' splits take away.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/explain/explainer.hpp>
#include <slipway/explain/scorer.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::explain {

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
  double low = 0, high = 0;  // 95 % interval of the mean over shuffles of these rows (Student's t; a point for one)
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

struct MeanContribution {
  std::string name;
  double value = 0;          // mean |contribution| over rows, summed over outputs
  double low = 0, high = 0;  // 95 % interval of the mean over rows like these (normal; a point for one row)
};
// Global importance from SHAP contributions, by raw input, largest first.
std::vector<MeanContribution> mean_contributions(const Explainer& explainer, const Contributions& contributions);

struct ImpurityImportance {
  std::string name;
  double value = 0;  // share of the whole; all add up to 1, or are 0 where no split gains anything
};
// How much of the training rows' variance (Gini impurity, for class shares) the splits on each raw input take away,
// from the cover and the leaves of the trees; largest first. As scikit-learn's feature_importances_: the trees of a
// forest weigh alike, those of a boosted model by what they take away. Large trees favour inputs of many values: prefer
// permutation importance for conclusions. Empty where the model has no trees, or trees without cover. Outputs add up.
std::vector<ImpurityImportance> impurity_importance(const model::Model& model);

nlohmann::json to_json(const PermutationImportance& importance);
nlohmann::json to_json(const std::vector<MeanContribution>& contributions);
nlohmann::json to_json(const std::vector<ImpurityImportance>& importance);

}  // namespace slipway::explain
