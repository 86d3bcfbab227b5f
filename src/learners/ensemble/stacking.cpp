#include <slipway/base/partial_progress.hpp>
#include <slipway/base/random.hpp>

#include "ensemble/ensemble.hpp"
#include "ensemble/members.hpp"
#include "fragments.hpp"
#include "row_subset.hpp"
#include "settings.hpp"
#include "training_data.hpp"

namespace slipway::learners::ensemble {
namespace {

struct StackingOptions {
  int folds = 5;
  bool passthrough = false;
};
constexpr params::Option<StackingOptions> table[] = {
    {"folds",
     &StackingOptions::folds,
     "folds of the predictions that the final learner is fitted on",
     {.minimum = 2, .maximum = 100}},
    {"passthrough", &StackingOptions::passthrough, "the final learner sees the features too"},
};
constexpr Layout layout = {"stacking", "members", "[random_forest, gradient_boosting]", true, false};

struct Read {
  StackingOptions options;
  Parts parts;
};

Result<Read> read(const Settings& settings) {
  Read result;
  SLIPWAY_TRY(result.parts, take_apart(settings, layout));
  SLIPWAY_CHECK(
      apply_settings<StackingOptions>(result.options, table, result.parts.own, layout.learner, layout_names(layout)));
  return result;
}

class Stack {
 public:
  Stack(const TrainingData& data, const Read& given, std::uint64_t seed, const Threads& threads, Progress& progress)
      : data_(data), given_(given), seed_(seed), threads_(threads), progress_(progress) {}

  Result<Fragment> fit() {
    const std::vector<Member>& members = given_.parts.members;
    SLIPWAY_TRY(const std::vector<std::uint8_t> folds, rows_by_fold(data_, given_.options.folds, seed_));
    const std::vector<FoldRows> parts = fold_rows(folds);
    const Stage stage(progress_, fmt::format("stacking: {} members, {} folds", members.size(), parts.size()),
                      (members.size() * (parts.size() + 1) + 1) * PartialProgress::units);
    if (parts.empty()) {
      progress_.note("stacking: too few rows for folds; the model is the mean of its members");
      SLIPWAY_TRY(const std::vector<Fragment> alone, fit_members(data_));
      return mean_of(alone, std::vector<double>(alone.size(), 1.0 / static_cast<double>(alone.size())));
    }
    SLIPWAY_TRY(const model::Block held_out, predictions_by_others(parts));
    TrainingData upper = data_;
    upper.features = &held_out;
    PartialProgress part(progress_);
    SLIPWAY_TRY(const Fragment final,
                fit_member(*given_.parts.final, upper, combine_key(seed_, members.size()), threads_, part)
                    .with_context("stacking: final"));
    SLIPWAY_TRY(const std::vector<Fragment> fitted, fit_members(data_));
    return assemble(fitted, final);
  }

 private:
  // Columns that each member gives to the final learner.
  std::size_t width() const {
    return data_.task == model::Task::multiclass ? static_cast<std::size_t>(data_.classes) : 1;
  }
  static constexpr std::size_t positive = 1;

  Result<std::vector<Fragment>> fit_members(const TrainingData& data) {
    std::vector<Fragment> fragments;
    for (std::size_t i = 0; i < given_.parts.members.size(); ++i) {
      PartialProgress part(progress_);
      SLIPWAY_TRY(
          fragments.emplace_back(),
          fit_member(given_.parts.members[i], data, combine_key(seed_, i), threads_, part).with_context("stacking"));
    }
    return fragments;
  }

  // What the final learner learns from: for each row the predictions of members that were not fitted on it.
  Result<model::Block> predictions_by_others(std::span<const FoldRows> folds) {
    const std::size_t members = given_.parts.members.size();
    const std::size_t own = members * width();
    model::Block block(data_.features->rows, own + (given_.options.passthrough ? data_.features->width : 0));
    for (const FoldRows& fold : folds) {
      const RowSubset train = take_rows(data_, fold.outside);
      const RowSubset rest = take_rows(data_, fold.inside);
      SLIPWAY_TRY(const std::vector<Fragment> fitted, fit_members(train.view()));
      for (std::size_t i = 0; i < members; ++i) {
        SLIPWAY_TRY(const model::Block scores, predict(fitted[i], rest.features, threads_));
        for (std::size_t k = 0; k < width(); ++k) {
          const auto from = scores.column(data_.task == model::Task::binary ? positive : k);
          const auto to = block.column(i * width() + k);
          for (std::size_t row = 0; row < fold.inside.size(); ++row) to[fold.inside[row]] = from[row];
        }
      }
    }
    if (given_.options.passthrough)
      for (std::size_t column = 0; column < data_.features->width; ++column)
        std::ranges::copy(data_.features->column(column), block.column(own + column).begin());
    return block;
  }

  Fragment assemble(std::span<const Fragment> fitted, const Fragment& final) const {
    Fragment whole;
    model::Join join{};
    std::vector<std::string> names;
    for (std::size_t i = 0; i < fitted.size(); ++i) {
      model::ValueId value = splice(whole, fitted[i]);
      if (data_.task == model::Task::binary) value = positive_column(whole);
      join.inputs.push_back(value);
      for (std::size_t k = 0; k < width(); ++k)
        names.push_back(fmt::format("{}_{}", given_.parts.members[i].name, whole.columns[value - 1][k]));
    }
    if (given_.options.passthrough) {
      join.inputs.push_back(0);
      for (const std::string& name : numbered("feature", data_.features->width)) names.push_back(name);
    }
    splice(whole, final, add(whole, std::move(join), std::move(names)));
    return whole;
  }

  const TrainingData& data_;
  const Read& given_;
  std::uint64_t seed_;
  const Threads& threads_;
  Progress& progress_;
};

Result<Fragment> fit(const TrainingData& data, const Settings& settings, std::uint64_t seed, const Threads& threads,
                     Progress& progress) {
  SLIPWAY_TRY(const Read given, read(settings));
  SLIPWAY_CHECK(check_training_data(data).with_context(layout.learner));
  return Stack(data, given, seed, threads, progress).fit();
}

}  // namespace

Learner stacking() {
  Learner learner;
  learner.name = layout.learner;
  learner.documentation = "a final learner over the predictions of several others, fitted out of fold";
  describe(learner, layout, std::span<const params::Option<StackingOptions>>(table));
  learner.check = checked_by(read);
  learner.takes_missing_with = [](const Settings& settings, model::Task task) {
    const auto given = read(settings);
    return !given.ok() || take_missing(given->parts, given->options.passthrough, task);
  };
  learner.fit = fit;
  return learner;
}

}  // namespace slipway::learners::ensemble
