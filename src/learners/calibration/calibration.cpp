#include <slipway/base/partial_progress.hpp>
#include <slipway/base/random.hpp>
#include <slipway/learners/calibration.hpp>

#include "calibration/calibrator.hpp"
#include "row_subset.hpp"
#include "settings.hpp"
#include "training_data.hpp"

namespace slipway::learners {
namespace {

using calibration::Calibrator;
using calibration::Decision;
using calibration::Method;

struct CalibrationOptions {
  std::string method = "platt";
  int folds = 5;
  std::optional<double> fraction;
};
constexpr params::Option<CalibrationOptions> table[] = {
    {"calibration",
     &CalibrationOptions::method,
     "how scores become probabilities: by a sigmoid, or by any non-decreasing function",
     {.choices = "platt|isotonic"}},
    {"calibration_folds",
     &CalibrationOptions::folds,
     "the calibrator is fitted on scores for rows of folds that the classifier was not fitted on",
     {.minimum = 2, .maximum = 100}},
    {"calibration_fraction",
     &CalibrationOptions::fraction,
     "instead of folds: the share of the rows that only the calibrator is fitted on",
     {.minimum = 0, .maximum = 0.95, .open_minimum = true}},
};
constexpr std::pair<std::string_view, std::string_view> keys[] = {
    {"method", "calibration"}, {"folds", "calibration_folds"}, {"fraction", "calibration_fraction"}};

bool is_own(std::string_view name) {
  return params::find_option(std::span<const params::Option<CalibrationOptions>>(table), name) != nullptr;
}

struct Read {
  CalibrationOptions options;
  Settings base;
};

Result<Read> read(const Settings& settings) {
  Read result;
  Settings own;
  for (const auto& setting : settings) (is_own(setting.first) ? own : result.base).push_back(setting);
  SLIPWAY_CHECK(apply_settings<CalibrationOptions>(result.options, table, own, "calibrate"));
  return result;
}

// Rows that calibrators are fitted on, and the fits that score them. Each row is scored by one fit at most.
struct Held {
  std::vector<FoldRows> folds;  // inside: scored, by a fit on outside
  bool all_rows = true;         // whether the classifier that is kept is fitted on all rows
};

Result<Held> hold_back(const TrainingData& data, const CalibrationOptions& options, std::uint64_t seed) {
  Held held;
  const auto folds = [&](int count) -> Result<std::vector<FoldRows>> {
    SLIPWAY_TRY(const std::vector<std::uint8_t> numbers, rows_by_fold(data, count, seed));
    return fold_rows(numbers);
  };
  if (!options.fraction) {
    SLIPWAY_TRY(held.folds, folds(options.folds));
    return held;
  }
  // As many of a hundred folds as make up the share, spread evenly: a rare class has rows in the first folds only.
  SLIPWAY_TRY(const std::vector<FoldRows> parts, folds(100));
  if (parts.empty()) return held;
  const auto wanted = std::clamp<std::size_t>(
      static_cast<std::size_t>(std::lround(*options.fraction * static_cast<double>(parts.size()))), 1,
      parts.size() - 1);
  FoldRows fold;
  for (std::size_t f = 0; f < parts.size(); ++f) {
    auto& into = (f + 1) * wanted / parts.size() > f * wanted / parts.size() ? fold.inside : fold.outside;
    into.insert(into.end(), parts[f].inside.begin(), parts[f].inside.end());
  }
  std::sort(fold.inside.begin(), fold.inside.end());
  std::sort(fold.outside.begin(), fold.outside.end());
  held.folds.push_back(std::move(fold));
  held.all_rows = false;
  return held;
}

// A classifier's fits at several points of the settings at once; one point, the settings themselves, where nothing
// nests.
class Fits {
 public:
  static Result<Fits> make(const Learner& base, const TrainingData& data, const Settings& settings,
                           std::span<const Settings> points, std::uint64_t seed, const Threads& threads,
                           Progress& progress) {
    Fits fits;
    if (points.empty()) {
      SLIPWAY_TRY(fits.alone_, base.fit(data, settings, seed, threads, progress));
    } else {
      SLIPWAY_TRY(fits.nested_, base.fit_nested(data, settings, points, seed, threads, progress));
    }
    return fits;
  }
  Result<Fragment> extract(std::span<const Settings> points, std::size_t point) const {
    return nested_ == nullptr ? Result<Fragment>(alone_) : nested_->extract(points[point]);
  }
  // Decisions of every point over the rows.
  Result<std::vector<model::Block>> decide(std::span<const Settings> points, model::Task task,
                                           const model::Block& features, const Threads& threads) const {
    std::vector<model::Block> decisions;
    SLIPWAY_TRY(Fragment first, extract(points, 0));
    if (nested_ != nullptr && calibration::decision_of(std::move(first), task).of_scores) {
      SLIPWAY_TRY(decisions, nested_->predict(points, features, threads));
      if (task != model::Task::binary) return decisions;
      for (model::Block& block : decisions) {
        model::Block positive(block.rows, 1);
        std::ranges::copy(block.column(1), positive.column(0).begin());
        block = std::move(positive);
      }
      return decisions;
    }
    for (std::size_t point = 0; point < std::max<std::size_t>(1, points.size()); ++point) {
      SLIPWAY_TRY(Fragment fragment, extract(points, point));
      const Decision decision = calibration::decision_of(std::move(fragment), task);
      SLIPWAY_TRY(decisions.emplace_back(), predict(decision.fragment, features, threads));
    }
    return decisions;
  }

