#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/random.hpp>
#include <slipway/evaluate/calibration.hpp>

namespace slipway::evaluate {
namespace {

constexpr double least = 1e-7;

double log_odds(double score) {
  const double p = std::clamp(score, least, 1 - least);
  return std::log(p / (1 - p));
}

struct LineFit {
  LogisticMap line;
  double intercept_error = 0, slope_error = 0;
};

// Newton's method on two parameters, with halved steps where the loss would rise.
LineFit fit_line(metrics::Labels labels, metrics::Scores scores, const std::vector<double>& weights) {
  std::vector<double> odds(scores.size());
  for (std::size_t i = 0; i < odds.size(); ++i) odds[i] = log_odds(scores[i]);
  const auto loss = [&](const LogisticMap& line) {
    double sum = 0;
    for (std::size_t i = 0; i < odds.size(); ++i) {
      const double margin = line.intercept + line.slope * odds[i];
      sum += weights[i] *
             (std::max(margin, 0.0) + std::log1p(std::exp(-std::abs(margin))) - (labels[i] == 1 ? margin : 0));
    }
    return sum;
  };
  LineFit fit;
  double now = loss(fit.line);
  for (int round = 0; round < 50; ++round) {
    double g0 = 0, g1 = 0, h00 = 1e-12, h01 = 0, h11 = 1e-12;
    for (std::size_t i = 0; i < odds.size(); ++i) {
      const double p = 1 / (1 + std::exp(-(fit.line.intercept + fit.line.slope * odds[i])));
      const double residual = weights[i] * (p - (labels[i] == 1 ? 1 : 0));
      const double weight = weights[i] * p * (1 - p);
      g0 += residual;
      g1 += residual * odds[i];
      h00 += weight;
      h01 += weight * odds[i];
      h11 += weight * odds[i] * odds[i];
    }
    const double determinant = h00 * h11 - h01 * h01;
    if (!(determinant > 1e-12 * h00 * h11)) break;  // one distinct score: no slope to be found
    fit.intercept_error = std::sqrt(h11 / determinant);
    fit.slope_error = std::sqrt(h00 / determinant);
    const double step0 = (h11 * g0 - h01 * g1) / determinant;
    const double step1 = (h00 * g1 - h01 * g0) / determinant;
    double share = 1;
    LogisticMap next;
    for (int halving = 0; halving < 30; ++halving, share /= 2) {
      next = {fit.line.intercept - share * step0, std::clamp(fit.line.slope - share * step1, 0.01, 100.0)};
      if (loss(next) <= now) break;
    }
    const double then = loss(next);
    const double moved = std::abs(next.intercept - fit.line.intercept) + std::abs(next.slope - fit.line.slope);
    if (then <= now) {
      fit.line = next;
      now = then;
    }
    if (moved < 1e-9) break;
  }
  return fit;
}

IsotonicMap fit_isotonic(metrics::Labels labels, metrics::Scores scores, const std::vector<double>& weights) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t row = 0; row < scores.size(); ++row)
    if (weights[row] > 0) order.push_back(row);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return scores[a] < scores[b]; });
  struct Pool {
    double rows = 0, positives = 0, low = 0, high = 0;
    double mean() const { return positives / rows; }
  };
  std::vector<Pool> pools;
  for (std::size_t i = 0; i < order.size();) {
    Pool pool{0, 0, scores[order[i]], scores[order[i]]};
    for (; i < order.size() && static_cast<double>(scores[order[i]]) == pool.low; ++i) {
      pool.rows += weights[order[i]];
      pool.positives += labels[order[i]] == 1 ? weights[order[i]] : 0;
    }
    while (!pools.empty() && pools.back().mean() >= pool.mean()) {
      const Pool& before = pools.back();
      pool = {pool.rows + before.rows, pool.positives + before.positives, before.low, pool.high};
      pools.pop_back();
    }
    pools.push_back(pool);
  }
  IsotonicMap map;
  for (const Pool& pool : pools) {
    map.points.emplace_back(pool.low, pool.mean());
    if (pool.high > pool.low) map.points.emplace_back(pool.high, pool.mean());
  }
  constexpr std::size_t most = 200;
  if (map.points.size() > most) {
    std::vector<std::pair<double, double>> kept;
    for (std::size_t i = 0; i < most; ++i) kept.push_back(map.points[i * (map.points.size() - 1) / (most - 1)]);
    map.points = std::move(kept);
  }
  return map;
}

bool both_classes(metrics::Labels labels, const std::vector<double>& weights) {
  bool seen[2] = {false, false};
  for (std::size_t row = 0; row < labels.size(); ++row)
    if (weights[row] > 0) seen[labels[row] == 1] = true;
  return seen[0] && seen[1];
}

