#include "linear/linear.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "fragments.hpp"
#include "linear/solver.hpp"
#include "training_data.hpp"

namespace slipway::learners::linear {
namespace {

struct LinearOptions {
  std::string penalty;
  double strength = 1;  // C or alpha
  double l1_ratio = 0.5;
  bool fit_intercept = true;
  bool standardise = true;
  std::string class_weight = "none";
  int max_iter = 1000;
  double tol = 1e-8;
};
using Option = params::Option<LinearOptions>;

constexpr Option penalty = {
    "penalty", &LinearOptions::penalty, "what keeps coefficients small", {.choices = "none|l1|l2|elastic_net"}};
constexpr Option inverse_strength = {"C",
                                     &LinearOptions::strength,
                                     "inverse strength of the penalty: weight of the rows against it",
                                     {.minimum = 0, .open_minimum = true}};
constexpr Option strength = {
    "alpha", &LinearOptions::strength, "strength of the penalty, as Ridge's, Lasso's or ElasticNet's", {.minimum = 0}};
constexpr Option l1_ratio = {
    "l1_ratio", &LinearOptions::l1_ratio, "share of L1 in penalty: elastic_net", {.minimum = 0, .maximum = 1}};
constexpr Option fit_intercept = {"fit_intercept", &LinearOptions::fit_intercept, "a constant term, not penalised"};
constexpr Option standardise = {
    "standardise", &LinearOptions::standardise,
    "penalise the coefficients of standardised features; false: of the features as they are"};
constexpr Option class_weight = {"class_weight",
                                 &LinearOptions::class_weight,
                                 "balanced: weigh classes by the inverse of their frequency",
                                 {.choices = "none|balanced"}};
constexpr Option max_iter = {"max_iter", &LinearOptions::max_iter, "most iterations of the solver", {.minimum = 1}};
constexpr Option tol = {"tol",
                        &LinearOptions::tol,
                        "stop when no coefficient moves by more than this share of the largest",
                        {.minimum = 0, .maximum = 1, .open_minimum = true}};

constexpr Option logistic_options[] = {penalty,     inverse_strength, l1_ratio, fit_intercept,
                                       standardise, class_weight,     max_iter, tol};
constexpr Option regression_options[] = {penalty, strength, l1_ratio, fit_intercept, standardise, max_iter, tol};

// What distinguishes the two learners.
struct Kind {
  std::string_view name;
  std::string_view documentation;
  std::span<const Option> table;
  std::string_view default_penalty;
  bool classifies;

