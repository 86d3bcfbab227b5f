// Expected numbers come from scikit-learn 1.9 and SciPy 1.17 unless they are worked out beside the test.
#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/base/random.hpp>
#include <slipway/evaluate/evaluation.hpp>
#include <slipway/evaluate/gates.hpp>
#include <slipway/evaluate/intervals.hpp>
#include <slipway/evaluate/thresholds.hpp>

namespace slipway::evaluate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::vector<std::int32_t> labels = {0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0};
const std::vector<float> scores = {.1F, .4F, .35F, .8F,  .2F,  .9F, .4F,  .4F,  .7F,  .05F,
                                   .3F, .6F, .65F, .15F, .95F, .5F, .45F, .25F, .55F, .35F};
const std::vector<float> other_scores = {.2F, .3F, .45F, .7F,  .1F,  .8F, .5F, .35F, .9F,  .15F,
                                         .2F, .5F, .6F,  .25F, .85F, .4F, .4F, .3F,  .65F, .3F};
const std::vector<std::string> no_yes = {"no", "yes"};

std::vector<float> pair_columns(const std::vector<float>& positive) {
  std::vector<float> values;
  for (float p : positive) values.push_back(1 - p);
  values.insert(values.end(), positive.begin(), positive.end());
  return values;
}

struct BinaryOutcome {
  std::vector<std::int32_t> truth;
  std::vector<float> columns;
  metrics::Outcome outcome;
  BinaryOutcome(std::vector<std::int32_t> labels_given, const std::vector<float>& positive)
      : truth(std::move(labels_given)), columns(pair_columns(positive)) {
    outcome.labels = truth;
    outcome.scores = {truth.size(), 2, columns};
  }
};

double value_of(const Evaluation& evaluation, std::string_view name) {
  const Measure* measure = evaluation.find(name);
  return measure ? measure->value : std::nan("");
}

TEST(Wilson, EqualsScipy) {
  EXPECT_NEAR(wilson(7, 9).low, 0.4525889691069889, 1e-12);
  EXPECT_NEAR(wilson(7, 9).high, 0.9367748928821533, 1e-12);
  EXPECT_EQ(wilson(0, 10).low, 0);
  EXPECT_NEAR(wilson(0, 10).high, 0.27753279986288926, 1e-12);
  EXPECT_NEAR(wilson(10, 10).low, 0.7224672001371109, 1e-12);
  EXPECT_EQ(wilson(10, 10).high, 1);
  EXPECT_NEAR(wilson(493, 284807).low, 0.0015849036599336595, 1e-14);
  EXPECT_EQ(wilson(0, 0).low, 0);
  EXPECT_EQ(wilson(0, 0).high, 1);
}

TEST(DeLong, EqualsTheDefinition) {
  // All pairs of rows, with numpy.cov of the structural components.
  const auto estimate = delong(labels, scores);
  ASSERT_TRUE(estimate.ok());
  EXPECT_NEAR(estimate->auc, 0.859375, 1e-14);
  EXPECT_NEAR(estimate->variance, 0.006939512310606062, 1e-14);
  EXPECT_NEAR(estimate->interval.low, 0.6961026790852377, 1e-12);
  EXPECT_EQ(estimate->interval.high, 1);
  const auto comparison = compare_auc(labels, scores, other_scores);
  ASSERT_TRUE(comparison.ok());
  EXPECT_NEAR(comparison->second.auc, 0.8645833333333334, 1e-14);
  EXPECT_NEAR(comparison->second.variance, 0.006611877705627706, 1e-14);
  EXPECT_NEAR(std::pow(comparison->standard_error, 2),
              0.006939512310606062 + 0.006611877705627706 - 2 * 0.005659271284271284, 1e-14);
  EXPECT_NEAR(comparison->p_value, 0.9122331222698385, 1e-10);
  const auto same = compare_auc(labels, scores, scores);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->p_value, 1);
}

TEST(DeLong, RefusesASingleClass) {
  const std::vector<std::int32_t> ones = {1, 1};
  const std::vector<float> any = {0.1F, 0.2F};
  const auto estimate = delong(ones, any);
  ASSERT_FALSE(estimate.ok());
  EXPECT_THAT(estimate.error().message(), HasSubstr("all labels are 1"));
}

