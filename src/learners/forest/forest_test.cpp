#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_data.hpp"

namespace slipway::learners {
namespace {

using ::testing::HasSubstr;
using testing::MadeData;
using testing::make_data;
using testing::same_block;
using testing::same_fragments;
using testing::settings;

const Threads one(1);

const Learner& forest() { return **find_learner("random_forest"); }
const Learner& tree() { return **find_learner("decision_tree"); }

Fragment fit(const Learner& learner, const MadeData& data, const Settings& given, std::uint64_t seed = 3,
             const Threads& threads = one) {
  auto fragment = learner.fit(data.view(), given, seed, threads, silent_progress());
  EXPECT_TRUE(fragment.ok()) << fragment.error().message();
  return fragment.ok() ? std::move(fragment).value() : Fragment{};
}
const model::Trees& trees_of(const Fragment& fragment) { return std::get<model::Trees>(fragment.operators[0]); }

// ---- single trees: the numbers are scikit-learn 1.9.1's, on the same 200 rows ----

struct Generator {
  std::uint64_t state = 2024;
  std::uint64_t operator()() {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return state >> 33;
  }
};

enum class Truth { yes_or_no, four_classes, number };

MadeData reference_rows(Truth truth, bool missing = false) {
  Generator next;
  MadeData data;
  data.task = truth == Truth::yes_or_no      ? model::Task::binary
              : truth == Truth::four_classes ? model::Task::multiclass
                                             : model::Task::regression;
  data.classes = truth == Truth::yes_or_no ? 2 : truth == Truth::four_classes ? 4 : 1;
  data.features = model::Block(200, 4);
  for (std::size_t row = 0; row < 200; ++row) {
    for (std::size_t column = 0; column < 4; ++column)
      data.features.column(column)[row] = static_cast<float>(next() % 200);
    const double noise = static_cast<double>(next() % 100);
    const double score =
        data.features.at(row, 0) + (data.features.at(row, 1) > 120 ? data.features.at(row, 2) : 0) + noise;
    if (truth == Truth::yes_or_no) data.labels.push_back(score > 220 ? 1 : 0);
    if (truth == Truth::four_classes) data.labels.push_back(score < 120 ? 0 : score < 200 ? 1 : score < 280 ? 2 : 3);
    if (truth == Truth::number) data.targets.push_back(static_cast<float>(score));
    if (missing && row % 7 == 3) data.features.column(0)[row] = std::numeric_limits<float>::quiet_NaN();
    if (missing && row % 5 == 1) data.features.column(1)[row] = std::numeric_limits<float>::quiet_NaN();
  }
  return data;
}

struct TreeCase {
  std::string name;
  Truth truth;
  Settings given;
  std::size_t nodes;
  double squares;  // sum of the squared predictions over the training rows
  bool missing = false;
  bool weighted = false;
};

void PrintTo(const TreeCase& one_case, std::ostream* out) { *out << one_case.name; }

class SingleTree : public ::testing::TestWithParam<TreeCase> {};

TEST_P(SingleTree, EqualsScikitLearns) {
  MadeData data = reference_rows(GetParam().truth, GetParam().missing);
  if (GetParam().weighted)
    for (int row = 0; row < 200; ++row) data.weights.push_back(static_cast<float>(1 + row % 3));
  const Fragment fragment = fit(tree(), data, GetParam().given);
  EXPECT_EQ(trees_of(fragment).node_count(), GetParam().nodes);
  double squares = 0;
  const model::Block scores = *predict(fragment, data.features);
  for (float value : scores.values) squares += static_cast<double>(value) * value;
  EXPECT_NEAR(squares / GetParam().squares, 1, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SingleTree,
    ::testing::Values(
        TreeCase{"gini", Truth::yes_or_no, settings({{"max_depth", "4"}}), 21, 187.339105339},
        TreeCase{"entropy", Truth::yes_or_no, settings({{"max_depth", "4"}, {"criterion", "entropy"}}), 15,
                 184.714285714},
        TreeCase{"leaf", Truth::yes_or_no, settings({{"max_depth", "6"}, {"min_samples_leaf", "8"}}), 15,
                 182.684615385},
        TreeCase{"split", Truth::yes_or_no, settings({{"max_depth", "6"}, {"min_samples_split", "30"}}), 11,
                 179.435714286},
        TreeCase{"share_of_rows", Truth::yes_or_no, settings({{"max_depth", "6"}, {"min_samples_split", "0.149"}}), 11,
                 179.435714286},
        TreeCase{"decrease", Truth::yes_or_no, settings({{"min_impurity_decrease", "0.01"}}), 9, 179.079192547},
        TreeCase{"balanced", Truth::yes_or_no, settings({{"max_depth", "4"}, {"class_weight", "balanced"}}), 21,
                 188.328802904},
        TreeCase{"weights", Truth::yes_or_no, settings({{"max_depth", "4"}}), 19, 188.929224141, false, true},
        TreeCase{"missing", Truth::yes_or_no, settings({{"max_depth", "4"}}), 21, 174.157498057, true},
        TreeCase{"classes", Truth::four_classes, settings({{"max_depth", "4"}}), 25, 140.210295659},
        TreeCase{"classes_entropy", Truth::four_classes, settings({{"max_depth", "3"}, {"criterion", "log_loss"}}), 15,
                 122.530037115},
        TreeCase{"classes_leaf", Truth::four_classes, settings({{"max_depth", "5"}, {"min_samples_leaf", "6"}}), 35,
                 154.445765346},
        TreeCase{"classes_missing", Truth::four_classes, settings({{"max_depth", "4"}}), 25, 122.144957983, true},
        TreeCase{"number", Truth::number, settings({{"max_depth", "4"}}), 31, 9053232.472748492},
        TreeCase{"number_leaf", Truth::number, settings({{"max_depth", "6"}, {"min_samples_leaf", "7"}}), 43,
                 9057995.140861915},
        TreeCase{"number_decrease", Truth::number, settings({{"min_impurity_decrease", "60"}}), 21, 9019049.073069625},
        TreeCase{"number_missing", Truth::number, settings({{"max_depth", "4"}}), 31, 8841251.378454877, true},
        TreeCase{"number_weights", Truth::number, settings({{"max_depth", "4"}}), 31, 9057531.072768379, false, true}),
    [](const ::testing::TestParamInfo<TreeCase>& one_case) { return one_case.param.name; });

TEST(SingleTree, GrownOutFitsItsRows) {
  const MadeData data = reference_rows(Truth::number);
  const model::Block scores = *predict(fit(tree(), data, {}), data.features);
  for (std::size_t row = 0; row < 200; ++row) ASSERT_EQ(scores.at(row, 0), data.targets[row]) << row;
}

TEST(SingleTree, CoverIsTheTrainingWeight) {
  MadeData data = reference_rows(Truth::yes_or_no);
  data.weights.assign(200, 0.5F);
  const Fragment fragment = fit(tree(), data, settings({{"max_depth", "3"}}));
  const model::Trees& trees = trees_of(fragment);
  EXPECT_EQ(trees.cover[0], 100);
  for (std::size_t node = 0; node < trees.node_count(); ++node) {
    if (trees.feature[node] == model::Trees::leaf) continue;
    EXPECT_EQ(trees.cover[trees.left[node]] + trees.cover[trees.right[node]], trees.cover[node]);
  }
}

// ---- nesting ----

std::vector<Settings> grid() {
  std::vector<Settings> points;
  for (const char* trees : {"4", "7", "10"})
    for (const char* depth : {"3", "6", "12"})
      for (const char* split : {"2", "5", "20"})
        points.push_back(settings({{"n_estimators", trees}, {"max_depth", depth}, {"min_samples_split", split}}));
  return points;
}

struct NestedCase {
  std::string name;
  model::Task task;
  double missing;
  Settings shared;
  bool weighted = false;
};

void PrintTo(const NestedCase& one_case, std::ostream* out) { *out << one_case.name; }

class Nested : public ::testing::TestWithParam<NestedCase> {
 protected:
  MadeData data(std::uint64_t seed) const {
    MadeData made = make_data(GetParam().task, 1200, 9, GetParam().missing, seed);
    if (GetParam().weighted) {
      Random random(seed);
      for (int row = 0; row < 1200; ++row) made.weights.push_back(static_cast<float>(random.uniform() * 3));
    }
    return made;
  }
  void expect_nested(const std::vector<Settings>& points) const {
    const MadeData train = data(21);
    const MadeData test = make_data(GetParam().task, 533, 9, std::max(0.05, GetParam().missing), 22);
    for (int threads : {1, 2}) {
      const Threads several(threads);
      const auto nested = forest().fit_nested(train.view(), GetParam().shared, points, 9, several, silent_progress());
      ASSERT_TRUE(nested.ok()) << nested.error().message();
      const auto scores = (*nested)->predict(points, test.features, several);
      ASSERT_TRUE(scores.ok()) << scores.error().message();
      for (std::size_t k = 0; k < points.size(); ++k) {
        Settings all = GetParam().shared;
        all.insert(all.end(), points[k].begin(), points[k].end());
        const Fragment alone = fit(forest(), train, all, 9);
        const auto cut = (*nested)->extract(points[k]);
        ASSERT_TRUE(cut.ok()) << cut.error().message();
        EXPECT_TRUE(same_fragments(*cut, alone)) << "point " << k << ", threads " << threads;
        EXPECT_TRUE(same_block((*scores)[k], *predict(alone, test.features)))
            << "point " << k << ", threads " << threads;
      }
    }
  }
};

INSTANTIATE_TEST_SUITE_P(
    Cases, Nested,
    ::testing::Values(NestedCase{"binary", model::Task::binary, 0, {}},
                      NestedCase{"binary_missing", model::Task::binary, 0.15, {}},
                      NestedCase{"binary_leaf", model::Task::binary, 0.1, settings({{"min_samples_leaf", "3"}})},
                      NestedCase{"binary_weights", model::Task::binary, 0.1,
                                 settings({{"class_weight", "balanced_subsample"}}), true},
                      NestedCase{"entropy", model::Task::binary, 0.1, settings({{"criterion", "entropy"}})},
                      NestedCase{"classes", model::Task::multiclass, 0.1, {}},
                      NestedCase{"classes_leaf", model::Task::multiclass, 0, settings({{"min_samples_leaf", "2"}})},
                      NestedCase{"number", model::Task::regression, 0.1, settings({{"max_features", "3"}})},
                      NestedCase{"number_samples", model::Task::regression, 0,
                                 settings({{"max_samples", "0.4"}, {"max_features", "0.5"}}), true}),
    [](const ::testing::TestParamInfo<NestedCase>& one_case) { return one_case.param.name; });

TEST_P(Nested, EveryPointOfTheGridEqualsItsOwnFit) { expect_nested(grid()); }

TEST_P(Nested, ImpurityAndNoDepthLimitNestToo) {
  expect_nested({settings({{"n_estimators", "3"}, {"min_impurity_decrease", "0.002"}}),
                 settings({{"n_estimators", "5"}, {"max_depth", "none"}}),
                 settings({{"n_estimators", "5"}, {"min_impurity_decrease", "0.0005"}, {"max_depth", "5"}}),
                 settings({{"n_estimators", "2"}, {"min_samples_split", "0.05"}, {"min_impurity_decrease", "0.001"}})});
}

TEST(Nesting, RefusesWhatTheFitDoesNotContain) {
  const MadeData data = make_data(model::Task::binary, 100, 3, 0, 1);
  const std::vector<Settings> points = {settings({{"n_estimators", "5"}, {"max_depth", "4"}})};
  const auto nested = forest().fit_nested(data.view(), {}, points, 1, one, silent_progress());
  ASSERT_TRUE(nested.ok());
  const auto message = [&](const Settings& point) { return (*nested)->extract(point).error().message(); };
  EXPECT_THAT(message(settings({{"n_estimators", "6"}, {"max_depth", "4"}})), HasSubstr("goes beyond"));
  EXPECT_THAT(message(settings({{"n_estimators", "5"}})), HasSubstr("goes beyond"));
  EXPECT_THAT(message(settings({{"n_estimators", "5"}, {"max_depth", "4"}, {"min_samples_leaf", "2"}})),
              HasSubstr("min_samples_leaf was 1 at the fit and is 2"));
  EXPECT_THAT(message(settings({{"max_dept", "4"}})), HasSubstr("did you mean 'max_depth'"));
  EXPECT_THAT((*nested)->predict(points, model::Block(5, 2), one).error().message(), HasSubstr("2 features"));
}

// ---- forests ----

double accuracy(const MadeData& data, const model::Block& scores) {
  double right = 0;
  for (std::size_t row = 0; row < scores.rows; ++row)
    right += (scores.at(row, 1) > 0.5F) == (data.labels[row] == 1) ? 1 : 0;
  return right / static_cast<double>(scores.rows);
}

TEST(Forest, BeatsOneTree) {
  const MadeData train = make_data(model::Task::binary, 2000, 8, 0.02, 31);
  const MadeData test = make_data(model::Task::binary, 4000, 8, 0.02, 32);
  const double of_tree = accuracy(test, *predict(fit(tree(), train, {}), test.features));
  const double of_forest =
      accuracy(test, *predict(fit(forest(), train, settings({{"n_estimators", "60"}})), test.features));
  EXPECT_GT(of_forest, of_tree + 0.02);
}

TEST(Forest, SeedsAndOptionsMatter) {
  const MadeData data = make_data(model::Task::binary, 300, 5, 0, 41);
  const Settings few = settings({{"n_estimators", "3"}});
  EXPECT_FALSE(same_fragments(fit(forest(), data, few, 1), fit(forest(), data, few, 2)));
  EXPECT_EQ(trees_of(fit(forest(), data, few)).roots.size(), 3U);
  // Without bootstrap and with all features only ties and their order could differ between trees.
  const Fragment same =
      fit(forest(), data, settings({{"n_estimators", "1"}, {"bootstrap", "false"}, {"max_features", "all"}}));
  EXPECT_TRUE(same_fragments(same, fit(tree(), data, {})));
}

TEST(Forest, BagWeighsAsManyRowsAsWereDrawn) {
  const MadeData data = make_data(model::Task::binary, 500, 3, 0, 42);
  const Fragment whole = fit(forest(), data, settings({{"n_estimators", "5"}}));
  for (std::uint32_t root : trees_of(whole).roots) EXPECT_EQ(trees_of(whole).cover[root], 500);
  const Fragment part = fit(forest(), data, settings({{"n_estimators", "5"}, {"max_samples", "0.3"}}));
  for (std::uint32_t root : trees_of(part).roots) EXPECT_EQ(trees_of(part).cover[root], 150);
  const Fragment count = fit(forest(), data, settings({{"n_estimators", "5"}, {"max_samples", "20"}}));
  for (std::uint32_t root : trees_of(count).roots) EXPECT_EQ(trees_of(count).cover[root], 20);
}

TEST(Forest, TheOnlyUsefulFeatureIsFound) {
  // Constant features do not use up the sample of features.
  MadeData data = make_data(model::Task::binary, 200, 40, 0, 43);
  for (std::size_t column = 0; column < 40; ++column)
    if (column != 17) std::fill(data.features.column(column).begin(), data.features.column(column).end(), 1.0F);
  for (std::size_t row = 0; row < 200; ++row) data.labels[row] = data.features.at(row, 17) > 0.25F ? 1 : 0;
  const Fragment fragment = fit(forest(), data, settings({{"n_estimators", "4"}, {"max_features", "1"}}));
  for (std::uint32_t root : trees_of(fragment).roots) EXPECT_EQ(trees_of(fragment).feature[root], 17);
}

TEST(Forest, MissingGoesWhereItBelongs) {
  MadeData data = make_data(model::Task::binary, 400, 1, 0, 44);
  for (std::size_t row = 0; row < 400; ++row) {
    const bool gone = row % 2 == 0;
    data.labels[row] = gone ? 1 : 0;
    if (gone) data.features.column(0)[row] = std::numeric_limits<float>::quiet_NaN();
  }
  const Fragment fragment = fit(tree(), data, {});
  const model::Trees& trees = trees_of(fragment);
  ASSERT_EQ(trees.node_count(), 3U);
  EXPECT_EQ(trees.threshold[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(trees.missing_left[0], 0);
  EXPECT_EQ(accuracy(data, *predict(fragment, data.features)), 1);
}

TEST(Forest, WrongSettingsSayWhatIsExpected) {
  const auto message = [](const Learner& learner, const Settings& given) {
    return learner.check(given).error().message();
  };
  EXPECT_THAT(message(forest(), settings({{"n_estimators", "0"}})), HasSubstr("expected from 1 to 100000"));
  EXPECT_THAT(message(forest(), settings({{"max_depth", "deep"}})), HasSubstr("max_depth"));
  EXPECT_THAT(message(forest(), settings({{"max_features", "sqr"}})), HasSubstr("did you mean 'sqrt'"));
  EXPECT_THAT(message(forest(), settings({{"max_features", "0"}})), HasSubstr("max_features"));
  EXPECT_THAT(message(forest(), settings({{"min_samples_split", "1"}})), HasSubstr("whole number from 2"));
  EXPECT_THAT(message(forest(), settings({{"min_samples_leaf", "2.5"}})), HasSubstr("min_samples_leaf"));
  EXPECT_THAT(message(forest(), settings({{"criterion", "ginni"}})), HasSubstr("did you mean 'gini'"));
  EXPECT_THAT(message(forest(), settings({{"bootstrap", "false"}, {"max_samples", "0.5"}})), HasSubstr("bootstrap"));
  EXPECT_THAT(message(tree(), settings({{"n_estimators", "5"}})), HasSubstr("decision_tree has no option"));
  const MadeData numbers = make_data(model::Task::regression, 30, 2, 0, 1);
  const auto fit_message = [&](const MadeData& data, const Settings& given) {
    return forest().fit(data.view(), given, 1, one, silent_progress()).error().message();
  };
  EXPECT_THAT(fit_message(numbers, settings({{"criterion", "gini"}})), HasSubstr("expected squared_error"));
  EXPECT_THAT(fit_message(numbers, settings({{"class_weight", "balanced"}})), HasSubstr("regression"));
  EXPECT_THAT(fit_message(numbers, settings({{"max_features", "3"}})), HasSubstr("3 of 2 features"));
  EXPECT_THAT(fit_message(numbers, settings({{"max_samples", "31"}})), HasSubstr("31 of 30 rows"));
}

}  // namespace
}  // namespace slipway::learners
