// Has the data changed since training? Each feature's bins are compared with the reference. The threshold is what the
// comparison would exceed by chance at the user's false-alarm budget, found by drawing windows of this size from the
// reference: the same budget means the same number of false alarms for any number of features and any window.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/monitor/reference.hpp>
#include <slipway/params/options.hpp>
#include <slipway/table/table.hpp>

namespace slipway::monitor {

struct DriftOptions {
  std::string window = "1 day";
  std::string false_alarms = "1 per month";
  double minimum_psi = 0.01;
  int minimum_rows = 30;
  std::optional<double> design_effect;
  int simulations = 4000;
  std::uint64_t seed = 1234;
};
inline constexpr params::Option<DriftOptions> drift_options[] = {
    {"window", &DriftOptions::window, "time that one window spans: a number and hour, day, week or month"},
    {"false_alarms", &DriftOptions::false_alarms,
     "false alarms allowed over all features together: a number, per, and day, week, month, quarter or year"},
    {"minimum_psi",
     &DriftOptions::minimum_psi,
     "changes below this population stability index are negligible, however certain",
     {.minimum = 0}},
    {"minimum_rows", &DriftOptions::minimum_rows, "windows with fewer rows are not judged", {.minimum = 1}},
    {"design_effect",
     &DriftOptions::design_effect,
     "variance of bin shares relative to independent rows; none = as measured on the reference's days or groups",
     {.minimum = 1}},
    {"simulations",
     &DriftOptions::simulations,
     "windows drawn from the reference to find a threshold",
     {.minimum = 500, .maximum = 1000000}},
    {"seed", &DriftOptions::seed, "seed of those draws"},
};

// Chance of at least one false alarm in one window, from the budget: "1 per month" with "1 day" gives 1/30. At most
// 0.5.
Result<double> false_alarm_rate(const DriftOptions& options);
// Days that a window spans: "6 hours" gives 0.25. A month is 30 days, a quarter 91, a year 365.
Result<double> window_days(const DriftOptions& options);

enum class Verdict : std::uint8_t {
  stable,      // within what chance gives
  negligible,  // certain, but smaller than minimum_psi
  drifted,
  too_few_rows,  // not judged
  absent,        // the window has no such column
};
std::string_view verdict_name(Verdict verdict);

struct DriftStatistics {
  double psi = 0;             // population stability index: sum of (q - p) ln(q / p) over the bins
  double jensen_shannon = 0;  // distance in [0, 1]: square root of the divergence in bits; the one that is judged
  std::optional<double> max_cdf_difference;  // numbers: largest difference of cumulative shares at the bins' edges
  double missing = 0;                        // shares of the window's rows
  double out_of_range = 0;                   // numbers: below the smallest or above the largest training value
  double unseen = 0;                         // text: categories that training did not have
};

struct FeatureDrift {
  std::string name;
  FeatureKind kind = FeatureKind::number;
  std::optional<DriftStatistics> statistics;  // empty where the window has no rows or no such column
  std::optional<double> threshold;            // of jensen_shannon; empty where nothing was judged
  Verdict verdict = Verdict::stable;
  std::string why;               // plain words; empty for a stable feature
  std::optional<double> impact;  // jensen_shannon times the feature's share of the importance, if given
  std::vector<double> reference_shares, window_shares;  // per bin, for charts
  std::vector<std::string> bin_names;
};

// Something wrong with the window's values, apart from drift.
struct Finding {
  enum class Kind : std::uint8_t {
    missing_column,
    missing_values,
    out_of_range,
    infinite,
    unseen_category,
    unreadable
  };
  std::string feature;
  Kind kind = Kind::missing_column;
  std::int64_t rows = 0;  // of the window that are concerned
  double share = 0;
  std::string text;
};
std::string_view finding_kind_name(Finding::Kind kind);

struct DriftReport {
  std::int64_t rows = 0;
  std::int64_t reference_rows = 0;
  double false_alarm_rate = 0;         // per window, over all features and the score
  std::vector<FeatureDrift> features;  // in the reference's order
  std::optional<FeatureDrift> score;   // if the reference has one and scores were given
  std::vector<Finding> findings;
  std::vector<std::string> drifted;  // names of the drifted features, and "score"
};

// Thresholds of every feature for windows of one size; making them is the slow part, so keep them for windows alike.
struct DriftThresholds {
  std::int64_t rows = 0;
  std::int64_t scored_rows = 0;  // that have a score
  std::vector<double> features;  // of the Jensen-Shannon distance, in the reference's order
  double score = 0;
};
Result<DriftThresholds> calibrate_thresholds(const Reference& reference, std::int64_t rows, std::int64_t scored_rows,
                                             const DriftOptions& options, const Threads& threads = Threads(1));

struct Window {
  const table::Table& table;
  std::span<const float> scores;  // one per row or empty; NaN where a row has none
  // Importance of features, in any unit; for FeatureDrift::impact.
  std::map<std::string, double> importance = {};
};

// Compares a window with the reference. Odd windows have defined answers: no rows, absent or unreadable columns,
// columns that are constant or missing throughout, infinities. Fails only on bad options or on scores of another
// length.
Result<DriftReport> detect_drift(const Reference& reference, const Window& window, const DriftOptions& options,
                                 const Threads& threads = Threads(1));
// The same with thresholds made before, which must be for this number of rows (that of scored rows may differ a
// little).
Result<DriftReport> detect_drift(const Reference& reference, const DriftThresholds& thresholds, const Window& window,
                                 const DriftOptions& options);

// {"drifted": [names], "features": [{"name", "statistics": {"psi", "jensen_shannon", ...}, "threshold", "verdict",
// "why"}],
//  "score": {...} or null, "findings": [...], "rows", "reference_rows", "false_alarm_rate"}
nlohmann::json to_json(const DriftReport& report);

}  // namespace slipway::monitor
