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
const Learner& extra() { return **find_learner("extra_trees"); }
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
        TreeCase{"number_weights", Truth::number, settings({{"max_depth", "4"}}), 31, 9057531.072768379, false, true},
        TreeCase{"min_weight", Truth::yes_or_no, settings({{"min_weight_fraction_leaf", "0.05"}}), 13, 183.602525558,
                 false, true},
        TreeCase{"classes_min_weight", Truth::four_classes, settings({{"min_weight_fraction_leaf", "0.03"}}), 43,
                 159.636363636},
        TreeCase{"number_min_weight", Truth::number, settings({{"min_weight_fraction_leaf", "0.04"}}), 39,
                 9028680.817493, false, true},
        TreeCase{"leaf_nodes", Truth::yes_or_no, settings({{"max_leaf_nodes", "9"}}), 17, 186.249522217},
        TreeCase{"leaf_nodes_depth", Truth::yes_or_no, settings({{"max_leaf_nodes", "9"}, {"max_depth", "4"}}), 17,
                 185.3825836},
        TreeCase{"classes_leaf_nodes", Truth::four_classes, settings({{"max_leaf_nodes", "12"}}), 23, 146.667424529},
        TreeCase{"number_leaf_nodes", Truth::number, settings({{"max_leaf_nodes", "20"}}), 39, 9082824.920213},
        TreeCase{"pruned", Truth::yes_or_no, settings({{"ccp_alpha", "0.0101"}}), 9, 179.079192547},
        TreeCase{"classes_pruned", Truth::four_classes, settings({{"ccp_alpha", "0.01"}, {"max_depth", "8"}}), 39,
                 167.072494172},
        TreeCase{"number_pruned", Truth::number, settings({{"ccp_alpha", "20"}}), 43, 9091706.186389},
        TreeCase{"number_pruned_leaf_nodes", Truth::number, settings({{"ccp_alpha", "60"}, {"max_leaf_nodes", "15"}}),
                 21, 9019049.073069625},
        TreeCase{"poisson", Truth::number, settings({{"criterion", "poisson"}, {"max_depth", "5"}}), 59,
                 9088276.931321},
        TreeCase{"poisson_leaf", Truth::number, settings({{"criterion", "poisson"}, {"min_samples_leaf", "5"}}), 61,
                 9143642.412657, false, true},
        TreeCase{"absolute", Truth::number, settings({{"criterion", "absolute_error"}, {"max_depth", "4"}}), 31,
                 8977743.5},
        TreeCase{"absolute_leaf", Truth::number,
                 settings({{"criterion", "absolute_error"}, {"max_depth", "5"}, {"min_samples_leaf", "6"}}), 47,
                 9136049},
        TreeCase{"absolute_weights", Truth::number, settings({{"criterion", "absolute_error"}, {"max_depth", "4"}}), 29,
                 9029871, false, true},
        TreeCase{"absolute_missing", Truth::number, settings({{"criterion", "absolute_error"}, {"max_depth", "4"}}), 31,
                 8778961.5, true},
        TreeCase{"monotonic", Truth::yes_or_no, settings({{"max_depth", "4"}, {"monotonic_cst", "1,0,-1,1"}}), 23,
                 170.735883435},
        TreeCase{"monotonic_entropy", Truth::yes_or_no,
                 settings({{"max_depth", "4"}, {"criterion", "entropy"}, {"monotonic_cst", "1,1,0,-1"}}), 17,
                 162.500225253},
        TreeCase{"number_monotonic", Truth::number, settings({{"max_depth", "5"}, {"monotonic_cst", "1,-1,0,1"}}), 55,
                 8692214.805411},
        TreeCase{"absolute_monotonic", Truth::number,
                 settings({{"max_depth", "4"}, {"criterion", "absolute_error"}, {"monotonic_cst", "1,-1,0,1"}}), 29,
                 8692530},
        TreeCase{"poisson_monotonic", Truth::number,
                 settings({{"max_depth", "4"}, {"criterion", "poisson"}, {"monotonic_cst", "1,-1,0,1"}}), 29,
                 8527302.156086},
        TreeCase{"class_weights", Truth::yes_or_no, settings({{"max_depth", "4"}, {"class_weight", "1,4"}}), 19,
                 191.388084601},
        TreeCase{"classes_class_weights", Truth::four_classes,
                 settings({{"max_depth", "4"}, {"class_weight", "1, 2, 1, 4"}}), 27, 156.357298879},
        TreeCase{"friedman", Truth::number, settings({{"criterion", "friedman_mse"}, {"max_depth", "4"}}), 31,
                 9053232.472748492}),
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
  for (const char* trees : {"2", "3", "5"})
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
  bool random = false;  // extra trees
};

