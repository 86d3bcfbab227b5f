#include <nlohmann/json.hpp>

#include <slipway/evaluate/evaluation.hpp>

namespace slipway::evaluate {

namespace {

nlohmann::json values_of(const std::vector<Measure>& measures) {
  nlohmann::json json = nlohmann::json::object();
  for (const Measure& measure : measures) json[measure.name] = measure.value;
  return json;
}

// Points as [x, y, threshold]; an infinite threshold becomes null.
nlohmann::json points_of(const std::vector<CurvePoint>& points) {
  nlohmann::json json = nlohmann::json::array();
  for (const CurvePoint& point : points) {
    nlohmann::json threshold = point.threshold;
    if (point.threshold > 1e300) threshold = nullptr;
    json.push_back({point.x, point.y, std::move(threshold)});
  }
  return json;
}

nlohmann::json histogram_of(const Histogram& histogram) {
  return {{"edges", histogram.edges}, {"series", histogram.series}, {"counts", histogram.counts}};
}

}  // namespace

nlohmann::json to_json(const Evaluation& evaluation) {
  const bool binary = evaluation.task == metrics::TaskKind::binary;
  const bool regression = evaluation.task == metrics::TaskKind::regression;
  nlohmann::json json = {{"task", binary       ? "binary"
                                  : regression ? "regression"
                                               : "multiclass"},
                         {"rows", evaluation.rows},
                         {"metrics", values_of(evaluation.measures)},
                         {"baseline", values_of(evaluation.baseline)},
                         {"notes", evaluation.notes}};
  nlohmann::json intervals = nlohmann::json::object();
  for (const Measure& measure : evaluation.measures)
    if (measure.interval) intervals[measure.name] = {measure.interval->low, measure.interval->high};
  json["intervals"] = std::move(intervals);
  if (regression) {
    json["residuals"] = histogram_of(evaluation.residuals);
    return json;
  }
  nlohmann::json rows = nlohmann::json::array();
  const std::size_t classes = evaluation.classes.size();
  for (std::size_t c = 0; c < classes; ++c)
    rows.push_back(std::vector<double>(evaluation.confusion.begin() + std::ptrdiff_t(c * classes),
                                       evaluation.confusion.begin() + std::ptrdiff_t((c + 1) * classes)));
  json["classes"] = evaluation.classes;
  json["confusion"] = std::move(rows);
  nlohmann::json by_class = nlohmann::json::array();
  for (const ClassQuality& quality : evaluation.by_class) {
    nlohmann::json entry = {{"class", quality.name},
                            {"rows", quality.rows},
                            {"precision", quality.precision},
                            {"recall", quality.recall},
                            {"f1", quality.f1}};
    if (quality.roc_auc) entry["roc_auc"] = *quality.roc_auc;
    by_class.push_back(std::move(entry));
  }
  json["by_class"] = std::move(by_class);
  if (!binary) return json;
  json["positives"] = evaluation.positives;
  json["prevalence"] = evaluation.prevalence;
  json["threshold"] = evaluation.threshold;
  json["roc"] = points_of(evaluation.roc);
  json["precision_recall"] = points_of(evaluation.precision_recall);
  nlohmann::json calibration = nlohmann::json::array();
  for (const CalibrationBin& bin : evaluation.calibration)
    calibration.push_back({{"rows", bin.rows},
                           {"predicted", bin.predicted},
                           {"observed", bin.observed},
                           {"low", bin.interval.low},
                           {"high", bin.interval.high}});
  json["calibration"] = std::move(calibration);
  json["scores"] = histogram_of(evaluation.scores);
  return json;
}

}  // namespace slipway::evaluate
