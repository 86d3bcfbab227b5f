// The project's own protocol (/score) and MLflow's (/invocations).
#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/journal/json_text.hpp>

#include "csv_body.hpp"
#include "row_forms.hpp"
#include "work.hpp"

namespace slipway::serving {
namespace {

namespace dom = simdjson::dom;

Status choose_by_query(Work& work, const ModelRepository& models, const Request& request) {
  const auto name = query_parameter(request.target, "model");
  const auto version = query_parameter(request.target, "version");
  if (name) return choose_model(work, models, *name, version.value_or(""));
  SLIPWAY_TRY(const auto only, models.only());
  return choose_model(work, models, only->name(), version.value_or(""));
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
  if (const auto& policy = work.model->policy()) {
    out += ",\"policy\":\"";
    out += policy->version;
    out += '"';
  }
  out += ",\"request_id\":";
  journal::append_json_string(out, work.row_id(row));
  out += '}';
}

constexpr std::string_view extra_names[] = {"id", "reasons"};

}  // namespace

Status answer_score(Work& work, const ModelRepository& models, const Request& request, Response& response) {
  SLIPWAY_CHECK(choose_by_query(work, models, request));
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

namespace {

// What MLflow's scoring server says to other kinds of content.
enum class Content : std::uint8_t { json, csv };
Result<Content> content_of(const Request& request) {
  const std::vector<std::string> parts = split(request.header("content-type"), ';');
  const std::string type = lower_case(trim(parts.empty() ? std::string_view() : std::string_view(parts[0])));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string parameter = lower_case(trim(parts[i]));
    if (parameter.starts_with("charset=") && parameter != "charset=utf-8" && parameter != "charset=\"utf-8\"")
      return invalid_input("The scoring server only supports UTF-8");
  }
  if (type == "text/csv") return Content::csv;
  // Clients that say nothing, and curl, which says it sends a form, mean JSON.
  if (type.empty() || type == "application/json" || type == "application/x-www-form-urlencoded") return Content::json;
  return invalid_input(fmt::format(
      "This predictor only supports the content types text/csv and application/json, got {}", show_text(type)));
}

void append_predictions(std::string& out, const Work& work) {
  out += "{\"predictions\":[";
  for (std::size_t row = 0; row < work.rows.size(); ++row) {
    if (row > 0) out += ',';
    out += '{';
    append_scores(out, work, row);
    if (work.reason_count > 0) {
      out += ",\"reasons\":";
      append_reasons(out, work, row);
    }
    out += '}';
  }
  out += "]}";
}

}  // namespace

Status answer_invocations(Work& work, const ModelRepository& models, const Request& request, Response& response) {
  const auto content = content_of(request);
  if (!content.ok()) {
    response.status = 415;
    response.content_type = "text/plain; charset=utf-8";
    response.body = content.error().message();
    return {};
  }
  SLIPWAY_CHECK(choose_by_query(work, models, request));
  SLIPWAY_TRY(work.reason_count, query_reasons(request.target));
  if (*content == Content::csv) {
    SLIPWAY_CHECK(work.rows.begin(*work.model, 0));
    SLIPWAY_CHECK(read_csv_rows(work, request.body));
    SLIPWAY_CHECK(score_rows(work));
    append_predictions(response.body, work);
    return {};
  }
  SLIPWAY_TRY(const dom::element root, work.json.parse(request.body));
  if (root["signature_name"].error() == simdjson::SUCCESS)
    return invalid_input("'signature_name' is not supported here: leave it out");
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
  append_predictions(response.body, work);
  return {};
}

}  // namespace slipway::serving