void PrintTo(const NestedCase& one_case, std::ostream* out) { *out << one_case.name; }

class Nested : public ::testing::TestWithParam<NestedCase> {
 protected:
  MadeData data(std::uint64_t seed) const {
    MadeData made = make_data(GetParam().task, 800, 9, GetParam().missing, seed);
    for (float& target : made.targets) target = std::abs(target);  // Poisson takes no others
    if (GetParam().weighted) {
      Random random(seed);
      for (int row = 0; row < 800; ++row) made.weights.push_back(static_cast<float>(random.uniform() * 3));
    }
    return made;
  }
  const Learner& learner() const { return GetParam().random ? extra() : forest(); }
  void expect_nested(const std::vector<Settings>& points) const {
    const MadeData train = data(21);
    const MadeData test = make_data(GetParam().task, 533, 9, std::max(0.05, GetParam().missing), 22);
    std::vector<Fragment> alone;
    for (const Settings& point : points) {
      Settings all = GetParam().shared;
      all.insert(all.end(), point.begin(), point.end());
      alone.push_back(fit(learner(), train, all, 9));
    }
    for (int threads : {1, 2, 16}) {
      const Threads several(threads);
      const auto nested = learner().fit_nested(train.view(), GetParam().shared, points, 9, several, silent_progress());
      ASSERT_TRUE(nested.ok()) << nested.error().message();
      const auto scores = (*nested)->predict(points, test.features, several);
      ASSERT_TRUE(scores.ok()) << scores.error().message();
      for (std::size_t k = 0; k < points.size(); ++k) {
        const auto cut = (*nested)->extract(points[k]);
        ASSERT_TRUE(cut.ok()) << cut.error().message();
        EXPECT_TRUE(same_fragments(*cut, alone[k])) << "point " << k << ", threads " << threads;
        EXPECT_TRUE(same_block((*scores)[k], *predict(alone[k], test.features)))
            << "point " << k << ", threads " << threads;
      }
    }
  }
};

INSTANTIATE_TEST_SUITE_P(
    Cases, Nested,
    ::testing::Values(
        NestedCase{"binary", model::Task::binary, 0, {}}, NestedCase{"binary_missing", model::Task::binary, 0.15, {}},
        NestedCase{"binary_leaf", model::Task::binary, 0.1, settings({{"min_samples_leaf", "3"}})},
        NestedCase{"binary_weights", model::Task::binary, 0.1, settings({{"class_weight", "balanced_subsample"}}),
                   true},
        NestedCase{"entropy", model::Task::binary, 0.1, settings({{"criterion", "entropy"}})},
        NestedCase{"classes", model::Task::multiclass, 0.1, {}},
        NestedCase{"classes_leaf", model::Task::multiclass, 0, settings({{"min_samples_leaf", "2"}})},
        NestedCase{"number", model::Task::regression, 0.1, settings({{"max_features", "3"}})},
        NestedCase{"number_samples", model::Task::regression, 0,
                   settings({{"max_samples", "0.4"}, {"max_features", "0.5"}}), true},
        NestedCase{"binary_monotonic", model::Task::binary, 0.1,
                   settings({{"monotonic_cst", "1,1,0,0,-1,0,0,0,0"}, {"max_features", "4"}})},
        NestedCase{"number_monotonic", model::Task::regression, 0.1,
                   settings({{"monotonic_cst", "1,-1,0,0,0,0,0,0,0"}, {"min_weight_fraction_leaf", "0.01"}}), true},
        NestedCase{"poisson", model::Task::regression, 0.1, settings({{"criterion", "poisson"}})},
        NestedCase{"absolute", model::Task::regression, 0.1,
                   settings({{"criterion", "absolute_error"}, {"max_features", "2"}})},
        NestedCase{"random_binary", model::Task::binary, 0.1, {}, true, true},
        NestedCase{"random_binary_leaf", model::Task::binary, 0.1,
                   settings({{"min_samples_leaf", "3"}, {"bootstrap", "true"}}), false, true},
        NestedCase{"random_classes", model::Task::multiclass, 0.1, {}, false, true},
        NestedCase{"random_number", model::Task::regression, 0.1, {}, false, true},
        NestedCase{"random_absolute", model::Task::regression, 0.1,
                   settings({{"criterion", "absolute_error"}, {"max_features", "2"}}), false, true}),
    [](const ::testing::TestParamInfo<NestedCase>& one_case) { return one_case.param.name; });

TEST_P(Nested, EveryPointOfTheGridEqualsItsOwnFit) { expect_nested(grid()); }

