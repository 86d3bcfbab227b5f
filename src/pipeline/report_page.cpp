#include "report_page.hpp"

#include <cmath>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/table/profile.hpp>

#include "charts.hpp"
#include "search_charts.hpp"

namespace slipway::pipeline {
namespace {

using nlohmann::json;
using report::Chart;
using report::Element;
using report::Figures;
using report::Grid;
using report::Section;
using report::Text;
using report::Verdict;

std::string number(const json& value, int digits = 4) {
  if (!value.is_number()) return "undefined";
  if (value.is_number_integer()) return fmt::format("{}", value.get<std::int64_t>());
  return fmt::format("{:.{}f}", value.get<double>(), digits);
}

// The measures that a person looks at first, by task.
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

Section summary(const ReportContent& content) {
  Section section{"Summary", {}};
  const json& evaluation = content.evaluation;
  const std::string task = evaluation.at("task");
  bool passed = true;
  std::string failures;
  for (const json& gate : content.gates)
    if (!gate.at("passed").get<bool>()) {
      passed = false;
      failures += (failures.empty() ? "" : "; ") + gate.at("text").get<std::string>();
    }
  if (!passed) {
    section.elements.push_back(Verdict{Verdict::Level::bad, "Not published. Gates failed: " + failures + "."});
  } else {
    section.elements.push_back(
        Verdict{Verdict::Level::good,
                fmt::format("{} Two engines agree on all {} test rows (largest difference {:.2g}).",
                            content.gates.empty() ? "No gates were set." : "All gates passed.",
                            content.verification.at("rows").get<std::int64_t>(),
                            content.verification.at("engines")[0].at("largest_difference").get<double>())});
  }
  Figures figures;
  for (const auto& [name, title] : headline(task)) {
    if (!evaluation.at("metrics").contains(name)) continue;
    std::string detail;
    if (evaluation.at("intervals").contains(name))
      detail = fmt::format("95 %: {} to {}", number(evaluation["intervals"][name][0]),
                           number(evaluation["intervals"][name][1]));
    if (evaluation.at("baseline").contains(name))
      detail += fmt::format("{}baseline {}", detail.empty() ? "" : "; ", number(evaluation["baseline"][name]));
    figures.figures.push_back({title, number(evaluation["metrics"][name]), detail});
  }
  section.elements.push_back(figures);
  for (const json& note : evaluation.at("notes")) section.elements.push_back(Text{note.get<std::string>()});
  return section;
}

Section data(const ReportContent& content) {
  Section section{"Data", {}};
  const Dataset& dataset = *content.dataset;
  section.elements.push_back(Text{fmt::format("{} rows after cleaning: {} for training, {} for the test. Split: {}.",
                                              dataset.prepared.table.rows(), dataset.split.train.size(),
                                              dataset.split.test.size(), content.configuration->split.options.method)});
  Grid cleaning{"Cleaning", {"step", "rows in", "rows out", "changed"}, {}};
  for (const auto& step : dataset.prepared.cleaning)
    cleaning.rows.push_back(
        {step.step, std::to_string(step.rows_in), std::to_string(step.rows_out), std::to_string(step.rows_changed)});
  if (!cleaning.rows.empty()) section.elements.push_back(cleaning);
  if (dataset.prepared.rejected_rows > 0)
    section.elements.push_back(
        Verdict{Verdict::Level::attention,
                fmt::format("{} rows of the sources do not fit and are left out: see rejects.csv in the run's folder.",
                            dataset.prepared.rejected_rows)});
  for (const LeakageFinding& finding : content.leakage)
    section.elements.push_back(
        Verdict{finding.severe ? Verdict::Level::bad : Verdict::Level::attention, "Leakage: " + finding.evidence});
  for (const std::string& note : dataset.notes) section.elements.push_back(Text{note});
  Grid dropped{"Features left out by selection", {"feature", "why"}, {}};
  for (const json& one : content.search.value("dropped_features", json::array()))
    dropped.rows.push_back({one.at("feature").get<std::string>(), one.at("why").get<std::string>()});
  if (!dropped.rows.empty()) section.elements.push_back(dropped);

  const table::TableProfile profile = table::profile_table(dataset.prepared.table);
  Grid columns{
      "Columns after cleaning", {"column", "type", "missing", "distinct", "low (1 %)", "median", "high (99 %)"}, {}};
  for (const auto& column : profile.columns) {
    std::vector<std::string> row = {column.name, column.type, std::to_string(column.missing),
                                    std::to_string(column.distinct)};
    if (column.type == "number" || column.type == "integer") {
      for (std::size_t quantile : {std::size_t{0}, std::size_t{3}, std::size_t{6}})
        row.push_back(quantile < column.quantiles.size() ? fmt::format("{:.5g}", column.quantiles[quantile]) : "");
    } else {
      row.insert(row.end(), {"", "", ""});
    }
    columns.rows.push_back(row);
  }
  section.elements.push_back(columns);
  return section;
}

// A heat map over the first two searched options, the best over all others.
void add_heat_map(Section& section, const json& search) {
  std::vector<std::string> options;
  for (const json& candidate : search.at("candidates"))
    for (const auto& [name, value] : candidate.at("settings").items())
      if (std::find(options.begin(), options.end(), name) == options.end()) options.push_back(name);
  std::vector<std::pair<std::string, std::vector<std::string>>> axes;
  for (const std::string& option : options) {
    std::vector<std::string> values;
    for (const json& candidate : search.at("candidates")) {
      const std::string value = candidate.at("settings").value(option, "");
      if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
    }
    if (values.size() > 1) axes.emplace_back(option, values);
  }
  if (axes.size() < 2) return;
  const auto& [x_name, x] = axes[0];
  const auto& [y_name, y] = axes[1];
  const bool higher = search.value("higher_is_better", true);
  std::vector<std::vector<double>> best(y.size(),
                                        std::vector<double>(x.size(), std::numeric_limits<double>::quiet_NaN()));
  for (const json& candidate : search.at("candidates")) {
    const auto at = [](const std::vector<std::string>& values, const std::string& value) {
      return static_cast<std::size_t>(std::find(values.begin(), values.end(), value) - values.begin());
    };
    double& cell = best[at(y, candidate["settings"].value(y_name, ""))][at(x, candidate["settings"].value(x_name, ""))];
    if (!candidate.at("mean").is_number()) continue;
    const double mean = candidate["mean"].get<double>();
    if (std::isnan(cell) || (higher ? mean > cell : mean < cell)) cell = mean;
  }
  section.elements.push_back(Chart{fmt::format("{} by {} and {}", search.value("metric", ""), x_name, y_name),
                                   heat_map(x, y, best, x_name, y_name), 320, ""});
}

Section search(const ReportContent& content) {
  Section section{"Search", {}};
  const json& search = content.search;
  section.elements.push_back(Text{search.value("plan", "")});
  std::string settings;
  for (const auto& [name, value] : search.at("best").items())
    settings += fmt::format("{}{} = {}", settings.empty() ? "" : ", ", name, value.get<std::string>());
  section.elements.push_back(Text{fmt::format("Learner: {}. Chosen: {}.", content.configuration->learner,
                                              settings.empty() ? "defaults" : settings)});
  Grid grid{"Best candidates", {"rank", "settings", search.value("metric", ""), "deviation over folds"}, {}};
  std::vector<json> candidates = search.at("candidates").get<std::vector<json>>();
  std::sort(candidates.begin(), candidates.end(),
            [](const json& a, const json& b) { return a.at("rank").get<int>() < b.at("rank").get<int>(); });
  for (std::size_t i = 0; i < std::min<std::size_t>(10, candidates.size()); ++i) {
    std::string text;
    for (const auto& [name, value] : candidates[i].at("settings").items())
      text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, value.get<std::string>());
    grid.rows.push_back({std::to_string(candidates[i].at("rank").get<int>()), text.empty() ? "defaults" : text,
                         number(candidates[i].at("mean")), number(candidates[i].at("standard_deviation"))});
  }
  section.elements.push_back(grid);
  add_heat_map(section, search);
  add_search_charts(section, search);
  return section;
}

std::vector<std::pair<double, double>> points(const json& curve) {
  std::vector<std::pair<double, double>> list;
  for (const json& point : curve) list.emplace_back(point[0].get<double>(), point[1].get<double>());
  return list;
}

Section quality(const ReportContent& content) {
  Section section{"Quality on the test rows", {}};
  const json& evaluation = content.evaluation;
  if (evaluation.contains("confusion")) {
    const auto classes = evaluation.at("classes").get<std::vector<std::string>>();
    Grid matrix{"Confusion matrix (rows: truth, columns: prediction)", {"truth"}, {}};
    const std::size_t shown = std::min<std::size_t>(classes.size(), 20);
    for (std::size_t i = 0; i < shown; ++i) matrix.header.push_back(classes[i]);
    for (std::size_t i = 0; i < shown; ++i) {
      std::vector<std::string> row = {classes[i]};
      for (std::size_t j = 0; j < shown; ++j)
        row.push_back(fmt::format("{:.0f}", evaluation["confusion"][i][j].get<double>()));
      matrix.rows.push_back(row);
    }
    section.elements.push_back(matrix);
  }
  if (evaluation.contains("threshold"))
    section.elements.push_back(Text{fmt::format(
        "Threshold: a row is {} from a score of {:.4g} on ({}).", evaluation.at("classes")[1].get<std::string>(),
        evaluation.at("threshold").get<double>(), content.search.value("threshold_policy", "0.5"))});
  if (evaluation.contains("roc")) {
    section.elements.push_back(
        Chart{"Precision and recall",
              line_chart({{"model", points(evaluation["precision_recall"])}}, "recall", "precision", true), 320,
              "Precision over recall for every threshold"});
    section.elements.push_back(
        Chart{"ROC curve",
              line_chart({{"model", points(evaluation["roc"])}, {"chance", {{0, 0}, {1, 1}}, true}},
                         "false positive rate", "true positive rate", true),
              320, "True positive rate over false positive rate"});
    Series calibration{"model", {}};
    double most = 0;
    for (const json& bin : evaluation.at("calibration")) {
      calibration.points.emplace_back(bin.at("predicted").get<double>(), bin.at("observed").get<double>());
      most = std::max({most, bin["predicted"].get<double>(), bin["observed"].get<double>()});
    }
    section.elements.push_back(Chart{
        "Calibration: observed share of positives by predicted score, bins of equal size",
        line_chart({calibration, {"perfect", {{0, 0}, {most, most}}, true}}, "mean score", "observed share"), 320, ""});
  }
  for (const char* key : {"scores", "residuals"})
    if (evaluation.contains(key)) {
      const json& histogram = evaluation[key];
      section.elements.push_back(
          Chart{std::string(key) == "scores" ? "Scores by class" : "Residuals",
                histogram_chart(histogram.at("edges"), histogram.at("series"), histogram.at("counts"),
                                std::string(key) == "scores" ? "score" : "prediction - truth"),
                300, ""});
    }
  return section;
}

Section explanations(const ReportContent& content) {
  Section section{"Explanation", {}};
  const json& importance = content.explanation.at("permutation_importance");
  std::vector<std::pair<std::string, double>> bars;
  for (const json& entry : importance.at("inputs"))
    if (bars.size() < 20) bars.emplace_back(entry.at("input"), entry.at("mean").get<double>());
  section.elements.push_back(
      Text{fmt::format("Permutation importance: how much {} falls when one column is shuffled over {} test rows.",
                       importance.value("metric_name", ""), importance.value("rows", 0))});
  section.elements.push_back(Chart{"Permutation importance",
                                   bar_chart(bars, "loss of " + importance.value("metric_name", std::string())),
                                   60 + 26 * static_cast<int>(bars.size()), ""});
  if (content.explanation.at("mean_contributions").is_array()) {
    bars.clear();
    for (const json& entry : content.explanation["mean_contributions"])
      if (bars.size() < 20) bars.emplace_back(entry.at("input"), entry.at("mean_absolute_contribution").get<double>());
    section.elements.push_back(Chart{"Mean size of SHAP contributions", bar_chart(bars, "mean |contribution|"),
                                     60 + 26 * static_cast<int>(bars.size()), ""});
  }
  for (const json& dependence : content.explanation.at("partial_dependence")) {
    const std::string input = dependence.at("input");
    const std::string title = "Partial dependence of the score on " + input;
    if (dependence.at("kind") == "number") {
      Series mean{"mean", {}}, low{"10 % of rows below", {}, true}, high{"90 % of rows below", {}, true};
      for (std::size_t i = 0; i < dependence.at("grid").size(); ++i) {
        const double x = dependence["grid"][i].get<double>();
        mean.points.emplace_back(x, dependence["mean"][i].get<double>());
        low.points.emplace_back(x, dependence["low"][i].get<double>());
        high.points.emplace_back(x, dependence["high"][i].get<double>());
      }
      section.elements.push_back(Chart{title, line_chart({mean, low, high}, input, "score"), 300, ""});
    } else {
      std::vector<std::string> categories;
      std::vector<double> means;
      for (std::size_t i = 0; i < dependence.at("grid").size(); ++i) {
        categories.push_back(dependence["grid"][i].is_null() ? "missing" : dependence["grid"][i].get<std::string>());
        means.push_back(dependence["mean"][i].get<double>());
      }
      section.elements.push_back(Chart{title, column_chart(categories, means, "score"), 300, ""});
    }
  }
  return section;
}

Section lineage(const ReportContent& content) {
  Section section{"Lineage", {}};
  std::string sources;
  for (const Source& source : content.configuration->sources)
    sources += (sources.empty() ? "" : ", ") + source.location;
  Grid grid{"", {"what", "value"}, {}};
  grid.rows = {{"run", content.run_id},
               {"made", format_time(now_microseconds() / 1'000'000 * 1'000'000)},
               {"build", std::string(build_identity())},
               {"sources", sources},
               {"data digest (SHA-256)", content.dataset->prepared.data_digest},
               {"model.onnx (SHA-256)", content.model_digest},
               {"seed", std::to_string(content.configuration->seed)}};
  for (const json& engine : content.verification.at("engines"))
    grid.rows.push_back({"largest difference to " + engine.at("engine").get<std::string>(),
                         fmt::format("{:.3g}", engine.at("largest_difference").get<double>())});
  section.elements.push_back(grid);
  return section;
}

}  // namespace

report::Page report_page(const ReportContent& content) {
  report::Page page;
  page.title = content.configuration->name;
  page.subtitle = fmt::format("{} on '{}'; run {}", content.evaluation.at("task").get<std::string>(),
                              content.configuration->schema.target, content.run_id);
  page.sections = {summary(content), data(content),         search(content),
                   quality(content), explanations(content), lineage(content)};
  return page;
}

}  // namespace slipway::pipeline
