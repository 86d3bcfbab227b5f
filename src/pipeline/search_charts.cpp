#include "search_charts.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "charts.hpp"

namespace slipway::pipeline {
namespace {

using nlohmann::json;
using report::Chart;
using report::Section;

// One searched option with more than one value.
struct Axis {
  std::string option;
  bool numeric = true;
  std::vector<std::string> values;  // distinct; numbers ascending
  // Powers rather than steps: all above 0, over more than two orders of magnitude.
  bool logarithmic() const {
    if (!numeric) return false;
    const double low = *parse_number(values.front());
    return low > 0 && *parse_number(values.back()) / low > 100;
  }
};

std::vector<Axis> axes_of(const json& search) {
  std::map<std::string, std::set<std::string>> seen;
  for (const json& candidate : search.at("candidates"))
    for (const auto& [name, value] : candidate.at("settings").items()) seen[name].insert(value.get<std::string>());
  std::vector<Axis> axes;
  for (const auto& [option, values] : seen) {
    if (values.size() < 2) continue;
    Axis axis{option, true, {values.begin(), values.end()}};
    axis.numeric = std::all_of(values.begin(), values.end(), [](const auto& v) { return parse_number(v).has_value(); });
    if (axis.numeric)
      std::sort(axis.values.begin(), axis.values.end(),
                [](const auto& a, const auto& b) { return *parse_number(a) < *parse_number(b); });
    axes.push_back(std::move(axis));
  }
  return axes;
}

// The metric over one option: mean, and a standard deviation of the folds to either side.
void add_path(Section& section, const json& search, const Axis& axis) {
  std::vector<std::array<double, 3>> points;
  for (const json& candidate : search.at("candidates")) {
    if (!candidate.at("mean").is_number() || !candidate.at("settings").contains(axis.option)) continue;
    const auto x = parse_number(candidate.at("settings").at(axis.option).get<std::string>());
    points.push_back({axis.logarithmic() ? std::log10(*x) : *x, candidate.at("mean").get<double>(),
                      candidate.value("standard_deviation", 0.0)});
  }
  std::sort(points.begin(), points.end());
  Series mean{"mean of the folds", {}}, low{"one deviation below", {}, Series::Style::dashed},
      high{"one deviation above", {}, Series::Style::dashed};
  for (const auto& [x, y, deviation] : points) {
    mean.points.emplace_back(x, y);
    low.points.emplace_back(x, y - deviation);
    high.points.emplace_back(x, y + deviation);
  }
  const std::string name = axis.logarithmic() ? "log10 of " + axis.option : axis.option;
  section.elements.push_back(Chart{fmt::format("{} over {}", search.value("metric", ""), axis.option),
                                   line_chart({mean, low, high}, name, search.value("metric", "")), 300, "",
                                   "search.json#/candidates"});
}

void add_parallel_coordinates(Section& section, const json& search, const std::vector<Axis>& axes) {
  json dimensions = json::array();
  for (std::size_t i = 0; i < axes.size(); ++i) {
    json dimension = {{"dim", i}, {"name", axes[i].option}};
    if (!axes[i].numeric) dimension.update({{"type", "category"}, {"data", axes[i].values}});
    if (axes[i].logarithmic()) dimension["type"] = "log";
    dimensions.push_back(std::move(dimension));
  }
  const std::string metric = search.value("metric", "");
  dimensions.push_back({{"dim", axes.size()}, {"name", metric}, {"scale", true}});
  json lines = json::array();
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const json& candidate : search.at("candidates")) {
    if (!candidate.at("mean").is_number()) continue;
    const double mean = std::stod(fmt::format("{:.5g}", candidate.at("mean").get<double>()));
    json line = json::array();
    for (const Axis& axis : axes) {
      const std::string value = candidate.at("settings").value(axis.option, "");
      const auto number = parse_number(value);
      line.push_back(axis.numeric && number ? json(*number) : json(value));
    }
    line.push_back(mean);
    lines.push_back(std::move(line));
    low = std::min(low, mean);
    high = std::max(high, mean);
  }
  if (lines.empty()) return;
  const json option = {
      {"parallelAxis", dimensions},
      {"parallel", {{"left", 60}, {"right", 80}, {"top", 40}, {"bottom", 60}}},
      {"visualMap",
       {{"dimension", axes.size()},
        {"min", low},
        {"max", high},
        {"orient", "horizontal"},
        {"left", "center"},
        {"bottom", 0},
        {"precision", 4},
        {"calculable", true}}},
      {"series", {{{"type", "parallel"}, {"data", lines}, {"lineStyle", {{"width", 2}, {"opacity", 0.7}}}}}}};
  section.elements.push_back(Chart{"Candidates: one line each, over their options to their " + metric, option.dump(),
                                   360, "Parallel coordinates of the searched options and the metric",
                                   "search.json#/candidates"});
}

// How many candidates each rung had, and its best.
void add_rungs(Section& section, const json& search) {
  std::map<std::int64_t, std::pair<std::int64_t, std::vector<double>>> rungs;
  for (const json& candidate : search.at("candidates"))
    if (candidate.contains("rung") && candidate.at("mean").is_number()) {
      auto& [resource, means] = rungs[candidate["rung"].get<std::int64_t>()];
      resource = candidate["resource"].get<std::int64_t>();
      means.push_back(candidate["mean"].get<double>());
    }
  if (rungs.empty()) return;
  const bool higher = search.value("higher_is_better", true);
  report::Grid grid{"Halving: candidates that ended in each round", {"round", "resource", "ended here", "best"}, {}};
  for (const auto& [rung, entry] : rungs) {
    const auto& [resource, means] = entry;
    const double best =
        higher ? *std::max_element(means.begin(), means.end()) : *std::min_element(means.begin(), means.end());
    grid.rows.push_back(
        {std::to_string(rung), std::to_string(resource), std::to_string(means.size()), fmt::format("{:.4f}", best)});
  }
  section.elements.push_back(grid);
}

}  // namespace

void add_search_charts(Section& section, const json& search) {
  add_rungs(section, search);
  const std::vector<Axis> axes = axes_of(search);
  if (axes.size() == 1 && axes[0].numeric) add_path(section, search, axes[0]);
  if (axes.size() >= 2) add_parallel_coordinates(section, search, axes);
}

}  // namespace slipway::pipeline
