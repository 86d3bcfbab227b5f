#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/monitor/drift.hpp>

#include "monitor_test_data.hpp"
#include "statistic.hpp"

namespace slipway::monitor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr float infinity = std::numeric_limits<float>::infinity();

Reference build(const table::Table& table, const std::vector<Feature>& features,
                std::span<const std::int64_t> times = {}) {
  auto reference = build_reference(table, {features, {}, times, {}});
  EXPECT_TRUE(reference.ok()) << reference.error().message();
  return *std::move(reference);
}

DriftReport detect(const Reference& reference, const table::Table& window, const DriftOptions& options = {}) {
  auto report = detect_drift(reference, Window{window, {}}, options);
  EXPECT_TRUE(report.ok()) << report.error().message();
  return *std::move(report);
}

std::vector<float> lognormal(std::uint64_t seed, std::size_t rows, double sigma, double factor) {
  Random random(random_key({seed}));
  std::vector<float> values;
  for (std::size_t i = 0; i < rows; ++i)
    values.push_back(static_cast<float>(factor * std::exp(3.1 + sigma * random.normal())));
  return values;
}

std::vector<std::string> five_levels(std::uint64_t seed, std::size_t rows, double first_share) {
  Random random(random_key({seed}));
  std::vector<std::string> cells;
  for (std::size_t i = 0; i < rows; ++i)
    cells.push_back(random.uniform() < first_share ? "online" : "other " + std::to_string(random.below(4)));
  return cells;
}

// Share of `trials` windows in which the only feature, x, is called drifted.
template <class MakeWindow>
double power(const Reference& reference, std::size_t rows, int trials, const MakeWindow& make) {
  const DriftOptions options;
  const auto thresholds = calibrate_thresholds(reference, static_cast<std::int64_t>(rows), 0, options);
  EXPECT_TRUE(thresholds.ok());
  int drifted = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const table::Table window = table_of({make(static_cast<std::uint64_t>(1000 + trial), rows)});
    const auto report = detect_drift(reference, *thresholds, Window{window, {}}, options);
    EXPECT_TRUE(report.ok());
    drifted += report.ok() && !report->drifted.empty();
  }
  return static_cast<double>(drifted) / trials;
}

TEST(Statistic, EqualsScipyAndTheFormula) {
  // scipy.spatial.distance.jensenshannon(p, q, base=2) and sum((q - p) * log(q / p)).
  const std::vector<double> p = {0.1, 0.2, 0.3, 0.4}, q = {0.25, 0.25, 0.25, 0.25};
  EXPECT_NEAR(std::sqrt(jensen_shannon_divergence(p, q)), 0.20050332253142814, 1e-12);
  EXPECT_NEAR(population_stability_index(p, q), 0.22821740957339184, 1e-12);
  EXPECT_NEAR(max_cumulative_difference(p, q, 0), 0.2, 1e-12);
  EXPECT_NEAR(jensen_shannon_divergence(p, p), 0, 1e-15);
}

TEST(Budget, BecomesARatePerWindow) {
  const auto rate = [](std::string window, std::string budget) {
    DriftOptions options;
    options.window = std::move(window);
    options.false_alarms = std::move(budget);
    const auto parsed = false_alarm_rate(options);
    return parsed.ok() ? *parsed : -1;
  };
  EXPECT_NEAR(rate("1 day", "1 per month"), 1 / 30.0, 1e-12);
  EXPECT_NEAR(rate("6 hours", "2 per year"), 0.5 / 365, 1e-12);
  EXPECT_NEAR(rate("week", "1 per quarter"), 7 / 91.0, 1e-12);
  EXPECT_NEAR(rate("2 weeks", "1 Per 2 Months"), 14 / 60.0, 1e-12);
  EXPECT_EQ(rate("1 month", "10 per day"), 0.5);
  for (const auto& [window, budget] :
       {std::pair{"soon", "1 per month"}, std::pair{"1 day", "rarely"}, std::pair{"1 day", "-1 per month"},
        std::pair{"", "1 per month"}, std::pair{"0 days", "1 per month"}, std::pair{"1 day", "1 per fortnight"}})
    EXPECT_EQ(rate(window, budget), -1) << window << ", " << budget;
}

