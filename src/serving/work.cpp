#include "work.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include <slipway/base/hash.hpp>
#include <slipway/journal/json_text.hpp>

namespace slipway::serving {

using journal::append_json_number;
using journal::append_json_string;

std::string Work::row_id(std::size_t row) const {
  if (!row_ids.empty() && !row_ids[row].empty()) return row_ids[row];
  return rows.size() == 1 ? request_id : fmt::format("{}/{}", request_id, row);
}

namespace {

// What decides whether a request goes to the canary: a field, a header or the request's id.
std::string routing_key(const Work& work) {
  if (!work.routing_key.empty()) return work.routing_key;
  const std::string& key = work.traffic->rule.key;
  const int input = key.empty() ? -1 : work.model->find_input(key, 0);
  if (input < 0) return work.row_id(0);
  std::string text;
  journal::append_json(text, work.rows.cells(0)[static_cast<std::size_t>(input)]);
  return text;
}

bool goes_to_canary(const Work& work) {
  constexpr double scale = 1.0 / 18446744073709551616.0;  // 2^-64
  return static_cast<double>(hash_bytes(routing_key(work), hash_bytes(work.model->name()))) * scale <
         work.traffic->rule.share;
}

}  // namespace

Status choose_model(Work& work, const ModelRepository& models, std::string_view name, std::string_view version) {
  SLIPWAY_TRY(work.model, models.find(name, version));
  if (version.empty()) work.traffic = models.traffic(name);
  return {};
}

Status score_rows(Work& work) {
  if (work.traffic != nullptr && work.traffic->canary != nullptr && work.rows.size() > 0 && goes_to_canary(work)) {
    work.model = work.traffic->canary;
    work.role = "canary";
    work.rows.use_model(*work.model);
  }
  const ServedModel& model = *work.model;
  if (work.reason_count > 0) SLIPWAY_CHECK(model.can_explain());
  SLIPWAY_CHECK(work.rows.check());
  work.read = Work::Clock::now();
  SLIPWAY_CHECK(model.predict(work.rows.batch(), work.scores));
  work.inferred = Work::Clock::now();
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

std::shared_ptr<const ServedModel> score_shadow(Work& work, Scores& scores) {
  if (work.traffic == nullptr || work.traffic->shadow == nullptr || work.rows.size() == 0) return nullptr;
  const auto shadow = work.traffic->shadow;
  ModelMetrics& metrics = shadow->metrics();
  work.rows.use_model(*shadow);
  if (!work.rows.check().ok() || !shadow->predict(work.rows.batch(), scores).ok()) {
    add(metrics.failures);
    return nullptr;
  }
  add(metrics.shadow_rows, work.rows.size());
  double difference = 0;
  std::uint64_t flips = 0;
  for (std::size_t row = 0; row < work.rows.size(); ++row) {
    difference += std::abs(static_cast<double>(shadow->score(scores, row)) -
                           static_cast<double>(work.model->score(work.scores, row)));
    flips += shadow->label(scores, row) != work.model->label(work.scores, row) ? 1 : 0;
  }
  add(metrics.shadow_flips, flips);
  metrics.shadow_difference.fetch_add(difference, std::memory_order_relaxed);
  return shadow;
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
