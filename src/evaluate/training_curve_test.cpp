#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/evaluate/training_curve.hpp>

namespace slipway::evaluate {
namespace {

using ::testing::HasSubstr;

std::vector<RoundPoint> curve(std::initializer_list<std::pair<double, double>> losses) {
  std::vector<RoundPoint> points;
  for (const auto& [train, validation] : losses)
    points.push_back({10.0 * static_cast<double>(points.size() + 1), train, validation, 0, 0});
  return points;
}

TEST(TrainingCurve, SaysWhatTheRoundsShow) {
  const auto verdict = [](const std::vector<RoundPoint>& points) { return judge_rounds(points).verdict; };
  EXPECT_EQ(verdict(curve({{.6, .6}, {.5, .52}, {.45, .5}, {.44, .499}, {.43, .499}})), "settled");
  EXPECT_EQ(verdict(curve({{.6, .6}, {.5, .52}, {.4, .45}, {.3, .38}, {.2, .3}})), "improves");
  EXPECT_EQ(verdict(curve({{.6, .6}, {.5, .62}, {.9, .9}})), "diverges");
  EXPECT_EQ(verdict(curve({{.6, .6}, {.5, std::numeric_limits<double>::infinity()}, {.9, .9}})), "diverges");
  EXPECT_EQ(verdict(curve({{.6, .6}, {.5, .5}})), "undefined");
  const RoundsVerdict over = judge_rounds(curve({{.6, .6}, {.4, .5}, {.3, .48}, {.2, .53}, {.1, .6}}));
  EXPECT_EQ(over.verdict, "overfits");
  EXPECT_EQ(over.best_rounds, 30);
  EXPECT_THAT(over.text, HasSubstr("From round 30"));
  // A model that learns nothing and stays so is not called overfitted for the last digits.
  EXPECT_EQ(verdict(curve({{.5, .5}, {.5, .5}, {.5, .5}})), "settled");
}

}  // namespace
}  // namespace slipway::evaluate
