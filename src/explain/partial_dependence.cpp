#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>
#include <slipway/explain/dependence.hpp>

#include "row_copy.hpp"

namespace slipway::explain {

namespace {

// Linear interpolation between order statistics, as numpy.quantile.
double quantile(std::span<const float> sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (double(sorted[above]) - sorted[below]);
}

// Values that rows really have where there are few, quantiles from 1 % to 99 % otherwise.
std::vector<double> number_grid(std::span<const float> values, int points) {
  std::vector<float> sorted;
  for (float value : values)
    if (std::isfinite(value)) sorted.push_back(value);
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> distinct;
  for (float value : sorted) {
    if (distinct.empty() || distinct.back() != value) distinct.push_back(value);
    if (distinct.size() > static_cast<std::size_t>(points)) break;
  }
  if (distinct.size() <= static_cast<std::size_t>(points)) return distinct;
  std::vector<double> grid;
  for (int i = 0; i < points; ++i) {
    const double at = points == 1 ? 0.5 : 0.01 + 0.98 * i / (points - 1);
    // The model sees float32, so the grid holds what it saw.
    const double value = static_cast<float>(quantile(sorted, at));
    if (grid.empty() || grid.back() != value) grid.push_back(value);
  }
  return grid;
}

// Codes by falling frequency, ties by text; -1 last where some rows are missing.
std::vector<std::int32_t> text_grid(const model::TextView& text, int points) {
  std::map<std::string_view, std::pair<std::size_t, std::int32_t>> counts;  // text -> rows, code
  bool missing = false;
  for (std::int32_t code : text.codes) {
    if (code < 0) {
      missing = true;
    } else {
      auto& [count, first] = counts[text.dictionary[code]];
      if (count++ == 0) first = code;
    }
  }
  std::vector<std::pair<std::size_t, std::int32_t>> order;
  for (const auto& [name, entry] : counts) order.push_back(entry);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (order.size() > static_cast<std::size_t>(points)) order.resize(points);
  std::vector<std::int32_t> codes;
  for (const auto& entry : order) codes.push_back(entry.second);
  if (missing && !codes.empty()) codes.push_back(-1);
  return codes;
}

// An input that can be varied, its grid, and the codes of a text's grid.
struct Varied {
  DependenceGrid grid;
  std::size_t index = 0;
  std::vector<std::int32_t> codes;

