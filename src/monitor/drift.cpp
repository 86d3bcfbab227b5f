#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <slipway/monitor/drift.hpp>

#include "binning.hpp"
#include "statistic.hpp"
#include "words.hpp"

namespace slipway::monitor {

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::stable:
      return "stable";
    case Verdict::negligible:
      return "negligible";
    case Verdict::drifted:
      return "drifted";
    case Verdict::too_few_rows:
      return "too_few_rows";
    case Verdict::absent:
      return "absent";
  }
  return "";
}

std::string_view finding_kind_name(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::missing_column:
      return "missing_column";
    case Finding::Kind::missing_values:
      return "missing_values";
    case Finding::Kind::out_of_range:
      return "out_of_range";
    case Finding::Kind::infinite:
      return "infinite";
    case Finding::Kind::unseen_category:
      return "unseen_category";
    case Finding::Kind::unreadable:
      return "unreadable";
  }
  return "";
}

namespace {

std::vector<double> raw_shares(const std::vector<std::int64_t>& counts, std::int64_t rows) {
  std::vector<double> shares(counts.size(), 0);
  if (rows > 0)
    for (std::size_t b = 0; b < counts.size(); ++b)
      shares[b] = static_cast<double>(counts[b]) / static_cast<double>(rows);
  return shares;
}

class Detector {
 public:
  Detector(const Reference& reference, const DriftThresholds& thresholds, const DriftOptions& options)
      : reference_(reference), thresholds_(thresholds), options_(options) {}

  Result<DriftReport> run(const Window& window) {
    const table::Table& table = window.table;
    if (!window.scores.empty() && window.scores.size() != table.rows())
      return invalid_input(fmt::format("a window of {} rows was given {} scores", table.rows(), window.scores.size()));
    report_.rows = static_cast<std::int64_t>(table.rows());
    report_.reference_rows = reference_.rows;
    SLIPWAY_TRY(report_.false_alarm_rate, false_alarm_rate(options_));
    double importance = 0;
    for (const auto& [name, value] : window.importance) importance += std::max(0.0, value);
    for (std::size_t i = 0; i < reference_.features.size(); ++i) {
      const FeatureReference& feature = reference_.features[i];
      const table::Column* column = table.find(feature.name);
      FeatureDrift drift =
          column ? judge(feature, read_column(*column, feature.kind), thresholds_.features[i]) : report_absent(feature);
      const auto weight = window.importance.find(feature.name);
      if (weight != window.importance.end() && importance > 0 && drift.statistics)
        drift.impact = drift.statistics->jensen_shannon * std::max(0.0, weight->second) / importance;
      if (drift.verdict == Verdict::drifted) report_.drifted.push_back(feature.name);
      report_.features.push_back(std::move(drift));
    }
    if (reference_.score && !window.scores.empty()) {
      Readable scores;
      for (float score : window.scores)
        if (!std::isnan(score)) scores.numbers.push_back(score);
      report_.score = judge(*reference_.score, scores, thresholds_.score);
      if (report_.score->verdict == Verdict::drifted) report_.drifted.push_back(reference_.score->name);
    }
    return std::move(report_);
  }

 private:
  FeatureDrift report_absent(const FeatureReference& feature) {
    FeatureDrift drift;
    drift.name = feature.name;
    drift.kind = feature.kind;
    drift.verdict = Verdict::absent;
    drift.why = "the window has no such column";
    add_finding(feature, Finding::Kind::missing_column, report_.rows, report_.rows,
                fmt::format("column {} is absent from the window", feature.name));
    return drift;
  }

  void add_finding(const FeatureReference& feature, Finding::Kind kind, std::int64_t rows, std::int64_t of,
                   std::string text) {
    report_.findings.push_back(
        {feature.name, kind, rows, of > 0 ? static_cast<double>(rows) / static_cast<double>(of) : 0, std::move(text)});
  }

