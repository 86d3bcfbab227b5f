// Calibration, slices, bias and variance, comparisons, thresholds by cost. Expected numbers are worked out beside them.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/base/random.hpp>
#include <slipway/evaluate/bias_variance.hpp>
#include <slipway/evaluate/calibration.hpp>
#include <slipway/evaluate/comparison.hpp>
#include <slipway/evaluate/slices.hpp>
#include <slipway/evaluate/thresholds.hpp>

namespace slipway::evaluate {
namespace {

using ::testing::HasSubstr;

// Labels drawn from scores of which `told` is a distorted form.
struct Drawn {
  std::vector<std::int32_t> labels;
  std::vector<float> both;
  metrics::Outcome outcome;
  Drawn(std::size_t rows, std::uint64_t seed, double slope, double intercept) : both(2 * rows) {
    Random random(random_key({seed}));
    for (std::size_t row = 0; row < rows; ++row) {
      const double odds = 1.5 * random.normal() - 1;
      labels.push_back(random.uniform() < 1 / (1 + std::exp(-odds)) ? 1 : 0);
      const double told = 1 / (1 + std::exp(-(odds - intercept) / slope));
      both[row] = static_cast<float>(1 - told);
      both[rows + row] = static_cast<float>(told);
    }
    outcome.labels = labels;
    outcome.scores = {rows, 2, both};
  }
  metrics::Scores positive() const { return outcome.scores.column(1); }
};

TEST(Calibration, FindsTheDistortion) {
  const Drawn data(20000, 1, 0.5, 0.3), other(20000, 2, 0.5, 0.3);
  const auto fitted = fit_recalibration(data.labels, data.positive());
  ASSERT_TRUE(fitted.ok());
  EXPECT_NEAR(fitted->logistic.slope, 0.5, 0.03);
  EXPECT_NEAR(fitted->logistic.intercept, 0.3, 0.06);
  const auto report = check_calibration(other.labels, other.positive(), &*fitted, 7);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->verdict, "too_extreme");
  EXPECT_LT(report->slope_interval.low, 0.5);
  EXPECT_GT(report->slope_interval.high, 0.5);
  EXPECT_GT(report->ece, report->ece_by_chance);
  ASSERT_EQ(report->variants.size(), 3);
  for (std::size_t i : {1, 2}) EXPECT_LT(report->variants[i].ece, report->variants[0].ece / 4);
  const auto again = parse_recalibration(to_json(*fitted));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->isotonic.apply(0.4), fitted->isotonic.apply(0.4));
}

TEST(Calibration, RightScoresAreCalledThat) {
  int calibrated = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Drawn data(3000, 100 + seed, 1, 0);
    calibrated += check_calibration(data.labels, data.positive(), nullptr, seed)->verdict == "calibrated";
  }
  EXPECT_GE(calibrated, 34);  // 95 % of 40 is 38
  const std::vector<std::int32_t> none(5, 0);
  const std::vector<float> some = {.1F, .2F, .1F, .3F, .2F};
  EXPECT_EQ(check_calibration(none, some, nullptr, 1)->verdict, "undefined");
}

// 3 of 10 rows at .95 are positive: too few rows for the bins to notice, but not for the slope.
TEST(Calibration, FewHighScoresThatAreTooHighAreNoticed) {
  std::vector<std::int32_t> labels(5000);
  std::vector<float> scores(5000, .01F);
  for (std::size_t row = 0; row < 50; ++row) labels[100 * row + 99] = 1;
  for (std::size_t row = 0; row < 10; ++row) {
    scores[500 * row] = .95F;
    labels[500 * row] = row < 3;
  }
  const auto fitted = fit_recalibration(labels, scores);
  ASSERT_TRUE(fitted.ok());
  const auto report = check_calibration(labels, scores, &*fitted, 1);
  ASSERT_TRUE(report.ok());
  EXPECT_LE(report->ece, report->ece_by_chance);
  EXPECT_EQ(report->verdict, "too_extreme");
  EXPECT_THAT(report->text, HasSubstr("lowers the log loss"));
}

TEST(Calibration, IsotonicPoolsWhatFalls) {
  const std::vector<std::int32_t> labels = {0, 1, 0, 1, 1};
  const std::vector<float> scores = {.1F, .2F, .3F, .4F, .5F};
  const IsotonicMap map = fit_recalibration(labels, scores)->isotonic;
  EXPECT_EQ(map.apply(.05), 0);
  EXPECT_NEAR(map.apply(.2F), .5, 1e-12);
  EXPECT_NEAR(map.apply(.25), .5, 1e-12);
  EXPECT_EQ(map.apply(.9), 1);
}

