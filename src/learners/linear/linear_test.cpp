#include "linear/linear.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "boosting/made_table.hpp"
#include "linear/solver.hpp"

namespace slipway::learners::linear {
namespace {

using ::testing::HasSubstr;
using testing::made_table;
using testing::MadeData;
using testing::settings;

const Threads one(1);

Result<Fragment> fit(const MadeData& data, const Settings& given, const Threads& threads = one) {
  const Learner learner = data.task == model::Task::regression ? linear_regression() : logistic_regression();
  return learner.fit(data.view(), given, 1, threads, silent_progress());
}

// Coefficients by feature, then by class, against scikit-learn 1.9 on the same 200 rows; 1e-4 of each, or absolutely.
void expect_dense(const MadeData& data, const Settings& given, const std::vector<double>& weights,
                  const std::vector<double>& bias) {
  const auto fragment = fit(data, given);
  ASSERT_TRUE(fragment.ok()) << fragment.error().message();
  const auto& dense = std::get<model::Dense>(fragment->operators[0]);
  ASSERT_EQ(dense.weights.size(), weights.size());
  ASSERT_EQ(dense.bias.size(), bias.size());
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_NEAR(dense.weights[i], weights[i], 1e-4 * std::max(0.1, std::abs(weights[i]))) << i;
  for (std::size_t i = 0; i < bias.size(); ++i)
    EXPECT_NEAR(dense.bias[i], bias[i], 1e-4 * std::max(1.0, std::abs(bias[i])));
}

TEST(LinearRegression, OrdinaryLeastSquares) {
  expect_dense(made_table(model::Task::regression, 200), {}, {1.907577, -0.05210019, 0.4622402, 0.01064218},
               {2.754759});
  expect_dense(made_table(model::Task::regression, 200, false, true), {}, {1.88901, -0.04896688, 0.2236948, 0.02214054},
               {2.614638});
  expect_dense(made_table(model::Task::regression, 200),
               settings({{"fit_intercept", "false"}, {"standardise", "false"}}),
               {1.886855, -0.007850132, 0.1352466, -0.01329091}, {0});
}

TEST(LinearRegression, RidgeLassoElasticNet) {
  const MadeData plain = made_table(model::Task::regression, 200);
  const MadeData weighted = made_table(model::Task::regression, 200, false, true);
  expect_dense(plain, settings({{"penalty", "l2"}, {"alpha", "20"}}), {1.729265, -0.04621975, 0.5711743, 0.009284414},
               {2.463791});
  expect_dense(weighted, settings({{"penalty", "l2"}, {"alpha", "20"}, {"standardise", "false"}}),
               {1.870533, -0.04880926, 0.1434375, 0.02200181}, {2.602008});
  expect_dense(plain, settings({{"penalty", "l1"}, {"alpha", "0.3"}}), {1.776065, -0.03724346, 0, 0}, {1.949952});
  expect_dense(weighted, settings({{"penalty", "l1"}, {"alpha", "0.3"}, {"standardise", "false"}}),
               {1.836061, -0.04782706, 0, 0.01780341}, {2.529598});
  expect_dense(plain,
               settings({{"penalty", "elastic_net"}, {"alpha", "0.4"}, {"l1_ratio", "0.3"}, {"standardise", "false"}}),
               {1.798426, -0.05085242, 0, 0.008949134}, {2.667737});
}

TEST(LogisticRegression, TwoClasses) {
  const MadeData plain = made_table(model::Task::binary, 200);
  const MadeData weighted = made_table(model::Task::binary, 200, false, true);
  expect_dense(plain, settings({{"C", "0.5"}}), {0.5930895, -0.03335564, 2.884711, 0.002792364}, {1.217772});
  expect_dense(weighted, settings({{"C", "0.5"}, {"standardise", "false"}}),
               {0.6322308, -0.03425866, 2.045603, 0.007329587}, {1.189436});
  expect_dense(plain, settings({{"C", "0.1"}, {"penalty", "l1"}}), {0.4084679, -0.01576897, 1.624932, 0}, {0.3903635});
  expect_dense(plain, settings({{"C", "0.1"}, {"penalty", "elastic_net"}, {"l1_ratio", "0.4"}}),
               {0.4229283, -0.0203985, 1.934067, 0}, {0.623779});
  expect_dense(plain, settings({{"penalty", "none"}}), {0.6835083, -0.039357, 3.325769, 0.001907891}, {1.470197});
  expect_dense(plain, settings({{"class_weight", "balanced"}}), {0.6308694, -0.0359736, 3.068225, 0.002533412},
               {1.687427});
  expect_dense(plain, settings({{"fit_intercept", "false"}, {"standardise", "false"}}),
               {0.5911849, -0.01386167, 2.012236, -0.005265735}, {0});
}

TEST(LogisticRegression, SeveralClasses) {
  const MadeData data = made_table(model::Task::multiclass, 200);
  expect_dense(data, settings({{"C", "0.2"}}),
               {0.3867587, -0.1239641, -0.2627945, 0.003153513, 0.006145356, -0.009298869, 0.2167939, -0.7387959,
                0.522002, -0.03127136, -0.0272556, 0.05852696},
               {-0.3581737, -0.2900962, 0.64827});
  expect_dense(data, settings({{"C", "0.05"}, {"penalty", "l1"}}),
               {0.3300398, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.02315918}, {-0.03401027, 0.02212389, 0.07931031});
}

TEST(LogisticRegression, ScoresAreProbabilities) {
  for (model::Task task : {model::Task::binary, model::Task::multiclass}) {
    const MadeData data = made_table(task, 200);
    const model::Block scores = *predict(*fit(data, {}), data.features);
    ASSERT_EQ(scores.width, static_cast<std::size_t>(data.classes));
    int right = 0;
    for (std::size_t row = 0; row < 200; ++row) {
      float sum = 0;
      std::size_t best = 0;
      for (std::size_t k = 0; k < scores.width; ++k) {
        sum += scores.at(row, k);
        if (scores.at(row, k) > scores.at(row, best)) best = k;
      }
      EXPECT_NEAR(sum, 1, 1e-6);
      right += best == static_cast<std::size_t>(data.labels[row]) ? 1 : 0;
    }
    EXPECT_GT(right, task == model::Task::binary ? 150 : 110);
  }
}

TEST(Linear, TheSameOnAnyNumberOfThreads) {
  for (model::Task task : {model::Task::binary, model::Task::multiclass, model::Task::regression}) {
    const MadeData data = made_table(task, 20000, false, true);
    const auto single = std::get<model::Dense>(fit(data, {}, one)->operators[0]);
    for (int threads : {2, 16}) {
      const auto many = std::get<model::Dense>(fit(data, {}, Threads(threads))->operators[0]);
      EXPECT_EQ(single.weights, many.weights);
      EXPECT_EQ(single.bias, many.bias);
    }
  }
}

TEST(Linear, BothSolversAgree) {
  for (Family family : {Family::gaussian, Family::logistic, Family::softmax}) {
    for (double l1 : {0.0, 6.0}) {
      const MadeData data = made_table(family == Family::gaussian   ? model::Task::regression
                                       : family == Family::logistic ? model::Task::binary
                                                                    : model::Task::multiclass,
                                       300);
      Problem problem;
      problem.family = family;
      problem.outputs = family == Family::softmax ? 3 : 1;
      problem.features = &data.features;
      problem.scales = column_scales(data.features, {}, true, one);
      if (family == Family::gaussian) {
        problem.targets.assign(data.targets.begin(), data.targets.end());
      } else {
        problem.targets.assign(data.labels.begin(), data.labels.end());
      }
      problem.weights.assign(300, 1.0);
      problem.l1.assign(4, l1);
      problem.l2.assign(4, 2.0);
      const std::vector<double> start(problem.size(), 0.0);
      const Solution newton = minimise_by_newton(problem, start, {1000, 1e-10}, one);
      const Solution lbfgs = minimise_by_lbfgs(problem, start, {5000, 1e-10}, one);
      EXPECT_TRUE(newton.converged);
      EXPECT_TRUE(lbfgs.converged);
      // Intercepts of classes are free up to a constant.
      const double shift = family == Family::softmax ? newton.w[4] - lbfgs.w[4] : 0;
      for (std::size_t i = 0; i < problem.size(); ++i)
        EXPECT_NEAR(newton.w[i], lbfgs.w[i] + (i % 5 == 4 ? shift : 0), 2e-5) << i;
      // At the minimum no slope is left but what L1 holds back.
      const Evaluation at = evaluate(problem, newton.w, false, one);
      for (std::size_t i = 0; i < problem.size(); ++i)
        EXPECT_LE(std::abs(at.gradient[i]), problem.l1_of(i) + 1e-5) << i;
    }
  }
}

TEST(Linear, DerivativesAreThoseOfTheValue) {
  const MadeData data = made_table(model::Task::multiclass, 500, false, true);
  Problem problem;
  problem.family = Family::softmax;
  problem.outputs = 3;
  problem.features = &data.features;
  problem.scales = column_scales(data.features, {}, true, one);
  problem.targets.assign(data.labels.begin(), data.labels.end());
  problem.weights.assign(data.weights.begin(), data.weights.end());
  problem.l1.assign(4, 0.0);
  problem.l2.assign(4, 3.0);
  std::vector<double> w(problem.size());
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = 0.1 * static_cast<double>(i) - 0.6;
  const Evaluation at = evaluate(problem, w, true, one);
  for (std::size_t i = 0; i < w.size(); ++i) {
    std::vector<double> up = w;
    std::vector<double> down = w;
    up[i] += 1e-5;
    down[i] -= 1e-5;
    const Evaluation above = evaluate(problem, up, false, one);
    const Evaluation below = evaluate(problem, down, false, one);
    EXPECT_NEAR((above.value - below.value) / 2e-5, at.gradient[i], 1e-4);
    for (std::size_t j = 0; j < w.size(); ++j)
      EXPECT_NEAR((above.gradient[j] - below.gradient[j]) / 2e-5, at.hessian[i * w.size() + j], 1e-4);
  }
}

TEST(Linear, CollinearAndConstantColumnsShareTheWork) {
  MadeData data = made_table(model::Task::regression, 100);
  model::Block wider(100, 6);
  std::copy(data.features.values.begin(), data.features.values.end(), wider.values.begin());
  std::copy_n(data.features.column(0).begin(), 100, wider.column(4).begin());  // twice the same
  std::fill_n(wider.column(5).begin(), 100, 3.0F);
  const auto narrow = std::get<model::Dense>(fit(data, {})->operators[0]);
  data.features = wider;
  const auto dense = std::get<model::Dense>(fit(data, {})->operators[0]);
  EXPECT_NEAR(dense.weights[0], dense.weights[4], 1e-5);  // the solution of least norm
  EXPECT_NEAR(dense.weights[0] + dense.weights[4], narrow.weights[0], 1e-5);
  EXPECT_EQ(dense.weights[5], 0);
  EXPECT_NEAR(dense.bias[0], narrow.bias[0], 1e-4);
}

TEST(LogisticRegression, SeparableClassesEndWithANote) {
  struct Notes : Progress {
    void begin(std::string_view, std::size_t) override {}
    void advance(std::size_t) override {}
    void note(std::string_view line) override { text += line; }
    void end() override {}
    std::string text;
  } notes;
  MadeData data;
  data.features = model::Block(4, 1);
  data.features.values = {1, 2, 3, 4};
  data.labels = {0, 0, 1, 1};
  const auto fragment =
      logistic_regression().fit(data.view(), settings({{"penalty", "none"}, {"max_iter", "12"}}), 1, one, notes);
  ASSERT_TRUE(fragment.ok()) << fragment.error().message();
  EXPECT_THAT(notes.text, HasSubstr("not converged after 12 iterations"));
  const model::Block scores = *predict(*fragment, data.features);
  EXPECT_LT(scores.at(1, 1), 0.1F);
  EXPECT_GT(scores.at(2, 1), 0.9F);
}

TEST(Linear, OneRowAndOneClass) {
  MadeData alone = made_table(model::Task::regression, 1);
  EXPECT_NEAR(predict(*fit(alone, {}), alone.features)->at(0, 0), alone.targets[0], 1e-5);
  MadeData pure = made_table(model::Task::binary, 20);
  std::fill(pure.labels.begin(), pure.labels.end(), 1);
  const float score = predict(*fit(pure, {}), pure.features)->at(0, 1);
  EXPECT_GT(score, 0.99F);
}

TEST(Linear, WrongSettingsAndDataAreClearErrors) {
  const auto message = [](const MadeData& data, const Settings& given) {
    const auto result = fit(data, given);
    return result.ok() ? std::string("no error") : result.error().message();
  };
  const MadeData missing = made_table(model::Task::binary, 60, true);
  EXPECT_THAT(message(missing, {}), HasSubstr("set features: {impute: median}"));
  MadeData infinite = made_table(model::Task::binary, 60);
  infinite.features.column(2)[5] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(message(infinite, {}), HasSubstr("feature 3 is inf at row 5"));
  const MadeData binary = made_table(model::Task::binary, 60);
  EXPECT_THAT(message(binary, settings({{"penality", "l1"}})), HasSubstr("did you mean 'penalty'?"));
  EXPECT_THAT(message(binary, settings({{"C", "0"}})), HasSubstr("out of range"));
  EXPECT_THAT(message(binary, settings({{"penalty", "l3"}})), HasSubstr("did you mean 'l1'?"));
  EXPECT_THAT(linear_regression().fit(binary.view(), {}, 1, one, silent_progress()).error().message(),
              HasSubstr("predicts a number"));
  EXPECT_FALSE(linear_regression().check(settings({{"C", "1"}})).ok());
  EXPECT_TRUE(logistic_regression().check(settings({{"C", "1"}})).ok());
}

}  // namespace
}  // namespace slipway::learners::linear
