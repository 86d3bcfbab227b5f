#include "linear/linear.hpp"

#include <map>

#include <fmt/format.h>

#include <slipway/base/partial_progress.hpp>

#include "fragments.hpp"
#include "linear/solver.hpp"
#include "settings.hpp"
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
                                 "balanced: weigh classes by the inverse of their frequency; or one number per class, "
                                 "separated by commas",
                                 {}};
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
  Result<LinearOptions> read(const Settings& settings) const { return read(settings, defaults()); }
  // `options` with settings applied.
  Result<LinearOptions> read(const Settings& settings, LinearOptions options) const {
    SLIPWAY_CHECK(apply_settings<LinearOptions>(options, table, settings, name));
    SLIPWAY_CHECK(check_class_weight(options.class_weight));
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

// Everything but the penalty.
Problem make_problem(const TrainingData& data, const LinearOptions& options, const Threads& threads) {
  Problem problem;
  problem.features = data.features;
  if (data.task == model::Task::binary) problem.family = Family::logistic;
  if (data.task == model::Task::multiclass) {
    problem.family = Family::softmax;
    problem.outputs = static_cast<std::size_t>(data.classes);
  }
  if (data.task == model::Task::regression) {
    problem.targets.assign(data.targets.begin(), data.targets.end());
  } else {
    problem.targets.assign(data.labels.begin(), data.labels.end());
  }
  const std::vector<float> weights = effective_weights(data, options.class_weight);
  problem.weights.assign(data.features->rows, 1.0);
  std::copy(weights.begin(), weights.end(), problem.weights.begin());
  problem.intercept = options.fit_intercept;
  // With an intercept, centring changes nothing but the speed.
  problem.scales = column_scales(*data.features, data.weights, options.standardise || options.fit_intercept, threads);
  problem.l1.assign(data.features->width, 0.0);
  problem.l2.assign(data.features->width, 0.0);
  return problem;
}

// Of the strength 1 / C for classes, alpha for numbers.
void set_penalty(Problem& problem, const LinearOptions& options, double strength) {
  double l1 = 0;
  double l2 = 0;
  const double ratio = options.penalty == "l1" ? 1 : options.penalty == "l2" ? 0 : options.l1_ratio;
  if (options.penalty != "none") {
    double weight = 1;
    if (problem.family == Family::gaussian && options.penalty != "l2")
      weight = std::accumulate(problem.weights.begin(), problem.weights.end(), 0.0);
    l1 = strength * ratio * weight;
    l2 = strength * (1 - ratio) * weight;
  }
  for (std::size_t j = 0; j < problem.scales.size(); ++j) {
    // The coefficient of the feature as it is is that of the standardised one times the scale.
    const double factor = options.standardise ? 1 : problem.scales[j].scale;
    problem.l1[j] = l1 * factor;
    problem.l2[j] = l2 * factor * factor;
  }
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

// Solutions for several strengths of one penalty. Each starts where the next stronger rung of a fixed ladder ended, the
// powers of 100: so it does not depend on which other strengths are asked for, and what they share is worked out once.
class Path {
 public:
  Path(const TrainingData& data, const LinearOptions& options, const Threads& threads, Progress& progress)
      : problem_(make_problem(data, options, threads)), options_(options), threads_(threads), progress_(progress) {
    null_ = start_of(problem_);
    // One Newton step answers a quadratic question, wherever it starts.
    const bool quadratic = problem_.family == Family::gaussian && options.penalty == "l2";
    if (options.penalty != "none" && !quadratic) find_strongest();
  }

  Solution solve(double strength) {
    std::vector<double> start = null_;
    for (int rung = first_rung_; strongest_ > 0; --rung) {
      const double at = std::pow(100.0, rung);
      if (!(at > strength * (1 + 1e-9)) || rung < least_rung) break;
      auto known = rungs_.find(rung);
      if (known == rungs_.end()) {
        set_penalty(problem_, options_, at);
        const SolverSettings loose = {std::min(options_.max_iter, 50), std::max(options_.tol, 1e-3)};
        known = rungs_.emplace(rung, minimise(problem_, std::move(start), loose, threads_, progress_).w).first;
      }
      start = known->second;
    }
    set_penalty(problem_, options_, strength);
    return minimise(problem_, std::move(start), {options_.max_iter, options_.tol}, threads_, progress_);
  }

  const Problem& problem() const { return problem_; }

 private:
  static constexpr int least_rung = -20;

  // The strength from which on a pure L1 penalty leaves no coefficient, and the first rung below it.
  void find_strongest() {
    const Evaluation at = evaluate(problem_, null_, false, threads_);
    LinearOptions pure = options_;
    pure.penalty = "l1";
    set_penalty(problem_, pure, 1);
    for (std::size_t i = 0; i < null_.size(); ++i)
      if (const double unit = problem_.l1_of(i); unit > 0)
        strongest_ = std::max(strongest_, std::abs(at.gradient[i]) / unit);
    if (!std::isfinite(strongest_) || !(strongest_ > 0)) {
      strongest_ = 0;
      return;
    }
    first_rung_ = static_cast<int>(std::ceil(std::log10(strongest_) / 2)) - 1;
  }

  Problem problem_;
  const LinearOptions& options_;
  const Threads& threads_;
  Progress& progress_;
  std::vector<double> null_;
  double strongest_ = 0;  // 0: no ladder
  int first_rung_ = 0;
  std::map<int, std::vector<double>> rungs_;
};

double strength_of(const Kind& kind, const LinearOptions& options) {
  return kind.classifies ? 1 / options.strength : options.strength;
}

Result<Fragment> fit_point(const Kind& kind, Path& path, const LinearOptions& options, Progress& progress) {
  Solution solution = path.solve(strength_of(kind, options));
  if (progress.cancelled()) return stopped_by_user();
  if (!solution.converged)
    progress.note(
        fmt::format("{}: not converged after {} iterations; raise max_iter, or penalise more: classes that a line "
                    "tells apart have no finite best coefficients",
                    kind.name, solution.iterations));
  centre_classes(path.problem(), solution.w);
  Fragment fragment = fragment_of(path.problem(), solution.w);
  const auto& dense = std::get<model::Dense>(fragment.operators[0]);
  const auto finite = [](float x) { return std::isfinite(x); };
  if (!std::all_of(dense.weights.begin(), dense.weights.end(), finite) ||
      !std::all_of(dense.bias.begin(), dense.bias.end(), finite))
    return invalid_input(
        fmt::format("{}: the coefficients are too large for float32; rescale the features or the target", kind.name));
  return fragment;
}

Result<Fragment> fit(const Kind& kind, const TrainingData& data, const LinearOptions& options, const Threads& threads,
                     Progress& progress) {
  SLIPWAY_CHECK(check_fit(kind, data).with_context(kind.name));
  SLIPWAY_CHECK(check_class_weight(options.class_weight, data).with_context(kind.name));
  const Stage stage(progress, kind.name, 0);
  Path path(data, options, threads, progress);
  return fit_point(kind, path, options, progress);
}

// The fits of a regularisation path.
class NestedLinear final : public NestedFit {
 public:
  NestedLinear(Kind kind, LinearOptions shared, std::map<double, Fragment> fragments)
      : kind_(std::move(kind)), shared_(std::move(shared)), fragments_(std::move(fragments)) {}

  Result<Fragment> extract(const Settings& point) const override {
    SLIPWAY_TRY(const Fragment* fragment, find(point));
    return *fragment;
  }
  Result<std::vector<model::Block>> predict(std::span<const Settings> points, const model::Block& features,
                                            const Threads& threads) const override {
    std::vector<model::Block> scores;
    for (const Settings& point : points) {
      SLIPWAY_TRY(const Fragment* fragment, find(point));
      SLIPWAY_TRY(scores.emplace_back(), learners::predict(*fragment, features, threads));
    }
    return scores;
  }

 private:
  Result<const Fragment*> find(const Settings& point) const {
    SLIPWAY_TRY(LinearOptions options, kind_.read(point, shared_));
    const double strength = std::exchange(options.strength, shared_.strength);
    for (const Option& option : kind_.table)
      if (params::show_option(options, option) != params::show_option(shared_, option))
        return invalid_input(fmt::format("{}: {} was {} at the fit and is {} now, which needs a fit of its own",
                                         kind_.name, option.name, params::show_option(shared_, option),
                                         params::show_option(options, option)));
    const auto found = fragments_.find(strength);
    if (found == fragments_.end())
      return invalid_input(fmt::format("{}: the path has no point of strength {}", kind_.name, strength));
    return &found->second;
  }

  Kind kind_;
  LinearOptions shared_;
  std::map<double, Fragment> fragments_;  // by the option's value
};

Result<std::unique_ptr<NestedFit>> fit_path(const Kind& kind, const TrainingData& data, const LinearOptions& shared,
                                            std::span<const Settings> points, const Threads& threads,
                                            Progress& progress) {
  SLIPWAY_CHECK(check_fit(kind, data).with_context(kind.name));
  SLIPWAY_CHECK(check_class_weight(shared.class_weight, data).with_context(kind.name));
  const Stage stage(progress, kind.name, points.size());
  Path path(data, shared, threads, progress);
  std::map<double, Fragment> fragments;
  for (const Settings& point : points) {
    SLIPWAY_TRY(const LinearOptions options, kind.read(point, shared));
    if (!fragments.contains(options.strength)) {
      SLIPWAY_TRY(fragments[options.strength], fit_point(kind, path, options, progress));
    }
    progress.advance(1);
  }
  std::unique_ptr<NestedFit> nested = std::make_unique<NestedLinear>(kind, shared, std::move(fragments));
  return nested;
}

// Targets and weights in double precision and the weights that they are made of, evaluations, two copies of the Hessian
// that a step is solved with or twenty steps of L-BFGS, and the ends of a path's rungs.
std::size_t memory_of(const FitSize& size) {
  const auto outputs = static_cast<std::size_t>(size.task == model::Task::multiclass ? size.classes : 1);
  const std::size_t coefficients = outputs * (size.features + 1);
  const bool newton = coefficients <= most_for_newton;
  const std::size_t solving = sizeof(double) * coefficients * (newton ? 2 * coefficients : 20);
  constexpr std::size_t rungs = 40;
  return size.rows * (2 * sizeof(double) + sizeof(float)) +
         evaluation_bytes(size.rows, size.features, outputs, newton, static_cast<std::size_t>(size.threads)) + solving +
         rungs * sizeof(double) * coefficients;
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
  learner.nesting_options = {kind.classifies ? "C" : "alpha"};
  learner.fit_nested = [kind](const TrainingData& data, const Settings& settings, std::span<const Settings> points,
                              std::uint64_t, const Threads& threads,
                              Progress& progress) -> Result<std::unique_ptr<NestedFit>> {
    SLIPWAY_TRY(const LinearOptions shared, kind.read(settings));
    return fit_path(kind, data, shared, points, threads, progress);
  };
  learner.fit = [kind](const TrainingData& data, const Settings& settings, std::uint64_t, const Threads& threads,
                       Progress& progress) -> Result<Fragment> {
    SLIPWAY_TRY(const LinearOptions options, kind.read(settings));
    return fit(kind, data, options, threads, progress);
  };
  learner.memory = [kind](const FitSize& size, const Settings& settings) -> Result<std::size_t> {
    SLIPWAY_CHECK(kind.read(settings));
    return memory_of(size);
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
