// Slices, bias and variance.
#include <algorithm>

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
using report::Text;
using report::Verdict;

// The measures that some group has, with titles.
std::vector<std::pair<std::string, std::string>> columns_of(const json& groups) {
  static const std::vector<std::pair<std::string, std::string>> known = {{"prevalence", "positives"},
                                                                         {"selection_rate", "called positive"},
                                                                         {"precision", "precision"},
                                                                         {"recall", "recall"},
                                                                         {"false_positive_rate", "false positive rate"},
                                                                         {"accuracy", "accuracy"},
                                                                         {"roc_auc", "ROC AUC"},
                                                                         {"average_precision", "average precision"},
                                                                         {"log_loss", "log loss"},
                                                                         {"mean_score", "mean score"},
                                                                         {"mae", "MAE"},
                                                                         {"rmse", "RMSE"},
                                                                         {"mean_residual", "mean residual"}};
  std::vector<std::pair<std::string, std::string>> columns;
  for (const auto& column : known)
    for (const json& group : groups)
      if (group.at("metrics").contains(column.first)) {
        columns.push_back(column);
        break;
      }
  return columns;
}

Grid group_grid(const Citation& from, const std::string& place, const std::string& caption) {
  const json& groups = from.at(place);
  Grid grid{caption, {"group", "rows"}, {}};
  const auto columns = columns_of(groups);
  for (const auto& [key, title] : columns) grid.header.push_back(title);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string group = place + pointer(i);
    std::vector<Cell> row = {from.cell(group + "/name"), from.cell(group + "/rows")};
    for (const auto& [key, title] : columns) {
      if (!from.has(group + "/metrics/" + key)) {
        row.emplace_back("");
        continue;
      }
      Cell cell = from.cell(group + "/metrics/" + key, 3);
      // The interval stands behind its number.
      const std::string interval = group + "/intervals/" + key;
      if (from.has(interval)) {
        cell.text += fmt::format(" ({}–{})", from.cell(interval + "/0", 3).text, from.cell(interval + "/1", 3).text);
      }
      row.push_back(cell);
    }
    grid.rows.push_back(row);
  }
  return grid;
}

}  // namespace

Section slice_section(const ReportContent& content) {
  Section section{"Slices", {}};
  const Citation evaluation(content.evaluation, "evaluation.json");
  const json& slices = evaluation.at("/slices");
  if (evaluation.has("/found_slices")) {
    const json& found = evaluation.at("/found_slices");
    section.elements.push_back(
        found.empty()
            ? Verdict{Verdict::Level::good,
                      "No part of the test rows was found where the model is wrong more than its scores admit.", ""}
            : Verdict{Verdict::Level::attention,
                      fmt::format("{} parts of the test rows were found where the model is wrong more than its "
                                  "scores admit.",
                                  found.size()),
                      ""});
    if (!found.empty()) {
      Grid grid{"Found: one or two conditions, p below 0.05 after counting all that were looked at",
                {"rows where", "rows", "excess loss", "p"},
                {}};
      for (std::size_t i = 0; i < found.size(); ++i)
        grid.rows.push_back({evaluation.cell(pointer("found_slices", i, "name")),
                             evaluation.cell(pointer("found_slices", i, "rows")),
                             evaluation.cell(pointer("found_slices", i, "excess_loss"), 3),
                             evaluation.cell(pointer("found_slices", i, "p_value"), 2)});
      section.elements.push_back(grid);
      section.elements.push_back(group_grid(evaluation, "/found_slices", "Quality there, 95 % intervals in brackets"));
    }
  }
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const std::string column = slices[i].at("column");
    section.elements.push_back(group_grid(evaluation, pointer("slices", i, "groups"),
                                          fmt::format("By {}, 95 % intervals in brackets", column)));
    const json& fairness = slices[i].at("fairness");
    if (fairness.empty()) continue;
    Grid grid{fmt::format("Fairness between the groups of {}: lowest rate over highest; below 0.8 calls for a reason",
                          column),
              {"what is compared", "rate", "ratio", "95 % interval", "difference", "lowest", "highest"},
              {}};
    for (std::size_t k = 0; k < fairness.size(); ++k) {
      const std::string place = pointer("slices", i, "fairness", k);
      grid.rows.push_back({evaluation.cell(place + "/name"), evaluation.cell(place + "/measure"),
                           evaluation.cell(place + "/ratio", 3), evaluation.interval(place + "/interval", 3),
                           evaluation.cell(place + "/difference", 3), evaluation.cell(place + "/lowest"),
                           evaluation.cell(place + "/highest")});
    }
    section.elements.push_back(grid);
  }
  if (slices.empty()) section.elements.push_back(Text{"No slice was declared (evaluate: slices: [column, ...]).", ""});
  return section;
}

