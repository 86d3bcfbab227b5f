// What every learner must do, whatever it learns. A new entry of the catalogue runs through this without a line here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <slipway/learners/calibration.hpp>
#include <slipway/model/interpreter.hpp>

#include "test_data.hpp"

namespace slipway::learners {
namespace {

using ::testing::HasSubstr;
using testing::MadeData;
using testing::make_data;
using testing::same_block;
using testing::same_fragments;

const Threads one(1);

struct Case {
  const Learner* learner;
  model::Task task;
  const char* calibration = nullptr;  // for `calibrated` learners
};

// Any classifier, calibrated: one without a margin and one with.
const std::vector<std::pair<Learner, const char*>>& calibrated_learners() {
  static const std::vector<std::pair<Learner, const char*>> learners = {
      {calibrated(**find_learner("random_forest")), "isotonic"},
      {calibrated(**find_learner("gradient_boosting")), "platt"}};
  return learners;
}

class EveryLearner : public ::testing::TestWithParam<Case> {
 protected:
  const Learner& learner() const { return *GetParam().learner; }
  model::Task task() const { return GetParam().task; }
  // Of the cells of made data, where the learner takes it.
  double missing(double share) const { return learner().takes_missing ? share : 0; }
  // Cheap where the learner has a say in it.
  Settings quick(const std::string& estimators = "7", const std::string& iterations = "1000") const {
    Settings settings;
    for (const params::Description& option : learner().options) {
      if (option.name == "n_estimators") settings.emplace_back("n_estimators", params::scalar(estimators));
      if (option.name == "max_iter") settings.emplace_back("max_iter", params::scalar(iterations));
      if (option.name == "final") settings.emplace_back("final.max_iter", params::scalar(iterations));
      if (option.name == "members") {
        const std::string trees = "{n_estimators: " + estimators + "}";
        settings.emplace_back(
            "members", *params::parse_yaml("[random_forest: " + trees + ", gradient_boosting: " + trees + "]", ""));
      }
    }
    if (GetParam().calibration != nullptr) settings.emplace_back("calibration", params::scalar(GetParam().calibration));
    return settings;
  }
  Result<Fragment> fit(const MadeData& data, const Threads& threads = one, std::uint64_t seed = 5) const {
    return learner().fit(data.view(), quick(), seed, threads, silent_progress());
  }
  std::size_t score_width(const MadeData& data) const { return static_cast<std::size_t>(data.classes); }
  void expect_scores(const model::Block& scores, const MadeData& data) const {
    ASSERT_EQ(scores.rows, data.features.rows);
    ASSERT_EQ(scores.width, score_width(data));
    for (std::size_t row = 0; row < scores.rows; ++row) {
      float sum = 0;
      for (std::size_t column = 0; column < scores.width; ++column) {
        ASSERT_TRUE(std::isfinite(scores.at(row, column))) << row;
        if (task() == model::Task::regression) continue;
        ASSERT_GE(scores.at(row, column), 0) << row;
        sum += scores.at(row, column);
      }
      if (task() != model::Task::regression) {
        ASSERT_NEAR(sum, 1, 1e-5 + 1e-7 * data.classes) << row;
      }
    }
  }
};

std::string parameter_name(const ::testing::TestParamInfo<EveryLearner::ParamType>& info) {
  return (info.param.calibration == nullptr ? "" : std::string("calibrated_")) + std::string(info.param.learner->name) +
         "_" + std::string(model::task_name(info.param.task));
}

std::vector<Case> every_case() {
  std::vector<Case> cases;
  for (const Learner& learner : catalogue())
    for (const model::Task task : {model::Task::binary, model::Task::multiclass, model::Task::regression})
      if (task == model::Task::regression ? learner.regresses : learner.classifies) cases.push_back({&learner, task});
  for (const auto& [learner, calibration] : calibrated_learners())
    for (const model::Task task : {model::Task::binary, model::Task::multiclass})
      cases.push_back({&learner, task, calibration});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryLearner, ::testing::ValuesIn(every_case()), parameter_name);

TEST_P(EveryLearner, BecomesAValidModelThatPredictsTheSame) {
  const MadeData data = make_data(task(), 300, 5, missing(0.1), 1);
  const auto fragment = fit(data);
  ASSERT_TRUE(fragment.ok()) << fragment.error().message();
  const auto scores = predict(*fragment, data.features);
  ASSERT_TRUE(scores.ok()) << scores.error().message();
  expect_scores(*scores, data);

  model::ModelBuilder builder("test");
  std::vector<model::ValueId> inputs;
  model::Join join{};
  std::vector<std::string> names;
  for (std::size_t column = 0; column < data.features.width; ++column) {
    model::Input input;
    input.name = "x" + std::to_string(column);
    join.inputs.push_back(builder.input(input));
    names.push_back(input.name);
  }
  const model::ValueId features = builder.add(join, "features", names);
  const model::ValueId out = append(builder, *fragment, features);
  std::vector<std::string> classes;
  for (int index = 0; index < data.classes && task() != model::Task::regression; ++index)
    classes.push_back("class" + std::to_string(index));
  builder.set_task(task(), "y", classes);
  model::ValueId label = out;
  if (task() != model::Task::regression) {
    model::Decide decide{};
    decide.input = out;
    label = builder.add(decide, "label", {"label"});
  }
  builder.set_outputs(out, label);
  const auto built = std::move(builder).build();
  ASSERT_TRUE(built.ok()) << built.error().message();
  model::RowBatch batch;
  batch.rows = data.features.rows;
  for (std::size_t column = 0; column < data.features.width; ++column)
    batch.columns.emplace_back(model::NumberView(data.features.column(column)));
  const auto interpreted = model::interpret(*built, batch);
  ASSERT_TRUE(interpreted.ok()) << interpreted.error().message();
  EXPECT_TRUE(same_block(interpreted->scores, *scores));
}

// Truth that every kind of learner can find: a sum of two features and some noise.
MadeData additive_data(model::Task task, std::uint64_t seed) {
  MadeData data = make_data(task, 1500, 4, 0, seed);
  Random random(seed);
  for (std::size_t row = 0; row < 1500; ++row) {
    const double sum = data.features.at(row, 0) + data.features.at(row, 1) + 0.3 * random.normal();
    if (task == model::Task::regression) {
      data.targets[row] = static_cast<float>(sum);
    } else {
      data.labels[row] = std::clamp(static_cast<int>(std::floor(sum + data.classes / 2.0)), 0, data.classes - 1);
    }
  }
  return data;
}

TEST_P(EveryLearner, LearnsTheSignal) {
  const MadeData data = additive_data(task(), 2);
  const MadeData other = additive_data(task(), 3);
  const auto fragment = fit(data);
  ASSERT_TRUE(fragment.ok()) << fragment.error().message();
  const model::Block scores = *predict(*fragment, other.features);
  if (task() == model::Task::regression) {
    double mean = 0;
    for (float target : other.targets) mean += target / 1500;
    double error = 0;
    double spread = 0;
    for (std::size_t row = 0; row < scores.rows; ++row) {
      error += std::pow(other.targets[row] - scores.at(row, 0), 2);
      spread += std::pow(other.targets[row] - mean, 2);
    }
    EXPECT_LT(error, 0.45 * spread);
    return;
  }
  std::vector<int> counts(static_cast<std::size_t>(data.classes));
  int right = 0;
  for (std::size_t row = 0; row < scores.rows; ++row) {
    std::size_t best = 0;
    for (std::size_t index = 1; index < scores.width; ++index)
      if (scores.at(row, index) > scores.at(row, best)) best = index;
    ++counts[static_cast<std::size_t>(other.labels[row])];
    right += best == static_cast<std::size_t>(other.labels[row]) ? 1 : 0;
  }
  EXPECT_GT(right, *std::max_element(counts.begin(), counts.end()) + 100);
}

TEST_P(EveryLearner, IsTheSameOnAnyNumberOfThreads) {
  const MadeData data = make_data(task(), 700, 6, missing(0.05), 4);
  const auto single = fit(data, one);
  ASSERT_TRUE(single.ok()) << single.error().message();
  for (int count : {2, 16}) EXPECT_TRUE(same_fragments(*single, *fit(data, Threads(count)))) << count;
  EXPECT_TRUE(same_fragments(*single, *fit(data, one)));
}

TEST_P(EveryLearner, WeightsCountLikeCopies) {
  // A weight of 0 takes a row out of the answer: flipped rows of no weight must not teach anything.
  MadeData data = make_data(task(), 800, 4, 0, 6);
  const MadeData clean = make_data(task(), 800, 4, 0, 6);
  for (std::size_t row = 0; row < 800; ++row) data.weights.push_back(row % 2 == 0 ? 1 : 0);
  for (std::size_t row = 1; row < 800; row += 2) {
    if (task() == model::Task::regression) {
      data.targets[row] = -50;
    } else {
      data.labels[row] = (data.labels[row] + 1) % data.classes;
    }
  }
  const auto fragment = fit(data);
  ASSERT_TRUE(fragment.ok()) << fragment.error().message();
  const model::Block scores = *predict(*fragment, data.features);
  double wrong = 0;
  for (std::size_t row = 1; row < 800; row += 2) {
    if (task() == model::Task::regression) {
      wrong += scores.at(row, 0) < -10 ? 1 : 0;
    } else {
      wrong += scores.at(row, static_cast<std::size_t>(clean.labels[row])) <
                       scores.at(row, static_cast<std::size_t>(data.labels[row]))
                   ? 1
                   : 0;
    }
  }
  EXPECT_LT(wrong, 160);
}

TEST_P(EveryLearner, StopsWhenTheUserHasHadEnough) {
  struct Impatient : Progress {
    void begin(std::string_view, std::size_t) override {}
    void advance(std::size_t) override {}
    void note(std::string_view) override {}
    void end() override {}
    bool cancelled() const override { return asked_++ > patience; }
    mutable std::atomic<int> asked_{0};
    int patience = 0;
  };
  const MadeData data = make_data(task(), 3000, 6, missing(0.05), 4);
  for (int patience : {0, 4, 9}) {
    Impatient progress;
    progress.patience = patience;
    const auto fragment = learner().fit(data.view(), quick(), 5, Threads(2), progress);
    // A linear model may be done before.
    if (fragment.ok()) {
      EXPECT_LE(progress.asked_, patience + 1);
      continue;
    }
    EXPECT_EQ(fragment.error().code(), ErrorCode::cancelled);
  }
}

TEST_P(EveryLearner, MissingValuesEverywhere) {
  MadeData data = make_data(task(), 200, 3, 0.4, 7);
  for (float& value : data.features.column(1)) value = std::numeric_limits<float>::quiet_NaN();
  const auto fragment = fit(data);
  if (!learner().takes_missing) {
    ASSERT_FALSE(fragment.ok());
    EXPECT_THAT(fragment.error().message(), HasSubstr("impute"));
    return;
  }
  ASSERT_TRUE(fragment.ok()) << fragment.error().message();
  model::Block nothing(4, 3);
  std::fill(nothing.values.begin(), nothing.values.end(), std::numeric_limits<float>::quiet_NaN());
  const auto scores = predict(*fragment, nothing);
  ASSERT_TRUE(scores.ok()) << scores.error().message();
  for (float value : scores->values) EXPECT_TRUE(std::isfinite(value));
}

TEST_P(EveryLearner, ConstantFeaturesOneFeatureTwoRows) {
  MadeData constant = make_data(task(), 50, 2, 0, 8);
  std::fill(constant.features.values.begin(), constant.features.values.end(), 1.5F);
  expect_scores(*predict(*fit(constant), constant.features), constant);
  const MadeData single = make_data(task(), 60, 1, 0, 9);
  expect_scores(*predict(*fit(single), single.features), single);
  MadeData two = make_data(task(), 2, 2, 0, 10);
  if (task() != model::Task::regression) two.labels = {0, 1};
  expect_scores(*predict(*fit(two), two.features), two);
  MadeData alone = make_data(task(), 1, 2, 0, 10);
  expect_scores(*predict(*fit(alone), alone.features), alone);
}

// A sound model, or an error that says what to do; never a crash.
TEST_P(EveryLearner, AThousandClasses) {
  if (task() != model::Task::multiclass) return;
  const MadeData data = make_data(task(), 1000, 3, 0, 21, 1000);
  // One round is a thousand trees; more of them, and more folds, show nothing else.
  Settings settings = quick("1", "4");
  for (const params::Description& option : learner().options)
    if (option.name == "folds" || option.name == "calibration_folds")
      settings.emplace_back(option.name, params::scalar("2"));
  // 2,000 columns into 1,000 classes are two million coefficients.
  if (learner().name == "stacking") settings.emplace_back("final", params::scalar("decision_tree"));
  std::erase_if(settings, [](const auto& setting) { return setting.first == "final.max_iter"; });
  const auto fragment = learner().fit(data.view(), settings, 5, Threads(2), silent_progress());
  if (!fragment.ok()) {
    EXPECT_EQ(fragment.error().code(), ErrorCode::invalid_input);
    EXPECT_THAT(fragment.error().message(), HasSubstr("classes"));
    return;
  }
  expect_scores(*predict(*fragment, data.features), data);
}

TEST_P(EveryLearner, MoreColumnsThanRows) {
  const MadeData data = make_data(task(), 20, 20000, 0, 22);
  const auto fragment = learner().fit(data.view(), quick("2", "4"), 5, Threads(2), silent_progress());
  ASSERT_TRUE(fragment.ok()) << fragment.error().message();
  expect_scores(*predict(*fragment, data.features), data);
}

TEST_P(EveryLearner, TheSameRowsWithDifferentTruth) {
  // Nothing can tell the rows apart: the best answer is the mean, or each class's share.
  MadeData data = make_data(task(), 400, 2, 0, 23);
  for (std::size_t row = 0; row < 400; ++row) {
    data.features.column(0)[row] = 1.5F;
    data.features.column(1)[row] = -2;
    if (task() == model::Task::regression) {
      data.targets[row] = row % 4 == 0 ? 1.0F : 0.0F;
    } else {
      data.labels[row] = row % 4 == 0 ? 1 : 0;
    }
  }
  const auto fragment = learner().fit(data.view(), quick("40"), 5, one, silent_progress());
  ASSERT_TRUE(fragment.ok()) << fragment.error().message();
  const model::Block scores = *predict(*fragment, data.features);
  EXPECT_NEAR(scores.at(0, task() == model::Task::regression ? 0 : 1), 0.25, 0.03);
  for (std::size_t row = 1; row < 400; ++row) EXPECT_EQ(scores.at(row, 0), scores.at(0, 0));
}

TEST_P(EveryLearner, InfiniteValues) {
  MadeData data = make_data(task(), 120, 3, 0, 24);
  data.features.column(0)[3] = std::numeric_limits<float>::infinity();
  data.features.column(0)[4] = -std::numeric_limits<float>::infinity();
  data.features.column(1)[5] = std::numeric_limits<float>::max();
  data.features.column(1)[6] = std::numeric_limits<float>::denorm_min();
  const auto fragment = fit(data);
  if (!fragment.ok()) {
    EXPECT_THAT(fragment.error().message(), ::testing::ContainsRegex("row|infinit|large"));
    return;
  }
  expect_scores(*predict(*fragment, data.features), data);
}

// Looks at the heap whenever it is asked something. Sanitizers do not answer; then there is nothing to compare.
class HeapWatch final : public Progress {
 public:
  void begin(std::string_view, std::size_t) override { look(); }
  void advance(std::size_t) override { look(); }
  void note(std::string_view) override { look(); }
  void end() override { look(); }
  bool cancelled() const override {
    look();
    return false;
  }
  std::size_t peak() const { return peak_ < start_ ? 0 : peak_ - start_; }

