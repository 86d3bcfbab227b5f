#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/explain/reasons.hpp>

namespace slipway::explain {

namespace {

constexpr std::string_view default_wording = "{input} {value} {direction} the {noun} by {contribution}";

std::string fill_wording(std::string_view wording, const std::map<std::string, std::string, std::less<>>& fields) {
  std::string text;
  while (!wording.empty()) {
    const std::size_t open = wording.find('{');
    const std::size_t close = open == std::string_view::npos ? open : wording.find('}', open);
    if (close == std::string_view::npos) break;
    text += wording.substr(0, open);
    const auto field = fields.find(wording.substr(open + 1, close - open - 1));
    // What is no field is kept as it stands.
    text += field != fields.end() ? std::string_view(field->second) : wording.substr(open, close - open + 1);
    wording.remove_prefix(close + 1);
  }
  return text.append(wording);
}

}  // namespace

std::string cell_text(const model::ColumnView& column, std::size_t row) {
  if (const auto* numbers = std::get_if<model::NumberView>(&column))
    return std::isnan((*numbers)[row]) ? "missing" : format_number((*numbers)[row]);
  if (const auto* text = std::get_if<model::TextView>(&column)) {
    const std::int32_t code = text->codes[row];
    return code < 0 ? "missing" : std::string(text->dictionary[code]);
  }
  const std::int64_t seconds = std::get<model::TimeView>(column)[row];
  return seconds == missing_time ? "missing" : format_time(seconds * 1'000'000);
}

Result<std::vector<Reason>> rank_reasons(const TreeExplainer& explainer, const Contributions& contributions,
                                         const model::RowBatch& rows, std::size_t row, std::size_t output,
                                         const ReasonOptions& options) {
  const std::span<const std::string> inputs = explainer.inputs();
  if (contributions.inputs != inputs.size() || rows.columns.size() != inputs.size())
    return invalid_input(fmt::format("reasons of {} inputs were asked with contributions of {} and rows of {}",
                                     inputs.size(), contributions.inputs, rows.columns.size()));
  if (row >= contributions.rows || row >= rows.rows || output >= contributions.outputs)
    return invalid_input(fmt::format("reasons of row {}, output {} were asked; there are {} rows and {} outputs", row,
                                     output, std::min(contributions.rows, rows.rows), contributions.outputs));
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double value = contributions.input(output, i, row);
    if (value > 0 ? options.direction != Direction::lowering : value < 0 && options.direction != Direction::raising)
      order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(contributions.input(output, a, row)) > std::abs(contributions.input(output, b, row));
  });
  if (order.size() > options.count) order.resize(options.count);

  const std::string noun = !options.noun.empty()                       ? options.noun
                           : explainer.explained() == Explained::value ? "prediction"
                           : contributions.outputs > 1                 ? "score of " + explainer.outputs()[output]
                                                                       : "score";
  std::vector<Reason> reasons;
  for (std::size_t i : order) {
    Reason reason;
    reason.input = inputs[i];
    reason.value = cell_text(rows.columns[i], row);
    reason.contribution = contributions.input(output, i, row);
    const auto wording = options.catalogue.find(reason.input);
    reason.text = fill_wording(wording != options.catalogue.end() ? std::string_view(wording->second) : default_wording,
                               {{"input", reason.input},
                                {"value", reason.value},
                                {"noun", noun},
                                {"direction", reason.contribution > 0 ? "raised" : "lowered"},
                                {"contribution", fmt::format("{:.2g}", std::abs(reason.contribution))}});
    reasons.push_back(std::move(reason));
  }
  return reasons;
}

}  // namespace slipway::explain
