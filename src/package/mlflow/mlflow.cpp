#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/package/mlflow.hpp>

#include "../onnx/schema.hpp"

namespace slipway::package {

namespace {

using Json = nlohmann::ordered_json;
using model::InputKind;
using model::Task;

Json tensor(std::string_view name, std::string_view type, std::vector<std::int64_t> shape) {
  return {{"name", name}, {"type", "tensor"}, {"tensor-spec", {{"dtype", type}, {"shape", std::move(shape)}}}};
}

Json inputs_of(const model::Model& model) {
  Json inputs = Json::array();
  for (const model::Input& input : model.inputs)
    inputs.push_back(tensor(input.name,
                            input.kind == InputKind::number ? "float32"
                            : input.kind == InputKind::text ? "object"
                                                            : "int64",
                            {-1, 1}));
  return inputs;
}

Json outputs_of(const model::Model& model) {
  const Names names(model.inputs);
  const auto width = static_cast<std::int64_t>(model.score_width());
  Json outputs = Json::array();
  if (model.task != Task::regression) outputs.push_back(tensor(names.output("label"), "object", {-1}));
  outputs.push_back(tensor(names.output(scores_output_name(model.task)), "float32", {-1, width}));
  return outputs;
}

// A scalar for YAML: JSON's quoted strings are YAML's too.
std::string quoted(const std::string& text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

// In single quotes, as MLflow writes JSON within YAML.
std::string single_quoted(const Json& value) {
  std::string text = "'";
  for (const char c : value.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    if (c == '\'') text += '\'';
    text += c;
  }
  return text + "'";
}

// A UUID of the file's own content instead of a random one, so that equal models give equal bytes.
std::string content_uuid(const std::string& sha256) { return sha256.substr(0, 32); }

}  // namespace

Status write_mlflow(const model::Model& model, const std::filesystem::path& folder, const MlflowOptions& options) {
  SLIPWAY_TRY(const std::string digest, sha256_file(folder / "model.onnx"));
  std::error_code error;
  const auto size = std::filesystem::file_size(folder / "model.onnx", error);
  if (error) return not_found(fmt::format("{}: {}", (folder / "model.onnx").string(), error.message()));
  const std::string requirements = fmt::format("mlflow>={}\nnumpy\nonnx\nonnxruntime>={}\npandas\n",
                                               options.mlflow_version, options.onnxruntime_version);

  std::string mlmodel =
      "flavors:\n  onnx:\n    code: null\n    data: model.onnx\n    providers:\n    - CPUExecutionProvider\n"
      "  python_function:\n    data: model.onnx\n    env:\n      conda: conda.yaml\n      virtualenv: python_env.yaml\n"
      "    loader_module: mlflow.onnx\n";
  mlmodel += fmt::format("    python_version: {}\n", options.python_version);
  mlmodel += fmt::format("mlflow_version: {}\n", options.mlflow_version);
  mlmodel += fmt::format("model_size_bytes: {}\nmodel_uuid: {}\n", size, content_uuid(digest));
  mlmodel += fmt::format("metadata:\n  name: {}\n  task: {}\n  target: {}\n  model.onnx sha256: {}\n",
                         quoted(model.name), task_name(model.task), quoted(model.target), digest);
  mlmodel += fmt::format("signature:\n  inputs: {}\n  outputs: {}\n  params: null\n", single_quoted(inputs_of(model)),
                         single_quoted(outputs_of(model)));
  SLIPWAY_CHECK(write_file(folder / "MLmodel", mlmodel));

  std::string conda =
      fmt::format("channels:\n- conda-forge\ndependencies:\n- python={}\n- pip\n- pip:\n", options.python_version);
  for (std::size_t begin = 0; begin < requirements.size();) {
    const std::size_t end = requirements.find('\n', begin);
    conda += "  - " + requirements.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  conda += "name: mlflow-env\n";
  SLIPWAY_CHECK(write_file(folder / "conda.yaml", conda));
  SLIPWAY_CHECK(
      write_file(folder / "python_env.yaml",
                 fmt::format("python: {}\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r "
                             "requirements.txt\n",
                             options.python_version)));
  return write_file(folder / "requirements.txt", requirements);
}

}  // namespace slipway::package