 private:
  static std::size_t in_use() {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  }
  void look() const {
    const std::lock_guard lock(mutex_);
    if (++asked_ % 16 == 0) peak_ = std::max(peak_, in_use());
  }
  std::size_t start_ = in_use();
  mutable std::mutex mutex_;
  mutable std::size_t asked_ = 0;
  mutable std::size_t peak_ = 0;
};

TEST_P(EveryLearner, TakesTheMemoryThatItStates) {
  if (learner().memory == nullptr) return;
  constexpr std::size_t rows = 40000;
  const MadeData data = make_data(task(), rows, 12, 0, 25);
  const FitSize size{rows, 12, task(), data.classes, false, 2};
  // Shallow, so that the trees themselves, which are not in the statement, stay small.
  Settings settings = quick("4");
  for (const params::Description& option : learner().options)
    if (option.name == "max_depth") settings.emplace_back("max_depth", params::scalar("6"));
  const auto stated = learner().memory(size, settings);
  ASSERT_TRUE(stated.ok()) << stated.error().message();
  HeapWatch watch;
  ASSERT_TRUE(learner().fit(data.view(), settings, 1, Threads(2), watch).ok());
  constexpr std::size_t slack = std::size_t{4} << 20;
  EXPECT_LE(watch.peak(), *stated + slack);
  if (watch.peak() > 0) EXPECT_LE(*stated, 3 * watch.peak() + slack);
}

TEST_P(EveryLearner, ClassesThatNoRowHas) {
  if (task() == model::Task::regression) return;
  MadeData data = make_data(task(), 120, 3, 0, 11);
  for (auto& label : data.labels) label = task() == model::Task::binary ? 1 : std::min(label, 1);
  if (task() == model::Task::multiclass) data.classes = 6;
  const auto fragment = fit(data);
  ASSERT_TRUE(fragment.ok()) << fragment.error().message();
  expect_scores(*predict(*fragment, data.features), data);
}

TEST(Catalogue, TasksThatALearnerDoesNotKnowAreRefused) {
  for (const Learner& learner : catalogue())
    for (const model::Task task : {model::Task::binary, model::Task::regression}) {
      if (task == model::Task::regression ? learner.regresses : learner.classifies) continue;
      const MadeData data = make_data(task, 20, 2, 0, 12);
      EXPECT_FALSE(learner.fit(data.view(), {}, 1, one, silent_progress()).ok()) << learner.name;
    }
}

TEST_P(EveryLearner, WrongInputIsAClearError) {
  const MadeData good = make_data(task(), 20, 2, 0, 12);
  const auto message = [&](const MadeData& data) {
    const auto result = fit(data);
    return result.ok() ? std::string("no error") : result.error().message();
  };
  MadeData empty = good;
  empty.features = model::Block(0, 2);
  empty.labels.clear();
  empty.targets.clear();
  EXPECT_THAT(message(empty), HasSubstr("no rows"));
  MadeData narrow = good;
  narrow.features = model::Block(20, 0);
  EXPECT_THAT(message(narrow), HasSubstr("no features"));
  MadeData weights = good;
  weights.weights = {1, 2};
  EXPECT_THAT(message(weights), HasSubstr("2 weights for 20 rows"));
  weights.weights.assign(20, 1);
  weights.weights[3] = -1;
  EXPECT_THAT(message(weights), HasSubstr("row 3"));
  weights.weights.assign(20, 0);
  EXPECT_THAT(message(weights), HasSubstr("all weights are 0"));
  MadeData truth = good;
  if (task() == model::Task::regression) {
    truth.targets[4] = std::numeric_limits<float>::quiet_NaN();
  } else {
    truth.labels[4] = truth.classes;
  }
  EXPECT_THAT(message(truth), HasSubstr("row 4"));
  if (task() == model::Task::regression) {
    truth.targets[4] = -std::numeric_limits<float>::infinity();
    EXPECT_THAT(message(truth), HasSubstr("row 4"));
  }

  const auto unknown =
      learner().fit(good.view(), testing::settings({{"n_estimatorz", "5"}}), 1, one, silent_progress());
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().message(), HasSubstr("n_estimatorz"));
  EXPECT_FALSE(learner().check(testing::settings({{"no_such_option", "5"}})).ok());
  EXPECT_TRUE(learner().check({}).ok());
}

}  // namespace
}  // namespace slipway::learners