 private:
  Fragment alone_;
  std::unique_ptr<NestedFit> nested_;
};

// Everything that a calibrated model of each point is made of.
struct Calibrated {
  Fits fits;
  std::vector<std::vector<Calibrator>> calibrators;  // by point; empty: too few rows
  model::Task task = model::Task::binary;

  Result<Fragment> fragment(std::span<const Settings> points, std::size_t point) const {
    SLIPWAY_TRY(Fragment whole, fits.extract(points, point));
    if (calibrators.empty()) return whole;
    return calibration::with_calibrators(calibration::decision_of(std::move(whole), task), calibrators[point]);
  }
};

std::vector<Calibrator> fit_calibrators(Method method, const model::Block& decisions, const RowSubset& rows,
                                        const Threads& threads) {
  std::vector<Calibrator> calibrators;
  for (std::size_t k = 0; k < decisions.width; ++k) {
    std::vector<std::uint8_t> positive;
    const auto sought = static_cast<std::int32_t>(decisions.width == 1 ? 1 : k);
    for (std::int32_t label : rows.labels) positive.push_back(label == sought ? 1 : 0);
    calibrators.push_back(calibration::fit_calibrator(method, decisions.column(k), positive, rows.weights, threads));
  }
  return calibrators;
}

Result<Calibrated> fit_calibrated(const Learner& base, const TrainingData& data, const Read& given,
                                  std::span<const Settings> points, std::uint64_t seed, const Threads& threads,
                                  Progress& progress) {
  if (data.task == model::Task::regression)
    return invalid_input("calibrate: a regression predicts no probabilities that could be calibrated");
  SLIPWAY_CHECK(check_training_data(data).with_context(base.name));
  SLIPWAY_TRY(const Held held, hold_back(data, given.options, seed));
  const Stage stage(progress, fmt::format("{}, calibrated", base.name),
                    (held.folds.size() + (held.all_rows || held.folds.empty() ? 1 : 0)) * PartialProgress::units);
  const std::size_t count = std::max<std::size_t>(1, points.size());
  std::vector<std::uint32_t> scored;
  for (const FoldRows& fold : held.folds) scored.insert(scored.end(), fold.inside.begin(), fold.inside.end());
  const RowSubset rows = take_rows(data, scored);
  const bool counts = rows.weights.empty() ||
                      std::any_of(rows.weights.begin(), rows.weights.end(), [](float weight) { return weight > 0; });
  Calibrated result;
  result.task = data.task;
  if (scored.empty() || !counts) {
    progress.note(fmt::format("{}: too few rows to hold some back; the scores are not calibrated", base.name));
    PartialProgress part(progress);
    SLIPWAY_TRY(result.fits, Fits::make(base, data, given.base, points, seed, threads, part));
    return result;
  }
  const std::size_t width = data.task == model::Task::binary ? 1 : static_cast<std::size_t>(data.classes);
  std::vector<model::Block> decisions(count, model::Block(scored.size(), width));
  std::size_t begin = 0;
  for (const FoldRows& fold : held.folds) {
    PartialProgress part(progress);
    const RowSubset train = take_rows(data, fold.outside);
    SLIPWAY_TRY(Fits fits, Fits::make(base, train.view(), given.base, points, seed, threads, part));
    const RowSubset rest = take_rows(data, fold.inside);
    SLIPWAY_TRY(const auto blocks, fits.decide(points, data.task, rest.features, threads));
    for (std::size_t point = 0; point < count; ++point)
      for (std::size_t k = 0; k < width; ++k)
        std::ranges::copy(blocks[point].column(k), decisions[point].column(k).subspan(begin).begin());
    begin += fold.inside.size();
    if (!held.all_rows) result.fits = std::move(fits);
  }
  if (held.all_rows) {
    PartialProgress part(progress);
    SLIPWAY_TRY(result.fits, Fits::make(base, data, given.base, points, seed, threads, part));
  }
  const Method method = given.options.method == "platt" ? Method::platt : Method::isotonic;
  for (const model::Block& block : decisions)
    result.calibrators.push_back(fit_calibrators(method, block, rows, threads));
  return result;
}

class NestedCalibrated final : public NestedFit {
 public:
  NestedCalibrated(std::vector<Settings> points, Calibrated fitted)
      : points_(std::move(points)), fitted_(std::move(fitted)) {}

