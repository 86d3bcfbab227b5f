#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/learners/augmentation.hpp>

#include "test_data.hpp"

namespace slipway::learners {
namespace {

using ::testing::HasSubstr;

// 300 rows of two numbers and a category of three one-hot columns; class 1 has 20 rows, class 2 (with three) 45.
struct Table {
  model::Block features{300, 5};
  std::vector<std::int32_t> labels;
  std::vector<float> targets;
  std::vector<std::int32_t> nominal = {-1, -1, 0, 0, 0};
  int classes = 2;
  TrainingData view() const {
    TrainingData data;
    data.features = &features;
    data.task = classes == 2 ? model::Task::binary : model::Task::multiclass;
    data.classes = classes;
    data.labels = labels;
    data.nominal = nominal;
    return data;
  }
};
Table made(int classes = 2) {
  Table table;
  table.classes = classes;
  Random random(3);
  for (std::size_t row = 0; row < 300; ++row) {
    const std::int32_t label = row % 15 == 0 ? 1 : classes > 2 && row % 20 < 3 ? 2 : 0;
    table.labels.push_back(label);
    table.targets.push_back(static_cast<float>(random.normal()));
    table.features.column(0)[row] = static_cast<float>(random.normal() + label);
    table.features.column(1)[row] = static_cast<float>(10 * random.uniform());
    table.features.column(2 + random.below(3))[row] = 1;
  }
  return table;
}

std::map<std::int32_t, int> counts(const std::vector<std::int32_t>& labels) {
  std::map<std::int32_t, int> found;
  for (const std::int32_t label : labels) ++found[label];
  return found;
}

AugmentedRows run(const Table& table, const AugmentOptions& options, int threads = 1) {
  auto rows = augment(table.view(), options, 9, Threads(threads));
  EXPECT_TRUE(rows.ok()) << rows.error().message();
  return std::move(*rows);
}

using Row = std::vector<float>;
Row row_of(const model::Block& block, std::size_t row) {
  Row values;
  for (std::size_t c = 0; c < block.width; ++c) values.push_back(block.at(row, c));
  return values;
}

TEST(Augment, OverAndUnderGiveTheClassesTheirSizes) {
  const Table table = made(3);
  const auto before = counts(table.labels);
  AugmentOptions options;
  options.sampling = "over";
  options.ratio = 0.5;
  const AugmentedRows over = run(table, options);
  const int half = before.at(0) / 2;
  EXPECT_EQ(counts(over.labels), (std::map<std::int32_t, int>{{0, before.at(0)}, {1, half}, {2, half}}));
  std::set<Row> given;
  for (std::size_t row = 0; row < 300; ++row) {
    given.insert(row_of(table.features, row));
    EXPECT_EQ(row_of(over.features, row), row_of(table.features, row));  // the given rows first
  }
  for (std::size_t row = 300; row < over.features.rows; ++row) EXPECT_TRUE(given.contains(row_of(over.features, row)));

  options.sampling = "under";
  const AugmentedRows under = run(table, options);
  EXPECT_EQ(counts(under.labels), (std::map<std::int32_t, int>{{0, 40}, {1, 20}, {2, 40}}));
  std::set<Row> kept;
  for (std::size_t row = 0; row < under.features.rows; ++row)
    EXPECT_TRUE(kept.insert(row_of(under.features, row)).second);
}

// Each synthetic row lies between a row of its class and one of its nearest, as SMOTE's do; categories are voted.
TEST(Augment, SyntheticRowsLieBetweenNeighbours) {
  const Table table = made();
  for (const std::string sampling : {"smote", "smote_nc"}) {
    AugmentOptions options;
    options.sampling = sampling;
    options.neighbours = 3;
    const AugmentedRows rows = run(table, options);
    EXPECT_EQ(counts(rows.labels), (std::map<std::int32_t, int>{{0, 280}, {1, 280}}));
    std::vector<Row> members;
    for (std::size_t row = 0; row < 300; ++row)
      if (table.labels[row] == 1) members.push_back(row_of(table.features, row));
    // The median deviation of the two numbers is how far apart different categories lie, in two columns.
    double unit = 1;
    if (sampling == "smote_nc") {
      unit = 0;
      for (std::size_t c = 0; c < 2; ++c) {
        double mean = 0, squares = 0;
        for (const Row& one : members) mean += one[c] / 20.0;
        for (const Row& one : members) squares += (one[c] - mean) * (one[c] - mean) / 20.0;
        unit += std::sqrt(squares) / 2 / std::sqrt(2.0);
      }
    }
    const auto distance = [&](const Row& a, const Row& b) {
      double sum = 0;
      for (std::size_t c = 0; c < 5; ++c) {
        const double difference = (double{a[c]} - double{b[c]}) * (c < 2 ? 1 : unit);
        sum += difference * difference;
      }
      return sum;
    };
    for (std::size_t row = 300; row < rows.features.rows; ++row) {
      const Row made_row = row_of(rows.features, row);
      bool explained = false;
      for (const Row& from : members) {
        std::vector<Row> near = members;
        std::sort(near.begin(), near.end(),
                  [&](const Row& a, const Row& b) { return distance(from, a) < distance(from, b); });
        for (std::size_t k = 1; k <= 3 && !explained; ++k) {
          const double width = near[k][0] - from[0], share = (made_row[0] - from[0]) / width;
          bool fits = share > -1e-3 && share < 1 + 1e-3;
          for (std::size_t c = 1; c < (sampling == "smote" ? 5U : 2U); ++c)
            fits = fits && std::fabs(from[c] + share * (near[k][c] - from[c]) - made_row[c]) < 1e-3;
          if (fits && sampling == "smote_nc") {
            std::vector<int> votes(3);
            for (std::size_t n = 1; n <= 3; ++n)
              for (std::size_t c = 0; c < 3; ++c) votes[c] += near[n][2 + c] == 1;
            const auto best = static_cast<std::size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
            for (std::size_t c = 0; c < 3; ++c) fits = fits && made_row[2 + c] == (c == best ? 1.0F : 0.0F);
          }
          explained = fits;
        }
        if (explained) break;
      }
      EXPECT_TRUE(explained) << sampling << ", row " << row;
    }
  }
}

TEST(Augment, NoiseAndMixturesKeepTheRowsAndTheirTruth) {
  const Table table = made();
  AugmentOptions options;
  options.noise = 0.1;
  options.noise_copies = 2;
  const AugmentedRows noisy = run(table, options);
  ASSERT_EQ(noisy.features.rows, 900u);
  double squares = 0;
  for (std::size_t row = 0; row < 300; ++row) {
    EXPECT_EQ(noisy.labels[300 + row], table.labels[row]);
    squares += std::pow(noisy.features.at(300 + row, 1) - table.features.at(row, 1), 2);
    for (std::size_t c = 2; c < 5; ++c) EXPECT_EQ(noisy.features.at(600 + row, c), table.features.at(row, c));
  }
  EXPECT_NEAR(std::sqrt(squares / 300), 0.1 * 10 / std::sqrt(12.0), 0.05);  // a tenth of the uniform's deviation
  EXPECT_TRUE(noisy.correction.empty());

  options = {};
  options.mixup = 0.4;
  options.mixup_share = 0.5;
  const AugmentedRows mixed = run(table, options);
  ASSERT_EQ(mixed.features.rows, 300u + 2 * 150);
  for (std::size_t row = 300; row < mixed.features.rows; row += 2) {
    EXPECT_EQ(row_of(mixed.features, row), row_of(mixed.features, row + 1));
    EXPECT_NEAR(mixed.weights[row] + mixed.weights[row + 1], 1, 1e-6);
  }
  TrainingData regression = table.view();
  regression.task = model::Task::regression;
  regression.classes = 1;
  regression.labels = {};
  regression.targets = table.targets;
  const auto targets = augment(regression, options, 9, Threads(1));
  ASSERT_TRUE(targets.ok());
  EXPECT_EQ(targets->targets.size(), 450u);
  options.sampling = "smote";
  EXPECT_THAT(augment(regression, options, 9, Threads(1)).error().message(), HasSubstr("a regression has none"));
}

TEST(Augment, SameSeedSameRowsOnAnyNumberOfThreads) {
  const Table table = made(3);
  AugmentOptions options;
  options.sampling = "smote_nc";
  options.noise = 0.2;
  options.mixup = 1;
  const AugmentedRows one = run(table, options), four = run(table, options, 4);
  EXPECT_EQ(one.features.values, four.features.values);
  EXPECT_EQ(one.weights, four.weights);
  EXPECT_NE(augment(table.view(), options, 10, Threads(1))->features.values, one.features.values);
}

TEST(Augment, RareCasesHaveAnswers) {
  Table table = made();
  AugmentOptions options;
  options.sampling = "smote";
  std::fill(table.labels.begin(), table.labels.end(), 0);
  const auto error = [&] { return augment(table.view(), options, 1, Threads(1)).error().message(); };
  table.labels[7] = 1;
  EXPECT_THAT(error(),
              HasSubstr("smote: class 1 has 1 row, which is too few for 5 neighbours: a row and its neighbours "
                        "are 6; lower neighbours, or use sampling: over"));
  table.labels[8] = 1;
  options.neighbours = 1;
  EXPECT_EQ(counts(run(table, options).labels).at(1), 298);
  options.ratio = 0.005;
  EXPECT_THAT(error(), HasSubstr("smote: the ratio 0.005 is less than the 0.006711 that there is already: 2 and 298"));
  options.sampling = "under";
  EXPECT_THAT(error(), HasSubstr("under: the ratio 0.005 is less than"));
  options.sampling = "smote";
  table.features.column(0)[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(error(), HasSubstr("feature 1 has a missing"));
}

// Fitted on equal classes, corrected: the mean score is the share of positive rows again. Uncorrected it is not.
TEST(Augmented, ScoresStayProbabilitiesOfTheDataAsItWas) {
  const Table table = made();
  for (const std::string name : {"logistic_regression", "random_forest", "gradient_boosting"})
    for (const std::string way : {"over", "under", "weights"}) {
      AugmentOptions options;
      if (way == "weights") {
        options.class_weight = "balanced";
      } else {
        options.sampling = way;
      }
      const Learner& base = **find_learner(name);
      Settings settings;
      if (name == "random_forest")
        settings = {{"n_estimators", params::scalar("50")}, {"max_depth", params::scalar("3")}};
      if (name == "gradient_boosting")
        settings = {{"n_estimators", params::scalar("20")}, {"max_depth", params::scalar("2")}};
      const auto mean_score = [&](bool correct) {
        options.correct = correct;
        const Learner learner = augmented(base, options);
        const auto fragment = learner.fit(table.view(), settings, 1, Threads(1), silent_progress());
        EXPECT_TRUE(fragment.ok()) << fragment.error().message();
        const auto scores = predict(*fragment, table.features);
        double mean = 0;
        for (const float score : scores->column(1)) mean += score / 300.0;
        return mean;
      };
      EXPECT_NEAR(mean_score(true), 20.0 / 300, 0.035) << name << ", " << way;
      EXPECT_GT(mean_score(false), 0.25) << name << ", " << way;
    }
}

TEST(Augmented, NestedFitsAreTheFitsThemselves) {
  const Table table = made();
  AugmentOptions options;
  options.sampling = "over";
  const Learner learner = augmented(**find_learner("random_forest"), options);
  ASSERT_NE(learner.fit_nested, nullptr);
  const std::vector<Settings> points = {{{"n_estimators", params::scalar("5")}, {"max_depth", params::scalar("3")}},
                                        {{"n_estimators", params::scalar("10")}, {"max_depth", params::scalar("6")}}};
  const auto nested = learner.fit_nested(table.view(), {}, points, 4, Threads(1), silent_progress());
  ASSERT_TRUE(nested.ok()) << nested.error().message();
  const auto together = (*nested)->predict(points, table.features, Threads(1));
  for (std::size_t k = 0; k < points.size(); ++k) {
    const auto alone = learner.fit(table.view(), points[k], 4, Threads(1), silent_progress());
    EXPECT_EQ(predict(*alone, table.features)->values, (*together)[k].values);
  }
}

}  // namespace
}  // namespace slipway::learners