TEST(McNemar, IsTheExactBinomialTest) {
  // 1 against 6 discordant rows: binomtest(1, 7) gives 0.125.
  const std::vector<std::int32_t> truth(10, 1);
  const std::vector<std::int32_t> first = {1, 0, 0, 0, 0, 0, 0, 1, 1, 0};
  const std::vector<std::int32_t> second = {0, 1, 1, 1, 1, 1, 1, 1, 1, 0};
  const auto test = mcnemar(truth, first, second);
  ASSERT_TRUE(test.ok());
  EXPECT_EQ(test->only_first_right, 1);
  EXPECT_EQ(test->only_second_right, 6);
  EXPECT_NEAR(test->p_value, 0.125, 1e-12);
}

TEST(AveragePrecisionInterval, CoversTheTruthAboutAsOftenAsItSays) {
  // Scores normal(1.5, 1) against normal(0, 1) at 5 % positives; the truth from a large sample.
  const auto draw = [](std::uint64_t seed, std::size_t rows, std::vector<std::int32_t>& y, std::vector<float>& s) {
    Random random(random_key({seed}));
    y.clear();
    s.clear();
    for (std::size_t i = 0; i < rows; ++i) {
      y.push_back(i % 20 == 0);
      s.push_back(static_cast<float>(random.normal() + (y.back() ? 1.5 : 0)));
    }
  };
  std::vector<std::int32_t> y;
  std::vector<float> s;
  draw(99, 400'000, y, s);
  const double truth = *metrics::average_precision(y, s);
  int covered = 0;
  double width = 0;
  for (std::uint64_t trial = 0; trial < 100; ++trial) {
    draw(trial, 2000, y, s);
    const auto interval = average_precision_interval(*metrics::rank(y, s), 300, 1, Threads(1));
    ASSERT_TRUE(interval.ok());
    covered += interval->low <= truth && truth <= interval->high;
    width += interval->high - interval->low;
  }
  EXPECT_GE(covered, 88);
  EXPECT_LT(width / 100, 0.25);
  draw(1, 2000, y, s);
  const auto ranking = *metrics::rank(y, s);
  const auto one = average_precision_interval(ranking, 50, 1, Threads(1));
  const auto three = average_precision_interval(ranking, 50, 1, Threads(3));
  EXPECT_EQ(one->low, three->low);
  EXPECT_EQ(one->high, three->high);
}

TEST(Evaluation, OfABinaryModelEqualsScikitLearn) {
  const BinaryOutcome data(labels, scores);
  EvaluationOptions options;
  options.calibration_bins = 5;
  const auto evaluation = evaluate(data.outcome, no_yes, options, Threads(1));
  ASSERT_TRUE(evaluation.ok()) << evaluation.error().message();
  EXPECT_EQ(evaluation->rows, 20);
  EXPECT_EQ(evaluation->positives, 8);
  EXPECT_NEAR(value_of(*evaluation, "roc_auc"), 0.859375, 1e-12);
  EXPECT_NEAR(value_of(*evaluation, "average_precision"), 0.8318452380952381, 1e-12);
  EXPECT_NEAR(value_of(*evaluation, "log_loss"), 0.45962514915660024, 1e-6);
  EXPECT_NEAR(value_of(*evaluation, "brier"), 0.1516250000484289, 1e-7);
  EXPECT_NEAR(value_of(*evaluation, "accuracy"), 0.7, 1e-12);
  EXPECT_NEAR(value_of(*evaluation, "precision"), 0.625, 1e-12);
  EXPECT_NEAR(value_of(*evaluation, "recall"), 0.625, 1e-12);
  EXPECT_NEAR(value_of(*evaluation, "balanced_accuracy"), 0.6875, 1e-12);
  EXPECT_NEAR(value_of(*evaluation, "matthews"), 0.375, 1e-12);
  EXPECT_NEAR(metrics::expected_calibration_error(*metrics::reliability(labels, scores, {}, 5)), 0.1525000026449561,
              1e-9);
  EXPECT_THAT(evaluation->confusion, ElementsAre(9, 3, 3, 5));
  EXPECT_THAT(evaluation->calibration, SizeIs(5));
  EXPECT_NEAR(evaluation->find("recall")->interval->low, wilson(5, 8).low, 1e-12);
  EXPECT_NEAR(evaluation->find("roc_auc")->interval->low, 0.6961026790852377, 1e-12);
  for (const char* name : {"average_precision", "f1", "matthews", "log_loss", "brier"}) {
    const Measure* measure = evaluation->find(name);
    ASSERT_TRUE(measure->interval) << name;
    EXPECT_LT(measure->interval->low, measure->value) << name;
    EXPECT_GT(measure->interval->high, measure->value) << name;
  }
  const nlohmann::json json = to_json(*evaluation);
  EXPECT_EQ(json["metrics"]["accuracy"], 0.7);
  EXPECT_EQ(json["baseline"]["average_precision"], 0.4);
  EXPECT_EQ(json["confusion"][1][0], 3);
  EXPECT_TRUE(json["roc"][0][2].is_null());
  EXPECT_EQ(json["roc"].back()[1], 1);
  EXPECT_NEAR(json["baseline"]["log_loss"].get<double>(), -(0.4 * std::log(0.4) + 0.6 * std::log(0.6)), 1e-12);
  double counted = 0;
  for (const auto& series : evaluation->scores.counts)
    for (double count : series) counted += count;
  EXPECT_EQ(counted, 20);
}

TEST(Evaluation, ThinsCurvesButKeepsTheirEnds) {
  std::vector<std::int32_t> y;
  std::vector<float> s;
  Random random(5);
  for (int i = 0; i < 50'000; ++i) {
    y.push_back(i % 100 == 0);
    s.push_back(static_cast<float>(0.5 * random.uniform() + (y.back() ? 0.4 * random.uniform() : 0)));
  }
  const BinaryOutcome data(y, s);
  const auto evaluation = evaluate(data.outcome, no_yes, {.bootstrap = 0}, Threads(1));
  ASSERT_TRUE(evaluation.ok());
  EXPECT_LE(evaluation->roc.size(), 200);
  EXPECT_GE(evaluation->roc.size(), 150);
  EXPECT_EQ(evaluation->roc.back().x, 1);
  EXPECT_LE(evaluation->precision_recall.size(), 200);
  EXPECT_EQ(evaluation->precision_recall.front().y, 1);
  EXPECT_EQ(evaluation->precision_recall.back().x, 1);
  double area = 0;
  for (std::size_t i = 1; i < evaluation->roc.size(); ++i)
    area += (evaluation->roc[i].x - evaluation->roc[i - 1].x) * (evaluation->roc[i].y + evaluation->roc[i - 1].y) / 2;
  EXPECT_NEAR(area, value_of(*evaluation, "roc_auc"), 0.002);
  EXPECT_LT(to_json(*evaluation).dump().size(), 40'000);
}

TEST(Evaluation, OfASingleClassSaysWhatIsUndefined) {
  const std::vector<std::int32_t> zeros(5, 0);
  const std::vector<float> s = {.1F, .2F, .3F, .4F, .9F};
  const BinaryOutcome data(zeros, s);
  const auto evaluation = evaluate(data.outcome, no_yes, {}, Threads(1));
  ASSERT_TRUE(evaluation.ok()) << evaluation.error().message();
  EXPECT_EQ(evaluation->find("roc_auc"), nullptr);
  EXPECT_THAT(evaluation->notes, ::testing::Contains(HasSubstr("roc_auc is undefined")));
  EXPECT_TRUE(evaluation->roc.empty());
  EXPECT_NEAR(value_of(*evaluation, "accuracy"), 0.8, 1e-12);
  EXPECT_EQ(to_json(*evaluation).dump().find("null"), std::string::npos);
}

TEST(Evaluation, RefusesNoRowsAndBadScores) {
  const BinaryOutcome none({}, {});
  EXPECT_FALSE(evaluate(none.outcome, no_yes, {}, Threads(1)).ok());
  const BinaryOutcome bad({0, 1}, {0.5F, std::nanf("")});
  const auto evaluation = evaluate(bad.outcome, no_yes, {}, Threads(1));
  ASSERT_FALSE(evaluation.ok());
  EXPECT_THAT(evaluation.error().message(), HasSubstr("evaluating"));
  const BinaryOutcome fine({0, 1}, {0.5F, 0.7F});
  EXPECT_FALSE(evaluate(fine.outcome, {}, {}, Threads(1)).ok());
}

TEST(Evaluation, OfSeveralClassesEqualsScikitLearn) {
  const std::vector<std::int32_t> y = {2, 0, 0, 0, 0, 2, 2, 1, 0, 0, 0, 1};
  const std::vector<float> p = {.28F, .02F, .13F, .46F, .62F, .36F, .36F, .21F, .48F, .76F, .04F, .27F,
                                .07F, .12F, .62F, .21F, .38F, .27F, .32F, .01F, .02F, .05F, .35F, .4F,
                                .65F, .86F, .25F, .33F, 0,    .37F, .32F, .78F, .5F,  .19F, .61F, .33F};
  const std::vector<std::string> names = {"a", "b", "c"};
  metrics::Outcome outcome;
  outcome.task = metrics::TaskKind::multiclass;
  outcome.labels = y;
  outcome.scores = {12, 3, p};
  const auto evaluation = evaluate(outcome, names, {}, Threads(1));
  ASSERT_TRUE(evaluation.ok()) << evaluation.error().message();
  EXPECT_NEAR(value_of(*evaluation, "accuracy"), 0.5, 1e-12);
  EXPECT_NEAR(value_of(*evaluation, "precision"), 0.5277777777777778, 1e-12);
  EXPECT_NEAR(value_of(*evaluation, "recall"), 0.5317460317460317, 1e-12);
  EXPECT_NEAR(value_of(*evaluation, "f1"), 0.4966329966329966, 1e-12);
  EXPECT_NEAR(value_of(*evaluation, "log_loss"), 1.6266684003816911, 1e-6);
  EXPECT_NEAR(value_of(*evaluation, "roc_auc"), 0.5256613756613756, 1e-12);
  EXPECT_THAT(evaluation->confusion, ElementsAre(3, 1, 3, 0, 1, 1, 1, 0, 2));
  ASSERT_EQ(evaluation->by_class.size(), 3);
  EXPECT_NEAR(evaluation->by_class[0].recall, 3 / 7.0, 1e-12);
  EXPECT_EQ(to_json(*evaluation)["by_class"][2]["class"], "c");
}

TEST(Evaluation, OfARegressionEqualsScikitLearn) {
  const std::vector<float> targets = {3, -.5F, 2, 7, 4.2F, 0};
  const std::vector<float> predictions = {2.5F, 0, 2, 8, 5, .5F};
  metrics::Outcome outcome;
  outcome.task = metrics::TaskKind::regression;
  outcome.targets = targets;
  outcome.scores = {6, 1, predictions};
  const auto evaluation = evaluate(outcome, {}, {}, Threads(1));
  ASSERT_TRUE(evaluation.ok()) << evaluation.error().message();
  EXPECT_NEAR(value_of(*evaluation, "mae"), 0.55, 1e-6);
  EXPECT_NEAR(value_of(*evaluation, "rmse"), 0.631136581253194, 1e-6);
  EXPECT_NEAR(value_of(*evaluation, "r2"), 0.938415279990399, 1e-6);
  EXPECT_EQ(evaluation->find("mape"), nullptr);
  EXPECT_THAT(evaluation->notes, ElementsAre(HasSubstr("the target of 1 rows is 0")));
  double counted = 0;
  for (double count : evaluation->residuals.counts[0]) counted += count;
  EXPECT_EQ(counted, 6);
  EXPECT_EQ(to_json(*evaluation)["task"], "regression");
}

TEST(Threshold, KeepsEachRule) {
  const auto choose = [](const ThresholdPolicy& policy) {
    const auto choice = choose_threshold(labels, scores, policy);
    EXPECT_TRUE(choice.ok());
    return *choice;
  };
  const ThresholdChoice f1 = choose({});
  EXPECT_EQ(f1.threshold, .35F);
  EXPECT_NEAR(f1.f1, 0.7272727272727273, 1e-12);
  EXPECT_EQ(f1.policy, "maximise f1");
  ThresholdPolicy policy;
  policy.precision = 0.75;
  EXPECT_EQ(choose(policy).threshold, .6F);
  policy.precision = 0.9;
  EXPECT_EQ(choose(policy).threshold, .7F);
  EXPECT_NEAR(choose(policy).recall, 0.5, 1e-12);
  policy = {};
  policy.recall = 0.6;
  EXPECT_EQ(choose(policy).threshold, .6F);
  policy.recall = 0.9;
  EXPECT_EQ(choose(policy).threshold, .35F);
  policy = {};
  policy.fixed = 0.5;
  EXPECT_EQ(choose(policy).threshold, .5F);
  EXPECT_NEAR(choose(policy).precision, 0.625, 1e-12);
  policy = {};
  policy.cost_ratio = 100;  // a miss costs most: find all 8
  EXPECT_EQ(choose(policy).recall, 1);
  policy.cost_ratio = 0.001;  // false alarms cost most: 4 positives stand above all negatives
  EXPECT_EQ(choose(policy).precision, 1);
  EXPECT_EQ(choose(policy).recall, 0.5);
}

TEST(Threshold, SaysWhatCannotBeHad) {
  ThresholdPolicy policy;
  policy.precision = 0.9;
  const std::vector<std::int32_t> y = {0, 1, 0, 1};
  const std::vector<float> s = {.9F, .8F, .7F, .6F};
  const auto unreached = choose_threshold(y, s, policy);
  ASSERT_TRUE(unreached.ok());
  EXPECT_THAT(unreached->note, HasSubstr("no threshold reaches precision 0.9; the best reaches 0.5"));
  EXPECT_EQ(unreached->threshold, .6F);  // of the two with precision 0.5, the one with more recall
  policy.recall = 0.5;
  const auto two = choose_threshold(y, s, policy);
  ASSERT_FALSE(two.ok());
  EXPECT_THAT(two.error().message(), HasSubstr("one rule"));
  const auto none = choose_threshold(std::vector<std::int32_t>{0, 0}, std::vector<float>{.1F, .2F}, {});
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message(), HasSubstr("no positive row"));
  policy = {};
  policy.cost_ratio = 0.01;
  const auto silent = choose_threshold(y, s, policy);
  ASSERT_TRUE(silent.ok());
  EXPECT_GT(silent->threshold, .9F);
  EXPECT_THAT(silent->note, HasSubstr("no alarm"));
  policy = {};
  policy.fixed = 0.3;
  EXPECT_TRUE(choose_threshold({}, {}, policy).ok());
}

TEST(Threshold, IsReadFromAConfiguration) {
  const auto value = params::parse_yaml("{maximise: f2}", "slipway.yaml");
  ASSERT_TRUE(value.ok());
  ThresholdPolicy policy;
  ASSERT_TRUE(params::read_options<ThresholdPolicy>(policy, threshold_options, *value, "threshold").ok());
  EXPECT_EQ(policy.maximise, "f2");
  const auto wrong = params::parse_yaml("{maximize: f2}", "slipway.yaml");
  const Status status = params::read_options<ThresholdPolicy>(policy, threshold_options, *wrong, "threshold");
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("maximise"));
}

