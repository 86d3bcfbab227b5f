// What every learner is: a fit of features and labels that yields operators of a Model. One catalogue lists them all.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>
#include <slipway/params/options.hpp>

namespace slipway::learners {

// What a learner learns from. Views only: the caller keeps the data alive.
struct TrainingData {
  const model::Block* features = nullptr;  // n x p float32, column-major; NaN is missing
  model::Task task = model::Task::binary;
  int classes = 2;                       // binary 2, multiclass >= 2, regression 1
  std::span<const std::int32_t> labels;  // classification: class index per row; binary: 1 is the positive class
  std::span<const float> targets;        // regression: value per row, finite
  std::span<const float> weights;        // per row, >= 0; empty = all 1
  // Rows that belong together (of one card, one customer), a number per row; empty = none do. Learners that hold rows
  // back keep the rows of a group on one side; -1 is a group of its own.
  std::span<const std::int32_t> groups;
  // Per feature: those with the same number from 0 are one category's one-hot columns, -1 is a number; empty = all are
  // numbers. For augmentation.
  std::span<const std::int32_t> nominal;
};

// Settings by option name, as they come from YAML, --set or a search; unknown names are errors with the nearest.
using Settings = std::vector<std::pair<std::string, params::Value>>;

// The operators that a fit yields. ValueIds inside are relative: 0 is the block of features, k is the output of
// operator k - 1. The last operator's output is the scores: n x classes probabilities, or n x 1 for regression.
struct Fragment {
  std::vector<model::Operator> operators;
  std::vector<std::vector<std::string>> columns;  // column names of each operator's output
};

// Appends the fragment behind `features`; returns the value that holds the scores.
model::ValueId append(model::ModelBuilder& builder, const Fragment& fragment, model::ValueId features);

// Scores of a fragment by the reference interpreter, parts of the rows on each thread; the same for any number of them.
Result<model::Block> predict(const Fragment& fragment, const model::Block& features,
                             const Threads& threads = Threads(1));

// One deep fit that contains the fits of many settings exactly: what `fit` would return for a point is bit-identical to
// what `extract` cuts out for it. See README.md of learners/forest for which options nest and why.
class NestedFit {
 public:
  virtual ~NestedFit() = default;
  // The model of one point. Settings that do not nest must equal those of the fit.
  virtual Result<Fragment> extract(const Settings& point) const = 0;
  // Scores of all points at once over the same rows: result[k] belongs to points[k]; n x classes, or n x 1.
  // Bit-identical to predict(extract(point)).
  virtual Result<std::vector<model::Block>> predict(std::span<const Settings> points, const model::Block& features,
                                                    const Threads& threads) const = 0;
};

// How large a fit is, for what is known before it.
struct FitSize {
  std::size_t rows = 0;
  std::size_t features = 0;
  model::Task task = model::Task::binary;
  int classes = 2;        // as TrainingData::classes
  bool weighted = false;  // row weights are given
  int threads = 1;
};

struct Learner {
  std::string_view name;           // "random_forest"
  std::string_view documentation;  // one line
  std::vector<params::Description> options;
  bool classifies = true;     // binary and multi-class targets
  bool regresses = true;      // numeric targets
  bool takes_missing = true;  // NaN in the features; false: `fit` refuses them
  // Where that depends on the settings (on the members of an ensemble); null otherwise. See learners::takes_missing.
  std::function<bool(const Settings&, model::Task)> takes_missing_with = nullptr;
  std::vector<std::string> nesting_options;      // those that one deep fit covers; empty = none
  std::function<Status(const Settings&)> check;  // reads the settings without fitting
  std::function<Result<Fragment>(const TrainingData&, const Settings&, std::uint64_t seed, const Threads&, Progress&)>
      fit;
  // Null if nothing nests. `settings` are those shared by all points; `points` give the nesting options.
  std::function<Result<std::unique_ptr<NestedFit>>(const TrainingData&, const Settings& settings,
                                                   std::span<const Settings> points, std::uint64_t seed, const Threads&,
                                                   Progress&)>
      fit_nested;
  // Bytes that a fit takes at its peak, besides its input and the trees that it returns: an upper estimate, within a
  // few MiB (README.md of this room has the formulas). Null: not stated.
  std::function<Result<std::size_t>(const FitSize&, const Settings&)> memory = nullptr;
};

// Whether a fit with these settings takes missing numbers. Settings that `check` refuses give true.
bool takes_missing(const Learner& learner, const Settings& settings, model::Task task);

// Every learner there is, in the order of the documentation.
std::span<const Learner> catalogue();
// An unknown name is an error that suggests the nearest.
Result<const Learner*> find_learner(std::string_view name);

}  // namespace slipway::learners