namespace {

// How loss and metric went from round to round.
void add_rounds(const Citation& evaluation, Section& section) {
  if (!evaluation.has("/fit/rounds")) return;
  const json& rounds = evaluation.at("/fit/rounds");
  const std::string verdict = rounds.at("verdict");
  section.elements.push_back(Verdict{verdict == "diverges"  ? Verdict::Level::bad
                                     : verdict == "settled" ? Verdict::Level::good
                                                            : Verdict::Level::attention,
                                     rounds.at("text"), evaluation.source("/fit/rounds/text")});
  const auto add = [&](const std::string& key) {
    const std::string name = rounds.at(key);
    Series train{"training rows", {}}, validation{"validation rows", {}};
    for (const json& point : rounds.at("points")) {
      const auto at = [&](const std::string& field) { return point.at(field).get<double>(); };
      train.points.emplace_back(at("rounds"), at("train_" + key));
      validation.points.emplace_back(at("rounds"), at("validation_" + key));
    }
    section.elements.push_back(Chart{name + " by rounds", line_chart({train, validation}, "rounds", name, false, true),
                                     320, name + " on training and validation rows by the number of rounds or trees",
                                     evaluation.source("/fit/rounds/points")});
  };
  add("loss");
  if (rounds.at("metric") != rounds.at("loss")) add("metric");
}

}  // namespace

Section fit_section(const ReportContent& content) {
  Section section{"Bias and variance", {}};
  const Citation evaluation(content.evaluation, "evaluation.json");
  if (!evaluation.has("/fit/verdict")) return section;
  const std::string verdict = evaluation.at("/fit/verdict");
  const auto level = verdict == "fits"        ? Verdict::Level::good
                     : verdict == "no_signal" ? Verdict::Level::bad
                                              : Verdict::Level::attention;
  section.elements.push_back(Verdict{level, evaluation.at("/fit/text"), evaluation.source("/fit/text")});
  Grid advice{"What to try", {"", ""}, {}};
  for (std::size_t i = 0; i < evaluation.at("/fit/advice").size(); ++i)
    advice.rows.push_back({Cell(std::to_string(i + 1)), evaluation.cell(pointer("fit", "advice", i))});
  section.elements.push_back(advice);
  if (evaluation.has("/fit/learning_curve") && evaluation.at("/fit/learning_curve/points").size() > 1) {
    const std::string metric = evaluation.at("/fit/learning_curve/metric");
    Series train{"training rows", {}}, validation{"validation rows", {}};
    Grid grid{"Learning curve", {"training rows", metric + " on them", metric + " on validation rows"}, {}};
    const json& points = evaluation.at("/fit/learning_curve/points");
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double rows = points[i].at("rows").get<double>();
      train.points.emplace_back(rows, points[i].at("train").get<double>());
      validation.points.emplace_back(rows, points[i].at("validation").get<double>());
      const std::string place = pointer("fit", "learning_curve", "points", i);
      grid.rows.push_back({evaluation.cell(place + "/rows"), evaluation.cell(place + "/train"),
                           evaluation.cell(place + "/validation")});
    }
    section.elements.push_back(Chart{"Learning curve",
                                     line_chart({train, validation}, "training rows", metric, false, true), 320,
                                     "The metric on training and validation rows by the number of training rows",
                                     evaluation.source("/fit/learning_curve/points")});
    section.elements.push_back(grid);
  }
  add_rounds(evaluation, section);
  if (evaluation.has("/fit/decomposition")) {
    const std::string place = "/fit/decomposition/";
    Figures figures;
    figures.figures.push_back({"Squared error",
                               evaluation.cell(place + "error"),
                               {Cell("mean over "), evaluation.cell(place + "models"), Cell(" models on samples of "),
                                evaluation.cell(place + "rows"), Cell(" rows")}});
    figures.figures.push_back({"of it variance", evaluation.cell(place + "variance"), {Cell("falls with more rows")}});
    if (evaluation.has(place + "noise")) {
      figures.figures.push_back(
          {"of it squared bias", evaluation.cell(place + "bias"), {Cell("falls with a better model")}});
      figures.figures.push_back(
          {"of it noise", evaluation.cell(place + "noise"), {Cell("as the scores claim; falls with new columns")}});
      figures.figures.push_back({"Disagreement",
                                 evaluation.cell(place + "disagreement"),
                                 {Cell("share of models whose label is not the most frequent one")}});
    } else {
      figures.figures.push_back({"of it bias and noise",
                                 evaluation.cell(place + "bias_and_noise"),
                                 {Cell("falls with a better model or new columns")}});
    }
    section.elements.push_back(figures);
  }
  return section;
}

}  // namespace slipway::pipeline