  void check_quality(const FeatureReference& feature, const Readable& column, const BinCounts& window,
                     const FeatureDrift& drift) {
    const auto of_rows = [&](std::int64_t rows) {
      return fmt::format("{} of {} rows ({})", rows, window.rows, percent(double(rows) / double(window.rows)));
    };
    const std::int64_t missing = window.counts[missing_bin];
    const double before = drift.reference_shares[missing_bin], now = drift.window_shares[missing_bin];
    const double noise = std::sqrt(std::max(before * (1 - before), 1 / double(feature.rows + 1)) / double(window.rows));
    if (missing > 0 && now > before + std::max(0.01, 4 * noise))
      add_finding(
          feature, Finding::Kind::missing_values, missing, window.rows,
          fmt::format("{} is missing in {}; {} in the reference", feature.name, of_rows(missing), percent(before)));
    if (column.unreadable > 0)
      add_finding(feature, Finding::Kind::unreadable, column.unreadable, window.rows,
                  fmt::format("{} is no number in {}", feature.name, of_rows(column.unreadable)));
    if (feature.kind == FeatureKind::text) {
      if (const std::int64_t unseen = window.counts[unseen_bin]; unseen > 0)
        add_finding(feature, Finding::Kind::unseen_category, unseen, window.rows,
                    fmt::format("{} has a category that training did not see in {}", feature.name, of_rows(unseen)));
      return;
    }
    if (window.infinite > 0)
      add_finding(feature, Finding::Kind::infinite, window.infinite, window.rows,
                  fmt::format("{} is infinite in {}", feature.name, of_rows(window.infinite)));
    if (!feature.minimum) return;
    const std::int64_t outside = window.counts[below_bin] + window.counts.back() - window.infinite;
    if (outside > 0)
      add_finding(feature, Finding::Kind::out_of_range, outside, window.rows,
                  fmt::format("{} is outside the training range {:.6g} to {:.6g} in {}", feature.name, *feature.minimum,
                              *feature.maximum, of_rows(outside)));
  }

  FeatureDrift judge(const FeatureReference& feature, const Readable& column, double threshold) {
    FeatureDrift drift;
    drift.name = feature.name;
    drift.kind = feature.kind;
    const BinCounts window = count_rows(feature, column);
    drift.reference_shares = raw_shares(feature.counts, feature.rows);
    drift.window_shares = raw_shares(window.counts, window.rows);
    for (std::size_t b = 0; b < feature.bins(); ++b) drift.bin_names.push_back(feature.bin_name(b));
    if (window.rows == 0 || feature.rows == 0) {
      drift.verdict = Verdict::too_few_rows;
      drift.why = window.rows == 0 ? "the window has no rows" : "the reference has no rows";
      return drift;
    }
    const std::vector<double> expected = expected_shares(feature);
    const std::vector<double> counts(window.counts.begin(), window.counts.end());
    std::vector<double> observed(expected.size());
    observed_shares(counts, static_cast<double>(window.rows), expected, observed);
    DriftStatistics statistics;
    statistics.psi = population_stability_index(expected, observed);
    statistics.jensen_shannon = std::sqrt(jensen_shannon_divergence(expected, observed));
    statistics.missing = drift.window_shares[missing_bin];
    if (feature.kind == FeatureKind::number) {
      statistics.max_cdf_difference = max_cumulative_difference(expected, observed, below_bin);
      if (feature.minimum) statistics.out_of_range = drift.window_shares[below_bin] + drift.window_shares.back();
    } else {
      statistics.unseen = drift.window_shares[unseen_bin];
    }
    drift.statistics = statistics;
    check_quality(feature, column, window, drift);
    if (window.rows < options_.minimum_rows) {
      drift.verdict = Verdict::too_few_rows;
      drift.why = fmt::format("{} rows are too few to judge; {} are needed", window.rows, options_.minimum_rows);
      return drift;
    }
    drift.threshold = threshold;
    if (statistics.jensen_shannon > threshold) {
      drift.verdict = statistics.psi < options_.minimum_psi ? Verdict::negligible : Verdict::drifted;
      drift.why = describe_change(feature, window, drift.reference_shares, drift.window_shares);
    }
    return drift;
  }

  const Reference& reference_;
  const DriftThresholds& thresholds_;
  const DriftOptions& options_;
  DriftReport report_;
};

}  // namespace

Result<DriftReport> detect_drift(const Reference& reference, const DriftThresholds& thresholds, const Window& window,
                                 const DriftOptions& options) {
  if (thresholds.features.size() != reference.features.size() ||
      thresholds.rows != static_cast<std::int64_t>(window.table.rows()))
    return invalid_input(fmt::format("thresholds for {} features and {} rows do not fit {} features and {} rows",
                                     thresholds.features.size(), thresholds.rows, reference.features.size(),
                                     window.table.rows()));
  return Detector(reference, thresholds, options).run(window);
}

Result<DriftReport> detect_drift(const Reference& reference, const Window& window, const DriftOptions& options,
                                 const Threads& threads) {
  const auto rows = static_cast<std::int64_t>(window.table.rows());
  // Windows that are not judged need no threshold.
  DriftThresholds thresholds{rows, 0, std::vector<double>(reference.features.size(), 1), 1};
  if (rows >= options.minimum_rows) {
    const auto scored =
        std::count_if(window.scores.begin(), window.scores.end(), [](float s) { return !std::isnan(s); });
    SLIPWAY_TRY(thresholds, calibrate_thresholds(reference, rows, scored, options, threads));
  }
  return detect_drift(reference, thresholds, window, options);
}

}  // namespace slipway::monitor