// One number per row that adds up to the number of rows that the weights are worth (Kish 1965: the squared sum over the
// sum of squares), so that errors of estimates are those of as many rows.
std::vector<double> effective_weights(std::size_t rows, metrics::Weights weights) {
  std::vector<double> effective(rows, 1.0);
  if (weights.empty()) return effective;
  double sum = 0, squares = 0;
  for (const float weight : weights) {
    sum += weight;
    squares += double(weight) * weight;
  }
  for (std::size_t row = 0; row < rows; ++row) effective[row] = weights[row] * sum / squares;
  return effective;
}

// Linear between order statistics.
double quantile(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
}

void judge(CalibrationReport& report) {
  const Interval& slope = report.slope_interval;
  const double ratio = report.prevalence > 0 ? report.mean_score / report.prevalence : 0;
  const auto best = std::min_element(report.variants.begin(), report.variants.end(),
                                     [](const auto& a, const auto& b) { return a.log_loss < b.log_loss; });
  const double as_is = report.variants[0].log_loss;
  const double gain = as_is > 0 ? 1 - best->log_loss / as_is : 0;
  const bool helps = gain > 0.01;
  const bool within_chance = report.ece <= report.ece_by_chance;
  const bool slanted = slope.high < 1 || slope.low > 1;
  // Of a rare class the error of the bins tells mostly about low scores: the slope and the gain have a say too.
  if (within_chance && !(slanted && helps)) {
    report.verdict = "calibrated";
    report.text = fmt::format(
        "The scores can be read as probabilities: their calibration error of {:.4g} is within what "
        "chance gives ({:.4g}).",
        report.ece, report.ece_by_chance);
  } else if (slanted) {
    const bool extreme = slope.high < 1;
    report.verdict = extreme ? "too_extreme" : "too_timid";
    report.text = fmt::format("The scores are too {} (slope {:.3g}, 1 would be right): high ones are too {}.",
                              extreme ? "extreme" : "timid", report.line.slope, extreme ? "high" : "low");
  } else {
    report.verdict = ratio > 1 ? "too_high" : "too_low";
    report.text =
        fmt::format("The scores are too {} on the whole: their mean is {:.4g}, the share of positives {:.4g}.",
                    ratio > 1 ? "high" : "low", report.mean_score, report.prevalence);
  }
  if (report.variants.size() < 2) return;
  const bool isotonic = best->name == "isotonic";
  report.text +=
      helps ? fmt::format(" {} recalibration fitted on out-of-fold scores lowers the log loss by {:.1f} %.",
                          report.verdict == "calibrated" ? (isotonic ? "Even so, an isotonic" : "Even so, a logistic")
                                                         : (isotonic ? "An isotonic" : "A logistic"),
                          100 * gain)
            : std::string(" Recalibrating would not help.");
}

}  // namespace

double LogisticMap::apply(double score) const { return 1 / (1 + std::exp(-(intercept + slope * log_odds(score)))); }

double IsotonicMap::apply(double score) const {
  if (points.empty()) return score;
  const auto above = std::lower_bound(points.begin(), points.end(), score,
                                      [](const auto& point, double x) { return point.first < x; });
  if (above == points.begin()) return points.front().second;
  if (above == points.end()) return points.back().second;
  const auto below = above - 1;
  const double width = above->first - below->first;
  const double share = width > 0 ? (score - below->first) / width : 1;
  return below->second + share * (above->second - below->second);
}

Result<Recalibration> fit_recalibration(metrics::Labels labels, metrics::Scores scores, metrics::Weights weights) {
  // The metrics' own checks of labels and scores.
  if (const auto checked = metrics::brier(labels, scores, weights); !checked.ok()) return checked.error();
  const auto effective = effective_weights(labels.size(), weights);
  if (!both_classes(labels, effective)) return invalid_input("a recalibration needs rows of both classes");
  return Recalibration{fit_line(labels, scores, effective).line, fit_isotonic(labels, scores, effective)};
}