TEST(Drift, KeepsTheFalseAlarmBudget) {
  constexpr int features = 30;
  const Reference reference = build(mixed_table(50'000, 1, features), mixed_features(features));
  DriftOptions options;
  options.false_alarms = "1.5 per month";  // 5 % of windows
  options.minimum_psi = 0;                 // the threshold alone
  int windows = 0, alarms = 0;
  for (const auto& [rows, count] : {std::pair{500, 160}, std::pair{2000, 100}, std::pair{5000, 40}}) {
    const auto thresholds = calibrate_thresholds(reference, rows, 0, options);
    ASSERT_TRUE(thresholds.ok());
    for (int w = 0; w < count; ++w) {
      const table::Table window = mixed_table(rows, 10'000 + windows++, features);
      const auto report = detect_drift(reference, *thresholds, Window{window, {}}, options);
      ASSERT_TRUE(report.ok());
      alarms += !report->drifted.empty();
    }
  }
  EXPECT_LE(alarms, windows * (0.05 + 0.02));
}

TEST(Drift, KeepsTheBudgetWhereDaysDiffer) {
  // Each day moves every feature by a normal draw of 0.1 of its unit.
  constexpr int features = 20;
  Random random(77);
  const auto day_shift = [&] {
    std::vector<double> shift;
    for (int f = 0; f < features; ++f) shift.push_back(0.1 * random.normal());
    return shift;
  };
  std::vector<table::Column> columns;
  std::vector<std::int64_t> times;
  for (int day = 0; day < 28; ++day) {
    const table::Table rows = mixed_table(2000, 500 + day, features, day_shift());
    times.insert(times.end(), 2000, std::int64_t{day} * 86'400'000'000);
    for (int f = 0; f < features; ++f) {
      if (day == 0) {
        columns.push_back(rows.column(f));
      } else if (auto* numbers = std::get_if<table::NumberColumn>(&columns[f].data)) {
        const auto& more = std::get<table::NumberColumn>(rows.column(f).data).values;
        numbers->values.insert(numbers->values.end(), more.begin(), more.end());
      } else {
        const auto& more = std::get<table::TextColumn>(rows.column(f).data).codes;
        auto& codes = std::get<table::TextColumn>(columns[f].data).codes;
        codes.insert(codes.end(), more.begin(), more.end());
      }
    }
  }
  const table::Table table = table_of(std::move(columns));
  const auto alarms = [&](const Reference& reference) {
    DriftOptions options;
    options.false_alarms = "1.5 per month";
    options.minimum_psi = 0;
    const auto thresholds = calibrate_thresholds(reference, 2000, 0, options);
    EXPECT_TRUE(thresholds.ok());
    int count = 0;
    for (int w = 0; w < 60; ++w) {
      const table::Table window = mixed_table(2000, 9000 + w, features, day_shift());
      count += !detect_drift(reference, *thresholds, Window{window, {}}, options)->drifted.empty();
    }
    return count;
  };
  EXPECT_LE(alarms(build(table, mixed_features(features), times)), 7);
  // Taken as independent rows, most days look like drift: the test would notice.
  EXPECT_GE(alarms(build(table, mixed_features(features))), 30);
}

TEST(Drift, IsSeenWhereItMatters) {
  const std::vector<Feature> number = {{"x", FeatureKind::number}}, text = {{"x", FeatureKind::text}};
  const Reference amounts = build(table_of({number_column("x", lognormal(1, 50'000, 1.6, 1))}), number);
  const auto scaled = [](double factor) {
    return [factor](std::uint64_t seed, std::size_t rows) {
      return number_column("x", lognormal(seed, rows, 1.6, factor));
    };
  };
  EXPECT_EQ(power(amounts, 2000, 20, scaled(1.5)), 1);
  EXPECT_EQ(power(amounts, 500, 20, scaled(2)), 1);
  EXPECT_GE(power(amounts, 500, 20, scaled(1.5)), 0.5);
  EXPECT_GE(power(amounts, 10'000, 20, scaled(1.2)), 0.9);
  EXPECT_LE(power(amounts, 2000, 40, scaled(1)), 0.1);
  const auto with_missing = [](std::uint64_t seed, std::size_t rows, double share) {
    std::vector<float> values = lognormal(seed, rows, 1.6, 1);
    Random random(random_key({seed, 5}));
    for (float& value : values)
      if (random.uniform() < share) value = missing_number;
    return number_column("x", std::move(values));
  };
  const Reference some_missing = build(table_of({with_missing(2, 50'000, 0.05)}), number);
  EXPECT_EQ(power(some_missing, 2000, 20,
                  [&](std::uint64_t seed, std::size_t rows) { return with_missing(seed, rows, 0.1); }),
            1);
  const Reference levels = build(table_of({text_column("x", five_levels(3, 50'000, 0.2))}), text);
  EXPECT_GE(power(levels, 2000, 20,
                  [](std::uint64_t seed, std::size_t rows) { return text_column("x", five_levels(seed, rows, 0.25)); }),
            0.8);
}

TEST(Drift, SaysWhatChanged) {
  Random random(4);
  const auto window_of = [&](double factor, double missing, double online, std::size_t rows) {
    std::vector<float> amounts = lognormal(random(), rows, 1.0, factor);
    for (float& amount : amounts)
      if (random.uniform() < missing) amount = missing_number;
    return table_of({number_column("amount", amounts), text_column("channel", five_levels(random(), rows, online))});
  };
  const std::vector<Feature> features = {{"amount", FeatureKind::number}, {"channel", FeatureKind::text}};
  const Reference reference = build(window_of(1, 0, 0.42, 50'000), features);
  const DriftReport moved = detect(reference, window_of(2, 0, 0.58, 4000));
  EXPECT_THAT(moved.drifted, ElementsAre("amount", "channel"));
  EXPECT_THAT(moved.features[0].why, ::testing::MatchesRegex("median 2[12]\\.[0-9]+ → 4[0-9]\\.?[0-9]*.*"));
  EXPECT_THAT(moved.features[1].why, HasSubstr("share of channel=online 42 % → 5"));
  EXPECT_GT(moved.features[0].statistics->jensen_shannon, *moved.features[0].threshold);
  const DriftReport gone = detect(reference, window_of(1, 0.2, 0.42, 4000));
  EXPECT_THAT(gone.drifted, ElementsAre("amount"));
  EXPECT_THAT(gone.features[0].why, HasSubstr("missing 0 % → "));
  ASSERT_EQ(gone.findings.size(), 1);
  EXPECT_EQ(gone.findings[0].kind, Finding::Kind::missing_values);
  EXPECT_EQ(gone.features[1].why, "");

  const nlohmann::json json = to_json(moved);
  EXPECT_THAT(json["drifted"].get<std::vector<std::string>>(), ElementsAre("amount", "channel"));
  EXPECT_EQ(json["features"][0]["name"], "amount");
  EXPECT_EQ(json["features"][0]["verdict"], "drifted");
  EXPECT_GT(json["features"][0]["statistics"]["psi"], 0.1);
  EXPECT_GT(json["features"][0]["threshold"], 0);
  EXPECT_TRUE(json["score"].is_null());
  EXPECT_EQ(json["rows"], 4000);
}

TEST(Drift, OfAHugeWindowMustBeLargeEnoughToMatter) {
  const std::vector<Feature> features = {{"x", FeatureKind::number}};
  const Reference reference = build(table_of({number_column("x", lognormal(1, 200'000, 1.6, 1))}), features);
  const DriftReport report = detect(reference, table_of({number_column("x", lognormal(2, 200'000, 1.6, 1.05))}));
  EXPECT_EQ(report.features[0].verdict, Verdict::negligible);
  EXPECT_THAT(report.drifted, IsEmpty());
  EXPECT_NE(report.features[0].why, "");
}

TEST(Drift, IsNotOneStrangeValue) {
  const std::vector<Feature> features = {{"x", FeatureKind::number}, {"level", FeatureKind::text}};
  const Reference reference = build(
      table_of({number_column("x", lognormal(1, 50'000, 1.6, 1)), text_column("level", five_levels(1, 50'000, 0.3))}),
      features);
  for (std::size_t rows : {200, 5000, 1'000'000}) {
    std::vector<float> values = lognormal(2, rows, 1.6, 1);
    std::vector<std::string> cells = five_levels(2, rows, 0.3);
    values[7] = 1e12F;
    cells[8] = "never seen";
    const DriftReport report = detect(reference, table_of({number_column("x", values), text_column("level", cells)}));
    EXPECT_THAT(report.drifted, IsEmpty()) << rows;
    ASSERT_EQ(report.findings.size(), 2) << rows;
    EXPECT_EQ(report.findings[0].kind, Finding::Kind::out_of_range);
    EXPECT_EQ(report.findings[1].kind, Finding::Kind::unseen_category);
    EXPECT_EQ(report.findings[1].rows, 1);
  }
  // The same in the reference does not blind it.
  std::vector<float> with_outlier = lognormal(1, 50'000, 1.6, 1);
  with_outlier[0] = 1e12F;
  const std::vector<Feature> number = {{"x", FeatureKind::number}};
  const Reference blinded = build(table_of({number_column("x", with_outlier)}), number);
  EXPECT_THAT(detect(blinded, table_of({number_column("x", lognormal(2, 2000, 1.6, 3))})).drifted, ElementsAre("x"));
}

TEST(Drift, HasDefinedAnswersForOddWindows) {
  const std::vector<Feature> features = {{"x", FeatureKind::number},
                                         {"constant", FeatureKind::number},
                                         {"never", FeatureKind::number},
                                         {"t", FeatureKind::text}};
  const auto make = [](std::size_t rows) {
    return table_of({number_column("x", lognormal(1, rows, 1.6, 1)),
                     number_column("constant", std::vector<float>(rows, 4)),
                     number_column("never", std::vector<float>(rows, missing_number)),
                     text_column("t", std::vector<std::string>(rows, "a"))});
  };
  const Reference reference = build(make(5000), features);
  // The same again: nothing drifts, a constant and an empty column least of all.
  const DriftReport same = detect(reference, make(500));
  EXPECT_THAT(same.drifted, IsEmpty());
  for (const FeatureDrift& drift : same.features) EXPECT_TRUE(std::isfinite(drift.statistics->psi)) << drift.name;
  // No rows, one row.
  const DriftReport empty = detect(reference, make(0));
  EXPECT_EQ(empty.features[0].verdict, Verdict::too_few_rows);
  EXPECT_FALSE(empty.features[0].statistics);
  EXPECT_EQ(to_json(empty)["features"][0]["statistics"], nlohmann::json::object());
  EXPECT_TRUE(to_json(empty)["features"][0]["threshold"].is_null());
  EXPECT_EQ(detect(reference, make(1)).features[0].verdict, Verdict::too_few_rows);
  // Absent, text where a number should be, numbers where text should be, infinities, a column that came alive.
  std::vector<std::string> words(400, "12.5");
  words[3] = "twelve";
  std::vector<float> infinities(400, 4);
  infinities[0] = infinity;
  infinities[1] = -infinity;
  const DriftReport odd = detect(reference, table_of({text_column("x", words), number_column("constant", infinities),
                                                      number_column("t", std::vector<float>(400, 7)),
                                                      number_column("never", std::vector<float>(400, 1))}));
  EXPECT_THAT(odd.drifted, ElementsAre("x", "never", "t"));
  std::vector<Finding::Kind> kinds;
  for (const Finding& finding : odd.findings) kinds.push_back(finding.kind);
  EXPECT_THAT(kinds, ElementsAre(Finding::Kind::unreadable, Finding::Kind::infinite, Finding::Kind::unseen_category));
  const DriftReport absent = detect(reference, table_of({number_column("x", lognormal(1, 400, 1.6, 1))}));
  EXPECT_EQ(absent.features[1].verdict, Verdict::absent);
  EXPECT_EQ(absent.findings.size(), 3);
  EXPECT_EQ(absent.findings[0].kind, Finding::Kind::missing_column);
  EXPECT_EQ(to_json(absent).dump().find("nan"), std::string::npos);
  // All values gone.
  const DriftReport gone = detect(reference, table_of({number_column("x", std::vector<float>(400, missing_number))}));
  EXPECT_THAT(gone.drifted, ElementsAre("x"));
  EXPECT_THAT(gone.features[0].why, "missing 0 % → 100 %");
  // One in a hundred infinite.
  std::vector<float> hundredth = lognormal(3, 4000, 1.6, 1);
  for (std::size_t i = 0; i < hundredth.size(); i += 100) hundredth[i] = infinity;
  EXPECT_THAT(detect(reference, table_of({number_column("x", hundredth)})).drifted, ElementsAre("x"));
  // A reference without rows judges nothing.
  EXPECT_THAT(detect(build(make(0), features), make(500)).drifted, IsEmpty());
}

TEST(Drift, OfTheScoreCountsToo) {
  const std::vector<Feature> features = {{"x", FeatureKind::number}};
  std::vector<float> scores(20'000), window_scores(3000), fitted(20'000, missing_number);
  Random random(8);
  for (float& score : scores) score = static_cast<float>(std::pow(random.uniform(), 4));
  for (float& score : window_scores) score = static_cast<float>(std::pow(random.uniform(), 2));
  window_scores[0] = missing_number;
  const table::Table table = table_of({number_column("x", lognormal(1, 20'000, 1, 1))});
  const auto reference = build_reference(table, {features, scores, {}, {}});
  ASSERT_TRUE(reference.ok());
  const table::Table window = table_of({number_column("x", lognormal(2, 3000, 1, 1))});
  const auto report = detect_drift(*reference, Window{window, window_scores, {{"x", 3}, {"y", 1}}}, {});
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_THAT(report->drifted, ElementsAre("score"));
  ASSERT_TRUE(report->score);
  EXPECT_THAT(report->score->why, HasSubstr("median 0.06"));
  ASSERT_TRUE(report->features[0].impact);
  EXPECT_NEAR(*report->features[0].impact, 0.75 * report->features[0].statistics->jensen_shannon, 1e-12);
  EXPECT_EQ(to_json(*report)["score"]["verdict"], "drifted");
  EXPECT_FALSE(detect_drift(*reference, Window{window, scores, {}}, {}).ok());
  const auto unscored = build_reference(table, {features, fitted, {}, {}});
  ASSERT_TRUE(unscored.ok());
  EXPECT_THAT(detect_drift(*unscored, Window{window, window_scores, {}}, {})->drifted, IsEmpty());
}

TEST(Drift, ThresholdsAreDeterministicAndFollowTheirOptions) {
  const Reference reference = build(mixed_table(5000, 1, 5), mixed_features(5));
  const auto of = [&](std::int64_t rows, DriftOptions options, int threads = 1) {
    return calibrate_thresholds(reference, rows, 0, options, Threads(threads))->features;
  };
  EXPECT_EQ(of(500, {}), of(500, {}, 3));
  DriftOptions strict, clustered;
  strict.false_alarms = "1 per year";
  clustered.design_effect = 4;
  const std::vector<double> usual = of(500, {}), stricter = of(500, strict), wider = of(500, clustered),
                            large = of(5000, {});
  for (std::size_t f = 0; f < 5; ++f) {
    EXPECT_GT(stricter[f], usual[f]);
    EXPECT_GT(wider[f], 1.4 * usual[f]);
    EXPECT_LT(large[f], usual[f]);
  }
  DriftOptions bad;
  bad.window = "never";
  EXPECT_FALSE(calibrate_thresholds(reference, 500, 0, bad).ok());
}

}  // namespace
}  // namespace slipway::monitor
