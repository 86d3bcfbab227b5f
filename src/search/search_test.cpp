#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/metrics/metrics.hpp>
#include <slipway/search/search.hpp>

namespace slipway::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Threads one(1);

Dimension dimension(const char* option, std::initializer_list<const char*> values) {
  Dimension result{option, {}};
  for (const char* value : values) result.values.push_back(params::scalar(value));
  return result;
}

Problem forest_problem(Space space) {
  Problem problem;
  problem.learner = *learners::find_learner("random_forest");
  problem.space = std::move(space);
  return problem;
}

LabelledRows made_rows(std::size_t rows, std::uint64_t seed) {
  Random random(seed);
  LabelledRows made;
  made.features = model::Block(rows, 3);
  for (std::size_t row = 0; row < rows; ++row) {
    double signal = random.normal();
    for (std::size_t column = 0; column < 3; ++column) {
      const double value = random.normal();
      made.features.column(column)[row] = static_cast<float>(value);
      signal += column == 0 ? value : column == 1 ? value * value : 0;
    }
    made.labels.push_back(signal > 1.5 ? 1 : 0);
  }
  return made;
}

Result<FoldData> made_fold(std::size_t index) {
  return FoldData{made_rows(300, 10 + index), made_rows(150, 20 + index)};
}

// A learner whose "fit" returns a constant probability, `level`, and counts its calls.
int constant_fits = 0;
learners::Learner constant_learner() {
  learners::Learner learner;
  learner.name = "constant";
  learner.check = [](const learners::Settings&) -> Status { return {}; };
  learner.fit = [](const learners::TrainingData&, const learners::Settings& settings, std::uint64_t, const Threads&,
                   Progress&) -> Result<learners::Fragment> {
    ++constant_fits;
    float level = 0;
    for (const auto& [name, value] : settings)
      if (name == "level") level = static_cast<float>(*value.number());
    learners::Fragment fragment;
    model::Dense dense{};
    dense.input = 0;
    dense.output = 1;
    dense.weights.assign(6, 0);
    dense.bias = {1 - level, level};
    fragment.operators.emplace_back(dense);
    fragment.columns.push_back({"p0", "p1"});
    return fragment;
  };
  return learner;
}

TEST(Plan, SharesFitsAmongNestingOptions) {
  const Problem problem =
      forest_problem({dimension("n_estimators", {"100", "200", "300"}), dimension("max_depth", {"5", "10", "15"}),
                      dimension("min_samples_split", {"2", "5", "10"})});
  const auto plan = make_plan(problem, {});
  ASSERT_TRUE(plan.ok()) << plan.error().message();
  EXPECT_EQ(plan->text,
            "27 candidates, 5 folds: 5 fits instead of 135 (n_estimators, max_depth, min_samples_split share a fit)");
  EXPECT_EQ(describe(plan->candidates[0]), "n_estimators=100, max_depth=5, min_samples_split=2");
  EXPECT_EQ(describe(plan->candidates[1]), "n_estimators=100, max_depth=5, min_samples_split=5");
  EXPECT_EQ(describe(plan->candidates[26]), "n_estimators=300, max_depth=15, min_samples_split=10");
  EXPECT_EQ(plan->metric, "average_precision");
}

TEST(Plan, KeepsTheRestApart) {
  const Problem problem =
      forest_problem({dimension("criterion", {"gini", "entropy"}), dimension("max_depth", {"5", "none"}),
                      dimension("min_samples_leaf", {"1", "4"})});
  const auto plan = make_plan(problem, {});
  ASSERT_EQ(plan->groups.size(), 4U);
  EXPECT_EQ(describe(plan->groups[1].settings), "criterion=gini, min_samples_leaf=4");
  EXPECT_THAT(plan->groups[1].candidates, ElementsAre(1, 3));
  EXPECT_THAT(plan->text, HasSubstr("8 candidates, 5 folds: 20 fits instead of 40"));
  const auto plain = make_plan(forest_problem({}), {});
  EXPECT_EQ(plain->text, "1 candidate, 5 folds: 5 fits");
}

