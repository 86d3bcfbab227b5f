#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/learners/calibration.hpp>

#include "calibration/calibrator.hpp"
#include "test_data.hpp"

namespace slipway::learners::calibration {
namespace {

using ::testing::HasSubstr;
using testing::MadeData;
using testing::make_data;
using ::testing::Pointwise;
using testing::same_fragments;
using testing::settings;

const Threads one(1);

// 60 made decisions, each with its label and one of five weights, 0 among them.
struct Made {
  std::vector<float> f, weights;
  std::vector<std::uint8_t> positive;
};
Made made() {
  constexpr std::string_view labels = "101011001011010110010100101100101001011000010010110000100101";
  Made data;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    data.f.push_back(static_cast<float>(static_cast<double>(i * 37 % 101) / 25.0 - 2));
    data.positive.push_back(labels[i] == '1' ? 1 : 0);
    data.weights.push_back(static_cast<float>(i % 5) * 0.5F);
  }
  return data;
}

// scikit-learn 1.9's _SigmoidCalibration on the same rows (those of weight 0 left out).
TEST(Platt, EqualsScikitLearn) {
  const Made data = made();
  const auto plain = std::get<Sigmoid>(fit_calibrator(Method::platt, data.f, data.positive, {}, one));
  EXPECT_NEAR(plain.slope, 1.5449702060440285, 1e-5);
  EXPECT_NEAR(plain.intercept, -0.30934866813838696, 1e-5);
  const auto weighted = std::get<Sigmoid>(fit_calibrator(Method::platt, data.f, data.positive, data.weights, one));
  EXPECT_NEAR(weighted.slope, 2.1995552178448974, 1e-5);
  EXPECT_NEAR(weighted.intercept, -0.5540128900030108, 1e-5);
}

// scikit-learn 1.9's IsotonicRegression: its X_thresholds_ and y_thresholds_.
TEST(Isotonic, EqualsScikitLearn) {
  const Made data = made();
  const auto plain = std::get<Steps>(fit_calibrator(Method::isotonic, data.f, data.positive, {}, one));
  EXPECT_THAT(plain.at, Pointwise(::testing::FloatEq(), std::vector<float>{-2.0F, -0.16F, -0.12F, 0.76F, 0.8F, 2.0F}));
  EXPECT_THAT(plain.y,
              Pointwise(::testing::FloatEq(), std::vector<float>{0.071428575F, 0.071428575F, 0.5F, 0.5F, 1.0F, 1.0F}));
  const auto weighted = std::get<Steps>(fit_calibrator(Method::isotonic, data.f, data.positive, data.weights, one));
  EXPECT_THAT(weighted.at,
              Pointwise(::testing::FloatEq(), std::vector<float>{-1.92F, -1.88F, -0.16F, -0.12F, 0.76F, 0.8F, 1.88F}));
  EXPECT_THAT(weighted.y, Pointwise(::testing::FloatEq(),
                                    std::vector<float>{0.0F, 0.018181818F, 0.018181818F, 0.56F, 0.56F, 1.0F, 1.0F}));
}

TEST(Calibrator, DecisionsThatSayNothing) {
  const std::vector<float> f(20, 0.25F);
  std::vector<std::uint8_t> positive(20, 0);
  for (std::size_t i = 0; i < 5; ++i) positive[i] = 1;
  const auto sigmoid = std::get<Sigmoid>(fit_calibrator(Method::platt, f, positive, {}, one));
  EXPECT_EQ(sigmoid.slope, 0);
  // Targets 6/7 and 1/17: their mean over 5 and 15 rows.
  const double share = (5 * 6.0 / 7 + 15 / 17.0) / 20;
  EXPECT_NEAR(sigmoid.intercept, std::log(share / (1 - share)), 1e-9);
  const auto steps = std::get<Steps>(fit_calibrator(Method::isotonic, f, positive, {}, one));
  EXPECT_THAT(steps.at, ::testing::ElementsAre(0.25F));
  EXPECT_THAT(steps.y, ::testing::ElementsAre(0.25F));
  const std::vector<std::uint8_t> none(20, 0);
  EXPECT_LT(std::get<Sigmoid>(fit_calibrator(Method::platt, f, none, {}, one)).intercept, -2);
}

// The mean absolute difference between the true probability of made rows and the model's.
double error_of(const Fragment& fragment, const MadeData& data, const std::vector<float>& truth) {
  const model::Block scores = *predict(fragment, data.features);
  double sum = 0;
  for (std::size_t row = 0; row < truth.size(); ++row) sum += std::abs(scores.at(row, 1) - truth[row]);
  return sum / static_cast<double>(truth.size());
}

TEST(Calibrated, BringsProbabilitiesNearerToTheTruth) {
  MadeData data;
  std::vector<float> truth;
  data.features = model::Block(3000, 2);
  Random random(3);
  for (std::size_t row = 0; row < 3000; ++row) {
    data.features.column(0)[row] = static_cast<float>(random.normal());
    data.features.column(1)[row] = static_cast<float>(random.normal());
    truth.push_back(1 / (1 + std::exp(-2 * data.features.at(row, 0) + 1)));
    data.labels.push_back(random.uniform() < truth.back() ? 1 : 0);
  }
  // So many rounds that it believes in the noise.
  const Learner boosting = **find_learner("gradient_boosting");
  const Settings rounds = settings({{"n_estimators", "200"}, {"learning_rate", "0.3"}});
  const auto plain = boosting.fit(data.view(), rounds, 1, one, silent_progress());
  const double before = error_of(*plain, data, truth);
  for (const char* method : {"platt", "isotonic"})
    for (const auto& more : {settings({}), settings({{"calibration_fraction", "0.3"}})}) {
      Settings given = settings({{"calibration", method}});
      given.insert(given.end(), more.begin(), more.end());
      given.insert(given.end(), rounds.begin(), rounds.end());
      const auto fragment = calibrated(boosting).fit(data.view(), given, 1, one, silent_progress());
      ASSERT_TRUE(fragment.ok()) << fragment.error().message();
      EXPECT_LT(error_of(*fragment, data, truth), 0.85 * before) << method;
    }
}

// Of every point the fragment and the scores that a fit of that point alone gives, to the last bit.
TEST(Calibrated, NestsWhereItsLearnerNests) {
  for (const char* name : {"random_forest", "gradient_boosting"})
    for (model::Task task : {model::Task::binary, model::Task::multiclass})
      for (const char* method : {"platt", "isotonic"}) {
        const MadeData data = make_data(task, 400, 4, 0.05, 3);
        const Learner learner = calibrated(**find_learner(name));
        const std::vector<Settings> points = {settings({{"n_estimators", "3"}}), settings({{"n_estimators", "8"}})};
        const Settings shared = settings({{"calibration", method}, {"calibration_folds", "3"}});
        const auto nested = learner.fit_nested(data.view(), shared, points, 5, Threads(2), silent_progress());
        ASSERT_TRUE(nested.ok()) << nested.error().message();
        const auto scores = (*nested)->predict(points, data.features, one);
        ASSERT_TRUE(scores.ok()) << scores.error().message();
        for (std::size_t i = 0; i < points.size(); ++i) {
          Settings all = shared;
          all.insert(all.end(), points[i].begin(), points[i].end());
          const auto alone = learner.fit(data.view(), all, 5, one, silent_progress());
          ASSERT_TRUE(alone.ok()) << alone.error().message();
          EXPECT_TRUE(same_fragments(*(*nested)->extract(points[i]), *alone)) << name << " " << method;
          EXPECT_TRUE(testing::same_block((*scores)[i], *predict(*alone, data.features)));
        }
      }
}

TEST(Calibrated, KeepsGroupsTogether) {
  // Copies of a row carry its label by chance: only a fit that saw a copy can know it.
  MadeData data;
  data.features = model::Block(800, 1);
  std::vector<std::int32_t> groups;
  Random random(9);
  for (std::size_t row = 0; row < 800; ++row) {
    if (row % 8 == 0) data.labels.push_back(random.uniform() < 0.5 ? 1 : 0);
    if (row % 8 != 0) data.labels.push_back(data.labels.back());
    data.features.column(0)[row] = static_cast<float>(row / 8);
    groups.push_back(static_cast<std::int32_t>(row / 8));
  }
  const Learner learner = calibrated(**find_learner("decision_tree"));
  const auto spread = [&](std::span<const std::int32_t> given) {
    TrainingData view = data.view();
    view.groups = given;
    const auto fragment = learner.fit(view, settings({{"calibration", "isotonic"}}), 1, one, silent_progress());
    const model::Block scores = *predict(*fragment, data.features);
    const auto [low, high] = std::minmax_element(scores.column(1).begin(), scores.column(1).end());
    return *high - *low;
  };
  EXPECT_GT(spread({}), 0.95F);     // fooled
  EXPECT_LT(spread(groups), 0.3F);  // knows that it knows nothing
}

TEST(Calibrated, ClearErrors) {
  const MadeData numbers = make_data(model::Task::regression, 50, 2, 0, 1);
  const Learner learner = calibrated(**find_learner("random_forest"));
  EXPECT_THAT(learner.fit(numbers.view(), {}, 1, one, silent_progress()).error().message(), HasSubstr("regression"));
  EXPECT_THAT(learner.check(settings({{"calibration", "plat"}})).error().message(), HasSubstr("did you mean 'platt'"));
  EXPECT_THAT(learner.check(settings({{"max_dept", "3"}})).error().message(), HasSubstr("did you mean 'max_depth'"));
  const auto message = [](std::string_view yaml) {
    const auto read = calibration_settings(*params::parse_yaml(yaml, "slipway.yaml"));
    return read.ok() ? std::string("no error") : read.error().message();
  };
  EXPECT_EQ(message("isotonic"), "no error");
  EXPECT_EQ(message("{method: platt, fraction: 0.2}"), "no error");
  EXPECT_THAT(message("{method: platt, fold: 3}"), HasSubstr("slipway.yaml:1:17: unknown key 'fold'"));
  EXPECT_THAT(message("{fraction: 1.5}"), HasSubstr("out of range"));
}

}  // namespace
}  // namespace slipway::learners::calibration