TEST(Gates, AreParsed) {
  const auto gate = parse_gate("roc_auc", " >= 0.95 ");
  ASSERT_TRUE(gate.ok());
  EXPECT_EQ(gate_text(*gate), "roc_auc >= 0.95");
  EXPECT_EQ(parse_gate("brier", "<.1")->bound, 0.1);
  EXPECT_EQ(parse_gate("x", ">1e-3")->comparison, Gate::Comparison::above);
  for (const char* text : {"", "0.5", "=> 0.5", ">= half", "> nan"}) {
    const auto bad = parse_gate("roc_auc", text);
    ASSERT_FALSE(bad.ok()) << text;
    EXPECT_THAT(bad.error().message(), HasSubstr("expected a comparison"));
  }
}

TEST(Gates, ListEveryFailure) {
  const BinaryOutcome data(labels, scores);
  const auto evaluation = evaluate(data.outcome, no_yes, {.bootstrap = 0}, Threads(1));
  ASSERT_TRUE(evaluation.ok());
  const std::vector<Gate> good = {*parse_gate("roc_auc", "> 0.85"), *parse_gate("neg_brier_score", ">= -0.2"),
                                  *parse_gate("ece", "< 0.5")};
  EXPECT_TRUE(check_gates(*evaluation, good).ok());
  const std::vector<Gate> mixed = {*parse_gate("roc_auc", ">= 0.9"), *parse_gate("accuracy", "> 0.5"),
                                   *parse_gate("log_loss", "<= 0.1")};
  const Status failed = check_gates(*evaluation, mixed);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::check_failed);
  EXPECT_EQ(failed.error().message(),
            "2 of 3 gates failed: roc_auc 0.859375 is not >= 0.9; log_loss 0.459625 is not <= 0.1");
  const std::vector<Gate> unknown = {*parse_gate("roc_acu", ">= 0.9")};
  const Status missing = check_gates(*evaluation, unknown);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
  EXPECT_THAT(missing.error().message(), HasSubstr("did you mean 'roc_auc'"));
  const std::vector<Gate> regression = {*parse_gate("rmse", "< 1")};
  EXPECT_EQ(check_gates(*evaluation, regression).error().code(), ErrorCode::not_found);

  const std::vector<std::int32_t> zeros(20, 0);
  const BinaryOutcome single(zeros, scores);
  const auto undefined = evaluate(single.outcome, no_yes, {}, Threads(1));
  ASSERT_TRUE(undefined.ok());
  const Status no_auc = check_gates(*undefined, good);
  ASSERT_FALSE(no_auc.ok());
  EXPECT_THAT(no_auc.error().message(), HasSubstr("roc_auc is undefined on these rows"));
}