TEST_P(Nested, ImpurityAndNoDepthLimitNestToo) {
  expect_nested({settings({{"n_estimators", "3"}, {"min_impurity_decrease", "0.002"}}),
                 settings({{"n_estimators", "5"}, {"max_depth", "none"}}),
                 settings({{"n_estimators", "5"}, {"min_impurity_decrease", "0.0005"}, {"max_depth", "5"}}),
                 settings({{"n_estimators", "2"}, {"min_samples_split", "0.05"}, {"min_impurity_decrease", "0.001"}})});
}

TEST_P(Nested, LeafNodesAndPruningNestToo) {
  const char* alpha = GetParam().task == model::Task::regression ? "0.002" : "0.001";
  expect_nested(
      {settings({{"n_estimators", "3"}, {"max_leaf_nodes", "9"}}),
       settings({{"n_estimators", "4"}, {"ccp_alpha", alpha}}), settings({{"n_estimators", "4"}, {"max_depth", "4"}}),
       settings({{"n_estimators", "2"}, {"max_leaf_nodes", "6"}, {"max_depth", "3"}, {"min_samples_split", "20"}}),
       settings({{"n_estimators", "4"}, {"max_leaf_nodes", "30"}, {"ccp_alpha", alpha}, {"max_depth", "none"}})});
}

// Grown best first, and no further than the most leaves of any point.
TEST_P(Nested, NumbersOfLeavesAloneShareAShorterFit) {
  const char* alpha = GetParam().task == model::Task::regression ? "0.002" : "0.001";
  expect_nested({settings({{"n_estimators", "3"}, {"max_leaf_nodes", "9"}}),
                 settings({{"n_estimators", "4"}, {"max_leaf_nodes", "30"}}),
                 settings({{"n_estimators", "4"}, {"max_leaf_nodes", "2"}}),
                 settings({{"n_estimators", "4"}, {"max_leaf_nodes", "17"}, {"ccp_alpha", alpha}})});
}

