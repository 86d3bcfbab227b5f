// Expected numbers come from scikit-learn 1.9.1 on the same rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/metrics/metrics.hpp>

namespace slipway::metrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr double close = 1e-12;

const std::vector<std::int32_t> labels = {0, 1, 0, 1, 1, 0, 0, 1, 0, 1};
const std::vector<float> scores = {.1F, .4F, .35F, .8F, .4F, .4F, .05F, 1, 0, .35F};
const std::vector<float> weights = {1, 2, .5F, 1, 0, 3, 1, .25F, 1, 1.5F};

void expect_points(const std::vector<double>& found, const std::vector<double>& expected) {
  EXPECT_THAT(found, Pointwise(::testing::DoubleEq(), expected));
}

std::vector<float> pair_columns(const std::vector<float>& positive) {
  std::vector<float> both;
  for (float p : positive) both.push_back(1 - p);
  both.insert(both.end(), positive.begin(), positive.end());
  return both;
}

TEST(Ranking, RocAucCountsTiesHalf) {
  EXPECT_NEAR(*roc_auc(labels, scores), 0.9, close);
  EXPECT_NEAR(*roc_auc(labels, scores, weights), 0.7449392712550608, close);
  const std::vector<float> flat(10, 0.5F);
  EXPECT_EQ(*roc_auc(labels, flat), 0.5);
}

TEST(Ranking, AveragePrecisionIsStepwise) {
  EXPECT_NEAR(*average_precision(labels, scores), 0.8628571428571428, close);
  EXPECT_NEAR(*average_precision(labels, scores, weights), 0.6639234449760765, close);
}

TEST(Ranking, ManyRowsTakeTheRadixPath) {
  std::vector<std::int32_t> many_labels;
  std::vector<float> many_scores;
  std::uint64_t state = 12345;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const std::uint64_t value = state >> 33;
    many_scores.push_back(static_cast<float>(static_cast<double>(value % 1000) / 1000));
    many_labels.push_back(
        static_cast<double>(value / 1000 % 100) < 2 + 8 * static_cast<double>(many_scores.back()) ? 1 : 0);
  }
  ASSERT_EQ(std::count(many_labels.begin(), many_labels.end(), 1), 1323);
  EXPECT_NEAR(*roc_auc(many_labels, many_scores), 0.6126399052419598, close);
  EXPECT_NEAR(*average_precision(many_labels, many_scores), 0.09273740501250834, close);
  // The order of the whole range of floats, through both sorts.
  std::vector<float> wide = {-std::numeric_limits<float>::infinity(), -3e38F, -1, -1e-40F, 0, 1e-40F, 1, 3e38F,
                             std::numeric_limits<float>::infinity()};
  const std::vector<std::int32_t> upper = {0, 0, 0, 0, 0, 1, 1, 1, 1};
  EXPECT_EQ(*roc_auc(upper, wide), 1);
  std::vector<std::int32_t> upper_many;
  std::vector<float> wide_many;
  for (int copy = 0; copy < 100; ++copy) {
    upper_many.insert(upper_many.end(), upper.begin(), upper.end());
    wide_many.insert(wide_many.end(), wide.begin(), wide.end());
  }
  EXPECT_EQ(*roc_auc(upper_many, wide_many), 1);
}

TEST(Ranking, NegativeZeroTiesWithZero) {
  EXPECT_EQ(*roc_auc(std::vector<std::int32_t>{0, 1}, std::vector<float>{0.0F, -0.0F}), 0.5);
}

TEST(Ranking, RocCurve) {
  const RocCurve curve = *roc_curve(labels, scores);
  expect_points(curve.false_positive_rate, {0, 0, 0, 0.2, 0.4, 1});
  expect_points(curve.true_positive_rate, {0, 0.2, 0.4, 0.8, 1, 1});
  EXPECT_THAT(curve.thresholds, ElementsAre(std::numeric_limits<float>::infinity(), 1.F, .8F, .4F, .35F, 0.F));
  const RocCurve weighted = *roc_curve(labels, scores, weights, false);
  expect_points(weighted.false_positive_rate,
                {0, 0, 0, 0.46153846153846156, 0.5384615384615384, 0.6923076923076923, 0.8461538461538461, 1});
  expect_points(weighted.true_positive_rate,
                {0, 0.05263157894736842, 0.2631578947368421, 0.6842105263157895, 1, 1, 1, 1});
}

