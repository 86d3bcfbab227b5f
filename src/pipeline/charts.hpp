// Apache ECharts options for the report's plots, as JSON text.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace slipway::pipeline {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;
  // Faint lines are many of one kind: thin, without marks, one entry of the legend for all of one name.
  enum class Style { solid, dashed, faint };
  Style style = Style::solid;
};
struct Bar {
  std::string label;
  double value = 0;
  std::optional<std::pair<double, double>> interval = {};  // drawn as whiskers
};

// Lines over a numeric x axis.
std::string line_chart(const std::vector<Series>& series, const std::string& x_name, const std::string& y_name,
                       bool unit_square = false, bool log_x = false);
// Horizontal bars, the first on top.
std::string bar_chart(const std::vector<Bar>& bars, const std::string& name);
// Vertical bars by category: heights[series][category].
std::string column_chart(const std::vector<std::string>& categories, const std::vector<std::string>& series,
                         const std::vector<std::vector<double>>& heights, const std::string& name);
// Counts per bin and series, on a logarithmic axis (rare classes stay visible).
std::string histogram_chart(const std::vector<double>& edges, const std::vector<std::string>& names,
                            const std::vector<std::vector<double>>& counts, const std::string& x_name);
// A grid of values: rows[y][x].
std::string heat_map(const std::vector<std::string>& x, const std::vector<std::string>& y,
                     const std::vector<std::vector<double>>& rows, const std::string& x_name,
                     const std::string& y_name);

}  // namespace slipway::pipeline
