#include <nlohmann/json.hpp>

#include <slipway/monitor/drift.hpp>

namespace slipway::monitor {

namespace {

nlohmann::json feature_json(const FeatureDrift& drift) {
  nlohmann::json statistics = nlohmann::json::object();
  if (drift.statistics) {
    statistics = {{"psi", drift.statistics->psi},
                  {"jensen_shannon", drift.statistics->jensen_shannon},
                  {"missing", drift.statistics->missing}};
    if (drift.statistics->max_cdf_difference) {
      statistics["max_cdf_difference"] = *drift.statistics->max_cdf_difference;
      statistics["out_of_range"] = drift.statistics->out_of_range;
    } else {
      statistics["unseen"] = drift.statistics->unseen;
    }
  }
  nlohmann::json json = {
      {"name", drift.name},      {"kind", feature_kind_name(drift.kind)},      {"statistics", std::move(statistics)},
      {"threshold", nullptr},    {"verdict", verdict_name(drift.verdict)},     {"why", drift.why},
      {"bins", drift.bin_names}, {"reference_shares", drift.reference_shares}, {"window_shares", drift.window_shares}};
  if (drift.threshold) json["threshold"] = *drift.threshold;
  if (drift.impact) json["impact"] = *drift.impact;
  return json;
}

}  // namespace

nlohmann::json to_json(const DriftReport& report) {
  nlohmann::json features = nlohmann::json::array();
  for (const FeatureDrift& drift : report.features) features.push_back(feature_json(drift));
  nlohmann::json findings = nlohmann::json::array();
  for (const Finding& finding : report.findings)
    findings.push_back({{"feature", finding.feature},
                        {"kind", finding_kind_name(finding.kind)},
                        {"rows", finding.rows},
                        {"share", finding.share},
                        {"text", finding.text}});
  nlohmann::json json = {{"drifted", report.drifted},
                         {"features", std::move(features)},
                         {"score", nullptr},
                         {"findings", std::move(findings)},
                         {"rows", report.rows},
                         {"reference_rows", report.reference_rows},
                         {"false_alarm_rate", report.false_alarm_rate}};
  if (report.score) json["score"] = feature_json(*report.score);
  return json;
}

}  // namespace slipway::monitor
