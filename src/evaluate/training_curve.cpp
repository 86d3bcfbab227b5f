#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>
#include <slipway/evaluate/training_curve.hpp>

namespace slipway::evaluate {
namespace {

std::string short_number(double value) { return fmt::format("{:.4g}", value); }

}  // namespace

RoundsVerdict judge_rounds(std::span<const RoundPoint> points) {
  RoundsVerdict result;
  if (points.size() < 3) {
    result.verdict = "undefined";
    result.text = "Too few rounds to say how the model learns.";
    return result;
  }
  const auto number = [](const RoundPoint& point) {
    return std::isfinite(point.train_loss) && std::isfinite(point.validation_loss);
  };
  const auto broken = std::find_if_not(points.begin(), points.end(), number);
  const RoundPoint& last = points.back();
  const auto lowest = [&](double RoundPoint::*loss) {
    return std::min_element(points.begin(), points.end(),
                            [&](const RoundPoint& a, const RoundPoint& b) { return a.*loss < b.*loss; });
  };
  if (broken != points.end()) {
    result.verdict = "diverges";
    result.text = fmt::format("The loss is no number from round {} on: lower learning_rate.", broken->rounds);
    return result;
  }
  const RoundPoint& best = *lowest(&RoundPoint::validation_loss);
  const double best_training = lowest(&RoundPoint::train_loss)->train_loss;
  result.best_rounds = best.rounds;
  const double gained = points[0].validation_loss - best.validation_loss;
  const double gained_training = points[0].train_loss - best_training;
  const auto quarter = std::find_if(points.begin(), points.end(),
                                    [&](const RoundPoint& point) { return point.rounds >= 0.75 * last.rounds; });
  const double scale = std::max(std::abs(best_training), 1e-12);
  if (last.train_loss - best_training > 0.05 * gained_training && last.train_loss - best_training > 1e-6 * scale) {
    result.verdict = "diverges";
    result.text =
        fmt::format("The loss of the training rows rises from {} to {}: the steps are too long, lower learning_rate.",
                    short_number(best_training), short_number(last.train_loss));
  } else if (last.validation_loss - best.validation_loss > 0.05 * gained &&
             last.validation_loss - best.validation_loss > 1e-6 * scale) {
    result.verdict = "overfits";
    result.text = fmt::format(
        "From round {} on the loss of the validation rows rises, from {} to {}, while that of the training rows falls: "
        "fewer rounds (n_estimators, early_stopping_rounds), a lower learning_rate or simpler trees.",
        best.rounds, short_number(best.validation_loss), short_number(last.validation_loss));
  } else if (quarter->validation_loss - last.validation_loss > 0.02 * gained) {
    result.verdict = "improves";
    result.text = fmt::format(
        "The loss of the validation rows still falls at the last round ({} at round {}, {} at round {}): more rounds "
        "help.",
        short_number(quarter->validation_loss), quarter->rounds, short_number(last.validation_loss), last.rounds);
  } else {
    result.verdict = "settled";
    result.text = fmt::format("The loss of the validation rows has settled at {}; more rounds change little.",
                              short_number(last.validation_loss));
  }
  return result;
}

nlohmann::json to_json(std::span<const RoundPoint> points, const RoundsVerdict& verdict) {
  nlohmann::json all = nlohmann::json::array();
  for (const RoundPoint& point : points)
    all.push_back({{"rounds", point.rounds},
                   {"train_loss", point.train_loss},
                   {"validation_loss", point.validation_loss},
                   {"train_metric", point.train_metric},
                   {"validation_metric", point.validation_metric}});
  return {{"points", std::move(all)},
          {"verdict", verdict.verdict},
          {"text", verdict.text},
          {"best_rounds", verdict.best_rounds}};
}

}  // namespace slipway::evaluate