  LinearOptions defaults() const {
    LinearOptions options;
    options.penalty = default_penalty;
    return options;
  }
  Result<LinearOptions> read(const Settings& settings) const {
    LinearOptions options = defaults();
    for (const auto& [setting, value] : settings) {
      const Option* option = params::find_option(table, setting);
      if (option == nullptr) {
        const std::vector<std::string> names = params::option_names(table);
        return value.error(fmt::format("{} has no option '{}'{}; it has {}", name, setting, suggestion(setting, names),
                                       list_names(names, names.size())));
      }
      SLIPWAY_CHECK(params::set_option(options, *option, value));
    }
    return options;
  }
};

Status check_fit(const Kind& kind, const TrainingData& data) {
  SLIPWAY_CHECK(check_training_data(data));
  if (kind.classifies == (data.task == model::Task::regression))
    return invalid_input(
        fmt::format("a {} task; {}", model::task_name(data.task),
                    kind.classifies ? "this learner tells classes apart" : "this learner predicts a number"));
  for (std::size_t j = 0; j < data.features->width; ++j) {
    const std::span<const float> column = data.features->column(j);
    for (std::size_t row = 0; row < column.size(); ++row) {
      if (std::isfinite(column[row])) continue;
      if (std::isnan(column[row]))
        return invalid_input(
            fmt::format("feature {} is missing at row {}: a linear model takes no missing values; set "
                        "features: {{impute: median}} (or mean, most_frequent, constant)",
                        j + 1, row));
      return invalid_input(
          fmt::format("feature {} is {} at row {}: expected a finite number", j + 1, column[row], row));
    }
  }
  return {};
}

Problem make_problem(const TrainingData& data, const LinearOptions& options, const Threads& threads) {
  Problem problem;
  problem.features = data.features;
  if (data.task == model::Task::binary) problem.family = Family::logistic;
  if (data.task == model::Task::multiclass) {
    problem.family = Family::softmax;
    problem.outputs = static_cast<std::size_t>(data.classes);
  }
  const bool regression = data.task == model::Task::regression;
  if (regression) {
    problem.targets.assign(data.targets.begin(), data.targets.end());
  } else {
    problem.targets.assign(data.labels.begin(), data.labels.end());
  }
  const std::vector<float> weights = effective_weights(data, options.class_weight == "balanced");
  problem.weights.assign(data.features->rows, 1.0);
  std::copy(weights.begin(), weights.end(), problem.weights.begin());
  problem.intercept = options.fit_intercept;
  // With an intercept, centring changes nothing but the speed.
  problem.scales = column_scales(*data.features, data.weights, options.standardise || options.fit_intercept, threads);

  double l1 = 0;
  double l2 = 0;
  const double ratio = options.penalty == "l1" ? 1 : options.penalty == "l2" ? 0 : options.l1_ratio;
  if (options.penalty != "none") {
    if (!regression) {
      l1 = ratio / options.strength;
      l2 = (1 - ratio) / options.strength;
    } else if (options.penalty == "l2") {
      l2 = options.strength;
    } else {
      const double weight = std::accumulate(problem.weights.begin(), problem.weights.end(), 0.0);
      l1 = options.strength * ratio * weight;
      l2 = options.strength * (1 - ratio) * weight;
    }
  }
  for (const ColumnScale& column : problem.scales) {
    // The coefficient of the feature as it is is that of the standardised one times the scale.
    const double factor = options.standardise ? 1 : column.scale;
    problem.l1.push_back(l1 * factor);
    problem.l2.push_back(l2 * factor * factor);
  }
  return problem;
}

// Intercepts of the model without features.
std::vector<double> start_of(const Problem& problem) {
  std::vector<double> start(problem.size(), 0.0);
  if (!problem.intercept) return start;
  std::vector<double> sums(problem.outputs, 0.0);
  double all = 0;
  for (std::size_t row = 0; row < problem.targets.size(); ++row) {
    all += problem.weights[row];
    if (problem.family == Family::softmax) {
      sums[static_cast<std::size_t>(problem.targets[row])] += problem.weights[row];
    } else {
      sums[0] += problem.weights[row] * problem.targets[row];
    }
  }
  double mean = 0;
  for (std::size_t k = 0; k < problem.outputs; ++k) {
    double& intercept = start[(k + 1) * problem.width() - 1];
    const double share = sums[k] / all;
    const double kept = std::clamp(share, 1e-6, 1 - 1e-6);
    intercept = problem.family == Family::gaussian   ? share
                : problem.family == Family::logistic ? std::log(kept / (1 - kept))
                                                     : std::log(kept);
    mean += intercept / static_cast<double>(problem.outputs);
  }
  if (problem.family == Family::softmax)
    for (std::size_t k = 0; k < problem.outputs; ++k) start[(k + 1) * problem.width() - 1] -= mean;
  return start;
}

// Softmax does not change when the same is added to a column's coefficients of all classes: where no penalty decides,
// they sum to 0.
void centre_classes(const Problem& problem, std::vector<double>& w) {
  if (problem.family != Family::softmax) return;
  for (std::size_t j = 0; j < problem.width(); ++j) {
    if (j + 1 < problem.width() && (problem.l1[j] > 0 || problem.l2[j] > 0)) continue;
    double mean = 0;
    for (std::size_t k = 0; k < problem.outputs; ++k)
      mean += w[k * problem.width() + j] / static_cast<double>(problem.outputs);
    for (std::size_t k = 0; k < problem.outputs; ++k) w[k * problem.width() + j] -= mean;
  }
}

Fragment fragment_of(const Problem& problem, const std::vector<double>& w) {
  const std::size_t features = problem.features->width;
  const std::size_t outputs = problem.outputs;
  model::Dense dense{};
  dense.output = 1;
  dense.weights.resize(features * outputs);
  for (std::size_t k = 0; k < outputs; ++k) {
    double bias = w[(k + 1) * problem.width() - 1];
    for (std::size_t j = 0; j < features; ++j) {
      const double weight = w[k * problem.width() + j] * problem.scales[j].scale;
      dense.weights[j * outputs + k] = static_cast<float>(weight);
      bias -= weight * problem.scales[j].mean;
    }
    dense.bias.push_back(static_cast<float>(bias));
  }
  Fragment fragment;
  fragment.operators.emplace_back(std::move(dense));
  if (problem.family == Family::gaussian) {
    fragment.columns.push_back({"prediction"});
    return fragment;
  }
  fragment.columns.push_back(outputs == 1 ? std::vector<std::string>{"margin"} : numbered("margin", outputs));
  model::Link link{};
  link.input = 1;
  link.output = 2;
  link.kind = outputs == 1 ? model::Link::Kind::sigmoid : model::Link::Kind::softmax;
  fragment.operators.emplace_back(link);
  fragment.columns.push_back(numbered("probability", std::max<std::size_t>(2, outputs)));
  return fragment;
}

Result<Fragment> fit(const Kind& kind, const TrainingData& data, const LinearOptions& options, const Threads& threads,
                     Progress& progress) {
  SLIPWAY_CHECK(check_fit(kind, data).with_context(kind.name));
  progress.begin(kind.name, 0);
  struct End {
    Progress& progress;
    ~End() { progress.end(); }
  } end{progress};
  const Problem problem = make_problem(data, options, threads);
  Solution solution = minimise(problem, start_of(problem), {options.max_iter, options.tol}, threads, progress);
  if (progress.cancelled()) return stopped_by_user();
  if (!solution.converged)
    progress.note(
        fmt::format("{}: not converged after {} iterations; raise max_iter, or penalise more: classes that a line "
                    "tells apart have no finite best coefficients",
                    kind.name, solution.iterations));
  centre_classes(problem, solution.w);
  Fragment fragment = fragment_of(problem, solution.w);
  const auto& dense = std::get<model::Dense>(fragment.operators[0]);
  const auto finite = [](float x) { return std::isfinite(x); };
  if (!std::all_of(dense.weights.begin(), dense.weights.end(), finite) ||
      !std::all_of(dense.bias.begin(), dense.bias.end(), finite))
    return invalid_input(
        fmt::format("{}: the coefficients are too large for float32; rescale the features or the target", kind.name));
  return fragment;
}

Learner learner_of(const Kind& kind) {
  Learner learner;
  learner.name = kind.name;
  learner.documentation = kind.documentation;
  learner.options = params::describe(kind.table);
  learner.classifies = kind.classifies;
  learner.regresses = !kind.classifies;
  learner.takes_missing = false;
  for (params::Description& description : learner.options)
    if (const Option* option = params::find_option(kind.table, description.name))
      description.default_value = params::show_option(kind.defaults(), *option);
  learner.check = [kind](const Settings& settings) -> Status {
    SLIPWAY_CHECK(kind.read(settings));
    return {};
  };
  learner.fit = [kind](const TrainingData& data, const Settings& settings, std::uint64_t, const Threads& threads,
                       Progress& progress) -> Result<Fragment> {
    SLIPWAY_TRY(const LinearOptions options, kind.read(settings));
    return fit(kind, data, options, threads, progress);
  };
  return learner;
}

}  // namespace

Learner logistic_regression() {
  return learner_of({"logistic_regression", "a weighted sum of the features, turned into probabilities",
                     logistic_options, "l2", true});
}

Learner linear_regression() {
  return learner_of({"linear_regression", "a weighted sum of the features", regression_options, "none", false});
}

}  // namespace slipway::learners::linear