// Rows of groups that share their chance and their score, of one to nine rows each.
struct GroupedRows {
  std::vector<std::int32_t> labels, groups;
  std::vector<float> scores, weights;
  explicit GroupedRows(int count) {
    Random random(77);
    for (std::int32_t group = 0; group < count; ++group) {
      const double centre = random.normal();
      const auto rows = 1 + random.below(9);
      for (std::uint64_t row = 0; row < rows; ++row) {
        const double margin = centre + 0.3 * random.normal();
        scores.push_back(static_cast<float>(1 / (1 + std::exp(-margin))));
        labels.push_back(centre + 0.8 * random.normal() > 0.5);
        groups.push_back(group);
        weights.push_back(static_cast<float>(0.25 * static_cast<double>(1 + random.below(8))));
      }
    }
  }
};

double half_width(const Evaluation& evaluation, std::string_view name) {
  const Measure* measure = evaluation.find(name);
  return measure && measure->interval ? (measure->interval->high - measure->interval->low) / 2 : std::nan("");
}

// 1.96 standard errors of a weighted mean of values whose rows come in clusters, by linearisation (Cochran 1977,
// section 11.7); a group of its own for each row where groups are empty.
double clustered(const std::vector<double>& values, std::span<const float> weights,
                 std::span<const std::int32_t> groups) {
  const auto weight = [&](std::size_t row) { return weights.empty() ? 1.0 : double(weights[row]); };
  double total = 0, sum = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    total += weight(row);
    sum += weight(row) * values[row];
  }
  std::map<std::int32_t, double> residuals;
  for (std::size_t row = 0; row < values.size(); ++row)
    residuals[groups.empty() ? static_cast<std::int32_t>(row) : groups[row]] +=
        weight(row) * (values[row] - sum / total);
  double squares = 0;
  for (const auto& [group, residual] : residuals) squares += residual * residual;
  return normal_quantile_975 * std::sqrt(squares) / total;
}

