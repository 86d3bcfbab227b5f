#include "charts.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace slipway::pipeline {
namespace {

using nlohmann::json;

// Four significant digits are more than a plot shows, and keep the file small.
json rounded(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.4g}", value));
}

json axis(const std::string& name) {
  return {{"type", "value"}, {"name", name},  {"nameLocation", "middle"},
          {"nameGap", 28},   {"scale", true}, {"axisLabel", {{"hideOverlap", true}}}};
}

// Names of several series above the plot, in one line that can be scrolled where it is too long; below it stays room
// for the name of the y axis.
void add_legend(json& option, std::size_t series) {
  if (series < 2) return;
  option["legend"] = {{"type", "scroll"}, {"top", 0}, {"left", "center"}, {"padding", {2, 8}}};
  option["grid"]["top"] = 62;
}

json frame() {
  return {{"tooltip", {{"trigger", "axis"}}},
          {"grid", {{"left", 12}, {"right", 24}, {"top", 34}, {"bottom", 34}, {"containLabel", true}}}};
}

}  // namespace

std::string line_chart(const std::vector<Series>& series, const std::string& x_name, const std::string& y_name,
                       bool unit_square, bool log_x) {
  json option = frame();
  option["xAxis"] = axis(x_name);
  if (log_x) option["xAxis"]["type"] = "log";
  option["yAxis"] = axis(y_name);
  // Above the axis: beside it a name would be cut off on a phone.
  option["yAxis"].update({{"nameLocation", "end"}, {"nameGap", 10}, {"nameTextStyle", {{"align", "left"}}}});
  if (unit_square)
    for (const char* name : {"xAxis", "yAxis"}) option[name].update({{"min", 0}, {"max", 1}});
  add_legend(option, series.size());
  option["series"] = json::array();
  for (const Series& line : series) {
    json points = json::array();
    for (const auto& [x, y] : line.points) points.push_back({rounded(x), rounded(y)});
    json one = {{"type", "line"},
                {"name", line.name},
                {"data", points},
                {"showSymbol", line.points.size() <= 30},
                {"symbolSize", 5}};
    if (line.style == Series::Style::dashed) one["lineStyle"] = {{"type", "dashed"}, {"width", 1}};
    if (line.style == Series::Style::faint) {
      one.update({{"showSymbol", false}, {"silent", true}, {"z", 1}, {"color", "#8a94a0"}});
      one["lineStyle"] = {{"width", 1}, {"opacity", 0.45}};
      // Else the box of the axis would list them all.
      option["tooltip"]["trigger"] = "item";
    }
    option["series"].push_back(one);
  }
  return option.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string bar_chart(const std::vector<Bar>& bars, const std::string& name) {
  json option = frame();
  json labels = json::array(), values = json::array(), whiskers = json::array();
  bool intervals = false;
  for (const Bar& bar : bars) {
    labels.push_back(bar.label);
    values.push_back(rounded(bar.value));
    // A box plot whose box has no width is a whisker with a mark at the value.
    const auto [low, high] = bar.interval.value_or(std::pair(bar.value, bar.value));
    const json value = rounded(bar.value);
    whiskers.push_back({rounded(low), value, value, value, rounded(high)});
    intervals |= bar.interval.has_value();
  }
  option["tooltip"] = {{"trigger", "item"}};
  option["grid"]["top"] = 8;
  option["xAxis"] = axis(name);
  option["xAxis"]["scale"] = false;  // a bar starts at 0
  option["yAxis"] = {{"type", "category"},
                     {"data", labels},
                     {"inverse", true},
                     {"axisLabel", {{"width", 130}, {"overflow", "truncate"}}}};
  option["series"] = {{{"type", "bar"}, {"name", name}, {"data", values}, {"barMaxWidth", 22}}};
  if (intervals)
    option["series"].push_back(
        {{"type", "boxplot"},
         {"name", "95 % interval"},
         {"data", whiskers},
         {"silent", true},
         {"boxWidth", {6, 10}},
         {"itemStyle", {{"color", "#8a94a0"}, {"borderColor", "#5c6670"}, {"borderWidth", 1.5}}}});
  return option.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string column_chart(const std::vector<std::string>& categories, const std::vector<std::string>& series,
                         const std::vector<std::vector<double>>& heights, const std::string& name) {
  json option = frame();
  // Long names stand askew, else the axis would leave most of them out.
  std::size_t longest = 0;
  for (const std::string& category : categories) longest = std::max(longest, category.size());
  option["xAxis"] = {{"type", "category"}, {"data", categories}};
  if (longest * categories.size() > 40)
    option["xAxis"]["axisLabel"] = {{"rotate", 40}, {"interval", 0}, {"width", 90}, {"overflow", "truncate"}};
  option["yAxis"] = axis(name);
  option["yAxis"]["scale"] = false;
  option["yAxis"].update({{"nameLocation", "end"}, {"nameGap", 10}, {"nameTextStyle", {{"align", "left"}}}});
  add_legend(option, series.size());
  option["series"] = json::array();
  for (std::size_t s = 0; s < series.size(); ++s) {
    json values = json::array();
    for (double value : heights[s]) values.push_back(rounded(value));
    option["series"].push_back({{"type", "bar"}, {"name", series[s]}, {"data", values}, {"barMaxWidth", 40}});
  }
  return option.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string histogram_chart(const std::vector<double>& edges, const std::vector<std::string>& names,
                            const std::vector<std::vector<double>>& counts, const std::string& x_name) {
  json option = frame();
  json labels = json::array();
  for (std::size_t i = 0; i + 1 < edges.size(); ++i)
    labels.push_back(std::abs(edges[i]) >= 1000 && std::abs(edges[i]) < 1e7 ? fmt::format("{:.0f}", edges[i])
                                                                            : fmt::format("{:.3g}", edges[i]));
  option["xAxis"] = {
      {"type", "category"}, {"data", labels}, {"name", x_name}, {"nameLocation", "middle"}, {"nameGap", 28}};
  option["yAxis"] = {{"type", "log"}, {"min", 0.9}, {"name", "rows"}};
  add_legend(option, names.size());
  option["series"] = json::array();
  for (std::size_t s = 0; s < counts.size(); ++s) {
    json heights = json::array();
    for (double count : counts[s]) heights.push_back(count > 0 ? rounded(count) : json(nullptr));
    option["series"].push_back({{"type", "bar"}, {"name", s < names.size() ? names[s] : ""}, {"data", heights}});
  }
  return option.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string heat_map(const std::vector<std::string>& x, const std::vector<std::string>& y,
                     const std::vector<std::vector<double>>& rows, const std::string& x_name,
                     const std::string& y_name) {
  json option = frame();
  option["tooltip"] = {{"trigger", "item"}};
  json cells = json::array();
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < rows[i].size(); ++j) {
      cells.push_back({j, i, rounded(rows[i][j])});
      if (!std::isfinite(rows[i][j])) continue;
      low = std::min(low, rows[i][j]);
      high = std::max(high, rows[i][j]);
    }
  if (!(low <= high)) low = high = 0;
  option["xAxis"] = {{"type", "category"}, {"data", x}, {"name", x_name}, {"nameLocation", "middle"}, {"nameGap", 28}};
  option["yAxis"] = {{"type", "category"}, {"data", y}, {"name", y_name}, {"nameTextStyle", {{"align", "left"}}}};
  option["grid"]["bottom"] = 80;
  option["visualMap"] = {{"min", rounded(low)}, {"max", rounded(high)}, {"orient", "horizontal"}, {"left", "center"},
                         {"bottom", 0},         {"precision", 4},       {"calculable", true}};
  option["series"] = {{{"type", "heatmap"}, {"data", cells}, {"label", {{"show", x.size() <= 5}}}}};
  return option.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace slipway::pipeline
