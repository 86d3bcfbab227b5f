// TensorFlow Serving's REST classify and regress.
#include <fmt/format.h>

#include <slipway/journal/json_text.hpp>

#include "row_forms.hpp"
#include "tensorflow_models.hpp"
#include "work.hpp"

namespace slipway::serving {
namespace {

namespace dom = simdjson::dom;

// {"context": {name: value}, "examples": [{name: value}, ...]}; what an example says goes before the context.
Status read_examples(Work& work, const dom::element& root) {
  dom::array examples;
  if (root["examples"].get(examples) != simdjson::SUCCESS)
    return invalid_input("Missing 'examples' key: expected a list of objects");
  if (examples.size() == 0) return invalid_input("'examples' is empty");
  dom::object context;
  dom::element given;
  const bool has_context = root["context"].get(given) == simdjson::SUCCESS;
  if (has_context && given.get(context) != simdjson::SUCCESS)
    return invalid_input(fmt::format("'context': expected an object, got {}", kind_of(given)));
  SLIPWAY_CHECK(work.rows.begin(*work.model, 0));
  for (const dom::element example : examples) {
    SLIPWAY_TRY(const std::size_t row, work.rows.add_row());
    dom::object fields;
    if (example.get(fields) != simdjson::SUCCESS)
      return invalid_input(
          fmt::format("'examples': row {}: expected an object of named features, got {}", row, kind_of(example)));
    if (has_context) SLIPWAY_CHECK(work.rows.set_object(row, context));
    SLIPWAY_CHECK(work.rows.set_object(row, fields));
  }
  return {};
}

void append_classes(std::string& out, const Work& work, std::size_t row) {
  out += '[';
  for (std::size_t k = 0; k < work.scores.scores.width; ++k) {
    out += k > 0 ? ",[" : "[";
    journal::append_json_string(out, work.model->model().classes[k]);
    out += ',';
    journal::append_json_number(out, work.scores.scores.at(row, k));
    out += ']';
  }
  out += ']';
}

}  // namespace

Status answer_tensorflow_examples(Work& work, const ModelRepository& models, const Request& request,
                                  const Target& target, Response& response) {
  const bool classify = target.action == Action::tensorflow_classify;
  const std::string_view method = classify ? "classify" : "regress";
  SLIPWAY_CHECK(choose_tensorflow_model(work, models, target));
  SLIPWAY_CHECK(check_method(*work.model, method));
  SLIPWAY_TRY(const dom::element root, work.json.parse(request.body));
  if (!root.is_object()) return invalid_input(fmt::format("expected an object with 'examples', got {}", kind_of(root)));
  std::string_view signature;
  dom::element given;
  if (root["signature_name"].get(given) == simdjson::SUCCESS && given.get(signature) != simdjson::SUCCESS)
    return invalid_input("'signature_name': expected a text, got " + show(given));
  SLIPWAY_CHECK(check_signature(signature, method));
  SLIPWAY_CHECK(read_examples(work, root));
  SLIPWAY_CHECK(score_rows(work));
  std::string& out = response.body;
  out += "{\"results\":[";
  for (std::size_t row = 0; row < work.rows.size(); ++row) {
    if (row > 0) out += ',';
    if (classify)
      append_classes(out, work, row);
    else
      journal::append_json_number(out, work.model->score(work.scores, row));
  }
  out += "]}";
  return {};
}

}  // namespace slipway::serving