Result<CalibrationReport> check_calibration(metrics::Labels labels, metrics::Scores scores,
                                            const Recalibration* recalibration, std::uint64_t seed,
                                            metrics::Weights weights) {
  SLIPWAY_TRY(auto bins, metrics::reliability(labels, scores, weights));
  const auto effective = effective_weights(labels.size(), weights);
  CalibrationReport report;
  double positives = 0, sum = 0, total = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    positives += labels[i] == 1 ? effective[i] : 0;
    sum += effective[i] * scores[i];
    total += effective[i];
  }
  double weight_sum = 0;
  for (const auto& bin : bins) weight_sum += bin.rows;
  for (auto& bin : bins) bin.rows *= total / weight_sum;
  report.prevalence = positives / total;
  report.mean_score = sum / total;
  report.ece = metrics::expected_calibration_error(bins);

  constexpr int replicates = 1000;
  std::vector<double> resampled, by_chance;
  for (int replicate = 0; replicate < replicates; ++replicate) {
    Random random(random_key({seed, 0x656365, static_cast<std::uint64_t>(replicate)}));
    std::vector<metrics::ReliabilityBin> drawn = bins, null = bins;
    for (std::size_t b = 0; b < bins.size(); ++b) {
      const auto draw = [&](metrics::ReliabilityBin& bin, double share) {
        const auto hits = static_cast<double>(random.poisson(bins[b].rows * share));
        const auto misses = static_cast<double>(random.poisson(bins[b].rows * (1 - share)));
        bin.observed = hits + misses > 0 ? hits / (hits + misses) : share;
      };
      draw(drawn[b], bins[b].observed);
      draw(null[b], std::clamp(bins[b].predicted, 0.0, 1.0));
    }
    resampled.push_back(metrics::expected_calibration_error(drawn));
    by_chance.push_back(metrics::expected_calibration_error(null));
  }
  report.ece_interval = {quantile(resampled, 0.025), quantile(resampled, 0.975)};
  report.ece_by_chance = quantile(by_chance, 0.95);

  const auto add = [&](std::string name, const auto& map) -> Status {
    std::vector<float> moved(scores.size());
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] = static_cast<float>(map(scores[i]));
    CalibrationReport::Variant variant;
    variant.name = std::move(name);
    SLIPWAY_TRY(variant.log_loss, metrics::log_loss(labels, moved, weights));
    SLIPWAY_TRY(variant.brier, metrics::brier(labels, moved, weights));
    SLIPWAY_TRY(const auto of_bins, metrics::reliability(labels, moved, weights));
    variant.ece = metrics::expected_calibration_error(of_bins);
    report.variants.push_back(std::move(variant));
    return {};
  };
  SLIPWAY_CHECK(add("as_is", [](double score) { return score; }));
  if (recalibration != nullptr) {
    SLIPWAY_CHECK(add("logistic", [&](double score) { return recalibration->logistic.apply(score); }));
    // A pool of one class only would be a certainty that one row can refute.
    SLIPWAY_CHECK(add("isotonic",
                      [&](double score) { return std::clamp(recalibration->isotonic.apply(score), 1e-5, 1 - 1e-5); }));
  }
  if (!both_classes(labels, effective)) {
    report.verdict = "undefined";
    report.text = "All rows are of one class: whether the scores are calibrated cannot be said.";
    return report;
  }
  const LineFit fit = fit_line(labels, scores, effective);
  report.line = fit.line;
  const auto around = [](double value, double error) {
    return Interval{value - normal_quantile_975 * error, value + normal_quantile_975 * error};
  };
  report.intercept_interval = around(fit.line.intercept, fit.intercept_error);
  report.slope_interval = around(fit.line.slope, fit.slope_error);
  judge(report);
  return report;
}

nlohmann::json to_json(const CalibrationReport& report) {
  nlohmann::json json = {{"mean_score", report.mean_score},
                         {"prevalence", report.prevalence},
                         {"ece", report.ece},
                         {"ece_interval", {report.ece_interval.low, report.ece_interval.high}},
                         {"ece_by_chance", report.ece_by_chance},
                         {"verdict", report.verdict},
                         {"text", report.text}};
  json["variants"] = nlohmann::json::array();
  for (const auto& variant : report.variants)
    json["variants"].push_back(
        {{"name", variant.name}, {"log_loss", variant.log_loss}, {"brier", variant.brier}, {"ece", variant.ece}});
  if (report.verdict == "undefined") return json;
  json["slope"] = report.line.slope;
  json["slope_interval"] = {report.slope_interval.low, report.slope_interval.high};
  json["intercept"] = report.line.intercept;
  json["intercept_interval"] = {report.intercept_interval.low, report.intercept_interval.high};
  return json;
}

nlohmann::json to_json(const Recalibration& recalibration) {
  return {{"intercept", recalibration.logistic.intercept},
          {"slope", recalibration.logistic.slope},
          {"isotonic", recalibration.isotonic.points}};
}

Result<Recalibration> parse_recalibration(const nlohmann::json& json) {
  if (!json.is_object() || !json.contains("slope") || !json.contains("intercept") || !json.contains("isotonic") ||
      !json["slope"].is_number() || !json["intercept"].is_number() || !json["isotonic"].is_array())
    return invalid_input("a recalibration needs `intercept`, `slope` and `isotonic`");
  Recalibration found;
  found.logistic = {json["intercept"].get<double>(), json["slope"].get<double>()};
  for (const auto& point : json["isotonic"]) {
    if (!point.is_array() || point.size() != 2 || !point[0].is_number() || !point[1].is_number())
      return invalid_input("recalibration: `isotonic` holds pairs of numbers");
    found.isotonic.points.emplace_back(point[0].get<double>(), point[1].get<double>());
  }
  return found;
}

}  // namespace slipway::evaluate
