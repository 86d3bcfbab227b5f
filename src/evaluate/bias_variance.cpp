#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/evaluate/bias_variance.hpp>

namespace slipway::evaluate {

Result<ErrorDecomposition> decompose_error(const metrics::Outcome& truth,
                                           std::span<const std::vector<float>> predictions) {
  const bool regression = truth.task == metrics::TaskKind::regression;
  const std::size_t rows = regression ? truth.targets.size() : truth.labels.size();
  if (predictions.size() < 2) return invalid_input("a decomposition needs the predictions of at least two models");
  if (rows == 0) return invalid_input("a decomposition needs at least one row");
  const std::size_t width = predictions[0].size() / rows;
  for (const auto& one : predictions)
    if (one.size() != rows * width || width == 0)
      return invalid_input(fmt::format("{} predictions for {} rows", one.size(), rows));
  const double models = static_cast<double>(predictions.size());
  // Of two classes the second column says it all.
  const std::size_t first = truth.task == metrics::TaskKind::binary && width == 2 ? 1 : 0;
  ErrorDecomposition out;
  out.models = predictions.size();
  double noise = 0;
  for (std::size_t column = first; column < width; ++column)
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t at = column * rows + row;
      const double target = regression
                                ? static_cast<double>(truth.targets[row])
                                : (truth.labels[row] == static_cast<std::int32_t>(width == 1 ? 1 : column) ? 1.0 : 0.0);
      double sum = 0, squares = 0, error = 0;
      for (const auto& one : predictions) {
        const double value = one[at];
        sum += value;
        squares += value * value;
        error += (value - target) * (value - target);
      }
      const double mean = sum / models;
      out.error += error / models;
      out.variance += std::max(0.0, (squares - sum * mean) / (models - 1));
      noise += mean * (1 - mean);
    }
  const double count = static_cast<double>(rows);
  out.error /= count;
  out.variance /= count;
  out.bias_and_noise = out.error - out.variance;
  if (regression) return out;
  out.noise = std::min(noise / count, std::max(0.0, out.bias_and_noise));
  out.bias = std::max(0.0, out.bias_and_noise - *out.noise);
  double apart = 0;
  std::vector<int> votes(std::max<std::size_t>(width, 2));
  for (std::size_t row = 0; row < rows; ++row) {
    std::fill(votes.begin(), votes.end(), 0);
    for (const auto& one : predictions) {
      std::size_t label = 0;
      if (width <= 2) {
        label = one[(width - 1) * rows + row] >= truth.threshold ? 1 : 0;
      } else {
        for (std::size_t c = 1; c < width; ++c)
          if (one[c * rows + row] > one[label * rows + row]) label = c;
      }
      ++votes[label];
    }
    apart += 1 - *std::max_element(votes.begin(), votes.end()) / models;
  }
  out.disagreement = apart / count;
  return out;
}

namespace {

// A verdict in the making: the evidence as skill.
struct Skill {
  const FitEvidence& evidence;
  double of(double value) const { return (value - *evidence.dummy) / (evidence.ideal - *evidence.dummy); }
  double error() const { return std::abs(evidence.validation_error / (evidence.ideal - *evidence.dummy)); }
};

// How much validation skill the last doubling of the rows brought, roughly; nothing without a curve.
std::optional<double> last_gain(const Skill& skill, const std::vector<LearningPoint>& curve) {
  if (curve.size() < 2) return std::nullopt;
  const LearningPoint& last = curve.back();
  const LearningPoint& before = curve[curve.size() - 2];
  const double doublings = std::log2(last.rows / before.rows);
  if (!(doublings > 0)) return std::nullopt;
  return (skill.of(last.validation) - skill.of(before.validation)) / std::max(1.0, doublings);
}

}  // namespace

