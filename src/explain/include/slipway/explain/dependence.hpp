// Partial dependence and individual conditional expectation: how the score moves as one input, or two, take other
// values.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/explain/scorer.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::explain {

struct DependenceOptions {
  int grid = 20;  // points: quantiles of a number (ends at the 1 % and 99 % quantile), frequent categories
  std::size_t max_rows = 1'000;  // more rows are sampled down to this many
  std::size_t curves = 20;       // rows whose own curves are kept
  std::uint64_t seed = 1234;
};

// The values that an input takes in turn.
struct DependenceGrid {
  std::string input;
  bool is_number = true;
  std::vector<double> numbers;          // grid of a number, ascending
  std::vector<std::string> categories;  // grid of a text, by falling frequency; "" stands for missing only if `missing`
  bool missing = false;                 // the last grid point of a text is "missing"
  std::size_t size() const { return is_number ? numbers.size() : categories.size(); }
};

// Friedman's partial dependence by brute force: at each grid value every (sampled) row gets that value, and the scores
// are averaged. It includes unlikely combinations of inputs where inputs depend on each other.
struct PartialDependence : DependenceGrid {
  std::size_t rows = 0;  // that were used
  std::size_t outputs = 1;
  // [output * grid size + point]: the mean, and individual conditional expectation: quantiles 0.1, 0.5, 0.9 over the
  // rows.
  std::vector<double> mean, low, median, high;
  // Individual conditional expectation of some rows (Goldstein et al., 2015): [(output * curve_rows + row) * grid size
  // + point].
  std::size_t curve_rows = 0;
  std::vector<float> curves;
  std::size_t grid_size() const { return size(); }
};

// Fails for a time input (it has no meaningful average over the other inputs) and for an unknown name (with the
// nearest). An input that is missing in all rows gives an empty grid.
Result<PartialDependence> partial_dependence(std::span<const model::Input> inputs, const model::RowBatch& rows,
                                             std::string_view input, const Scorer& scorer,
                                             const DependenceOptions& options, const Threads& threads);

// The same for two inputs at once.
struct PairDependence {
  DependenceGrid first, second;
  std::size_t rows = 0;
  std::size_t outputs = 1;
  // [(output * first size + i) * second size + j]: the mean and the quantiles 0.1, 0.9 over the rows.
  std::vector<double> mean, low, high;
  // Per output: the share of the mean surface's variance over the grid that no sum of a curve of the first and a curve
  // of the second gives. 0: the two act apart; 0 too where the surface is flat.
  std::vector<double> interaction;
};
// `options.grid` points each. Fails as partial_dependence does, and for an input paired with itself.
Result<PairDependence> pair_dependence(std::span<const model::Input> inputs, const model::RowBatch& rows,
                                       std::string_view first, std::string_view second, const Scorer& scorer,
                                       const DependenceOptions& options, const Threads& threads);

nlohmann::json to_json(const PartialDependence& dependence);
nlohmann::json to_json(const PairDependence& dependence);

}  // namespace slipway::explain