TEST(Plan, RandomDrawsDistinctCandidates) {
  const Problem problem =
      forest_problem({dimension("n_estimators", {"1", "2", "3", "4", "5"}), dimension("max_depth", {"1", "2", "3"})});
  SearchOptions options;
  options.method = "random";
  options.iterations = 9;
  const auto plan = make_plan(problem, options);
  std::set<std::string> distinct;
  for (const auto& candidate : plan->candidates) distinct.insert(describe(candidate));
  EXPECT_EQ(distinct.size(), 9U);
  EXPECT_EQ(describe(make_plan(problem, options)->candidates[3]), describe(plan->candidates[3]));
  options.seed = 43;
  std::string other;
  std::string first;
  const auto reseeded = make_plan(problem, options);
  for (const auto& candidate : reseeded->candidates) other += describe(candidate) + ";";
  for (const auto& candidate : plan->candidates) first += describe(candidate) + ";";
  EXPECT_NE(other, first);
  options.iterations = 100;
  EXPECT_EQ(make_plan(problem, options)->candidates.size(), 15U);
}

TEST(Plan, ErrorsNameWhatIsWrong) {
  const auto message = [](const Problem& problem, const SearchOptions& options = {}) {
    return make_plan(problem, options).error().message();
  };
  EXPECT_THAT(message(forest_problem({dimension("max_dept", {"5"})})), HasSubstr("did you mean 'max_depth'"));
  EXPECT_THAT(message(forest_problem({dimension("max_depth", {})})), HasSubstr("no values"));
  EXPECT_THAT(message(forest_problem({dimension("max_depth", {"5"}), dimension("max_depth", {"6"})})),
              HasSubstr("twice"));
  EXPECT_THAT(message(forest_problem({dimension("max_depth", {"0"})})), HasSubstr("max_depth"));
  SearchOptions options;
  options.metric = "rmse";
  EXPECT_THAT(message(forest_problem({}), options), HasSubstr("does not apply to a binary task"));
  options.metric = "f1_sore";
  EXPECT_THAT(message(forest_problem({}), options), HasSubstr("no metric 'f1_sore'"));
  options = {};
  options.method = "halving";
  EXPECT_THAT(message(forest_problem({}), options), HasSubstr("grid or random"));
  options = {};
  options.folds = 1;
  EXPECT_THAT(message(forest_problem({}), options), HasSubstr("at least 2"));
}

TEST(Search, NestedScoresAreThoseOfSeparateFits) {
  Problem problem = forest_problem({dimension("n_estimators", {"3", "6"}), dimension("max_depth", {"2", "5"}),
                                    dimension("criterion", {"gini", "entropy"})});
  problem.fixed = {{"max_bins", params::scalar("64")}, {"max_depth", params::scalar("1")}};
  SearchOptions options;
  options.folds = 3;
  const auto result = search(problem, options, made_fold, Threads(2), silent_progress());
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->fits, 6U);
  ASSERT_EQ(result->candidates.size(), 8U);
  for (const Candidate& candidate : result->candidates) {
    ASSERT_EQ(candidate.scores.size(), 3U);
    for (std::size_t fold = 0; fold < 3; ++fold) {
      const FoldData data = *made_fold(fold);
      learners::TrainingData train;
      train.features = &data.train.features;
      train.labels = data.train.labels;
      const auto fragment =
          problem.learner->fit(train, all_settings(problem, candidate), options.seed, one, silent_progress());
      ASSERT_TRUE(fragment.ok()) << fragment.error().message();
      const auto scores = learners::predict(*fragment, data.validation.features);
      ASSERT_TRUE(scores.ok()) << scores.error().message();
      EXPECT_EQ(candidate.scores[fold], *metrics::average_precision(data.validation.labels, scores->column(1)));
    }
  }
  const Candidate& best = result->best_candidate();
  EXPECT_EQ(best.rank, 1);
  ASSERT_EQ(result->best_scores.size(), 3U);
  for (std::size_t fold = 0; fold < 3; ++fold)
    EXPECT_EQ(best.scores[fold],
              *metrics::average_precision(made_rows(150, 20 + fold).labels, result->best_scores[fold]));
  for (const Candidate& candidate : result->candidates) EXPECT_LE(candidate.mean, best.mean);
}

