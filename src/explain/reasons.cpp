#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/explain/reasons.hpp>

#include "wording.hpp"

namespace slipway::explain {

namespace {

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

bool is_missing(const model::ColumnView& column, std::size_t row) {
  if (const auto* numbers = std::get_if<model::NumberView>(&column)) return std::isnan((*numbers)[row]);
  if (const auto* text = std::get_if<model::TextView>(&column)) return text->codes[row] < 0;
  return std::get<model::TimeView>(column)[row] == missing_time;
}

}  // namespace

std::string cell_text(const model::ColumnView& column, std::size_t row) {
  if (is_missing(column, row)) return "missing";
  if (const auto* numbers = std::get_if<model::NumberView>(&column)) return format_number((*numbers)[row]);
  if (const auto* text = std::get_if<model::TextView>(&column)) return std::string(text->dictionary[text->codes[row]]);
  return format_time(std::get<model::TimeView>(column)[row] * 1'000'000);
}

Result<std::vector<Reason>> rank_reasons(const Explainer& explainer, const Contributions& contributions,
                                         const model::RowBatch& rows, std::size_t row, std::size_t output,
                                         const ReasonOptions& options) {
  const std::span<const std::string> inputs = explainer.inputs();
  if (contributions.inputs != inputs.size() || rows.columns.size() != inputs.size())
    return invalid_input(fmt::format("reasons of {} inputs were asked with contributions of {} and rows of {}",
                                     inputs.size(), contributions.inputs, rows.columns.size()));
  if (row >= contributions.rows || row >= rows.rows || output >= contributions.outputs)
    return invalid_input(fmt::format("reasons of row {}, output {} were asked; there are {} rows and {} outputs", row,
                                     output, std::min(contributions.rows, rows.rows), contributions.outputs));
  const ReasonCatalogue plain(options.catalogue ? 0 : inputs.size());
  const std::span<const ReasonCatalogue::Entry> entries =
      options.catalogue ? options.catalogue->entries() : plain.entries();
  std::vector<std::pair<double, const ReasonCatalogue::Entry*>> order;  // contribution, entry
  for (const ReasonCatalogue::Entry& entry : entries) {
    if (entry.hidden) continue;
    double sum = 0;
    for (const std::size_t input : entry.inputs) {
      if (input >= inputs.size())
        return invalid_input(fmt::format("a reason catalogue for {} inputs or more was used with a model of {}",
                                         input + 1, inputs.size()));
      sum += contributions.input(output, input, row);
    }
    if (sum > 0 ? options.direction != Direction::lowering : sum < 0 && options.direction != Direction::raising)
      order.emplace_back(sum, &entry);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.first) > std::abs(b.first); });
  if (order.size() > options.count) order.resize(options.count);

  const std::string noun = !options.noun.empty()                       ? options.noun
                           : explainer.explained() == Explained::value ? "prediction"
                           : contributions.outputs > 1                 ? "score of " + explainer.outputs()[output]
                                                                       : "score";
  std::vector<Reason> reasons;
  for (const auto& [contribution, entry] : order) {
    Reason reason;
    reason.inputs = entry->inputs;
    for (const std::size_t input : entry->inputs) {
      reason.input += (reason.input.empty() ? "" : ", ") + inputs[input];
      reason.value += (reason.value.empty() ? "" : ", ") + cell_text(rows.columns[input], row);
    }
    reason.contribution = contribution;
    reason.code = entry->code;
    const bool missing = !entry->missing.empty() && is_missing(rows.columns[entry->inputs[0]], row);
    reason.text = fill_wording(missing            ? entry->missing
                               : contribution > 0 ? entry->raised
                                                  : entry->lowered,
                               {{"input", reason.input},
                                {"value", reason.value},
                                {"noun", noun},
                                {"code", reason.code},
                                {"direction", contribution > 0 ? "raised" : "lowered"},
                                {"contribution", fmt::format("{:.2g}", std::abs(contribution))}});
    reasons.push_back(std::move(reason));
  }
  return reasons;
}

}  // namespace slipway::explain