  // The rows of `copy` (or of what it replaced already) with the grid's point in this input.
  RowCopy::Replaced at(const RowCopy& copy, std::size_t point) const {
    return grid.is_number ? copy.constant_number(index, static_cast<float>(grid.numbers[point]))
                          : copy.constant_code(index, codes[point]);
  }
};

Result<Varied> vary(std::span<const model::Input> inputs, const model::RowBatch& rows, std::string_view input,
                    const DependenceOptions& options) {
  std::vector<std::string> names;
  for (const model::Input& known : inputs) names.push_back(known.name);
  const auto found = std::find(names.begin(), names.end(), input);
  if (found == names.end())
    return not_found(fmt::format("partial dependence: there is no input '{}'{}", input, suggestion(input, names)));
  Varied varied;
  varied.index = static_cast<std::size_t>(found - names.begin());
  if (inputs.size() != rows.columns.size())
    return invalid_input(
        fmt::format("partial dependence of {} inputs was asked with rows of {}", inputs.size(), rows.columns.size()));
  if (inputs[varied.index].kind == model::InputKind::time)
    return invalid_input(fmt::format("partial dependence of '{}': it takes numbers and text, not times", input));
  if (options.grid < 1)
    return invalid_input(fmt::format("partial dependence needs a grid of at least 1 point, not {}", options.grid));
  varied.grid.input = input;
  varied.grid.is_number = inputs[varied.index].kind == model::InputKind::number;
  if (varied.grid.is_number) {
    varied.grid.numbers = number_grid(std::get<model::NumberView>(rows.columns[varied.index]), options.grid);
  } else {
    const auto& text = std::get<model::TextView>(rows.columns[varied.index]);
    varied.codes = text_grid(text, options.grid);
    for (std::int32_t code : varied.codes) varied.grid.categories.emplace_back(code < 0 ? "" : text.dictionary[code]);
    varied.grid.missing = !varied.codes.empty() && varied.codes.back() < 0;
  }
  return varied;
}

// Scores of every point, in order, each rows x outputs; `score_at` gives a point's.
template <class ScoreAt>
Result<std::vector<std::vector<float>>> score_points(std::size_t points, std::size_t rows, const Threads& threads,
                                                     ScoreAt score_at) {
  std::vector<std::vector<float>> scores(points);
  std::vector<std::optional<Error>> errors(points);
  threads.for_each(points, [&](std::size_t point) {
    Result<std::vector<float>> scored = score_at(point);
    if (scored) {
      scores[point] = std::move(*scored);
    } else {
      errors[point] = scored.error();
    }
  });
  for (auto& error : errors)
    if (error) return std::move(*error);
  const std::size_t outputs = scores[0].size() / rows;
  for (const auto& of_point : scores)
    if (outputs == 0 || of_point.size() != outputs * rows)
      return internal_error(fmt::format("a scorer gave {} numbers for {} rows", of_point.size(), rows));
  return scores;
}

double mean_of(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

nlohmann::json grid_json(const DependenceGrid& grid) {
  if (grid.is_number) return grid.numbers;
  nlohmann::json json = grid.categories;
  if (grid.missing) json.back() = nullptr;
  return json;
}

}  // namespace

Result<PartialDependence> partial_dependence(std::span<const model::Input> inputs, const model::RowBatch& rows,
                                             std::string_view input, const Scorer& scorer,
                                             const DependenceOptions& options, const Threads& threads) {
  // The grid comes from all rows, the average from the sample.
  SLIPWAY_TRY(const Varied varied, vary(inputs, rows, input, options));
  PartialDependence result;
  static_cast<DependenceGrid&>(result) = varied.grid;
  const std::vector<std::uint32_t> sampled =
      sample_rows(rows.rows, std::max<std::size_t>(1, options.max_rows), random_key({options.seed, 0x706470}));
  result.rows = sampled.size();
  const std::size_t points = result.grid_size();
  if (points == 0 || sampled.empty()) return result;

  const RowCopy copy(rows, sampled);
  SLIPWAY_TRY(auto scores, score_points(points, sampled.size(), threads, [&](std::size_t point) {
                             const RowCopy::Replaced replaced = varied.at(copy, point);
                             return scorer(replaced.batch);
                           }).with_context(fmt::format("partial dependence of '{}'", input)));
  result.outputs = scores[0].size() / sampled.size();
  const std::vector<std::uint32_t> drawn =
      sample_rows(sampled.size(), options.curves, random_key({options.seed, 0x696365}));
  result.curve_rows = drawn.size();
  for (std::size_t output = 0; output < result.outputs; ++output)
    for (const std::uint32_t row : drawn)
      for (const auto& of_point : scores) result.curves.push_back(of_point[output * sampled.size() + row]);
  for (std::size_t output = 0; output < result.outputs; ++output) {
    for (std::size_t point = 0; point < points; ++point) {
      const std::span<float> column(scores[point].data() + output * sampled.size(), sampled.size());
      result.mean.push_back(mean_of(column));
      std::sort(column.begin(), column.end());
      result.low.push_back(quantile(column, 0.1));
      result.median.push_back(quantile(column, 0.5));
      result.high.push_back(quantile(column, 0.9));
    }
  }
  return result;
}

Result<PairDependence> pair_dependence(std::span<const model::Input> inputs, const model::RowBatch& rows,
                                       std::string_view first, std::string_view second, const Scorer& scorer,
                                       const DependenceOptions& options, const Threads& threads) {
  if (first == second)
    return invalid_input(fmt::format("partial dependence of two inputs: '{}' is paired with itself", first));
  SLIPWAY_TRY(const Varied one, vary(inputs, rows, first, options));
  SLIPWAY_TRY(const Varied other, vary(inputs, rows, second, options));
  PairDependence result;
  result.first = one.grid;
  result.second = other.grid;
  const std::vector<std::uint32_t> sampled =
      sample_rows(rows.rows, std::max<std::size_t>(1, options.max_rows), random_key({options.seed, 0x706470}));
  result.rows = sampled.size();
  const std::size_t columns = other.grid.size();
  const std::size_t points = one.grid.size() * columns;
  if (points == 0 || sampled.empty()) return result;

  const RowCopy copy(rows, sampled);
  SLIPWAY_TRY(auto scores, score_points(points, sampled.size(), threads, [&](std::size_t point) {
                             const RowCopy::Replaced replaced = one.at(copy, point / columns);
                             const RowCopy::Replaced with_other = other.at(copy, point % columns);
                             model::RowBatch both = replaced.batch;
                             both.columns[other.index] = with_other.batch.columns[other.index];
                             return scorer(both);
                           }).with_context(fmt::format("partial dependence of '{}' and '{}'", first, second)));
  result.outputs = scores[0].size() / sampled.size();
  for (std::size_t output = 0; output < result.outputs; ++output) {
    for (std::size_t point = 0; point < points; ++point) {
      const std::span<float> column(scores[point].data() + output * sampled.size(), sampled.size());
      result.mean.push_back(mean_of(column));
      std::sort(column.begin(), column.end());
      result.low.push_back(quantile(column, 0.1));
      result.high.push_back(quantile(column, 0.9));
    }
    const double* surface = result.mean.data() + output * points;
    double mean = 0;
    std::vector<double> row_means(one.grid.size(), 0.0), column_means(columns, 0.0);
    for (std::size_t point = 0; point < points; ++point) {
      mean += surface[point] / static_cast<double>(points);
      row_means[point / columns] += surface[point] / static_cast<double>(columns);
      column_means[point % columns] += surface[point] / static_cast<double>(one.grid.size());
    }
    double whole = 0, left = 0;
    for (std::size_t point = 0; point < points; ++point) {
      const double apart = row_means[point / columns] + column_means[point % columns] - mean;
      whole += (surface[point] - mean) * (surface[point] - mean);
      left += (surface[point] - apart) * (surface[point] - apart);
    }
    // What is left of a flat surface is rounding.
    result.interaction.push_back(whole > 1e-18 * static_cast<double>(points) ? left / whole : 0);
  }
  return result;
}

nlohmann::json to_json(const PartialDependence& dependence) {
  nlohmann::json curves = nlohmann::json::array();
  const std::size_t points = dependence.grid_size();
  for (std::size_t k = 0; k < dependence.outputs * dependence.curve_rows; ++k)
    curves.push_back(std::vector<float>(dependence.curves.begin() + std::ptrdiff_t(k * points),
                                        dependence.curves.begin() + std::ptrdiff_t((k + 1) * points)));
  return {{"input", dependence.input},     {"rows", dependence.rows},
          {"outputs", dependence.outputs}, {"mean", dependence.mean},
          {"low", dependence.low},         {"median", dependence.median},
          {"high", dependence.high},       {"kind", dependence.is_number ? "number" : "text"},
          {"curves", std::move(curves)},   {"grid", grid_json(dependence)}};
}

nlohmann::json to_json(const PairDependence& dependence) {
  const auto side = [](const DependenceGrid& grid) -> nlohmann::json {
    return {{"input", grid.input}, {"kind", grid.is_number ? "number" : "text"}, {"grid", grid_json(grid)}};
  };
  return {{"first", side(dependence.first)}, {"second", side(dependence.second)},
          {"rows", dependence.rows},         {"outputs", dependence.outputs},
          {"mean", dependence.mean},         {"low", dependence.low},
          {"high", dependence.high},         {"interaction", dependence.interaction}};
}

}  // namespace slipway::explain