TEST(Intervals, OfGroupsAreThoseOfClusteredSamples) {
  const GroupedRows rows(400);
  const BinaryOutcome data(rows.labels, rows.scores);
  EvaluationOptions options;
  options.bootstrap = 4000;
  options.groups = rows.groups;
  const auto grouped = evaluate(data.outcome, no_yes, options, Threads(2));
  ASSERT_TRUE(grouped.ok()) << grouped.error().message();
  options.groups = {};
  const auto alone = evaluate(data.outcome, no_yes, options, Threads(2));
  std::vector<double> positive, right, loss;
  for (std::size_t row = 0; row < rows.labels.size(); ++row) {
    positive.push_back(rows.labels[row]);
    right.push_back((rows.scores[row] >= 0.5F) == (rows.labels[row] == 1));
    loss.push_back(-std::log(rows.labels[row] == 1 ? rows.scores[row] : 1 - rows.scores[row]));
  }
  for (const auto& [name, values] : {std::pair{"prevalence", &positive}, {"accuracy", &right}, {"log_loss", &loss}}) {
    const double expected = clustered(*values, {}, rows.groups);
    EXPECT_NEAR(half_width(*grouped, name), expected, 0.06 * expected) << name;
    EXPECT_GT(expected, 1.2 * clustered(*values, {}, {})) << name;  // the groups do matter here
    EXPECT_NEAR(half_width(*alone, name), clustered(*values, {}, {}), 0.06 * expected) << name;
  }
  // ROC AUC: placements added up by group (Obuchowski 1997).
  std::vector<double> placements(rows.labels.size());
  double positives = 0, area = 0;
  for (const double label : positive) positives += label;
  const double negatives = static_cast<double>(rows.labels.size()) - positives;
  for (std::size_t i = 0; i < rows.labels.size(); ++i)
    for (std::size_t j = 0; j < rows.labels.size(); ++j) {
      if (rows.labels[i] != 1 || rows.labels[j] != 0) continue;
      const double win = rows.scores[i] > rows.scores[j] ? 1 : rows.scores[i] == rows.scores[j] ? 0.5 : 0;
      placements[i] += win / negatives;
      placements[j] += win / positives;
      area += win / positives / negatives;
    }
  EXPECT_NEAR(value_of(*grouped, "roc_auc"), area, 1e-9);
  std::map<std::int32_t, double> influence;
  for (std::size_t row = 0; row < placements.size(); ++row)
    influence[rows.groups[row]] += (placements[row] - area) / (rows.labels[row] == 1 ? positives : negatives);
  double variance = 0;
  for (const auto& [group, value] : influence) variance += value * value;
  const double expected = normal_quantile_975 * std::sqrt(variance);
  EXPECT_NEAR(half_width(*grouped, "roc_auc"), expected, 0.06 * expected);
  EXPECT_GT(half_width(*grouped, "roc_auc"), 1.2 * half_width(*alone, "roc_auc"));
}

