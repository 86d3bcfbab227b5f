#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/evaluate/slices.hpp>

namespace slipway::evaluate {
namespace {

// The rows of an outcome that are asked for, as an outcome of its own.
struct Part {
  std::vector<std::int32_t> labels;
  std::vector<float> targets, weights, scores;
  metrics::Outcome outcome;

  Part(const metrics::Outcome& whole, std::span<const std::uint32_t> rows) : outcome(whole) {
    for (std::uint32_t row : rows) {
      if (!whole.labels.empty()) labels.push_back(whole.labels[row]);
      if (!whole.targets.empty()) targets.push_back(whole.targets[row]);
      if (!whole.weights.empty()) weights.push_back(whole.weights[row]);
    }
    for (std::size_t column = 0; column < whole.scores.classes; ++column)
      for (std::uint32_t row : rows) scores.push_back(whole.scores.at(row, column));
    outcome.labels = labels;
    outcome.targets = targets;
    outcome.weights = weights;
    outcome.days = outcome.cards = {};
    outcome.scores = {rows.size(), whole.scores.classes, scores};
  }
  double weight(std::size_t row) const { return weights.empty() ? 1.0 : static_cast<double>(weights[row]); }
};

void add_metric(SliceGroup& group, const metrics::Outcome& outcome, std::string_view name,
                std::optional<Interval> interval = {}) {
  const auto metric = metrics::find_metric(name);
  if (!metric.ok()) return;
  const auto value = metrics::evaluate(**metric, outcome);
  if (value.ok() && std::isfinite(*value)) group.measures.push_back({std::string(name), *value, interval});
}

SliceGroup measure_group(const metrics::Outcome& whole, std::span<const std::uint32_t> rows, std::string name) {
  SliceGroup group{std::move(name), rows.size(), {}};
  const Part part(whole, rows);
  const metrics::Outcome& outcome = part.outcome;
  if (outcome.task == metrics::TaskKind::regression) {
    for (const char* metric : {"mae", "rmse"}) add_metric(group, outcome, metric);
    double residual = 0, total = 0;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      residual += part.weight(row) * (double(part.scores[row]) - part.targets[row]);
      total += part.weight(row);
    }
    if (total > 0) group.measures.push_back({"mean_residual", residual / total, {}});
    return group;
  }
  const auto predicted = metrics::predicted_classes(outcome.scores, outcome.threshold);
  const auto matrix = metrics::confusion_matrix(outcome.labels, predicted, outcome.scores.classes, outcome.weights);
  if (!matrix.ok()) return group;
  const bool weighted = !outcome.weights.empty();
  // A share; Wilson's interval is for rows that all count alike. Left out without trials.
  const auto add_share = [&](std::string_view name, double some, double whole_weight) {
    if (whole_weight > 0)
      group.measures.push_back({std::string(name), some / whole_weight,
                                weighted ? std::nullopt : std::optional(wilson(some, whole_weight))});
  };
  if (outcome.task == metrics::TaskKind::multiclass) {
    add_share("accuracy", matrix->correct(), matrix->total());
    add_metric(group, outcome, "log_loss");
    return group;
  }
  add_share("prevalence", matrix->truth(1), matrix->total());
  add_share("selection_rate", matrix->predicted(1), matrix->total());
  add_share("precision", matrix->at(1, 1), matrix->predicted(1));
  add_share("recall", matrix->at(1, 1), matrix->truth(1));
  add_share("false_positive_rate", matrix->at(0, 1), matrix->truth(0));
  add_share("accuracy", matrix->correct(), matrix->total());
  double mean = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) mean += part.weight(row) * outcome.scores.at(row, 1);
  if (matrix->total() > 0) group.measures.push_back({"mean_score", mean / matrix->total(), {}});
  add_metric(group, outcome, "log_loss");
  if (weighted) {
    add_metric(group, outcome, "roc_auc");
    if (matrix->truth(1) > 0) add_metric(group, outcome, "average_precision");
  } else if (const auto auc = delong(outcome.labels, outcome.scores.column(1)); auc.ok()) {
    group.measures.push_back({"roc_auc", auc->auc, auc->interval});
    add_metric(group, outcome, "average_precision");
  }
  return group;
}