TEST(Nesting, NumbersOfLeavesWithOneDepthShareAFit) {
  const MadeData data = make_data(model::Task::binary, 400, 3, 0, 1);
  const auto leaves = [](const char* count, const char* depth) {
    return settings({{"n_estimators", "5"}, {"max_leaf_nodes", count}, {"max_depth", depth}});
  };
  const std::vector<Settings> points = {leaves("8", "6"), leaves("12", "6")};
  const auto nested = forest().fit_nested(data.view(), {}, points, 1, one, silent_progress());
  ASSERT_TRUE(nested.ok());
  EXPECT_TRUE((*nested)->extract(leaves("11", "6")).ok());
  for (const Settings& beyond : {leaves("13", "6"), leaves("none", "6"), leaves("12", "5")})
    EXPECT_THAT((*nested)->extract(beyond).error().message(), HasSubstr("goes beyond"));
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

TEST(Forest, ExtraTreesBeatOneOfThem) {
  const MadeData train = make_data(model::Task::binary, 2000, 8, 0.02, 31);
  const MadeData test = make_data(model::Task::binary, 4000, 8, 0.02, 32);
  const double of_one = accuracy(test, *predict(fit(tree(), train, settings({{"splitter", "random"}})), test.features));
  const double of_many =
      accuracy(test, *predict(fit(extra(), train, settings({{"n_estimators", "60"}})), test.features));
  EXPECT_GT(of_many, of_one + 0.02);
}

TEST(Forest, RandomThresholdsAreUniformOverTheValuesOfTheNode) {
  // One feature with values 0, 1 and 10: a uniform threshold in [0, 10) tells 0 from the others once in ten times.
  MadeData data = make_data(model::Task::binary, 90, 1, 0, 1);
  for (std::size_t row = 0; row < 90; ++row) {
    data.features.column(0)[row] = row % 3 == 0 ? 0.0F : row % 3 == 1 ? 1.0F : 10.0F;
    data.labels[row] = row % 2 == 0 ? 1 : 0;
  }
  const Fragment fragment = fit(extra(), data, settings({{"n_estimators", "2000"}, {"max_depth", "1"}}));
  double low = 0;
  for (std::uint32_t root : trees_of(fragment).roots) low += trees_of(fragment).threshold[root] < 1 ? 1 : 0;
  EXPECT_NEAR(low / 2000, 0.1, 0.03);
}

TEST(Forest, MonotonicConstraintsHold) {
  for (const Learner* learner : {&forest(), &extra(), &tree()})
    for (const model::Task task : {model::Task::binary, model::Task::regression}) {
      const MadeData data = make_data(task, 1500, 4, 0.05, 61);
      const Settings given = settings({{"monotonic_cst", "1,-1,0,0"}, {"max_depth", "8"}});
      const Fragment fragment = fit(*learner, data, given);
      for (std::size_t column : {0U, 1U}) {
        model::Block grid(80, 4);
        for (std::size_t row = 0; row < 80; ++row) {
          for (std::size_t other = 0; other < 4; ++other) grid.column(other)[row] = data.features.at(11, other);
          grid.column(column)[row] = static_cast<float>(row) * 0.1F - 4;
        }
        const model::Block scores = *predict(fragment, grid);
        const std::span<const float> last = scores.column(scores.width - 1);
        if (column == 0) EXPECT_TRUE(std::is_sorted(last.begin(), last.end())) << learner->name;
        if (column == 1) EXPECT_TRUE(std::is_sorted(last.rbegin(), last.rend())) << learner->name;
      }
    }
}

// Remembers what it was told.
struct Told : Progress {
  void begin(std::string_view, std::size_t) override {}
  void advance(std::size_t) override {}
  void note(std::string_view line) override { lines.emplace_back(line); }
  void end() override {}
  bool wants_records() const override { return true; }
  void record(const RoundRecord& round) override { rounds.push_back(round); }
  std::vector<std::string> lines;
  std::vector<RoundRecord> rounds;
};

TEST(Forest, OutOfBagIsAsGoodAsOnNewRows) {
  const MadeData train = make_data(model::Task::binary, 3000, 6, 0.02, 71);
  const MadeData test = make_data(model::Task::binary, 6000, 6, 0.02, 72);
  const Settings given = settings({{"n_estimators", "80"}, {"oob_score", "true"}, {"min_samples_leaf", "2"}});
  Told told;
  const auto fragment = forest().fit(train.view(), given, 1, Threads(2), told);
  ASSERT_TRUE(fragment.ok());
  ASSERT_EQ(told.lines.size(), 1U);
  EXPECT_THAT(told.lines[0], ::testing::ContainsRegex("out of the bag \\(3000 rows\\): accuracy 0\\.[0-9]+, log_loss"));
  const double said = std::stod(told.lines[0].substr(told.lines[0].find("accuracy ") + 9));
  EXPECT_NEAR(said, accuracy(test, *predict(*fragment, test.features)), 0.02);
  ASSERT_EQ(told.rounds.size(), 80U);
  EXPECT_LT(told.rounds[79].validation, told.rounds[5].validation);
  // On one thread, without records, it says the same.
  struct Silent : Told {
    bool wants_records() const override { return false; }
  } silent;
  ASSERT_TRUE(forest().fit(train.view(), given, 1, one, silent).ok());
  EXPECT_EQ(silent.lines, told.lines);
  EXPECT_TRUE(silent.rounds.empty());
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
  EXPECT_THAT(message(forest(), settings({{"class_weight", "balancd"}})), HasSubstr("did you mean 'balanced'"));
  EXPECT_THAT(message(forest(), settings({{"class_weight", "1,-2"}})), HasSubstr("for class 2"));
  EXPECT_THAT(message(extra(), settings({{"oob_score", "true"}})), HasSubstr("without bootstrap"));
  EXPECT_THAT(message(forest(), settings({{"bootstrap", "false"}, {"max_samples", "0.5"}})), HasSubstr("bootstrap"));
  EXPECT_THAT(message(tree(), settings({{"n_estimators", "5"}})), HasSubstr("decision_tree has no option"));
  const MadeData numbers = make_data(model::Task::regression, 30, 2, 0, 1);
  const auto fit_message = [&](const MadeData& data, const Settings& given) {
    return forest().fit(data.view(), given, 1, one, silent_progress()).error().message();
  };
  EXPECT_THAT(fit_message(numbers, settings({{"criterion", "gini"}})), HasSubstr("expected squared_error"));
  EXPECT_THAT(fit_message(numbers, settings({{"monotonic_cst", "1,0,1"}})), HasSubstr("3 numbers for 2 features"));
  const MadeData classes = make_data(model::Task::multiclass, 30, 2, 0, 1);
  EXPECT_THAT(fit_message(classes, settings({{"monotonic_cst", "1,0"}})), HasSubstr("more than two classes"));
  EXPECT_THAT(fit_message(classes, settings({{"class_weight", "1,2"}})), HasSubstr("2 numbers for 4 classes"));
  EXPECT_THAT(fit_message(classes, settings({{"criterion", "poisson"}})), HasSubstr("expected gini"));
  EXPECT_THAT(fit_message(numbers, settings({{"class_weight", "balanced"}})), HasSubstr("regression"));
  EXPECT_THAT(fit_message(numbers, settings({{"max_features", "3"}})), HasSubstr("3 of 2 features"));
  EXPECT_THAT(fit_message(numbers, settings({{"max_samples", "31"}})), HasSubstr("31 of 30 rows"));
}

}  // namespace
}  // namespace slipway::learners
