#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>
#include <slipway/explain/importance.hpp>

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

}  // namespace

Result<PartialDependence> partial_dependence(std::span<const model::Input> inputs, const model::RowBatch& rows,
                                             std::string_view input, const Scorer& scorer,
                                             const DependenceOptions& options, const Threads& threads) {
  std::vector<std::string> names;
  for (const model::Input& known : inputs) names.push_back(known.name);
  const auto found = std::find(names.begin(), names.end(), input);
  if (found == names.end())
    return not_found(fmt::format("partial dependence: there is no input '{}'{}", input, suggestion(input, names)));
  const auto index = static_cast<std::size_t>(found - names.begin());
  if (inputs.size() != rows.columns.size())
    return invalid_input(
        fmt::format("partial dependence of {} inputs was asked with rows of {}", inputs.size(), rows.columns.size()));
  if (inputs[index].kind == model::InputKind::time)
    return invalid_input(fmt::format("partial dependence of '{}': it takes numbers and text, not times", input));
  if (options.grid < 1)
    return invalid_input(fmt::format("partial dependence needs a grid of at least 1 point, not {}", options.grid));

  // The grid comes from all rows, the average from the sample.
  PartialDependence result;
  result.input = input;
  result.is_number = inputs[index].kind == model::InputKind::number;
  std::vector<std::int32_t> codes;
  if (result.is_number) {
    result.numbers = number_grid(std::get<model::NumberView>(rows.columns[index]), options.grid);
  } else {
    const auto& text = std::get<model::TextView>(rows.columns[index]);
    codes = text_grid(text, options.grid);
    for (std::int32_t code : codes) result.categories.emplace_back(code < 0 ? "" : text.dictionary[code]);
    result.missing = !codes.empty() && codes.back() < 0;
  }
  const std::vector<std::uint32_t> sampled =
      sample_rows(rows.rows, std::max<std::size_t>(1, options.max_rows), random_key({options.seed, 0x706470}));
  result.rows = sampled.size();
  const std::size_t points = result.grid_size();
  if (points == 0 || sampled.empty()) return result;

  const RowCopy copy(rows, sampled);
  std::vector<std::vector<float>> scores(points);
  std::vector<std::optional<Error>> errors(points);
  threads.for_each(points, [&](std::size_t point) {
    const RowCopy::Replaced replaced = result.is_number
                                           ? copy.constant_number(index, static_cast<float>(result.numbers[point]))
                                           : copy.constant_code(index, codes[point]);
    Result<std::vector<float>> scored = scorer(replaced.batch);
    if (scored) {
      scores[point] = std::move(*scored);
    } else {
      errors[point] = scored.error();
    }
  });
  for (auto& error : errors)
    if (error) return std::move(*error).with_context(fmt::format("partial dependence of '{}'", input));

  result.outputs = scores[0].size() / sampled.size();
  for (const auto& of_point : scores)
    if (result.outputs == 0 || of_point.size() != result.outputs * sampled.size())
      return internal_error(fmt::format("a scorer gave {} numbers for {} rows", of_point.size(), sampled.size()));
  for (std::size_t output = 0; output < result.outputs; ++output) {
    for (std::size_t point = 0; point < points; ++point) {
      const std::span<float> column(scores[point].data() + output * sampled.size(), sampled.size());
      double sum = 0;
      for (float value : column) sum += value;
      std::sort(column.begin(), column.end());
      result.mean.push_back(sum / static_cast<double>(column.size()));
      result.low.push_back(quantile(column, 0.1));
      result.median.push_back(quantile(column, 0.5));
      result.high.push_back(quantile(column, 0.9));
    }
  }
  return result;
}

}  // namespace slipway::explain
