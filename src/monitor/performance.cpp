#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/random.hpp>
#include <slipway/monitor/performance.hpp>

namespace slipway::monitor {

std::string_view change_verdict_name(MetricChange::Verdict verdict) {
  switch (verdict) {
    case MetricChange::Verdict::as_promised:
      return "as_promised";
    case MetricChange::Verdict::worse:
      return "worse";
    case MetricChange::Verdict::better:
      return "better";
    case MetricChange::Verdict::undefined:
      return "undefined";
  }
  return "";
}

namespace {

// Some rows of an outcome, by number; numbers may repeat.
struct Rows {
  std::vector<std::int32_t> labels;
  std::vector<float> targets;
  std::vector<float> scores;
  metrics::Outcome outcome;

  Rows(const metrics::Outcome& from, std::span<const std::uint32_t> numbers) {
    outcome.task = from.task;
    outcome.threshold = from.threshold;
    for (std::uint32_t row : numbers) {
      if (!from.labels.empty()) labels.push_back(from.labels[row]);
      if (!from.targets.empty()) targets.push_back(from.targets[row]);
    }
    for (std::size_t c = 0; c < from.scores.classes; ++c)
      for (std::uint32_t row : numbers) scores.push_back(from.scores.at(row, c));
    outcome.labels = labels;
    outcome.targets = targets;
    outcome.scores = {numbers.size(), from.scores.classes, scores};
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
};

struct Bounds {
  double low, high;
};

// `shrink` turns the spread of smaller draws into that of all rows.
std::optional<Bounds> percentile_bounds(std::vector<double> values, double centre, double shrink) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.size() < 20) return std::nullopt;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(std::lround(share * double(values.size() - 1)))];
  };
  return Bounds{centre + (at(0.025) - centre) * shrink, centre + (at(0.975) - centre) * shrink};
}

void judge(MetricChange& change, const PromisedMetric& promised, bool higher_is_better) {
  using Verdict = MetricChange::Verdict;
  if (change.low) {
    const bool below = *change.high < promised.low.value_or(promised.value);
    const bool above = *change.low > promised.high.value_or(promised.value);
    if (below) change.verdict = higher_is_better ? Verdict::worse : Verdict::better;
    if (above) change.verdict = higher_is_better ? Verdict::better : Verdict::worse;
  }
  const std::string_view words = change.verdict == Verdict::worse    ? "worse than promised"
                                 : change.verdict == Verdict::better ? "better than promised"
                                 : change.low                        ? "as promised"
                                                                     : "too few rows for an interval";
  const std::string bounds = change.low ? fmt::format(" [{:.4g}, {:.4g}]", *change.low, *change.high) : "";
  change.text = fmt::format("{} {:.4g} → {:.4g}{}: {}", change.name, change.promised, *change.value, bounds, words);
}

}  // namespace

Result<PerformanceReport> compare_performance(const metrics::Outcome& window, std::span<const PromisedMetric> promised,
                                              const PerformanceOptions& options, const Threads& threads) {
  const std::size_t rows = window.scores.rows;
  const bool regression = window.task == metrics::TaskKind::regression;
  const std::size_t truths = regression ? window.targets.size() : window.labels.size();
  if (truths != rows || window.scores.values.size() != rows * window.scores.classes)
    return invalid_input(
        fmt::format("{} {} were given with scores of {} rows", truths, regression ? "targets" : "labels", rows));
  if (options.replicates < 2) return invalid_input("a bootstrap needs at least 2 replicates");
  std::vector<std::uint32_t> labelled;
  for (std::size_t row = 0; row < rows; ++row)
    if (regression ? !std::isnan(window.targets[row]) : window.labels[row] != -1)
      labelled.push_back(static_cast<std::uint32_t>(row));
  PerformanceReport report;
  report.rows = static_cast<std::int64_t>(rows);
  report.labelled = static_cast<std::int64_t>(labelled.size());
  if (labelled.empty()) return report;
  const Rows all(window, labelled);
  if (window.task == metrics::TaskKind::binary)
    report.prevalence = double(std::count(all.labels.begin(), all.labels.end(), 1)) / double(labelled.size());

  std::vector<const metrics::Metric*> sought;
  std::vector<const PromisedMetric*> asked;
  for (const PromisedMetric& promise : promised) {
    const auto metric = metrics::find_metric(promise.name);
    if (!metric.ok() || !(*metric)->applies_to(window.task)) continue;
    sought.push_back(*metric);
    asked.push_back(&promise);
  }
  const std::size_t drawn = std::min(labelled.size(), options.max_rows);
  std::vector<std::vector<double>> draws(sought.size(),
                                         std::vector<double>(std::size_t(options.replicates), std::nan("")));
  threads.for_each(static_cast<std::size_t>(options.replicates), [&](std::size_t replicate) {
    Random random(random_key({options.seed, 0x70657266, replicate}));
    std::vector<std::uint32_t> numbers(drawn);
    for (std::uint32_t& row : numbers) row = labelled[random.below(labelled.size())];
    const Rows sample(window, numbers);
    for (std::size_t m = 0; m < sought.size(); ++m)
      if (const auto value = metrics::evaluate(*sought[m], sample.outcome); value.ok()) draws[m][replicate] = *value;
  });
  const double shrink = std::sqrt(double(drawn) / double(labelled.size()));
  for (std::size_t m = 0; m < sought.size(); ++m) {
    MetricChange change;
    change.name = sought[m]->name;
    change.promised = asked[m]->value;
    const auto value = metrics::evaluate(*sought[m], all.outcome);
    if (value.ok()) {
      change.value = *value;
      if (labelled.size() >= 2) {
        if (const auto bounds = percentile_bounds(std::move(draws[m]), *value, shrink)) {
          change.low = bounds->low;
          change.high = bounds->high;
        }
      }
      judge(change, *asked[m], sought[m]->higher_is_better);
    } else {
      change.verdict = MetricChange::Verdict::undefined;
      change.text = fmt::format("{} is undefined on these rows: {}", change.name, value.error().message());
    }
    report.metrics.push_back(std::move(change));
  }
  return report;
}

nlohmann::json to_json(const PerformanceReport& report) {
  nlohmann::json metrics = nlohmann::json::array();
  for (const MetricChange& change : report.metrics) {
    nlohmann::json entry = {{"name", change.name},
                            {"promised", change.promised},
                            {"value", nullptr},
                            {"verdict", change_verdict_name(change.verdict)},
                            {"text", change.text}};
    if (change.value) entry["value"] = *change.value;
    if (change.low) entry["interval"] = {*change.low, *change.high};
    metrics.push_back(std::move(entry));
  }
  return {{"rows", report.rows},
          {"labelled", report.labelled},
          {"prevalence", report.prevalence},
          {"metrics", std::move(metrics)}};
}

}  // namespace slipway::monitor
