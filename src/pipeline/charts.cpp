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
  return {{"type", "value"}, {"name", name}, {"nameLocation", "middle"}, {"nameGap", 28}, {"scale", true}};
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
  option["legend"] = {{"show", series.size() > 1}, {"top", 4}};
  option["series"] = json::array();
  for (const Series& line : series) {
    json points = json::array();
    for (const auto& [x, y] : line.points) points.push_back({rounded(x), rounded(y)});
    json one = {{"type", "line"},
                {"name", line.name},
                {"data", points},
                {"showSymbol", line.points.size() <= 30},
                {"symbolSize", 5}};
    if (line.dashed) one["lineStyle"] = {{"type", "dashed"}, {"width", 1}};
    option["series"].push_back(one);
  }
  return option.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string bar_chart(const std::vector<std::pair<std::string, double>>& bars, const std::string& name) {
  json option = frame();
  json labels = json::array(), values = json::array();
  for (const auto& [label, value] : bars) {
    labels.push_back(label);
    values.push_back(rounded(value));
  }
  option["xAxis"] = axis(name);
  option["yAxis"] = {{"type", "category"}, {"data", labels}, {"inverse", true}};
  option["series"] = {{{"type", "bar"}, {"data", values}, {"barMaxWidth", 22}}};
  return option.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string column_chart(const std::vector<std::string>& categories, const std::vector<double>& values,
                         const std::string& name) {
  json option = frame();
  json heights = json::array();
  for (double value : values) heights.push_back(rounded(value));
  option["xAxis"] = {{"type", "category"}, {"data", categories}};
  option["yAxis"] = axis(name);
  option["yAxis"].update({{"nameLocation", "end"}, {"nameGap", 10}, {"nameTextStyle", {{"align", "left"}}}});
  option["series"] = {{{"type", "bar"}, {"data", heights}, {"barMaxWidth", 40}}};
  return option.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string histogram_chart(const std::vector<double>& edges, const std::vector<std::string>& names,
                            const std::vector<std::vector<double>>& counts, const std::string& x_name) {
  json option = frame();
  json labels = json::array();
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) labels.push_back(fmt::format("{:.3g}", edges[i]));
  option["xAxis"] = {
      {"type", "category"}, {"data", labels}, {"name", x_name}, {"nameLocation", "middle"}, {"nameGap", 28}};
  option["yAxis"] = {{"type", "log"}, {"min", 0.9}, {"name", "rows"}};
  option["legend"] = {{"show", names.size() > 1}, {"top", 4}};
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
  option["yAxis"] = {{"type", "category"}, {"data", y}, {"name", y_name}};
  option["grid"]["bottom"] = 80;
  option["visualMap"] = {{"min", rounded(low)}, {"max", rounded(high)}, {"orient", "horizontal"}, {"left", "center"},
                         {"bottom", 0},         {"precision", 4},       {"calculable", true}};
  option["series"] = {{{"type", "heatmap"}, {"data", cells}, {"label", {{"show", rows.size() * x.size() <= 60}}}}};
  return option.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace slipway::pipeline
