#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <slipway/base/random.hpp>
#include <slipway/metrics/metrics.hpp>
#include <slipway/search/search.hpp>

#include "halving.hpp"

namespace slipway::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Threads one(1);

Dimension dimension(const char* option, std::initializer_list<const char*> values) {
  Dimension result{option, {}, {}};
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
  EXPECT_THAT(message(forest_problem({}), options), HasSubstr("expected one of grid, random"));
  options = {};
  options.folds = 0;
  EXPECT_THAT(message(forest_problem({}), options), HasSubstr("at least 1"));
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

Dimension read(const char* option, const char* yaml) {
  const auto dimension = read_dimension(option, *params::parse_yaml(yaml, "x.yaml"));
  EXPECT_TRUE(dimension.ok()) << dimension.error().message();
  return *dimension;
}

TEST(Plan, DrawsFromDistributions) {
  Problem problem;
  problem.learner = *learners::find_learner("gradient_boosting");
  problem.space = {read("learning_rate", "{log_uniform: [0.001, 1]}"), read("subsample", "{uniform: [0.5, 1]}"),
                   read("n_estimators", "{integers: [10, 12]}"), read("max_bins", "{log_integers: [3, 255]}"),
                   read("grow_policy", "[leaf_wise, level_wise]")};
  SearchOptions options;
  options.method = "random";
  options.iterations = 400;
  const auto plan = make_plan(problem, options);
  ASSERT_TRUE(plan.ok()) << plan.error().message();
  ASSERT_EQ(plan->candidates.size(), 400U);
  std::map<std::string, int> rounds, policies;
  int low_rates = 0;
  int few_bins = 0;
  for (const learners::Settings& candidate : plan->candidates) {
    const double rate = *candidate[0].second.number();
    EXPECT_TRUE(rate >= 0.001 && rate <= 1);
    low_rates += rate < 0.0316 ? 1 : 0;  // half of the logarithms
    const double share = *candidate[1].second.number();
    EXPECT_TRUE(share >= 0.5 && share <= 1);
    ++rounds[candidate[2].second.text];
    const auto bins = *candidate[3].second.integer();
    EXPECT_TRUE(bins >= 3 && bins <= 255);
    few_bins += bins < 28 ? 1 : 0;
    ++policies[candidate[4].second.text];
  }
  EXPECT_NEAR(low_rates, 200, 45);
  EXPECT_NEAR(few_bins, 200, 45);
  ASSERT_EQ(rounds.size(), 3U);
  for (const auto& [text, count] : rounds) EXPECT_NEAR(count, 133, 40) << text;
  EXPECT_NEAR(policies["leaf_wise"], 200, 45);
  // Boosting's rounds nest: candidates that differ in them alone would share; here every rate is another fit.
  EXPECT_EQ(describe(make_plan(problem, options)->candidates[7]), describe(plan->candidates[7]));
}

TEST(Plan, StepsOfAGrid) {
  const auto texts = [](const Dimension& dimension) {
    std::vector<std::string> list;
    for (const auto& value : dimension.values) list.push_back(value.text);
    return list;
  };
  EXPECT_THAT(texts(read("C", "{log_grid: [0.01, 100, 5]}")), ElementsAre("0.01", "0.1", "1", "10", "100"));
  EXPECT_THAT(texts(read("alpha", "{grid: [0, 1, 3]}")), ElementsAre("0", "0.5", "1"));
  EXPECT_THAT(texts(read("alpha", "7")), ElementsAre("7"));
  const auto message = [](const char* yaml) {
    const auto dimension = read_dimension("C", *params::parse_yaml(yaml, "x.yaml"));
    return dimension.ok() ? std::string("no error") : dimension.error().message();
  };
  EXPECT_THAT(message("[]"), HasSubstr("no value"));
  EXPECT_THAT(message("{log_grid: [0, 1, 3]}"), HasSubstr("above 0"));
  EXPECT_THAT(message("{grid: [1, 0, 3]}"), HasSubstr("lowest before the highest"));
  EXPECT_THAT(message("{grid: [0, 1]}"), HasSubstr("number of steps"));
  EXPECT_THAT(message("{integers: [1.5, 3]}"), HasSubstr("whole numbers"));
  EXPECT_THAT(message("{normal: [0, 1]}"), HasSubstr("one of grid, log_grid, uniform"));
  Problem problem = forest_problem({read("n_estimators", "{integers: [1, 9]}")});
  EXPECT_THAT(make_plan(problem, {}).error().message(), HasSubstr("a grid needs values"));
}

// n_candidates_ and n_resources_ of scikit-learn 1.9's HalvingGridSearchCV for two classes.
TEST(Halving, HasScikitLearnsRungs) {
  struct Case {
    std::size_t candidates, rows;
    int folds;
    double factor;
    std::optional<int> least;
    std::vector<std::size_t> counts, resources;
    std::optional<int> most = {};
    bool aggressive = false;
  };
  for (const Case& one_case :
       {Case{27, 1000, 5, 3, {}, {27, 9, 3, 1}, {20, 20, 20, 60}, 60, true},
        Case{27, 1000, 5, 3, 20, {27, 9, 3, 1}, {20, 20, 20, 60}, 100, true},
        Case{10, 1000, 5, 2, 100, {10, 5, 3, 2}, {100, 200, 400, 800}, {}, true},
        Case{50, 1000, 5, 3, 40, {50, 17, 6, 2}, {40, 40, 120, 360}, {}, true},
        Case{27, 1000, 5, 3, {}, {27, 9, 3, 1}, {37, 111, 333, 999}},
        Case{10, 240, 3, 2, {}, {10, 5, 3, 2}, {30, 60, 120, 240}}, Case{6, 500, 5, 3, 60, {6, 2}, {60, 180}},
        Case{50, 100, 5, 3, {}, {50, 17}, {20, 60}}}) {
    Dimension dimension{"min_samples_split", {}, {}};
    for (std::size_t i = 0; i < one_case.candidates; ++i)
      dimension.values.push_back(params::scalar(std::to_string(i + 2)));
    Problem problem = forest_problem({dimension});
    problem.rows = one_case.rows;
    SearchOptions options;
    options.method = "halving_grid";
    options.folds = one_case.folds;
    options.factor = one_case.factor;
    options.min_resources = one_case.least;
    options.max_resources = one_case.most;
    options.aggressive_elimination = one_case.aggressive;
    const auto plan = make_plan(problem, options);
    ASSERT_TRUE(plan.ok()) << plan.error().message();
    std::vector<std::size_t> counts, resources;
    for (const Rung& rung : plan->rungs) {
      counts.push_back(rung.candidates);
      resources.push_back(rung.resource);
    }
    EXPECT_EQ(counts, one_case.counts);
    EXPECT_EQ(resources, one_case.resources);
  }
}

TEST(Halving, GoesOnWithTheBestOnMoreRows) {
  Problem problem =
      forest_problem({dimension("n_estimators", {"1", "2", "4", "8"}), dimension("max_depth", {"1", "6"})});
  problem.rows = 300;
  SearchOptions options;
  options.method = "halving_grid";
  options.folds = 2;
  options.factor = 2;
  const auto result = search(problem, options, made_fold, Threads(2), silent_progress());
  ASSERT_TRUE(result.ok()) << result.error().message();
  std::map<std::size_t, std::vector<const Candidate*>> by_rung;
  for (const Candidate& candidate : result->candidates) by_rung[candidate.rung].push_back(&candidate);
  ASSERT_EQ(by_rung.size(), 4U);
  EXPECT_EQ(by_rung[0].size(), 4U);
  EXPECT_EQ(by_rung[3].size(), 1U);
  EXPECT_EQ(by_rung[3][0], &result->best_candidate());
  EXPECT_EQ(result->best_candidate().rank, 1);
  EXPECT_EQ(by_rung[3][0]->resource, 296U);
  // The last rung's scores are those of a fit of that many rows: here all but four.
  for (const auto& [rung, members] : by_rung)
    for (const Candidate* candidate : members) EXPECT_EQ(candidate->scores.size(), 2U);
  // The resource may be an option: then the best one has it.
  problem.space = {dimension("max_depth", {"1", "2", "6"})};
  options.resource = "n_estimators";
  options.max_resources = 9;
  options.factor = 3;
  const auto rounds = search(problem, options, made_fold, one, silent_progress());
  ASSERT_TRUE(rounds.ok()) << rounds.error().message();
  EXPECT_THAT(describe(rounds->best_candidate().settings), HasSubstr("n_estimators=9"));
  options.max_resources.reset();
  EXPECT_THAT(make_plan(problem, options).error().message(), HasSubstr("needs max_resources"));
}

TEST(Halving, RowsOfASmallerShareAreInALargerOne) {
  LabelledRows rows = made_rows(500, 3);
  for (std::size_t row = 0; row < 500; ++row) rows.features.column(2)[row] = static_cast<float>(row);
  const auto of = [&](std::size_t count) {
    const LabelledRows part = some_rows(rows, count, 7);
    EXPECT_NEAR(static_cast<double>(part.features.rows), static_cast<double>(count), 1);
    const auto positives = std::count(part.labels.begin(), part.labels.end(), 1);
    const auto all = std::count(rows.labels.begin(), rows.labels.end(), 1);
    EXPECT_NEAR(static_cast<double>(positives), static_cast<double>(all) * static_cast<double>(count) / 500, 1);
    return std::set<float>(part.features.column(2).begin(), part.features.column(2).end());
  };
  const std::set<float> small = of(60), large = of(180);
  EXPECT_TRUE(std::includes(large.begin(), large.end(), small.begin(), small.end()));
}

TEST(Search, GoesOnFromFinishedFits) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("slipway-search-{}", ::getpid());
  std::filesystem::remove_all(folder);
  Problem problem =
      forest_problem({dimension("n_estimators", {"3", "6"}), dimension("criterion", {"gini", "entropy"})});
  SearchOptions options;
  options.folds = 3;
  const auto undisturbed = search(problem, options, made_fold, one, silent_progress());
  options.keep = folder;
  options.key = "these rows";
  // The third fold cannot be read: two folds of two fits each are finished by then.
  const auto broken = search(
      problem, options,
      [](std::size_t index) -> Result<FoldData> {
        if (index == 2) return unavailable("power cut");
        return made_fold(index);
      },
      one, silent_progress());
  ASSERT_FALSE(broken.ok());
  std::size_t made = 0;
  const auto counting = [&](std::size_t index) {
    ++made;
    return made_fold(index);
  };
  const auto resumed = search(problem, options, counting, Threads(3), silent_progress());
  ASSERT_TRUE(resumed.ok()) << resumed.error().message();
  EXPECT_EQ(resumed->reused, 4U);
  EXPECT_EQ(resumed->fits, 6U);
  EXPECT_EQ(made, 1U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(resumed->candidates[i].scores, undisturbed->candidates[i].scores);
  EXPECT_EQ(resumed->best_scores, undisturbed->best_scores);
  // Damaged files count for nothing, other data or settings neither.
  for (const auto& file : std::filesystem::directory_iterator(folder))
    std::filesystem::resize_file(file.path(), std::filesystem::file_size(file.path()) - 1);
  EXPECT_EQ(search(problem, options, made_fold, one, silent_progress())->reused, 0U);
  EXPECT_EQ(search(problem, options, made_fold, one, silent_progress())->reused, 6U);
  options.key = "other rows";
  EXPECT_EQ(search(problem, options, made_fold, one, silent_progress())->reused, 0U);
  problem.fixed = {{"max_depth", params::scalar("3")}};
  EXPECT_EQ(search(problem, options, made_fold, one, silent_progress())->reused, 0U);
  std::filesystem::remove_all(folder);
}

// Every learner that says that options nest: the same scores as fits of each point alone, on 1, 2 and 16 threads.
TEST(Search, EveryNestingOptionGivesTheScoresOfFitsAlone) {
  const std::map<std::string, std::vector<const char*>> values = {
      {"n_estimators", {"3", "6"}},        {"max_depth", {"2", "none"}},
      {"min_samples_split", {"2", "0.1"}}, {"min_impurity_decrease", {"0", "0.01"}},
      {"max_leaf_nodes", {"5", "none"}},   {"ccp_alpha", {"0", "0.004"}},
      {"C", {"0.01", "1", "100"}},         {"alpha", {"0.001", "0.1", "2"}},
  };
  for (const learners::Learner& learner : learners::catalogue()) {
    for (const std::string& option : learner.nesting_options) {
      SCOPED_TRACE(std::string(learner.name) + " " + option);
      ASSERT_TRUE(values.contains(option)) << "give this option values here";
      Problem problem;
      problem.learner = &learner;
      problem.task = learner.classifies ? model::Task::binary : model::Task::regression;
      problem.classes = learner.classifies ? 2 : 1;
      problem.space = {{option, {}, {}}};
      for (const char* value : values.at(option)) problem.space[0].values.push_back(params::scalar(value));
      for (const auto& known : learner.options)
        if (known.name == "n_estimators" && option != "n_estimators")
          problem.fixed.emplace_back("n_estimators", params::scalar("5"));
      SearchOptions options;
      options.folds = 2;
      options.metric = learner.classifies ? "log_loss" : "rmse";
      const FoldSource folds = [&](std::size_t index) -> Result<FoldData> {
        FoldData fold = *made_fold(index);
        for (LabelledRows* rows : {&fold.train, &fold.validation})
          for (std::size_t row = 0; row < rows->labels.size(); ++row)
            rows->targets.push_back(rows->features.at(row, 0) * 2 + static_cast<float>(rows->labels[row]));
        return fold;
      };
      for (int threads : {1, 2, 16}) {
        const auto nested = search(problem, options, folds, Threads(threads), silent_progress());
        ASSERT_TRUE(nested.ok()) << nested.error().message();
        EXPECT_EQ(nested->fits, 2U);
        for (std::size_t i = 0; i < problem.space[0].values.size(); ++i) {
          Problem alone = problem;
          alone.space[0].values = {problem.space[0].values[i]};
          learners::Learner refitting = learner;
          refitting.fit_nested = nullptr;
          alone.learner = &refitting;
          const auto refitted = search(alone, options, folds, one, silent_progress());
          ASSERT_TRUE(refitted.ok()) << refitted.error().message();
          EXPECT_EQ(nested->candidates[i].scores, refitted->candidates[0].scores);
        }
      }
    }
  }
}

TEST(Search, OverAnEnsemblesMembers) {
  Problem problem;
  problem.learner = *learners::find_learner("stacking");
  problem.fixed = {{"members", *params::parse_yaml("[random_forest: {n_estimators: 4}, decision_tree]", "")},
                   {"folds", params::scalar("2")}};
  problem.space = {dimension("random_forest.max_depth", {"1", "4"}), dimension("final.C", {"0.1", "1"})};
  SearchOptions options;
  options.folds = 2;
  const auto result = search(problem, options, made_fold, one, silent_progress());
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->candidates.size(), 4U);
  EXPECT_GT(result->best_candidate().mean, 0.4);
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