const Measure* find(const SliceGroup& group, std::string_view name) {
  for (const Measure& measure : group.measures)
    if (measure.name == name) return &measure;
  return nullptr;
}

// How many rows a rate is a share of.
double rows_behind(const SliceGroup& group, std::string_view measure) {
  const auto share = [&](std::string_view name) {
    const Measure* found = find(group, name);
    return found ? found->value * static_cast<double>(group.rows) : 0;
  };
  if (measure == "recall") return share("prevalence");
  if (measure == "false_positive_rate") return static_cast<double>(group.rows) - share("prevalence");
  if (measure == "precision") return share("selection_rate");
  return static_cast<double>(group.rows);
}

std::vector<FairnessRatio> fairness(const std::vector<SliceGroup>& groups, const SliceOptions& options) {
  static constexpr std::pair<const char*, const char*> ratios[] = {{"demographic_parity", "selection_rate"},
                                                                   {"equal_opportunity", "recall"},
                                                                   {"predictive_equality", "false_positive_rate"},
                                                                   {"predictive_parity", "precision"}};
  std::vector<FairnessRatio> found;
  for (const auto& [name, measure] : ratios) {
    const SliceGroup* low = nullptr;
    const SliceGroup* high = nullptr;
    std::size_t counted = 0;
    for (const SliceGroup& group : groups) {
      const Measure* rate = find(group, measure);
      if (rate == nullptr || rows_behind(group, measure) < static_cast<double>(options.fairness_rows)) continue;
      ++counted;
      if (low == nullptr || rate->value < find(*low, measure)->value) low = &group;
      if (high == nullptr || rate->value > find(*high, measure)->value) high = &group;
    }
    if (counted < 2) continue;
    FairnessRatio ratio;
    ratio.name = name;
    ratio.measure = measure;
    const double p = find(*low, measure)->value, q = find(*high, measure)->value;
    ratio.lowest = low->name;
    ratio.highest = high->name;
    ratio.ratio = q > 0 ? p / q : 1;
    ratio.difference = q - p;
    if (p > 0 && find(*low, measure)->interval) {
      const double spread =
          std::sqrt((1 - p) / (p * rows_behind(*low, measure)) + (1 - q) / (q * rows_behind(*high, measure)));
      ratio.interval = Interval{ratio.ratio * std::exp(-normal_quantile_975 * spread),
                                ratio.ratio * std::exp(normal_quantile_975 * spread)};
    }
    found.push_back(ratio);
  }
  return found;
}

std::vector<std::vector<std::uint32_t>> rows_by_group(const Grouping& grouping) {
  std::vector<std::vector<std::uint32_t>> rows(grouping.names.size());
  for (std::uint32_t row = 0; row < grouping.codes.size(); ++row)
    if (const std::int32_t code = grouping.codes[row]; code >= 0 && static_cast<std::size_t>(code) < rows.size())
      rows[static_cast<std::size_t>(code)].push_back(row);
  return rows;
}

// Minus the logarithm of the true class's probability, less its mean by the scores themselves.
std::vector<double> excess_losses(const metrics::Outcome& outcome) {
  const std::size_t rows = outcome.scores.rows;
  std::vector<double> losses(rows);
  if (outcome.task == metrics::TaskKind::regression) {
    for (std::size_t row = 0; row < rows; ++row)
      losses[row] = std::abs(double(outcome.scores.at(row, 0)) - outcome.targets[row]);
    return losses;
  }
  // Probabilities nearer to 0 than this make one row's loss outweigh all others.
  constexpr double least = 1e-4;
  for (std::size_t row = 0; row < rows; ++row) {
    double entropy = 0, total = 0;
    for (std::size_t c = 0; c < outcome.scores.classes; ++c)
      total += std::max<double>(outcome.scores.at(row, c), least);
    for (std::size_t c = 0; c < outcome.scores.classes; ++c) {
      const double p = std::max<double>(outcome.scores.at(row, c), least) / total;
      entropy -= p * std::log(p);
      if (static_cast<std::size_t>(outcome.labels[row]) == c) losses[row] = -std::log(p);
    }
    losses[row] -= entropy;
  }
  return losses;
}

