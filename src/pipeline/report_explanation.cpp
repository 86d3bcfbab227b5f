// What the model rests on: importance three ways, dependence on one input and on two.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "charts.hpp"
#include "report_cells.hpp"
#include "report_sections.hpp"

namespace slipway::pipeline {
namespace {

using nlohmann::json;
using report::Cell;
using report::Chart;
using report::Grid;
using report::Section;
using report::Text;

constexpr std::size_t most_inputs = 20;   // of a plot of importances
constexpr std::size_t most_listed = 100;  // of their table
constexpr std::size_t most_outputs = 6;   // classes whose curves are drawn

int bars_height(std::size_t bars) { return 60 + 26 * static_cast<int>(bars); }

// The place of an input's entry in a list of importances.
std::map<std::string, std::size_t> places(const json& entries) {
  std::map<std::string, std::size_t> found;
  for (std::size_t i = 0; i < entries.size(); ++i) found.emplace(entries[i].at("input"), i);
  return found;
}

// "0.01 to 0.03"
Cell low_to_high(const Citation& from, const std::string& place) {
  return {from.cell(place + "/low", 3).text + " to " + from.cell(place + "/high", 3).text, from.source(place)};
}

// All three importances side by side, in the order of the first that there is.
Grid importance_grid(const Citation& from) {
  struct List {
    std::string path, value, title;
    bool interval;
    std::map<std::string, std::size_t> places = {};
  };
  std::vector<List> lists;
  std::vector<std::string> names;
  for (List list : {List{"/permutation_importance/inputs", "mean", "by permutation", true},
                    List{"/mean_contributions", "mean_absolute_contribution", "by SHAP", true},
                    List{"/impurity_importance", "share", "by impurity", false}}) {
    const json& entries = from.at(list.path);
    if (!entries.is_array() || entries.empty()) continue;
    list.places = places(entries);
    if (lists.empty())
      for (const json& entry : entries) names.push_back(entry.at("input"));
    lists.push_back(std::move(list));
  }
  Grid grid{"Importance of the inputs, 95 % intervals", {"input"}, {}};
  for (const List& list : lists) {
    grid.header.push_back(list.title);
    if (list.interval) grid.header.emplace_back("interval");
  }
  for (const std::string& name : names) {
    if (grid.rows.size() == most_listed) break;
    std::vector<Cell> row = {name};
    for (const List& list : lists) {
      const auto found = list.places.find(name);
      const std::string place = list.path + pointer(found == list.places.end() ? 0 : found->second);
      row.push_back(found == list.places.end() ? Cell("") : from.cell(place + "/" + list.value, 3));
      if (list.interval) row.push_back(found == list.places.end() ? Cell("") : low_to_high(from, place));
    }
    grid.rows.push_back(std::move(row));
  }
  return grid;
}

void add_importances(Section& section, const Citation& from) {
  const json& permutation = from.at("/permutation_importance");
  const std::string metric = permutation.value("metric_name", std::string());
  const auto bars_of = [&](const json& entries, const char* value) {
    std::vector<Bar> bars;
    for (const json& entry : entries) {
      if (bars.size() == most_inputs) break;
      Bar bar{entry.at("input"), entry.at(value).get<double>(), {}};
      if (entry.contains("low")) bar.interval = {{entry["low"].get<double>(), entry["high"].get<double>()}};
      bars.push_back(std::move(bar));
    }
    return bars;
  };
  if (!permutation.at("inputs").empty()) {
    section.elements.push_back(Text{
        fmt::format("By permutation: how much worse {} gets when one column is shuffled over {} test rows, with the "
                    "interval of the mean over the shuffles. By SHAP: the mean size of an input's contribution. By "
                    "impurity: the share of what the trees' splits take away on the training rows, which favours "
                    "inputs of many values.",
                    metric, permutation.value("rows", 0)),
        from.source("/permutation_importance")});
    const auto bars = bars_of(permutation.at("inputs"), "mean");
    section.elements.push_back(Chart{"Permutation importance", bar_chart(bars, "loss of " + metric),
                                     bars_height(bars.size()), "Bars with 95 % intervals",
                                     from.source("/permutation_importance")});
  } else {
    section.elements.push_back(Text{"There are too few test rows to shuffle: no importance by permutation.",
                                    from.source("/permutation_importance")});
  }
  if (from.at("/mean_contributions").is_array()) {
    const auto bars = bars_of(from.at("/mean_contributions"), "mean_absolute_contribution");
    section.elements.push_back(Chart{"Mean size of SHAP contributions", bar_chart(bars, "mean |contribution|"),
                                     bars_height(bars.size()), "Bars with 95 % intervals",
                                     from.source("/mean_contributions")});
  } else if (from.has("/why_no_contributions")) {
    section.elements.push_back(Text{"No SHAP contributions: " + from.at("/why_no_contributions").get<std::string>(),
                                    from.source("/why_no_contributions")});
  }
  if (const json& impurity = from.at("/impurity_importance"); impurity.is_array() && !impurity.empty()) {
    const auto bars = bars_of(impurity, "share");
    section.elements.push_back(Chart{"Impurity importance", bar_chart(bars, "share"), bars_height(bars.size()), "",
                                     from.source("/impurity_importance")});
  }
  if (Grid grid = importance_grid(from); !grid.rows.empty()) section.elements.push_back(std::move(grid));
}

std::string category(const json& value) { return value.is_null() ? "missing" : value.get<std::string>(); }

// Values of a grid as labels of an axis.
std::vector<std::string> labels_of(const json& side) {
  std::vector<std::string> labels;
  for (const json& value : side.at("grid"))
    labels.push_back(value.is_number() ? fmt::format("{:.4g}", value.get<double>()) : category(value));
  return labels;
}

// The mean over the rows, by class where there are several.
std::string dependence_chart(const json& dependence, const std::vector<std::string>& classes) {
  const json& grid = dependence.at("grid");
  const auto outputs = dependence.at("outputs").get<std::size_t>();
  const auto value = [&](const char* key, std::size_t output, std::size_t point) {
    return dependence.at(key)[output * grid.size() + point].get<double>();
  };
  const auto class_name = [&](std::size_t output) {
    return output < classes.size() ? classes[output] : std::string("score");
  };
  if (dependence.at("kind") != "number") {
    const auto categories = labels_of(dependence);
    if (outputs > 1) {
      std::vector<std::vector<double>> heights;
      std::vector<std::string> names;
      for (std::size_t o = 0; o < std::min(outputs, most_outputs); ++o) {
        names.push_back(class_name(o));
        heights.emplace_back();
        for (std::size_t i = 0; i < grid.size(); ++i) heights.back().push_back(value("mean", o, i));
      }
      return column_chart(categories, names, heights, "score");
    }
    std::vector<std::vector<double>> heights(1);
    for (std::size_t i = 0; i < grid.size(); ++i) heights[0].push_back(value("mean", 0, i));
    return column_chart(categories, {"mean"}, heights, "score");
  }
  std::vector<Series> series;
  const auto add = [&](const std::string& name, const char* key, std::size_t output, Series::Style style) {
    Series line{name, {}, style};
    for (std::size_t i = 0; i < grid.size(); ++i)
      line.points.emplace_back(grid[i].get<double>(), value(key, output, i));
    series.push_back(std::move(line));
  };
  const std::string input = dependence.at("input");
  if (outputs > 1) {
    for (std::size_t o = 0; o < std::min(outputs, most_outputs); ++o)
      add(class_name(o), "mean", o, Series::Style::solid);
    return line_chart(series, input, "score");
  }
  add("mean", "mean", 0, Series::Style::solid);
  add("10 % of rows below", "low", 0, Series::Style::dashed);
  add("90 % of rows below", "high", 0, Series::Style::dashed);
  for (const json& curve : dependence.at("curves")) {
    Series line{"single rows", {}, Series::Style::faint};
    for (std::size_t i = 0; i < std::min(grid.size(), curve.size()); ++i)
      line.points.emplace_back(grid[i].get<double>(), curve[i].get<double>());
    series.push_back(std::move(line));
  }
  return line_chart(series, input, "score");
}

}  // namespace

Section explanation_section(const ReportContent& content) {
  Section section{"Explanation", {}};
  const Citation from(content.explanation, "explanation.json");
  std::vector<std::string> classes;
  if (content.evaluation.contains("classes"))
    classes = content.evaluation.at("classes").get<std::vector<std::string>>();
  add_importances(section, from);
  std::size_t number = 0;
  for (const json& dependence : from.at("/partial_dependence")) {
    const std::string place = from.source(pointer("partial_dependence", number++));
    if (dependence.at("grid").empty()) continue;  // missing in all rows
    const std::string input = dependence.at("input");
    section.elements.push_back(Chart{"Partial dependence of the score on " + input,
                                     dependence_chart(dependence, classes), 300,
                                     "Mean score of the test rows when all of them have this value", place});
  }
  for (std::size_t k = 0; k < from.at("/pair_dependence").size(); ++k) {
    const std::string place = pointer("pair_dependence", k);
    const json& pair = from.at(place);
    const auto x = labels_of(pair.at("first")), y = labels_of(pair.at("second"));
    if (x.empty() || y.empty()) continue;
    const std::string first = pair.at("first").at("input"), second = pair.at("second").at("input");
    const auto outputs = pair.at("outputs").get<std::size_t>();
    for (std::size_t o = 0; o < std::min(outputs, most_outputs); ++o) {
      std::vector<std::vector<double>> rows(y.size());
      for (std::size_t j = 0; j < y.size(); ++j)
        for (std::size_t i = 0; i < x.size(); ++i)
          rows[j].push_back(pair.at("mean")[(o * x.size() + i) * y.size() + j].get<double>());
      const std::string of = outputs > 1 && o < classes.size() ? " (" + classes[o] + ")" : "";
      section.elements.push_back(Chart{fmt::format("Partial dependence of the score{} on {} and {}; interaction {}", of,
                                                   first, second, from.cell(place + pointer("interaction", o), 3).text),
                                       heat_map(x, y, rows, first, second), 380,
                                       "Mean score of the test rows for each pair of values", from.source(place)});
    }
  }
  if (from.at("/pair_dependence").is_array() && !from.at("/pair_dependence").empty())
    section.elements.push_back(
        Text{"Interaction: the share of the surface's variance that no sum of a curve of the one input and a curve of "
             "the other gives; 0 where the two act apart.",
             ""});
  return section;
}

}  // namespace slipway::pipeline
