#include "work.hpp"

#include <charconv>

#include <fmt/format.h>

#include <slipway/journal/json_text.hpp>

namespace slipway::serving {

using journal::append_json_number;
using journal::append_json_string;

std::string Work::row_id(std::size_t row) const {
  if (!row_ids.empty() && !row_ids[row].empty()) return row_ids[row];
  return rows.size() == 1 ? request_id : fmt::format("{}/{}", request_id, row);
}

Status score_rows(Work& work) {
  const ServedModel& model = *work.model;
  if (work.reason_count > 0) SLIPWAY_CHECK(model.can_explain());
  SLIPWAY_CHECK(work.rows.check());
  SLIPWAY_CHECK(model.predict(work.rows.batch(), work.scores));
  if (work.reason_count > 0)
    SLIPWAY_CHECK(model.explain(work.rows.batch(), work.scores, work.reason_count, work.reasons));
  ModelMetrics& metrics = model.metrics();
  add(metrics.rows, work.rows.size());
  if (!model.is_regression())
    for (std::size_t row = 0; row < work.rows.size(); ++row)
      metrics.scores.observe(static_cast<double>(model.score(work.scores, row)), score_bounds);
  work.scored = true;
  return {};
}

void append_scores(std::string& out, const Work& work, std::size_t row) {
  const ServedModel& model = *work.model;
  if (model.is_binary() || model.is_regression()) {
    out += "\"score\":";
    append_json_number(out, model.score(work.scores, row));
    if (model.is_regression()) return;
  } else {
    out += "\"scores\":{";
    for (std::size_t k = 0; k < work.scores.scores.width; ++k) {
      if (k > 0) out += ',';
      append_json_string(out, model.model().classes[k]);
      out += ':';
      append_json_number(out, work.scores.scores.at(row, k));
    }
    out += '}';
  }
  out += ",\"label\":";
  append_json_string(out, model.label(work.scores, row));
}

void append_reasons(std::string& out, const Work& work, std::size_t row) {
  out += '[';
  bool first = true;
  for (const explain::Reason& reason : work.reasons[row]) {
    if (!first) out += ',';
    first = false;
    out += "{\"input\":";
    append_json_string(out, reason.input);
    out += ",\"value\":";
    if (reason.inputs.size() == 1)
      journal::append_json(out, work.rows.cells(row)[reason.inputs[0]]);
    else
      append_json_string(out, reason.value);
    out += ",\"contribution\":";
    append_json_number(out, static_cast<float>(reason.contribution));
    if (!reason.code.empty()) {
      out += ",\"code\":";
      append_json_string(out, reason.code);
    }
    out += ",\"text\":";
    append_json_string(out, reason.text);
    out += '}';
  }
  out += ']';
}

std::optional<std::string> query_parameter(std::string_view target, std::string_view name) {
  std::size_t begin = target.find('?');
  while (begin < target.size()) {
    ++begin;
    const std::size_t end = std::min(target.find('&', begin), target.size());
    const std::size_t equals = std::min(target.find('=', begin), end);
    if (target.substr(begin, equals - begin) == name)
      return percent_decode(equals < end ? target.substr(equals + 1, end - equals - 1) : "", true);
    begin = end;
  }
  return std::nullopt;
}

Result<std::size_t> query_reasons(std::string_view target) {
  const auto text = query_parameter(target, "reasons");
  if (!text) return std::size_t{0};
  std::size_t count = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (code != std::errc() || end != text->data() + text->size() || count > 10'000)
    return invalid_input(fmt::format("?reasons: expected a whole number from 0 to 10000, got {}", show_text(*text)));
  return count;
}

}  // namespace slipway::serving
