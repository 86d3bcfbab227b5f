// Quality, calibration and thresholds.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "charts.hpp"
#include "report_cells.hpp"
#include "report_sections.hpp"

namespace slipway::pipeline {
namespace {

using nlohmann::json;
using report::Cell;
using report::Chart;
using report::Figures;
using report::Grid;
using report::Section;
using report::Slider;
using report::Text;
using report::Verdict;

std::vector<std::pair<double, double>> points(const json& curve) {
  std::vector<std::pair<double, double>> list;
  for (const json& point : curve) list.emplace_back(point[0].get<double>(), point[1].get<double>());
  return list;
}

Grid side_by_side(const Citation& evaluation) {
  Grid grid{"Measures of training, validation (out of fold) and test rows",
            {"measure", "train", "validation", "deviation over folds", "test", "95 % interval", "constant", "linear"},
            {}};
  std::vector<std::string> names;
  for (const auto& [name, value] : evaluation.at("/metrics").items()) names.push_back(name);
  const auto headlines = headline(evaluation.at("/task").get<std::string>());
  const auto place = [&](const std::string& name) {
    for (std::size_t i = 0; i < headlines.size(); ++i)
      if (headlines[i].first == name) return i;
    return headlines.size();
  };
  std::stable_sort(names.begin(), names.end(),
                   [&](const std::string& a, const std::string& b) { return place(a) < place(b); });
  const auto one = [&](const std::string& at) { return evaluation.has(at) ? evaluation.cell(at) : Cell(""); };
  for (const std::string& name : names)
    grid.rows.push_back({name, one(pointer("parts", "train", "metrics", name)),
                         one(pointer("parts", "validation", "metrics", name)),
                         one(pointer("parts", "validation", "spread", name, "standard_deviation")),
                         one(pointer("metrics", name)), evaluation.interval(pointer("intervals", name)),
                         one(pointer("baseline", name)), one(pointer("linear", "metrics", name))});
  grid.rows.insert(grid.rows.begin(), {"rows", one("/parts/train/rows"), one("/parts/validation/rows"), "",
                                       one("/rows"), "", "", one("/linear/training_rows")});
  return grid;
}

void add_confusion(Section& section, const Citation& evaluation) {
  const auto classes = evaluation.at("/classes").get<std::vector<std::string>>();
  Grid matrix{"Confusion matrix of the test rows (rows: truth, columns: prediction)", {"truth"}, {}};
  const std::size_t shown = std::min<std::size_t>(classes.size(), 20);
  for (std::size_t i = 0; i < shown; ++i) matrix.header.push_back(classes[i]);
  for (std::size_t i = 0; i < shown; ++i) {
    std::vector<Cell> row = {evaluation.cell(pointer("classes", i))};
    for (std::size_t j = 0; j < shown; ++j) row.push_back(evaluation.cell(pointer("confusion", i, j)));
    matrix.rows.push_back(row);
  }
  section.elements.push_back(matrix);
  if (shown < classes.size())
    section.elements.push_back(
        Text{fmt::format("{} further classes are in evaluation.json.", classes.size() - shown), ""});
  if (classes.size() <= 2) return;
  Grid grid{"By class", {"class", "rows", "precision", "recall", "F1", "ROC AUC against the rest"}, {}};
  for (std::size_t i = 0; i < std::min<std::size_t>(classes.size(), 50); ++i) {
    std::vector<Cell> row = {evaluation.cell(pointer("classes", i))};
    for (const char* name : {"rows", "precision", "recall", "f1", "roc_auc"})
      row.push_back(evaluation.cell(pointer("by_class", i, name)));
    grid.rows.push_back(row);
  }
  section.elements.push_back(grid);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> headline(const std::string& task) {
  if (task == "binary")
    return {{"average_precision", "Average precision"},
            {"roc_auc", "ROC AUC"},
            {"precision", "Precision"},
            {"recall", "Recall"},
            {"f1", "F1"},
            {"accuracy", "Accuracy"},
            {"log_loss", "Log loss"},
            {"brier", "Brier score"}};
  if (task == "multiclass")
    return {{"accuracy", "Accuracy"},
            {"balanced_accuracy", "Balanced accuracy"},
            {"f1", "F1 (macro)"},
            {"roc_auc", "ROC AUC (one against rest)"},
            {"log_loss", "Log loss"}};
  return {{"rmse", "RMSE"}, {"mae", "MAE"}, {"r2", "R2"}};
}

Section quality_section(const ReportContent& content) {
  Section section{"Quality", {}};
  const Citation evaluation(content.evaluation, "evaluation.json");
  section.elements.push_back(side_by_side(evaluation));
  if (evaluation.has("/confusion")) add_confusion(section, evaluation);
  if (!evaluation.at("/roc").empty()) {
    section.elements.push_back(
        Chart{"Precision and recall",
              line_chart({{"model", points(evaluation.at("/precision_recall"))}}, "recall", "precision", true), 320,
              "Precision over recall for every threshold, test rows", evaluation.source("/precision_recall")});
    section.elements.push_back(Chart{
        "ROC curve",
        line_chart({{"model", points(evaluation.at("/roc"))}, {"chance", {{0, 0}, {1, 1}}, Series::Style::dashed}},
                   "false positive rate", "true positive rate", true),
        320, "True positive rate over false positive rate, test rows", evaluation.source("/roc")});
  }
  for (const char* key : {"scores", "residuals"})
    if (evaluation.has(pointer(key))) {
      const json& histogram = evaluation.at(pointer(key));
      const bool scores = std::string(key) == "scores";
      section.elements.push_back(Chart{scores ? "Scores by class" : "Residuals",
                                       histogram_chart(histogram.at("edges"), histogram.at("series"),
                                                       histogram.at("counts"), scores ? "score" : "prediction - truth"),
                                       320, "Counts of test rows, logarithmic axis", evaluation.source(pointer(key))});
    }
  return section;
}

Section calibration_section(const ReportContent& content) {
  Section section{"Calibration", {}};
  const Citation evaluation(content.evaluation, "evaluation.json");
  if (!evaluation.has("/calibration_check")) return section;
  const std::string verdict = evaluation.at("/calibration_check/verdict");
  section.elements.push_back(Verdict{verdict == "calibrated" ? Verdict::Level::good : Verdict::Level::attention,
                                     evaluation.at("/calibration_check/text"),
                                     evaluation.source("/calibration_check/text")});
  Series model{"model", {}}, low{"95 % low", {}, Series::Style::dashed}, high{"95 % high", {}, Series::Style::dashed};
  double most = 0;
  for (const json& bin : evaluation.at("/calibration")) {
    const double x = bin.at("predicted").get<double>();
    model.points.emplace_back(x, bin.at("observed").get<double>());
    low.points.emplace_back(x, bin.at("low").get<double>());
    high.points.emplace_back(x, bin.at("high").get<double>());
    most = std::max({most, x, bin.at("high").get<double>()});
  }
  section.elements.push_back(
      Chart{"Observed share of positives by mean score",
            line_chart({model, {"perfect", {{0, 0}, {most, most}}, Series::Style::dashed}, low, high}, "mean score",
                       "observed share"),
            340, "Reliability curve of the test rows, bins of equal size", evaluation.source("/calibration")});
  Grid bins{"Bins of equal size", {"rows", "mean score", "observed share", "95 % interval"}, {}};
  for (std::size_t i = 0; i < evaluation.at("/calibration").size(); ++i)
    bins.rows.push_back({evaluation.cell(pointer("calibration", i, "rows")),
                         evaluation.cell(pointer("calibration", i, "predicted")),
                         evaluation.cell(pointer("calibration", i, "observed")),
                         Cell(evaluation.cell(pointer("calibration", i, "low")).text + " to " +
                                  evaluation.cell(pointer("calibration", i, "high")).text,
                              evaluation.source(pointer("calibration", i)))});
  Figures figures;
  figures.figures.push_back({"Calibration error (ECE)",
                             evaluation.cell("/calibration_check/ece"),
                             {Cell("95 %: "), evaluation.interval("/calibration_check/ece_interval"),
                              Cell("; by chance up to "), evaluation.cell("/calibration_check/ece_by_chance")}});
  if (evaluation.has("/calibration_check/slope")) {
    figures.figures.push_back({"Slope (1 is right)",
                               evaluation.cell("/calibration_check/slope"),
                               {Cell("95 %: "), evaluation.interval("/calibration_check/slope_interval")}});
    figures.figures.push_back({"Intercept (0 is right)",
                               evaluation.cell("/calibration_check/intercept"),
                               {Cell("95 %: "), evaluation.interval("/calibration_check/intercept_interval")}});
  }
  figures.figures.push_back({"Mean score",
                             evaluation.cell("/calibration_check/mean_score"),
                             {Cell("share of positives "), evaluation.cell("/calibration_check/prevalence")}});
  section.elements.push_back(figures);
  Grid variants{"What recalibrating would give on the test rows (maps fitted on out-of-fold scores)",
                {"scores", "log loss", "Brier", "ECE"},
                {}};
  for (std::size_t i = 0; i < evaluation.at("/calibration_check/variants").size(); ++i)
    variants.rows.push_back({evaluation.cell(pointer("calibration_check", "variants", i, "name")),
                             evaluation.cell(pointer("calibration_check", "variants", i, "log_loss")),
                             evaluation.cell(pointer("calibration_check", "variants", i, "brier")),
                             evaluation.cell(pointer("calibration_check", "variants", i, "ece"))});
  section.elements.push_back(variants);
  section.elements.push_back(bins);
  return section;
}

Section threshold_section(const ReportContent& content) {
  Section section{"Threshold", {}};
  const Citation evaluation(content.evaluation, "evaluation.json");
  if (!evaluation.has("/thresholds/chosen")) return section;
  section.elements.push_back(
      Text{fmt::format(
               "A row is called {} from the threshold on. It was chosen on out-of-fold scores of the training rows by "
               "the rule: {}. The numbers are those of the test rows.",
               evaluation.at("/classes/1").get<std::string>(), evaluation.at("/thresholds/policy").get<std::string>()),
           ""});
  const bool days = evaluation.has("/thresholds/chosen/alerts_per_day");
  const bool costs = evaluation.has("/thresholds/chosen/cost");
  std::vector<std::pair<std::string, std::string>> columns = {{"threshold", "threshold"}, {"alerts", "alerts"}};
  if (days) columns.emplace_back("alerts_per_day", "alerts a day");
  columns.insert(columns.end(), {{"true_positives", "found"},
                                 {"false_positives", "false alarms"},
                                 {"precision", "precision"},
                                 {"recall", "recall"},
                                 {"false_positive_rate", "false positive rate"},
                                 {"f1", "F1"}});
  if (costs) columns.emplace_back("cost", "cost");
  const auto row_at = [&](const std::string& place) {
    std::vector<Cell> row;
    for (const auto& [key, title] : columns) row.push_back(evaluation.cell(place + "/" + key));
    return row;
  };
  Figures figures;
  for (const auto& [key, title] : columns)
    figures.figures.push_back({title, evaluation.cell("/thresholds/chosen/" + key), {}});
  section.elements.push_back(figures);
  if (costs)
    section.elements.push_back(
        Figures{{{"Cost without any alert", evaluation.cell("/thresholds/cost_of_no_alert"), {}},
                 {"Cost with an alert for every row", evaluation.cell("/thresholds/cost_of_every_alert"), {}}}});
  Grid policies{"What other rules would do", {"rule"}, {}};
  for (const auto& [key, title] : columns) policies.header.push_back(title);
  for (std::size_t i = 0; i < evaluation.at("/thresholds/policies").size(); ++i) {
    std::vector<Cell> row = {evaluation.cell(pointer("thresholds", "policies", i, "policy"))};
    const auto numbers = row_at(pointer("thresholds", "policies", i));
    row.insert(row.end(), numbers.begin(), numbers.end());
    policies.rows.push_back(row);
  }
  if (!policies.rows.empty()) section.elements.push_back(policies);
  const json& all = evaluation.at("/thresholds/points");
  if (all.empty()) return section;
  Slider slider{"Try a threshold", {}, {}, 0};
  for (const auto& [key, title] : columns) slider.header.push_back(title);
  const double chosen = evaluation.at("/thresholds/chosen/threshold").get<double>();
  Series precision{"precision", {}}, recall{"recall", {}}, f1{"F1", {}}, cost{"cost", {}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    slider.rows.push_back(row_at(pointer("thresholds", "points", i)));
    const double threshold = all[i].at("threshold").get<double>();
    if (std::abs(threshold - chosen) < std::abs(all[slider.chosen].at("threshold").get<double>() - chosen))
      slider.chosen = i;
    const double alerts = all[i].at("alerts").get<double>();
    precision.points.emplace_back(alerts, all[i].at("precision").get<double>());
    recall.points.emplace_back(alerts, all[i].at("recall").get<double>());
    f1.points.emplace_back(alerts, all[i].at("f1").get<double>());
    if (costs) cost.points.emplace_back(alerts, all[i].at("cost").get<double>());
  }
  section.elements.push_back(slider);
  section.elements.push_back(Chart{"Precision, recall and F1 by number of alerts",
                                   line_chart({precision, recall, f1}, "alerts (test rows)", "share", false, true), 320,
                                   "Logarithmic axis of alerts", evaluation.source("/thresholds/points")});
  if (costs)
    section.elements.push_back(Chart{"Total cost by number of alerts",
                                     line_chart({cost}, "alerts (test rows)", "cost", false, true), 320,
                                     "Logarithmic axis of alerts", evaluation.source("/thresholds/points")});
  return section;
}

}  // namespace slipway::pipeline