TEST(Weights, EnterMeasuresAndIntervals) {
  const GroupedRows rows(300);
  BinaryOutcome data(rows.labels, rows.scores);
  data.outcome.weights = rows.weights;
  EvaluationOptions options;
  options.bootstrap = 4000;
  const auto weighted = evaluate(data.outcome, no_yes, options, Threads(2));
  ASSERT_TRUE(weighted.ok()) << weighted.error().message();
  std::vector<double> positive, loss;
  double total = 0, share = 0;
  for (std::size_t row = 0; row < rows.labels.size(); ++row) {
    positive.push_back(rows.labels[row]);
    loss.push_back(-std::log(rows.labels[row] == 1 ? rows.scores[row] : 1 - rows.scores[row]));
    total += rows.weights[row];
    share += rows.labels[row] == 1 ? rows.weights[row] : 0;
  }
  EXPECT_NEAR(weighted->prevalence, share / total, 1e-12);
  EXPECT_NEAR(half_width(*weighted, "prevalence"), clustered(positive, rows.weights, {}),
              0.06 * clustered(positive, rows.weights, {}));
  EXPECT_NEAR(half_width(*weighted, "log_loss"), clustered(loss, rows.weights, {}),
              0.06 * clustered(loss, rows.weights, {}));
  // A row of weight 2 is two rows.
  std::vector<std::int32_t> twice;
  std::vector<float> twice_scores, two(rows.labels.size(), 1);
  for (std::size_t row = 0; row < rows.labels.size(); ++row) {
    if (row % 3 == 0) two[row] = 2;
    for (int copy = 0; copy < static_cast<int>(two[row]); ++copy) {
      twice.push_back(rows.labels[row]);
      twice_scores.push_back(rows.scores[row]);
    }
  }
  const Costs costs{{-1}, {2}, {7}, {0}};
  const auto by_weight = operating_points(rows.labels, rows.scores, {&costs, 100}, two);
  const auto by_copies = operating_points(twice, twice_scores, {&costs, 100});
  ASSERT_TRUE(by_weight.ok() && by_copies.ok());
  ASSERT_EQ(by_weight->size(), by_copies->size());
  for (std::size_t i = 0; i < by_weight->size(); ++i) EXPECT_EQ(to_json((*by_weight)[i]), to_json((*by_copies)[i]));
  ThresholdPolicy policy;
  policy.minimise = "cost";
  const auto one = choose_threshold(rows.labels, rows.scores, policy, two, {&costs, 0});
  EXPECT_EQ(one->threshold, choose_threshold(twice, twice_scores, policy, {}, {&costs, 0})->threshold);
  EXPECT_EQ(to_json(operating_point(rows.labels, rows.scores, one->threshold, {&costs, 100}, two)),
            to_json(operating_point(twice, twice_scores, one->threshold, {&costs, 100})));
}

}  // namespace
}  // namespace slipway::evaluate
