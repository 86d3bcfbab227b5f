// Open Inference Protocol V2 over HTTP: infer, in JSON and with the binary tensor extension.
#include <charconv>

#include <fmt/format.h>

#include <slipway/journal/json_text.hpp>

#include "v2_tensors.hpp"
#include "work.hpp"

namespace slipway::serving {
namespace {

namespace dom = simdjson::dom;
using journal::append_json_integer;
using journal::append_json_number;
using journal::append_json_string;

// ---- reading

Result<std::vector<std::int64_t>> read_shape(const dom::element& tensor, std::string_view name) {
  dom::array sizes;
  std::vector<std::int64_t> shape;
  if (tensor["shape"].get(sizes) != simdjson::SUCCESS)
    return invalid_input(fmt::format("input '{}': shape: expected [n] or [n, 1], got none", name));
  for (const dom::element element : sizes) {
    std::int64_t size = 0;
    if (element.get(size) != simdjson::SUCCESS || size < 0)
      return invalid_input(fmt::format("input '{}': shape: expected [n] or [n, 1], got {}", name, show(element)));
    shape.push_back(size);
  }
  return shape;
}

Status read_data(Work& work, const Tensor& tensor, const dom::element& data) {
  const std::size_t count = tensor.count();
  const std::size_t columns = tensor.columns;
  std::size_t at = 0;
  const auto put = [&](const dom::element& value) -> Status {
    if (at < count) {
      const bool text = value.is_string();
      if (text != (tensor.type == Datatype::bytes) && !value.is_null())
        return work.rows.reject(
            Rejection::wrong_type,
            fmt::format("{}: datatype {}: expected {}, got {}",
                        work.rows.where(at / columns, tensor.first_input + at % columns), datatype_name(tensor.type),
                        tensor.type == Datatype::bytes ? "a text" : "a number", show(value)));
      SLIPWAY_CHECK(work.rows.set(at / columns, tensor.first_input + at % columns, value));
    }
    ++at;
    return {};
  };
  dom::array list;
  if (data.get(list) != simdjson::SUCCESS)
    return invalid_input(fmt::format("input '{}': data: expected a list, got {}", tensor.name, kind_of(data)));
  for (const dom::element element : list) {
    dom::array nested;
    if (element.get(nested) == simdjson::SUCCESS) {
      for (const dom::element value : nested) SLIPWAY_CHECK(put(value));
    } else {
      SLIPWAY_CHECK(put(element));
    }
  }
  if (at != count)
    return invalid_input(fmt::format("input '{}': its shape says {} values, its data have {}", tensor.name, count, at));
  return {};
}

Result<std::size_t> read_size(const dom::element& value, std::string_view name) {
  std::int64_t size = 0;
  if (value.get(size) != simdjson::SUCCESS || size < 0)
    return invalid_input(
        fmt::format("input '{}': binary_data_size: expected a whole number, got {}", name, show(value)));
  return static_cast<std::size_t>(size);
}

// All inputs; `binary` is what follows the JSON.
Status read_inputs(Work& work, const dom::element& root, std::string_view binary) {
  dom::array inputs;
  if (root["inputs"].get(inputs) != simdjson::SUCCESS) return invalid_input("expected a list of tensors in 'inputs'");
  TensorPlaces places(work, inputs.size());
  for (const dom::element tensor : inputs) {
    Tensor target;
    if (tensor["name"].get(target.name) != simdjson::SUCCESS)
      return invalid_input("an input has no 'name': expected a text");
    std::string_view datatype;
    if (tensor["datatype"].get(datatype) != simdjson::SUCCESS)
      return invalid_input(fmt::format("input '{}': expected a text in 'datatype'", target.name));
    SLIPWAY_TRY(target.type, parse_datatype(datatype, target.name));
    SLIPWAY_TRY(const std::vector<std::int64_t> shape, read_shape(tensor, target.name));
    SLIPWAY_CHECK(places.set_shape(target, shape));
    SLIPWAY_CHECK(places.place(target));
    dom::element data, size;
    const bool has_data = tensor["data"].get(data) == simdjson::SUCCESS;
    if (tensor["parameters"]["binary_data_size"].get(size) == simdjson::SUCCESS) {
      if (has_data) return invalid_input(fmt::format("input '{}' has both 'data' and 'binary_data_size'", target.name));
      SLIPWAY_TRY(const std::size_t bytes, read_size(size, target.name));
      if (bytes > binary.size())
        return invalid_input(
            fmt::format("input '{}': binary_data_size {} goes beyond the end of the body", target.name, bytes));
      SLIPWAY_CHECK(read_raw_tensor(work, target, binary.substr(0, bytes)));
      binary.remove_prefix(bytes);
    } else if (has_data) {
      SLIPWAY_CHECK(read_data(work, target, data));
    } else {
      return invalid_input(fmt::format("input '{}' has no 'data'", target.name));
    }
  }
  SLIPWAY_CHECK(places.finish());
  if (!binary.empty()) return invalid_input(fmt::format("{} bytes of binary data belong to no input", binary.size()));
  return {};
}

// ---- answering

Result<std::vector<Wanted>> read_outputs(Work& work, const dom::element& root) {
  bool binary = false;
  dom::element value;
  if (root["parameters"]["binary_data_output"].get(value) == simdjson::SUCCESS &&
      value.get(binary) != simdjson::SUCCESS)
    return invalid_input("binary_data_output: expected true or false, got " + show(value));
  if (root["parameters"]["reasons"].get(value) == simdjson::SUCCESS) {
    SLIPWAY_TRY(work.reason_count, read_count(value, "reasons"));
  }
  WantedOutputs wanted(work);
  dom::array outputs;
  if (root["outputs"].get(outputs) != simdjson::SUCCESS) return wanted.take(binary);
  for (const dom::element output : outputs) {
    std::string_view name;
    if (output["name"].get(name) != simdjson::SUCCESS) return invalid_input("an output has no 'name': expected a text");
    SLIPWAY_TRY(Wanted* const one, wanted.ask(name));
    one->binary = binary;
    if (output["parameters"]["binary_data"].get(value) == simdjson::SUCCESS &&
        value.get(one->binary) != simdjson::SUCCESS)
      return invalid_input(fmt::format("output '{}': binary_data: expected true or false, got {}", name, show(value)));
    if (output["parameters"]["classification"].get(value) == simdjson::SUCCESS) {
      SLIPWAY_TRY(const std::size_t count, read_count(value, "classification"));
      SLIPWAY_CHECK(set_classification(*one, count));
    }
  }
  return wanted.take(binary);
}

void append_output(std::string& json, std::string& binary, const Work& work, const Wanted& wanted) {
  const OutputShape shape = output_shape(work, wanted);
  json += "{\"name\":\"";
  json += output_name(wanted.output);
  json += shape.numbers ? "\",\"datatype\":\"FP32\",\"shape\":[" : "\",\"datatype\":\"BYTES\",\"shape\":[";
  append_json_integer(json, static_cast<std::int64_t>(work.rows.size()));
  if (shape.columns > 0) {
    json += ',';
    append_json_integer(json, static_cast<std::int64_t>(shape.columns));
  }
  json += ']';
  if (wanted.binary) {
    const std::size_t begin = binary.size();
    append_raw_output(binary, work, wanted);
    json += ",\"parameters\":{\"binary_data_size\":";
    append_json_integer(json, static_cast<std::int64_t>(binary.size() - begin));
    json += "}}";
    return;
  }
  json += ",\"data\":[";
  bool first = true;
  const auto separate = [&] {
    if (!first) json += ',';
    first = false;
  };
  each_output_value(
      work, wanted,
      [&](float value) {
        separate();
        append_json_number(json, value);
      },
      [&](std::string_view text) {
        separate();
        append_json_string(json, text);
      });
  json += "]}";
}

// The length of the JSON in front of binary data, or nothing if the body is JSON alone.
Result<std::optional<std::size_t>> read_header_length(const Request& request) {
  const std::string_view text = request.header("inference-header-content-length");
  if (text.empty()) return std::optional<std::size_t>();
  std::size_t length = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (code != std::errc() || end != text.data() + text.size() || length > request.body.size())
    return invalid_input(
        fmt::format("Inference-Header-Content-Length: expected a whole number up to the body's {} bytes, got {}",
                    request.body.size(), show_text(text)));
  if (length == 0)
    return invalid_input(
        "Inference-Header-Content-Length: a body without JSON is not supported: the inputs must be named");
  return std::optional(length);
}

}  // namespace

Status answer_v2_infer(Work& work, const ModelRepository& models, const Request& request, const std::string& name,
                       const std::string& version, Response& response) {
  SLIPWAY_CHECK(choose_model(work, models, name, version));
  SLIPWAY_TRY(const std::optional<std::size_t> header, read_header_length(request));
  const std::size_t json_size = header.value_or(request.body.size());
  SLIPWAY_TRY(const dom::element root, work.json.parse(request.body.substr(0, json_size)));
  if (!root.is_object()) return invalid_input(fmt::format("expected an object with 'inputs', got {}", kind_of(root)));
  std::string_view id;
  dom::element value;
  const bool has_id = root["id"].get(value) == simdjson::SUCCESS && !value.is_null();
  if (has_id && value.get(id) != simdjson::SUCCESS) return invalid_input("'id': expected a text, got " + show(value));
  if (id.size() > 256) return invalid_input(fmt::format("'id': expected at most 256 bytes, got {}", id.size()));
  if (!id.empty()) work.request_id = id;
  SLIPWAY_TRY(const std::vector<Wanted> wanted, read_outputs(work, root));
  SLIPWAY_CHECK(read_inputs(work, root, request.body.substr(json_size)));
  SLIPWAY_CHECK(score_rows(work));

  std::string& json = response.body;
  std::string binary;
  json += "{\"model_name\":";
  append_json_string(json, work.model->name());
  json += ",\"model_version\":";
  append_json_string(json, work.model->version());
  if (has_id) {
    json += ",\"id\":";
    append_json_string(json, id);
  }
  json += ",\"outputs\":[";
  bool first = true, any_binary = false;
  for (const Wanted& one : wanted) {
    if (!first) json += ',';
    first = false;
    any_binary = any_binary || one.binary;
    append_output(json, binary, work, one);
  }
  json += "]}";
  if (any_binary) {
    response.content_type = "application/octet-stream";
    response.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json.size()));
    json += binary;
  }
  return {};
}

}  // namespace slipway::serving