  Result<Fragment> extract(const Settings& point) const override {
    for (std::size_t i = 0; i < points_.size(); ++i)
      if (canonical(points_[i]) == canonical(point)) return fitted_.fragment(points_, i);
    return invalid_input("calibrate: this point was not among those that calibrators were fitted for");
  }
  Result<std::vector<model::Block>> predict(std::span<const Settings> points, const model::Block& features,
                                            const Threads& threads) const override {
    std::vector<model::Block> scores;
    for (const Settings& point : points) {
      SLIPWAY_TRY(const Fragment fragment, extract(point));
      SLIPWAY_TRY(scores.emplace_back(), learners::predict(fragment, features, threads));
    }
    return scores;
  }

 private:
  static std::string canonical(const Settings& settings) {
    std::string text;
    for (const auto& [name, value] : settings) text += name + "=" + params::canonical(value) + "\n";
    return text;
  }
  std::vector<Settings> points_;
  Calibrated fitted_;
};

}  // namespace

Learner calibrated(const Learner& base) {
  Learner learner = base;
  learner.regresses = false;
  learner.memory = nullptr;  // fits on copies of rows stand beside it
  const auto own = params::describe(std::span<const params::Option<CalibrationOptions>>(table));
  learner.options.insert(learner.options.end(), own.begin(), own.end());
  learner.check = [base](const Settings& settings) -> Status {
    SLIPWAY_TRY(const Read given, read(settings));
    return base.check(given.base);
  };
  learner.fit = [base](const TrainingData& data, const Settings& settings, std::uint64_t seed, const Threads& threads,
                       Progress& progress) -> Result<Fragment> {
    SLIPWAY_TRY(const Read given, read(settings));
    SLIPWAY_TRY(const Calibrated fitted, fit_calibrated(base, data, given, {}, seed, threads, progress));
    return fitted.fragment({}, 0);
  };
  if (base.takes_missing_with != nullptr)
    learner.takes_missing_with = [base](const Settings& settings, model::Task task) {
      const auto given = read(settings);
      return !given.ok() || base.takes_missing_with(given->base, task);
    };
  if (base.fit_nested == nullptr) return learner;
  learner.fit_nested = [base](const TrainingData& data, const Settings& settings, std::span<const Settings> points,
                              std::uint64_t seed, const Threads& threads,
                              Progress& progress) -> Result<std::unique_ptr<NestedFit>> {
    SLIPWAY_TRY(const Read given, read(settings));
    SLIPWAY_TRY(Calibrated fitted, fit_calibrated(base, data, given, points, seed, threads, progress));
    std::unique_ptr<NestedFit> nested =
        std::make_unique<NestedCalibrated>(std::vector<Settings>(points.begin(), points.end()), std::move(fitted));
    return nested;
  };
  return learner;
}

Result<Settings> calibration_settings(const params::Value& value) {
  Settings settings;
  if (value.kind == params::Value::Kind::map) {
    std::vector<std::string> known;
    for (const auto& [key, name] : keys) known.emplace_back(key);
    SLIPWAY_CHECK(value.expect_keys(known, "calibrate"));
    for (const auto& [key, name] : keys)
      if (const params::Value* given = value.find(key)) settings.emplace_back(name, *given);
  } else {
    settings.emplace_back("calibration", value);
  }
  SLIPWAY_CHECK(read(settings).with_context("calibrate"));
  return settings;
}

std::vector<params::Description> calibration_descriptions() {
  auto descriptions = params::describe(std::span<const params::Option<CalibrationOptions>>(table));
  for (std::size_t i = 0; i < descriptions.size(); ++i) descriptions[i].name = keys[i].first;
  return descriptions;
}

}  // namespace slipway::learners
