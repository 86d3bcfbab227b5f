// The project's own protocol (/score) and MLflow's (/invocations).
#include <fmt/format.h>

#include <slipway/journal/json_text.hpp>

#include "row_forms.hpp"
#include "work.hpp"

namespace slipway::serving {
namespace {

namespace dom = simdjson::dom;

Status choose_model(Work& work, const ModelRepository& models, const Request& request) {
  const auto name = query_parameter(request.target, "model");
  const auto version = query_parameter(request.target, "version");
  if (name) {
    SLIPWAY_TRY(work.model, models.find(*name, version.value_or("")));
    return {};
  }
  SLIPWAY_TRY(work.model, models.only());
  if (version) {
    SLIPWAY_TRY(work.model, models.find(work.model->name(), *version));
  }
  return {};
}

Status read_id(Work& work, std::size_t row, const dom::element& value, std::string_view name) {
  std::string id;
  if (value.is_string())
    id = std::string_view(value);
  else if (value.is<std::int64_t>())
    id = std::to_string(std::int64_t(value));
  else if (!value.is_null())
    return invalid_input(
        fmt::format("row {}: '{}': expected a text or a whole number, got {}", row, name, show(value)));
  if (id.size() > 256)
    return invalid_input(fmt::format("row {}: '{}': expected at most 256 bytes, got {}", row, name, id.size()));
  work.row_ids.resize(row + 1);
  work.row_ids[row] = std::move(id);
  return {};
}

// Reads what a row's object has besides inputs: its "id", or else the first id column, and "reasons".
Status read_extras(Work& work, std::size_t row, const dom::object& fields) {
  dom::element value;
  if (work.model->find_input("id", 0) < 0 && fields.at_key("id").get(value) == simdjson::SUCCESS) {
    SLIPWAY_CHECK(read_id(work, row, value, "id"));
  } else {
    for (const std::string& name : work.model->id_columns())
      if (work.model->find_input(name, 0) < 0 && fields.at_key(name).get(value) == simdjson::SUCCESS) {
        SLIPWAY_CHECK(read_id(work, row, value, name));
        break;
      }
  }
  if (work.model->find_input("reasons", 0) < 0 && fields.at_key("reasons").get(value) == simdjson::SUCCESS) {
    SLIPWAY_TRY(const std::size_t count, read_count(value, "reasons"));
    work.reason_count = std::max(work.reason_count, count);
  }
  return {};
}

void append_row(std::string& out, const Work& work, std::size_t row) {
  out += '{';
  append_scores(out, work, row);
  if (work.reason_count > 0) {
    out += ",\"reasons\":";
    append_reasons(out, work, row);
  }
  out += ",\"model\":";
  journal::append_json_string(out, work.model->name());
  out += ",\"version\":";
  journal::append_json_string(out, work.model->version());
  out += ",\"request_id\":";
  journal::append_json_string(out, work.row_id(row));
  out += '}';
}

constexpr std::string_view extra_names[] = {"id", "reasons"};

}  // namespace

Status answer_score(Work& work, const ModelRepository& models, const Request& request, Response& response) {
  SLIPWAY_CHECK(choose_model(work, models, request));
  SLIPWAY_TRY(work.reason_count, query_reasons(request.target));
  SLIPWAY_TRY(const dom::element root, work.json.parse(request.body));
  const bool single = root.is_object();
  if (single) {
    SLIPWAY_CHECK(work.rows.begin(*work.model, 1));
    const dom::object fields = root;
    SLIPWAY_CHECK(work.rows.set_object(0, fields, extra_names));
    SLIPWAY_CHECK(read_extras(work, 0, fields));
  } else if (root.is_array()) {
    SLIPWAY_CHECK(work.rows.begin(*work.model, 0));
    for (const dom::element element : dom::array(root)) {
      SLIPWAY_TRY(const std::size_t row, work.rows.add_row());
      if (!element.is_object())
        return invalid_input(fmt::format("row {}: expected an object of named fields, got {}", row, kind_of(element)));
      const dom::object fields = element;
      SLIPWAY_CHECK(work.rows.set_object(row, fields, extra_names));
      SLIPWAY_CHECK(read_extras(work, row, fields));
    }
    if (!work.row_ids.empty()) work.row_ids.resize(work.rows.size());
  } else {
    return invalid_input(fmt::format("expected an object of named fields or a list of them, got {}", kind_of(root)));
  }
  SLIPWAY_CHECK(score_rows(work));
  std::string& out = response.body;
  if (!single) out += '[';
  for (std::size_t row = 0; row < work.rows.size(); ++row) {
    if (row > 0) out += ',';
    append_row(out, work, row);
  }
  if (!single) out += ']';
  return {};
}

Status answer_invocations(Work& work, const ModelRepository& models, const Request& request, Response& response) {
  SLIPWAY_CHECK(choose_model(work, models, request));
  SLIPWAY_TRY(work.reason_count, query_reasons(request.target));
  SLIPWAY_TRY(const dom::element root, work.json.parse(request.body));
  static constexpr const char* keys[] = {"dataframe_split", "dataframe_records", "instances", "inputs"};
  const char* given = nullptr;
  for (const char* key : keys) {
    if (root[key].error() != simdjson::SUCCESS) continue;
    if (given != nullptr) return invalid_input(fmt::format("expected one of '{}' and '{}', got both", given, key));
    given = key;
  }
  if (given == nullptr)
    return invalid_input("expected an object with one of dataframe_split, dataframe_records, instances, inputs");
  dom::element parameter;
  if (root["params"]["reasons"].get(parameter) == simdjson::SUCCESS) {
    SLIPWAY_TRY(work.reason_count, read_count(parameter, "reasons"));
  }
  SLIPWAY_CHECK(work.rows.begin(*work.model, 0));
  const dom::element rows = root[given].value_unsafe();
  if (given == keys[0])
    SLIPWAY_CHECK(read_split(work, rows, given));
  else if (rows.is_object())
    SLIPWAY_CHECK(read_columns(work, rows, given));
  else
    SLIPWAY_CHECK(read_row_list(work, rows, given));
  SLIPWAY_CHECK(score_rows(work));
  response.body = "{\"predictions\":[";
  for (std::size_t row = 0; row < work.rows.size(); ++row) {
    if (row > 0) response.body += ',';
    response.body += '{';
    append_scores(response.body, work, row);
    if (work.reason_count > 0) {
      response.body += ",\"reasons\":";
      append_reasons(response.body, work, row);
    }
    response.body += '}';
  }
  response.body += "]}";
  return {};
}

}  // namespace slipway::serving