TEST(Threshold, ByCostOfEachRow) {
  const std::vector<std::int32_t> labels = {1, 0, 1, 0};
  const std::vector<float> scores = {.9F, .8F, .3F, .2F};
  Costs costs;
  costs.false_positive.constant = 10;
  costs.false_negative.per_row = {5, 0, 100, 0};
  ThresholdContext context{&costs, 0};
  ThresholdPolicy policy;
  policy.minimise = "cost";
  // Cuts: none 105, at .9 100, at .8 110, at .3 10, at .2 20.
  EXPECT_EQ(choose_threshold(labels, scores, policy, {}, context)->threshold, .3F);
  EXPECT_EQ(choose_threshold(labels, scores, {}, {}, context)->policy, "minimise cost");
  EXPECT_EQ(costs.total(labels, scores, .3F), 10);
  EXPECT_EQ(operating_point(labels, scores, .8F, context).cost, 110);
  costs.false_positive.constant = 1000;
  costs.false_negative.per_row = {5, 0, 6, 0};
  costs.true_positive.constant = 50;
  const auto silent = choose_threshold(labels, scores, policy, {}, context);
  EXPECT_GT(silent->threshold, .9F);
  EXPECT_THAT(silent->note, HasSubstr("no alarm"));
  EXPECT_FALSE(choose_threshold(labels, scores, policy).ok());
}

TEST(Threshold, ByAlertsADay) {
  std::vector<std::int32_t> labels(100);
  std::vector<float> scores(100);
  for (int i = 0; i < 100; ++i) {
    labels[static_cast<std::size_t>(i)] = i % 2;
    scores[static_cast<std::size_t>(i)] = static_cast<float>(i) / 100;
  }
  ThresholdPolicy policy;
  policy.alerts_per_day = 50;
  // 1,000 rows a day: 5 % of the rows may raise an alert.
  EXPECT_EQ(choose_threshold(labels, scores, policy, {}, {nullptr, 1000})->threshold, .95F);
  EXPECT_FALSE(choose_threshold(labels, scores, policy).ok());
  const auto points = operating_points(labels, scores, {nullptr, 1000}, {}, 20);
  ASSERT_TRUE(points.ok());
  EXPECT_LE(points->size(), 40);
  EXPECT_EQ(points->back().alerts, 100);
  EXPECT_EQ(*points->back().alerts_per_day, 1000);
}

TEST(Slices, FindTheWeakPart) {
  Drawn data(6000, 5, 1, 0);
  Grouping place{"place", {"here", "there", "far"}, {}}, size{"size", {"small", "large"}, {}};
  Random random(9);
  for (std::size_t row = 0; row < data.labels.size(); ++row) {
    place.codes.push_back(static_cast<std::int32_t>(random.below(3)));
    size.codes.push_back(static_cast<std::int32_t>(random.below(2)));
  }
  std::vector<Grouping> groupings = {place, size};
  EXPECT_TRUE(find_slices(data.outcome, groupings)->empty());
  // Far away the labels are a coin.
  for (std::size_t row = 0; row < data.labels.size(); ++row)
    if (place.codes[row] == 2) data.labels[row] = static_cast<std::int32_t>(random.below(2));
  data.outcome.labels = data.labels;
  const auto found = find_slices(data.outcome, groupings);
  ASSERT_TRUE(found.ok());
  ASSERT_FALSE(found->empty());
  EXPECT_EQ(found->front().conditions, std::vector<std::string>{"place = far"});
  EXPECT_LT(found->front().p_value, 1e-6);
}

TEST(Slices, FairnessIsTheLowestRateOverTheHighest) {
  // Group a: 60 of 100 called positive, b: 30 of 100; every other one truly.
  Grouping group{"group", {"a", "b"}, {}};
  std::vector<std::int32_t> labels;
  std::vector<float> both(400);
  for (int row = 0; row < 200; ++row) {
    const int of_group = row % 100;
    group.codes.push_back(row < 100 ? 0 : 1);
    labels.push_back(of_group % 2);
    const float score = of_group < (row < 100 ? 60 : 30) ? 1 : 0;
    both[static_cast<std::size_t>(row)] = 1 - score;
    both[static_cast<std::size_t>(200 + row)] = score;
  }
  metrics::Outcome outcome;
  outcome.labels = labels;
  outcome.scores = {200, 2, both};
  const std::vector<Grouping> groupings = {group};
  const auto slices = evaluate_slices(outcome, groupings);
  ASSERT_TRUE(slices.ok());
  const auto& ratio = slices->front().fairness.front();
  EXPECT_EQ(ratio.name, "demographic_parity");
  EXPECT_NEAR(ratio.ratio, 0.5, 1e-12);
  EXPECT_EQ(ratio.lowest, "b");
  // exp(-1.96 * sqrt(.7 / 30 + .4 / 60)) / 2
  EXPECT_NEAR(ratio.interval->low, 0.5 * std::exp(-normal_quantile_975 * std::sqrt(.03)), 1e-9);
}