FitVerdict judge_fit(const FitEvidence& evidence) {
  if (!evidence.validation || !evidence.dummy || evidence.ideal == *evidence.dummy)
    return {"undefined",
            fmt::format("{} is undefined on these rows, so the fit cannot be judged.", evidence.metric),
            {"evaluate on rows of every class"}};
  const Skill skill{evidence};
  const double validation = skill.of(*evidence.validation);
  const double noise = std::max(0.01, 2 * skill.error());
  const bool test_says_nothing =
      evidence.test_interval && (evidence.higher_is_better ? evidence.test_interval->low <= *evidence.dummy
                                                           : evidence.test_interval->high >= *evidence.dummy);
  if (validation <= 2 * skill.error() || (test_says_nothing && validation < 0.02))
    return {"no_signal",
            fmt::format("The model is no better than a constant prediction: {} {:.4g}, constant {:.4g}.",
                        evidence.metric, *evidence.validation, *evidence.dummy),
            {"look for columns that say something about the target: these do not",
             "check that rows and labels are joined rightly", "do not use this model"}};
  // On few rows the folds of a leak miss 1 by chance: as good as perfect within twice the error, and on the test rows.
  const bool perfect_within_error =
      validation > 0.95 && validation + 2 * skill.error() >= 0.995 && evidence.test && skill.of(*evidence.test) > 0.98;
  if (validation > 0.995 || perfect_within_error)
    return {"suspicious",
            fmt::format(
                "The model is as good as perfect ({} {:.6g}). In practice that means that a column knows the answer.",
                evidence.metric, *evidence.validation),
            {"look at the most important column: is it known before the outcome is?",
             "look for rows that stand in training and test alike", "split by time or by group instead of by chance"}};
  const std::optional<double> gap =
      evidence.train ? std::optional(skill.of(*evidence.train) - validation) : std::nullopt;
  const std::optional<double> gain = last_gain(skill, evidence.curve);
  const bool rising = gain && *gain > noise;
  const std::string numbers = evidence.train
                                  ? fmt::format("{} {:.4g} on training rows, {:.4g} on validation rows",
                                                evidence.metric, *evidence.train, *evidence.validation)
                                  : fmt::format("{} {:.4g} on validation rows", evidence.metric, *evidence.validation);
  const bool no_better_than_linear =
      evidence.linear && evidence.test && skill.of(*evidence.test) <= skill.of(*evidence.linear) + noise;
  if (gap && *gap > std::max(0.05, noise)) {
    if (rising || !gain)
      return {"overfits",
              fmt::format("The model overfits: {}{}.", numbers, rising ? ", and more rows still help" : ""),
              {"more training rows", "a simpler model: smaller depth, larger leaves, fewer rounds, a stronger penalty",
               "fewer or coarser columns"}};
    return {
        "noise_limited",
        fmt::format(
            "The model is limited by noise: {}, but the last doubling of the rows brought next to nothing. What is "
            "left is chance, or is in no column.",
            numbers),
        {"new columns", no_better_than_linear ? "a linear model, which is as good here and simpler" : "better labels",
         "more rows of the same kind will hardly help"}};
  }
  if (validation >= 0.9)
    return {"fits", fmt::format("The model fits well: {}.", numbers), {"nothing needs to be done"}};
  if (rising)
    return {"underfits",
            fmt::format("The model has not seen enough: {}, and more rows still help.", numbers),
            {"more training rows", "a more flexible model: more or deeper trees, more rounds"}};
  if (no_better_than_linear)
    return {"underfits",
            fmt::format("The model underfits: {}, no better than a linear model.", numbers),
            {"a more flexible model: more or deeper trees, more rounds, a weaker penalty",
             "new columns and combinations of columns"}};
  return {"noise_limited",
          fmt::format(
              "The model is limited by noise or by its columns: {}, and training rows are hardly fitted better than "
              "others.",
              numbers),
          {"new columns", "a more flexible model, to see whether it is the model", "better labels"}};
}

nlohmann::json to_json(const ErrorDecomposition& decomposition) {
  nlohmann::json json = {{"models", decomposition.models},
                         {"error", decomposition.error},
                         {"variance", decomposition.variance},
                         {"bias_and_noise", decomposition.bias_and_noise}};
  if (decomposition.noise) json["noise"] = *decomposition.noise;
  if (decomposition.bias) json["bias"] = *decomposition.bias;
  if (decomposition.disagreement) json["disagreement"] = *decomposition.disagreement;
  return json;
}

nlohmann::json to_json(const FitVerdict& verdict) {
  return {{"verdict", verdict.verdict}, {"text", verdict.text}, {"advice", verdict.advice}};
}

}  // namespace slipway::evaluate
