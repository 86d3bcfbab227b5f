// TensorFlow Serving's REST predict: row form ("instances" -> "predictions") and column form ("inputs" -> "outputs").
// KServe's V1 protocol is its row form; its explain is the same with reasons ("instances" -> "explanations").
#include <fmt/format.h>

#include <slipway/journal/json_text.hpp>

#include "row_forms.hpp"
#include "tensorflow_models.hpp"
#include "work.hpp"

namespace slipway::serving {
namespace {

namespace dom = simdjson::dom;

void append_list(std::string& out, std::size_t rows, const auto& append_one) {
  out += '[';
  for (std::size_t row = 0; row < rows; ++row) {
    if (row > 0) out += ',';
    append_one(row);
  }
  out += ']';
}

void append_columns(std::string& out, const Work& work) {
  const ServedModel& model = *work.model;
  const std::size_t rows = work.rows.size();
  out += "{\"outputs\":{";
  if (model.is_binary() || model.is_regression()) {
    out += "\"score\":";
    append_list(out, rows, [&](std::size_t row) { journal::append_json_number(out, model.score(work.scores, row)); });
  } else {
    out += "\"scores\":";
    append_list(out, rows, [&](std::size_t row) {
      append_list(out, work.scores.scores.width,
                  [&](std::size_t k) { journal::append_json_number(out, work.scores.scores.at(row, k)); });
    });
  }
  if (!model.is_regression()) {
    out += ",\"label\":";
    append_list(out, rows, [&](std::size_t row) { journal::append_json_string(out, model.label(work.scores, row)); });
  }
  if (work.reason_count > 0) {
    out += ",\"reasons\":";
    append_list(out, rows, [&](std::size_t row) { append_reasons(out, work, row); });
  }
  out += "}}";
}

}  // namespace

Status choose_tensorflow_model(Work& work, const ModelRepository& models, const Target& target) {
  TensorFlowVersion version;
  (target.label ? version.label : version.number) = target.version;
  SLIPWAY_TRY(work.model, find_tensorflow_model(models, target.name, version));
  if (target.version.empty()) work.traffic = models.traffic(target.name);
  return {};
}

Status answer_tensorflow_predict(Work& work, const ModelRepository& models, const Request& request,
                                 const Target& target, Response& response) {
  SLIPWAY_CHECK(choose_tensorflow_model(work, models, target));
  const bool explain = target.action == Action::kserve_explain;
  SLIPWAY_TRY(work.reason_count, query_reasons(request.target));
  if (explain && work.reason_count == 0) work.reason_count = default_reasons;
  SLIPWAY_TRY(const dom::element root, work.json.parse(request.body));
  if (!root.is_object())
    return invalid_input(fmt::format("expected an object with 'instances' or 'inputs', got {}", kind_of(root)));
  dom::element instances, inputs, other;
  const bool by_row = root["instances"].get(instances) == simdjson::SUCCESS;
  const bool by_column = root["inputs"].get(inputs) == simdjson::SUCCESS;
  if (by_row && by_column) return invalid_input("expected one of 'instances' and 'inputs', got both");
  if (!by_row && !by_column) return invalid_input("Missing 'inputs' or 'instances' key");
  if (root["reasons"].get(other) == simdjson::SUCCESS) {
    SLIPWAY_TRY(work.reason_count, read_count(other, "reasons"));
  }
  if (root["signature_name"].get(other) == simdjson::SUCCESS) {
    std::string_view signature;
    if (other.get(signature) != simdjson::SUCCESS)
      return invalid_input("'signature_name': expected a text, got " + show(other));
    SLIPWAY_CHECK(check_signature(signature, "predict"));
  }
  SLIPWAY_CHECK(work.rows.begin(*work.model, 0));
  if (by_row)
    SLIPWAY_CHECK(read_row_list(work, instances, "instances"));
  else
    SLIPWAY_CHECK(read_columns(work, inputs, "inputs"));
  SLIPWAY_CHECK(score_rows(work));
  std::string& out = response.body;
  if (by_column) {
    append_columns(out, work);
    return {};
  }
  out += explain ? "{\"explanations\":" : "{\"predictions\":";
  append_list(out, work.rows.size(), [&](std::size_t row) {
    out += '{';
    append_scores(out, work, row);
    if (work.reason_count > 0) {
      out += ",\"reasons\":";
      append_reasons(out, work, row);
    }
    out += '}';
  });
  out += '}';
  return {};
}

}  // namespace slipway::serving