struct Candidate {
  std::vector<std::pair<std::size_t, std::size_t>> conditions;  // (grouping, group)
  std::vector<std::uint32_t> rows;
  double excess = 0;
  double z = 0;
};

}  // namespace

Result<std::vector<Slice>> evaluate_slices(const metrics::Outcome& outcome, std::span<const Grouping> groupings,
                                           const SliceOptions& options) {
  std::vector<Slice> slices;
  for (const Grouping& grouping : groupings) {
    if (grouping.codes.size() != outcome.scores.rows)
      return invalid_input(fmt::format("slices by {}: {} codes for {} rows", grouping.column, grouping.codes.size(),
                                       outcome.scores.rows));
    const auto rows = rows_by_group(grouping);
    std::vector<std::size_t> order;
    for (std::size_t g = 0; g < rows.size(); ++g)
      if (!rows[g].empty()) order.push_back(g);
    if (order.size() > options.most_groups) {
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return rows[a].size() > rows[b].size(); });
      order.resize(options.most_groups);
      std::sort(order.begin(), order.end());
    }
    Slice slice{grouping.column, {}, {}};
    for (std::size_t g : order) slice.groups.push_back(measure_group(outcome, rows[g], grouping.names[g]));
    if (outcome.task == metrics::TaskKind::binary) slice.fairness = fairness(slice.groups, options);
    slices.push_back(std::move(slice));
  }
  return slices;
}

