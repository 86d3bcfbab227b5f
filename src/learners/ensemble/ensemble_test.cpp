#include "ensemble/ensemble.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "row_subset.hpp"
#include "test_data.hpp"

namespace slipway::learners::ensemble {
namespace {

using ::testing::HasSubstr;
using testing::MadeData;
using testing::make_data;
using testing::settings;

const Threads one(1);

Settings with(std::string_view yaml) {
  Settings given;
  const params::Value map = *params::parse_yaml(yaml, "");
  for (const auto& entry : map.entries) given.emplace_back(entry.key, entry.value);
  return given;
}

Fragment fit(const Learner& learner, const TrainingData& data, const Settings& given, std::uint64_t seed = 5,
             const Threads& threads = one) {
  auto fragment = learner.fit(data, given, seed, threads, silent_progress());
  EXPECT_TRUE(fragment.ok()) << fragment.error().message();
  return fragment.ok() ? std::move(*fragment) : Fragment{};
}

Fragment fit_by_name(std::string_view name, const TrainingData& data, const Settings& given, std::uint64_t seed) {
  return fit(**find_learner(name), data, given, seed);
}

TEST(Voting, IsTheWeightedMeanOfItsMembers) {
  for (model::Task task : {model::Task::binary, model::Task::multiclass, model::Task::regression}) {
    const MadeData data = make_data(task, 300, 4, 0.1, 2);
    const Fragment whole = fit(voting(), data.view(),
                               with("{members: [random_forest: {n_estimators: 5}, gradient_boosting: {n_estimators: "
                                    "9}], weights: [3, 1]}"));
    const model::Block scores = *predict(whole, data.features);
    const model::Block first = *predict(
        fit_by_name("random_forest", data.view(), with("{n_estimators: 5}"), combine_key(5, 0)), data.features);
    const model::Block second = *predict(
        fit_by_name("gradient_boosting", data.view(), with("{n_estimators: 9}"), combine_key(5, 1)), data.features);
    for (std::size_t i = 0; i < scores.values.size(); ++i)
      ASSERT_EQ(scores.values[i], 0.75F * first.values[i] + 0.25F * second.values[i]);
  }
}

TEST(Voting, HardCountsLikeliestClasses) {
  for (model::Task task : {model::Task::binary, model::Task::multiclass}) {
    const MadeData data = make_data(task, 300, 4, 0, 2);
    const Fragment whole = fit(voting(), data.view(),
                               with("{voting: hard, members: [random_forest: {n_estimators: 4}, gradient_boosting: "
                                    "{n_estimators: 9}, logistic_regression], weights: [2, 1, 1]}"));
    const model::Block scores = *predict(whole, data.features);
    const std::pair<const char*, const char*> members[] = {{"random_forest", "{n_estimators: 4}"},
                                                           {"gradient_boosting", "{n_estimators: 9}"},
                                                           {"logistic_regression", "{}"}};
    model::Block votes(scores.rows, scores.width);
    for (std::uint64_t i = 0; i < 3; ++i) {
      const model::Block of_member = *predict(
          fit_by_name(members[i].first, data.view(), with(members[i].second), combine_key(5, i)), data.features);
      for (std::size_t row = 0; row < votes.rows; ++row) {
        std::size_t likeliest = 0;
        for (std::size_t k = 1; k < votes.width; ++k)
          if (of_member.at(row, k) > of_member.at(row, likeliest)) likeliest = k;
        votes.column(likeliest)[row] += i == 0 ? 0.5F : 0.25F;
      }
    }
    EXPECT_EQ(scores.values, votes.values);
  }
  const MadeData numbers = make_data(model::Task::regression, 50, 2, 0, 2);
  const auto refused =
      voting().fit(numbers.view(), with("{voting: hard, members: [decision_tree]}"), 1, one, silent_progress());
  EXPECT_THAT(refused.error().message(), HasSubstr("only classes can be voted for"));
}

TEST(Bagging, OfTreesIsOneForest) {
  const MadeData data = make_data(model::Task::binary, 400, 6, 0.1, 3);
  const Fragment whole = fit(bagging(), data.view(), with("{n_estimators: 12, max_features: 0.5}"));
  ASSERT_EQ(whole.operators.size(), 2U);
  const auto& trees = std::get<model::Trees>(whole.operators[0]);
  EXPECT_EQ(trees.roots.size(), 12U);
  // Each tree sees three of the six features, and not all the same.
  std::set<std::int32_t> all;
  for (std::size_t tree = 0; tree < 12; ++tree) {
    std::set<std::int32_t> used;
    const std::size_t end = tree + 1 < 12 ? trees.roots[tree + 1] : trees.node_count();
    for (std::size_t node = trees.roots[tree]; node < end; ++node)
      if (trees.feature[node] != model::Trees::leaf) used.insert(trees.feature[node]);
    EXPECT_LE(used.size(), 3U);
    all.insert(used.begin(), used.end());
  }
  EXPECT_EQ(all.size(), 5U);  // the last column is constant
}

TEST(Bagging, IsTheMeanOfFitsOnSamples) {
  // Without drawing, every fit is that of all rows: a linear model's mean is itself.
  const MadeData data = make_data(model::Task::regression, 300, 4, 0, 4);
  const Fragment whole =
      fit(bagging(), data.view(), with("{member: linear_regression, n_estimators: 4, bootstrap: false}"));
  const model::Block scores = *predict(whole, data.features);
  const model::Block alone = *predict(fit_by_name("linear_regression", data.view(), {}, 1), data.features);
  for (std::size_t row = 0; row < 300; ++row) ASSERT_NEAR(scores.at(row, 0), alone.at(row, 0), 1e-5);
  // Features chosen for members that are no trees: the values of other columns, missing ones too, do not matter.
  const Fragment narrow =
      fit(bagging(), data.view(), with("{member: linear_regression, n_estimators: 1, max_features: 2}"));
  std::size_t matter = 0;
  for (std::size_t column = 0; column < 3; ++column) {
    model::Block changed = data.features;
    std::fill(changed.column(column).begin(), changed.column(column).end(), std::numeric_limits<float>::quiet_NaN());
    matter += std::isnan(predict(narrow, changed)->at(0, 0)) ? 1 : 0;
  }
  EXPECT_GE(matter, 1U);
  EXPECT_LE(matter, 2U);
}

TEST(Bagging, DrawsWithReplacement) {
  // Means over many samples of the mean of the targets come near the mean of all, and differ among themselves.
  MadeData data = make_data(model::Task::regression, 200, 2, 0, 4);
  std::fill(data.features.values.begin(), data.features.values.end(), 1.0F);
  double mean = 0;
  for (float target : data.targets) mean += target / 200.0;
  const Fragment whole = fit(bagging(), data.view(), with("{n_estimators: 200}"));
  EXPECT_NEAR(predict(whole, data.features)->at(0, 0), mean, 0.05);
  const auto& trees = std::get<model::Trees>(whole.operators[0]);
  std::set<float> values(trees.leaf_values.begin(), trees.leaf_values.end());
  EXPECT_GT(values.size(), 190U);
}

// Refitted by hand: members on the other folds, the final learner on what they say, the members again on all rows.
TEST(Stacking, IsAFinalLearnerOverOutOfFoldPredictions) {
  for (model::Task task : {model::Task::binary, model::Task::multiclass, model::Task::regression}) {
    for (bool passthrough : {false, true}) {
      const MadeData data = make_data(task, 300, 3, 0, 6);
      const std::string linear = task == model::Task::regression ? "linear_regression" : "logistic_regression";
      Settings given = with("{members: [random_forest: {n_estimators: 5}, " + linear + "], folds: 4}");
      given.emplace_back("passthrough", params::scalar(passthrough ? "true" : "false"));
      const model::Block scores = *predict(fit(stacking(), data.view(), given), data.features);

      const std::size_t width = task == model::Task::multiclass ? 4 : 1;
      const auto upper_block = [&](std::size_t rows) { return model::Block(rows, 2 * width + (passthrough ? 3 : 0)); };
      const auto fill = [&](const TrainingData& train, const model::Block& from, std::span<const std::uint32_t> rows,
                            model::Block& block) {
        for (std::size_t member : {0U, 1U}) {
          const model::Block said =
              *predict(fit_by_name(member == 0 ? "random_forest" : linear, train,
                                   member == 0 ? with("{n_estimators: 5}") : Settings{}, combine_key(5, member)),
                       from);
          for (std::size_t k = 0; k < width; ++k)
            for (std::size_t i = 0; i < rows.size(); ++i)
              block.column(member * width + k)[rows[i]] = said.at(i, task == model::Task::binary ? 1 : k);
        }
        if (passthrough)
          for (std::size_t column = 0; column < 3; ++column)
            for (std::size_t i = 0; i < rows.size(); ++i)
              block.column(2 * width + column)[rows[i]] = from.at(i, column);
      };
      model::Block learnt = upper_block(300);
      for (const FoldRows& fold : fold_rows(*rows_by_fold(data.view(), 4, 5))) {
        const RowSubset train = take_rows(data.view(), fold.outside);
        fill(train.view(), take_rows(data.view(), fold.inside).features, fold.inside, learnt);
      }
      TrainingData upper = data.view();
      upper.features = &learnt;
      const Fragment final = fit_by_name(linear, upper, {}, combine_key(5, 2));
      model::Block said = upper_block(300);
      std::vector<std::uint32_t> all(300);
      std::iota(all.begin(), all.end(), 0U);
      fill(data.view(), data.features, all, said);
      const model::Block expected = *predict(final, said);
      for (std::size_t i = 0; i < expected.values.size(); ++i)
        ASSERT_NEAR(scores.values[i], expected.values[i], 1e-6) << model::task_name(task);
    }
  }
}

TEST(Ensemble, MembersOfMembersAndCalibratedOnes) {
  const MadeData data = make_data(model::Task::multiclass, 300, 4, 0.1, 7);
  const Fragment whole =
      fit(stacking(), data.view(),
          with("{members: [voting: {members: [random_forest: {n_estimators: 4}, decision_tree], calibrate: platt}, "
               "gradient_boosting: {n_estimators: 5, calibrate: {method: isotonic, folds: 3}}], "
               "final: {gradient_boosting: {n_estimators: 5}}, folds: 3}"));
  const model::Block scores = *predict(whole, data.features);
  for (std::size_t row = 0; row < 300; ++row) {
    float sum = 0;
    for (std::size_t k = 0; k < 4; ++k) sum += scores.at(row, k);
    ASSERT_NEAR(sum, 1, 1e-5);
  }
  // The same on any number of threads, and predictions too.
  const Fragment again =
      fit(stacking(), data.view(),
          with("{members: [voting: {members: [random_forest: {n_estimators: 4}, decision_tree], calibrate: platt}, "
               "gradient_boosting: {n_estimators: 5, calibrate: {method: isotonic, folds: 3}}], "
               "final: {gradient_boosting: {n_estimators: 5}}, folds: 3}"),
          5, Threads(16));
  EXPECT_TRUE(testing::same_fragments(whole, again));
}

TEST(Ensemble, ThreadsShareTheRowsOfAPrediction) {
  const MadeData data = make_data(model::Task::binary, 20000, 3, 0.1, 7);
  const Fragment forest = fit_by_name("random_forest", data.view(), with("{n_estimators: 3, max_depth: 4}"), 1);
  const model::Block single = *predict(forest, data.features);
  EXPECT_TRUE(testing::same_block(single, *predict(forest, data.features, Threads(4))));
}

TEST(Ensemble, DottedNamesReachTheMembers) {
  const MadeData data = make_data(model::Task::binary, 200, 3, 0, 8);
  const Fragment direct = fit(voting(), data.view(),
                              with("{members: [random_forest: {n_estimators: 3}, random_forest: {max_depth: 2, "
                                   "n_estimators: 4}]}"));
  const Fragment dotted = fit(voting(), data.view(),
                              with("{members: [random_forest, random_forest: {n_estimators: 4}], "
                                   "random_forest.n_estimators: 3, random_forest_2.max_depth: 2}"));
  EXPECT_TRUE(testing::same_fragments(direct, dotted));
}

TEST(Ensemble, ErrorsNameTheMember) {
  const auto message = [](const Learner& learner, std::string_view yaml) {
    const Status status = learner.check(with(yaml));
    return status.ok() ? std::string("no error") : status.error().message();
  };
  EXPECT_THAT(message(voting(), "{members: [random_forrest]}"), HasSubstr("did you mean 'random_forest'"));
  EXPECT_THAT(message(voting(), "{members: [random_forest: {max_dept: 3}]}"), HasSubstr("did you mean 'max_depth'"));
  EXPECT_THAT(message(voting(), "{members: random_forest}"), HasSubstr("expected a list of learners"));
  EXPECT_THAT(message(voting(), "{members: []}"), HasSubstr("no learner"));
  EXPECT_THAT(message(voting(), "{weights: [1, 2, 3]}"), HasSubstr("3 weights for 2 members"));
  EXPECT_THAT(message(voting(), "{weights: [0, 0]}"), HasSubstr("all are 0"));
  EXPECT_THAT(message(voting(), "{weights: [-1, 2]}"), HasSubstr("at least 0"));
  EXPECT_THAT(message(voting(), "{forest.max_depth: 3}"), HasSubstr("voting has no member 'forest'"));
  EXPECT_THAT(message(stacking(), "{finall: linear}"), HasSubstr("did you mean 'final'"));
  EXPECT_THAT(message(stacking(), "{final.C: 0}"), HasSubstr("out of range"));
  EXPECT_EQ(message(stacking(), "{final.C: 2}"), "no error");
  EXPECT_EQ(message(stacking(), "{final.alpha: 2}"), "no error");
  EXPECT_THAT(message(bagging(), "{max_samples: 2.5}"), HasSubstr("whole number"));
  EXPECT_EQ(message(bagging(), "{member: {stacking: {folds: 3}}, decision_tree.max_depth: 2}"),
            ":1:59: bagging has no member 'decision_tree'; it has stacking");
  const MadeData missing = make_data(model::Task::binary, 60, 3, 0.3, 8);
  const auto fitted = voting().fit(missing.view(), with("{members: [random_forest: {n_estimators: 2}, linear]}"), 1,
                                   one, silent_progress());
  ASSERT_FALSE(fitted.ok());
  EXPECT_THAT(fitted.error().message(), HasSubstr("voting: linear: "));
  const MadeData numbers = make_data(model::Task::regression, 60, 3, 0, 8);
  EXPECT_FALSE(voting().fit(numbers.view(), with("{members: [logistic_regression]}"), 1, one, silent_progress()).ok());
}

}  // namespace
}  // namespace slipway::learners::ensemble