TEST(Ranking, PrecisionRecallCurve) {
  const PrecisionRecallCurve curve = *precision_recall_curve(labels, scores);
  expect_points(curve.precision, {0.5, 0.5555555555555556, 0.625, 0.7142857142857143, 0.8, 1, 1, 1});
  expect_points(curve.recall, {1, 1, 1, 1, 0.8, 0.4, 0.2, 0});
  EXPECT_THAT(curve.thresholds, ElementsAre(0.F, .05F, .1F, .35F, .4F, .8F, 1.F));
  const PrecisionRecallCurve weighted = *precision_recall_curve(labels, scores, weights);
  expect_points(weighted.precision,
                {0.4222222222222222, 0.4634146341463415, 0.5135135135135135, 0.5757575757575758, 0.52, 1, 1, 1});
  expect_points(weighted.recall, {1, 1, 1, 1, 0.6842105263157895, 0.2631578947368421, 0.05263157894736842, 0});
}

TEST(Ranking, NoPositives) {
  const std::vector<std::int32_t> none = {0, 0, 0};
  const std::vector<float> any = {.1F, .2F, .3F};
  EXPECT_EQ(*average_precision(none, any), 0);
  const PrecisionRecallCurve curve = *precision_recall_curve(none, any);
  EXPECT_THAT(curve.precision, ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(curve.recall, ElementsAre(1, 1, 1, 0));
  const auto area = roc_auc(none, any);
  ASSERT_FALSE(area.ok());
  EXPECT_THAT(area.error().message(), HasSubstr("no positive row"));
  const auto curve_of_one = roc_curve(std::vector<std::int32_t>{1, 1}, std::vector<float>{0, 1});
  ASSERT_FALSE(curve_of_one.ok());
  EXPECT_THAT(curve_of_one.error().message(), HasSubstr("no negative row"));
}

TEST(Probabilities, LogLossAndBrier) {
  EXPECT_NEAR(*log_loss(labels, scores), 0.4203809464995554, close);
  EXPECT_NEAR(*log_loss(labels, scores, weights), 0.4919982533065585, close);
  EXPECT_NEAR(*brier(labels, scores), 0.1477499989643693, close);
  EXPECT_NEAR(*brier(labels, scores, weights), 0.17311111156808007, close);
  // Sure and wrong: clipped at 2^-52.
  EXPECT_NEAR(*log_loss(std::vector<std::int32_t>{1}, std::vector<float>{0}), 36.04365338911715, 1e-9);
}

TEST(Classes, Binary) {
  const auto both = pair_columns(scores);
  const auto predictions = predicted_classes({10, 2, both}, 0.4F);
  EXPECT_THAT(predictions, ElementsAre(0, 1, 0, 1, 1, 1, 0, 1, 0, 0));
  const ConfusionMatrix matrix = *confusion_matrix(labels, predictions, 2, weights);
  EXPECT_THAT(matrix.weights, ElementsAre(3.5, 3, 1.5, 3.25));
  EXPECT_NEAR(accuracy(matrix), 0.6, close);
  EXPECT_NEAR(balanced_accuracy(matrix), 0.611336032388664, close);
  EXPECT_NEAR(precision(matrix), 0.52, close);
  EXPECT_NEAR(recall(matrix), 0.6842105263157895, close);
  EXPECT_NEAR(f1(matrix), 0.5909090909090909, close);
  EXPECT_NEAR(f_beta(matrix, 1, Average::macro), 0.599802371541502, close);
  EXPECT_NEAR(matthews(matrix), 0.22133200006102177, close);
  EXPECT_NEAR(f_beta(*confusion_matrix(labels, predictions, 2), 2), 0.8, close);
}

TEST(Classes, UndefinedIsZero) {
  const std::vector<std::int32_t> zeros = {0, 0};
  const ConfusionMatrix matrix = *confusion_matrix(zeros, zeros, 2);
  EXPECT_EQ(precision(matrix), 0);
  EXPECT_EQ(recall(matrix), 0);
  EXPECT_EQ(f1(matrix), 0);
  EXPECT_EQ(matthews(matrix), 0);
  EXPECT_EQ(balanced_accuracy(matrix), 1);
  EXPECT_EQ(f_beta(matrix, 1, Average::macro), 1);  // class 1 occurs nowhere and does not count
}

const std::vector<std::int32_t> three = {0, 1, 2, 2, 1, 0, 2, 1};
// Column by column.
const std::vector<float> three_scores = {.7F, .2F,  .1F, .4F, .3F, .5F, 0,   .6F, .2F, .5F,  .1F, .3F,
                                         .4F, .25F, 0,   .3F, .1F, .3F, .8F, .3F, .3F, .25F, 1,   .1F};
const std::vector<float> three_weights = {1, 2, 1, .5F, 1, 0, 3, 1};

TEST(Classes, SeveralClasses) {
  const ScoreTable table{8, 3, three_scores};
  EXPECT_NEAR(*roc_auc_one_vs_rest(three, table), 0.9388888888888888, close);
  EXPECT_NEAR(*average_precision_one_vs_rest(three, table), 0.8722222222222221, close);
  EXPECT_NEAR(*average_precision_one_vs_rest(three, table, three_weights), 0.975925925925926, close);
  EXPECT_NEAR(*log_loss(three, table, three_weights), 0.49351186551145526, close);
  EXPECT_NEAR(*brier(three, table, three_weights), 0.28736842506810256, close);
  const auto predictions = predicted_classes(table);
  EXPECT_THAT(predictions, ElementsAre(0, 1, 2, 0, 1, 0, 2, 0));
  const ConfusionMatrix matrix = *confusion_matrix(three, predictions, 3);
  EXPECT_NEAR(accuracy(matrix), 0.75, close);
  EXPECT_NEAR(balanced_accuracy(matrix), 0.7777777777777777, close);
  EXPECT_NEAR(precision(matrix, Average::macro), 0.8333333333333334, close);
  EXPECT_NEAR(recall(matrix, Average::macro), 0.7777777777777777, close);
  EXPECT_NEAR(f_beta(matrix, 1, Average::macro), 0.7555555555555555, close);
  EXPECT_NEAR(matthews(matrix), 0.6831300510639733, close);
}

TEST(Classes, AClassThatIsOnlyPredicted) {
  const std::vector<std::int32_t> truth = {0, 1, 1, 0, 1, 0, 0, 1};
  const ConfusionMatrix matrix = *confusion_matrix(truth, predicted_classes({8, 3, three_scores}), 3);
  EXPECT_NEAR(balanced_accuracy(matrix), 0.625, close);
  EXPECT_NEAR(f_beta(matrix, 1, Average::macro), 0.47222222222222215, close);
  EXPECT_NEAR(precision(matrix, Average::macro), 0.5833333333333333, close);
}

TEST(Regression, Errors) {
  const std::vector<float> targets = {1.5F, -2, 3.25F, 0, 8};
  const std::vector<float> predictions = {1, -1.5F, 3, .5F, 6};
  const std::vector<float> row_weights = {1, 2, 0, .5F, 3};
  EXPECT_NEAR(*mean_absolute_error(targets, predictions), 0.75, close);
  EXPECT_NEAR(*mean_absolute_error(targets, predictions, row_weights), 1.192307710647583, 1e-7);
  EXPECT_NEAR(*root_mean_squared_error(targets, predictions), 0.9810708165168762, 1e-7);
  EXPECT_NEAR(*root_mean_squared_error(targets, predictions, row_weights), 1.4073981046676636, 1e-7);
  EXPECT_NEAR(*r2(targets, predictions), 0.9165944540727903, close);
  EXPECT_NEAR(*r2(targets, predictions, row_weights), 0.9018184484528523, close);
  EXPECT_EQ(*r2(std::vector<float>{2, 2}, std::vector<float>{2, 2}), 1);
  EXPECT_EQ(*r2(std::vector<float>{2, 2}, std::vector<float>{2, 3}), 0);
  EXPECT_FALSE(r2(std::vector<float>{2}, std::vector<float>{2}).ok());
}

TEST(BadInput, IsAnErrorThatSaysWhere) {
  const std::vector<std::int32_t> two = {0, 1};
  const std::vector<float> one_score = {0.5F};
  EXPECT_THAT(roc_auc(two, one_score).error().message(), HasSubstr("1 scores for 2 labelled rows"));
  EXPECT_THAT(roc_auc({}, {}).error().message(), HasSubstr("no rows"));
  const std::vector<float> not_number = {0.5F, std::nanf("")};
  EXPECT_THAT(roc_auc(two, not_number).error().message(), HasSubstr("at row 1"));
  EXPECT_THAT(log_loss(two, not_number).error().message(), HasSubstr("at row 1"));
  const std::vector<std::int32_t> beyond = {0, 2};
  const std::vector<float> fine = {0.25F, 0.5F};
  EXPECT_THAT(average_precision(beyond, fine).error().message(), HasSubstr("label 2 at row 1"));
  EXPECT_THAT(roc_auc(two, fine, std::vector<float>{1, -1}).error().message(), HasSubstr("weight -1 at row 1"));
  EXPECT_THAT(roc_auc(two, fine, std::vector<float>{0, 0}).error().message(), HasSubstr("all weights are 0"));
  EXPECT_THAT(log_loss(two, ScoreTable{2, 2, fine}).error().message(), HasSubstr("needs 4 values"));
  EXPECT_THAT(roc_auc_one_vs_rest(two, ScoreTable{2, 3, std::vector<float>{0, 1, 0, 1, 0, 1}}).error().message(),
              HasSubstr("class 2 against the rest"));
}

TEST(Catalogue, EvaluatesByName) {
  const auto both = pair_columns(scores);
  Outcome outcome{TaskKind::binary, labels, {}, weights, {10, 2, both}, 0.4F};
  const std::pair<const char*, double> expected[] = {{"average_precision", 0.6639234449760765},
                                                     {"roc_auc", 0.7449392712550608},
                                                     {"neg_log_loss", 0.4919982533065585},
                                                     {"brier", 0.17311111156808007},
                                                     {"f1", 0.5909090909090909},
                                                     {"precision", 0.52},
                                                     {"recall", 0.6842105263157895},
                                                     {"f1_macro", 0.599802371541502},
                                                     {"accuracy", 0.6},
                                                     {"balanced_accuracy", 0.611336032388664},
                                                     {"matthews", 0.22133200006102177}};
  for (const auto& [name, value] : expected) {
    const auto metric = find_metric(name);
    ASSERT_TRUE(metric.ok()) << name;
    EXPECT_NEAR(*evaluate(**metric, outcome), value, 2e-8) << name;
  }
  EXPECT_FALSE((*find_metric("log_loss"))->higher_is_better);
  EXPECT_FALSE((*find_metric("rmse"))->higher_is_better);
  EXPECT_TRUE((*find_metric("r2"))->higher_is_better);
  const auto wrong = find_metric("averge_precision");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message(), HasSubstr("did you mean 'average_precision'"));
  EXPECT_THAT(evaluate(**find_metric("rmse"), outcome).error().message(), HasSubstr("does not apply to a binary task"));
  outcome.scores = {10, 1, scores};
  EXPECT_THAT(evaluate(**find_metric("f1"), outcome).error().message(), HasSubstr("1 columns of scores"));
}

TEST(Catalogue, EveryTaskHasItsDefault) {
  for (TaskKind task : {TaskKind::binary, TaskKind::multiclass, TaskKind::regression})
    EXPECT_TRUE((*find_metric(default_metric(task)))->applies_to(task));
}

TEST(Catalogue, RegressionAndSeveralClasses) {
  const std::vector<float> targets = {1, 2};
  const std::vector<float> predictions = {1, 4};
  const Outcome numbers{TaskKind::regression, {}, targets, {}, {2, 1, predictions}};
  EXPECT_NEAR(*evaluate(**find_metric("rmse"), numbers), std::sqrt(2.0), close);
  EXPECT_NEAR(*evaluate(**find_metric("mae"), numbers), 1, close);
  const Outcome classes{TaskKind::multiclass, three, {}, {}, {8, 3, three_scores}};
  EXPECT_NEAR(*evaluate(**find_metric("roc_auc"), classes), 0.9388888888888888, close);
  EXPECT_NEAR(*evaluate(**find_metric("f1"), classes), 0.7555555555555555, close);
}

}  // namespace
}  // namespace slipway::metrics