TEST(Search, AnyLearnerAndALossThatIsMinimised) {
  const learners::Learner constant = constant_learner();
  Problem problem;
  problem.learner = &constant;
  problem.space = {dimension("level", {"0.9", "0.25", "0.5", "0.25"})};
  SearchOptions options;
  options.folds = 2;
  options.metric = "log_loss";
  constant_fits = 0;
  const auto result = search(problem, options, made_fold, one, silent_progress());
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(constant_fits, 6);  // equal candidates are fitted once
  EXPECT_FALSE(result->higher_is_better);
  EXPECT_EQ(result->best, 1U);
  EXPECT_THAT((std::vector<int>{result->candidates[0].rank, result->candidates[1].rank, result->candidates[2].rank,
                                result->candidates[3].rank}),
              ElementsAre(4, 1, 3, 1));
  // By hand: the mean and the population standard deviation of the two folds.
  const Candidate& candidate = result->candidates[2];
  EXPECT_NEAR(candidate.mean, std::log(2.0), 1e-12);
  EXPECT_NEAR(candidate.standard_deviation, 0, 1e-12);
}

TEST(Search, TiesGoToTheSmallerModel) {
  const learners::Learner constant = constant_learner();
  Problem problem;
  problem.learner = &constant;
  problem.space = {dimension("n_estimators", {"300", "100"}), dimension("max_depth", {"none", "5"}),
                   dimension("min_samples_split", {"2", "10"})};
  const auto result = search(problem, {}, made_fold, one, silent_progress());
  EXPECT_EQ(describe(result->best_candidate().settings), "n_estimators=100, max_depth=5, min_samples_split=10");
  for (const Candidate& candidate : result->candidates) EXPECT_EQ(candidate.rank, 1);
}

TEST(Search, AFoldThatCannotBeScoredIsNamed) {
  SearchOptions options;
  options.folds = 2;
  options.metric = "roc_auc";
  const auto result = search(
      forest_problem({dimension("n_estimators", {"2"})}), options,
      [](std::size_t index) -> Result<FoldData> {
        FoldData fold = *made_fold(index);
        if (index == 1) std::fill(fold.validation.labels.begin(), fold.validation.labels.end(), 0);
        return fold;
      },
      one, silent_progress());
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().message(), HasSubstr("fold 2 of 2"));
  EXPECT_THAT(result.error().message(), HasSubstr("no positive row"));
  const auto broken = search(
      forest_problem({}), options, [](std::size_t) -> Result<FoldData> { return unavailable("disk gone"); }, one,
      silent_progress());
  EXPECT_THAT(broken.error().message(), HasSubstr("fold 1 of 2: disk gone"));
}

TEST(Search, ReportsProgressToTheEnd) {
  struct Counting final : Progress {
    std::mutex mutex;
    std::size_t total = 0, steps = 0;
    int open = 0;
    std::vector<std::string> notes;
    void begin(std::string_view, std::size_t count) override { total = count, ++open; }
    void advance(std::size_t count) override {
      const std::lock_guard lock(mutex);
      steps += count;
    }
    void note(std::string_view line) override { notes.emplace_back(line); }
    void end() override { --open; }
  } progress;
  ASSERT_TRUE(
      search(forest_problem({dimension("n_estimators", {"7", "13"})}), {}, made_fold, Threads(2), progress).ok());
  EXPECT_EQ(progress.steps, progress.total);
  EXPECT_EQ(progress.open, 0);
  ASSERT_EQ(progress.notes.size(), 2U);
  EXPECT_THAT(progress.notes[0], HasSubstr("2 candidates, 5 folds: 5 fits"));
  EXPECT_THAT(progress.notes[1], HasSubstr("best average_precision"));
}

}  // namespace
}  // namespace slipway::search