TEST(BiasVariance, SplitsTheError) {
  // Two models, two rows: predictions .2 and .4, .6 and 1; truth 0 and 1.
  const std::vector<float> targets = {0, 1};
  metrics::Outcome truth;
  truth.task = metrics::TaskKind::regression;
  truth.targets = targets;
  const std::vector<std::vector<float>> predictions = {{.2F, .6F}, {.4F, 1}};
  const auto parts = decompose_error(truth, predictions);
  ASSERT_TRUE(parts.ok());
  EXPECT_NEAR(parts->error, (.04 + .16 + .16 + 0) / 4, 1e-7);
  EXPECT_NEAR(parts->variance, (.02 + .08) / 2, 1e-7);
  EXPECT_NEAR(parts->bias_and_noise, parts->error - parts->variance, 1e-12);
  EXPECT_FALSE(decompose_error(truth, std::span(predictions).first(1)).ok());
}

FitEvidence evidence(double train, double validation, double linear, std::vector<LearningPoint> curve) {
  FitEvidence e;
  e.metric = "roc_auc";
  e.train = train;
  e.validation = e.test = validation;
  e.validation_error = 0.002;
  e.dummy = 0.5;
  e.linear = linear;
  e.curve = std::move(curve);
  return e;
}

TEST(BiasVariance, Verdicts) {
  const std::vector<LearningPoint> rising = {{1000, 1, .7}, {2000, 1, .75}, {4000, 1, .8}};
  const std::vector<LearningPoint> flat = {{1000, 1, .799}, {2000, 1, .8}, {4000, 1, .8}};
  EXPECT_EQ(judge_fit(evidence(1, .8, .7, rising)).verdict, "overfits");
  EXPECT_EQ(judge_fit(evidence(1, .8, .7, flat)).verdict, "noise_limited");
  EXPECT_EQ(judge_fit(evidence(.8, .8, .8, flat)).verdict, "underfits");
  EXPECT_EQ(judge_fit(evidence(.97, .96, .8, flat)).verdict, "fits");
  EXPECT_EQ(judge_fit(evidence(.6, .501, .5, flat)).verdict, "no_signal");
  EXPECT_EQ(judge_fit(evidence(1, .9999, .9, flat)).verdict, "suspicious");
  // Small data: the folds of a leak are perfect within their spread, and so are the test rows.
  FitEvidence small = evidence(1, .99, .9, flat);
  small.validation_error = .006;
  small.test = 1;
  EXPECT_EQ(judge_fit(small).verdict, "suspicious");
  small.test = .93;
  EXPECT_EQ(judge_fit(small).verdict, "fits");
  EXPECT_EQ(judge_fit({}).verdict, "undefined");
}

TEST(Comparison, SeesTheBetterModelAndNoOther) {
  const Drawn data(4000, 3, 1, 0);
  std::vector<float> worse(8000);
  Random random(4);
  for (std::size_t row = 0; row < 4000; ++row) {
    const double p = 1 / (1 + std::exp(-std::log(data.both[4000 + row] / data.both[row]) - 1.5 * random.normal()));
    worse[row] = static_cast<float>(1 - p);
    worse[4000 + row] = static_cast<float>(p);
  }
  metrics::Outcome other = data.outcome;
  other.scores.values = worse;
  const auto found = compare_models(data.outcome, other, {}, Threads(2));
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->verdict, "worse");
  EXPECT_EQ(compare_models(other, data.outcome, {}, Threads(1))->verdict, "better");
  const auto same = compare_models(data.outcome, data.outcome, {}, Threads(1));
  EXPECT_EQ(same->verdict, "no_difference");
  EXPECT_EQ(same->labels->p_value, 1);
  EXPECT_EQ(to_json(*found), to_json(*compare_models(data.outcome, other, {}, Threads(1))));
  other.labels = other.labels.first(3999);
  EXPECT_FALSE(compare_models(data.outcome, other, {}, Threads(1)).ok());
}

}  // namespace
}  // namespace slipway::evaluate
