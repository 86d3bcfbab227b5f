#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/base/random.hpp>
#include <slipway/monitor/performance.hpp>

namespace slipway::monitor {
namespace {

using ::testing::HasSubstr;

// Scores normal(separation, 1) for positives against normal(0, 1), squashed; 10 % positives.
struct Window {
  std::vector<std::int32_t> labels;
  std::vector<float> scores;
  metrics::Outcome outcome;
  Window(std::size_t rows, double separation) {
    Random random(5);
    scores.resize(2 * rows);
    for (std::size_t i = 0; i < rows; ++i) {
      labels.push_back(i % 10 == 0);
      const double margin = random.normal() + separation * labels.back();
      scores[rows + i] = static_cast<float>(1 / (1 + std::exp(-margin)));
      scores[i] = 1 - scores[rows + i];
    }
    outcome.labels = labels;
    outcome.scores = {rows, 2, scores};
  }
};

// P(normal(2, 1) > normal(0, 1)) = 0.921.
const std::vector<PromisedMetric> promised = {
    {"roc_auc", 0.921, 0.91, 0.932}, {"ece", 0.1, {}, {}}, {"rmse", 1, {}, {}}};

TEST(Performance, ComparesWithThePromise) {
  const Window good(3000, 2), bad(3000, 1);
  const auto kept = compare_performance(good.outcome, promised, {});
  ASSERT_TRUE(kept.ok()) << kept.error().message();
  ASSERT_EQ(kept->metrics.size(), 2);  // rmse is no metric of a binary task
  EXPECT_EQ(kept->metrics[0].verdict, MetricChange::Verdict::as_promised);
  EXPECT_NEAR(kept->prevalence, 0.1, 1e-12);
  const auto broken = compare_performance(bad.outcome, promised, {}, Threads(2));
  ASSERT_TRUE(broken.ok());
  EXPECT_EQ(broken->metrics[0].verdict, MetricChange::Verdict::worse);
  EXPECT_NEAR(*broken->metrics[0].value, 0.76, 0.03);
  // The interval has DeLong's width: 1.96 * 0.014 to either side at 300 positives.
  EXPECT_NEAR((*broken->metrics[0].high - *broken->metrics[0].low) / 2, 1.96 * 0.014, 0.008);
  EXPECT_THAT(broken->metrics[0].text, HasSubstr("worse than promised"));
  EXPECT_EQ(to_json(*broken)["metrics"][0]["verdict"], "worse");
  const auto again = compare_performance(bad.outcome, promised, {}, Threads(1));
  EXPECT_EQ(to_json(*again), to_json(*broken));
  // Drawing a quarter of the rows gives about the same interval.
  const auto drawn = compare_performance(bad.outcome, promised, {.replicates = 400, .max_rows = 750});
  EXPECT_NEAR(*drawn->metrics[0].high - *drawn->metrics[0].low, *broken->metrics[0].high - *broken->metrics[0].low,
              0.015);
}

TEST(Performance, LeavesUnlabelledRowsOut) {
  Window window(1000, 2);
  for (std::size_t i = 500; i < 1000; ++i) window.labels[i] = -1;
  const auto report = compare_performance(window.outcome, promised, {});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->rows, 1000);
  EXPECT_EQ(report->labelled, 500);
  std::fill(window.labels.begin(), window.labels.end(), -1);
  const auto none = compare_performance(window.outcome, promised, {});
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->metrics.empty());
  std::fill(window.labels.begin(), window.labels.end(), 0);
  const auto single = compare_performance(window.outcome, promised, {});
  ASSERT_TRUE(single.ok());
  EXPECT_EQ(single->metrics[0].verdict, MetricChange::Verdict::undefined);
  EXPECT_TRUE(to_json(*single)["metrics"][0]["value"].is_null());
  window.outcome.labels = std::span(window.labels).first(3);
  EXPECT_FALSE(compare_performance(window.outcome, promised, {}).ok());
}

}  // namespace
}  // namespace slipway::monitor