Result<std::vector<FoundSlice>> find_slices(const metrics::Outcome& outcome, std::span<const Grouping> groupings,
                                            std::size_t least_rows, std::size_t most) {
  const std::size_t all = outcome.scores.rows;
  for (const Grouping& grouping : groupings)
    if (grouping.codes.size() != all)
      return invalid_input(
          fmt::format("slices by {}: {} codes for {} rows", grouping.column, grouping.codes.size(), all));
  const std::vector<double> losses = excess_losses(outcome);
  double whole = 0, whole_squares = 0;
  for (double loss : losses) {
    whole += loss;
    whole_squares += loss * loss;
  }
  const bool regression = outcome.task == metrics::TaskKind::regression;
  std::size_t looked_at = 0;
  std::vector<Candidate> candidates;
  const auto consider = [&](Candidate candidate) {
    const double n = static_cast<double>(candidate.rows.size());
    if (candidate.rows.size() < least_rows || candidate.rows.size() * 2 > all) return;
    ++looked_at;
    double sum = 0, squares = 0;
    for (std::uint32_t row : candidate.rows) {
      sum += losses[row];
      squares += losses[row] * losses[row];
    }
    const double mean = sum / n;
    double variance = std::max(0.0, squares / n - mean * mean) / n;
    candidate.excess = mean;
    if (regression) {
      const double rest = static_cast<double>(all) - n;
      const double rest_mean = (whole - sum) / rest;
      candidate.excess = mean - rest_mean;
      variance += std::max(0.0, (whole_squares - squares) / rest - rest_mean * rest_mean) / rest;
    }
    if (!(variance > 0) || candidate.excess <= 0) return;
    candidate.z = candidate.excess / std::sqrt(variance);
    candidates.push_back(std::move(candidate));
  };
  for (std::size_t c = 0; c < groupings.size(); ++c) {
    auto rows = rows_by_group(groupings[c]);
    for (std::size_t g = 0; g < rows.size(); ++g) consider({{{c, g}}, std::move(rows[g]), 0, 0});
  }
  const auto more_striking = [](const Candidate& a, const Candidate& b) { return a.z > b.z; };
  std::stable_sort(candidates.begin(), candidates.end(), more_striking);
  const std::size_t singles = std::min<std::size_t>(candidates.size(), 30);
  const std::vector<Candidate> striking(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(singles));
  for (std::size_t a = 0; a < singles; ++a)
    for (std::size_t b = a + 1; b < singles; ++b) {
      const auto [first, second] = std::pair{striking[a].conditions[0], striking[b].conditions[0]};
      if (first.first == second.first) continue;
      Candidate both{{first, second}, {}, 0, 0};
      std::set_intersection(striking[a].rows.begin(), striking[a].rows.end(), striking[b].rows.begin(),
                            striking[b].rows.end(), std::back_inserter(both.rows));
      consider(std::move(both));
    }
  std::vector<FoundSlice> found;
  std::vector<const Candidate*> taken;
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.excess * static_cast<double>(a.rows.size()) > b.excess * static_cast<double>(b.rows.size());
  });
  for (const Candidate& candidate : candidates) {
    if (found.size() == most) break;
    const double p = std::min(1.0, 0.5 * std::erfc(candidate.z / std::sqrt(2.0)) * static_cast<double>(looked_at));
    if (!(p < 0.05)) continue;
    // A part of a slice that was returned says something new only if it is clearly worse.
    const bool inside = std::any_of(taken.begin(), taken.end(), [&](const Candidate* other) {
      return candidate.excess < 1.5 * other->excess &&
             std::any_of(candidate.conditions.begin(), candidate.conditions.end(), [&](const auto& condition) {
               return std::find(other->conditions.begin(), other->conditions.end(), condition) !=
                      other->conditions.end();
             });
    });
    if (inside) continue;
    FoundSlice slice;
    std::string name;
    for (const auto& [c, g] : candidate.conditions) {
      slice.conditions.push_back(fmt::format("{} = {}", groupings[c].column, groupings[c].names[g]));
      name += (name.empty() ? "" : ", ") + slice.conditions.back();
    }
    slice.group = measure_group(outcome, candidate.rows, name);
    slice.excess = candidate.excess;
    slice.p_value = p;
    found.push_back(std::move(slice));
    taken.push_back(&candidate);
  }
  return found;
}

namespace {

nlohmann::json group_json(const SliceGroup& group) {
  nlohmann::json json = {{"name", group.name}, {"rows", group.rows}};
  json["metrics"] = json["intervals"] = nlohmann::json::object();
  for (const Measure& measure : group.measures) {
    json["metrics"][measure.name] = measure.value;
    if (measure.interval) json["intervals"][measure.name] = {measure.interval->low, measure.interval->high};
  }
  return json;
}

}  // namespace

nlohmann::json to_json(const Slice& slice) {
  nlohmann::json json = {{"column", slice.column}};
  json["groups"] = json["fairness"] = nlohmann::json::array();
  for (const SliceGroup& group : slice.groups) json["groups"].push_back(group_json(group));
  for (const FairnessRatio& ratio : slice.fairness) {
    nlohmann::json entry = {{"name", ratio.name},     {"measure", ratio.measure}, {"ratio", ratio.ratio},
                            {"lowest", ratio.lowest}, {"highest", ratio.highest}, {"difference", ratio.difference}};
    if (ratio.interval) entry["interval"] = {ratio.interval->low, ratio.interval->high};
    json["fairness"].push_back(std::move(entry));
  }
  return json;
}

nlohmann::json to_json(const FoundSlice& slice) {
  nlohmann::json json = group_json(slice.group);
  json["conditions"] = slice.conditions;
  json["excess_loss"] = slice.excess;
  json["p_value"] = slice.p_value;
  return json;
}

}  // namespace slipway::evaluate
