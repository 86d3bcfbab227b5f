#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <slipway/package/onnx.hpp>

#include "description.hpp"
#include "foreign_file.hpp"
#include "write_operators.hpp"

namespace slipway::package {

namespace {

void set_type(onnx::ValueInfo& port, ElementType type, std::initializer_list<std::int64_t> columns) {
  onnx::TensorType* tensor = port.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  tensor->mutable_shape()->add_dim()->set_dim_param("N");
  for (const std::int64_t width : columns) tensor->mutable_shape()->add_dim()->set_dim_value(width);
}

void write_inputs(onnx::Graph& graph, const model::Model& model) {
  for (const model::Input& input : model.inputs) {
    onnx::ValueInfo* port = graph.add_input();
    port->set_name(input.name);
    set_type(*port,
             input.kind == model::InputKind::number ? element_float
             : input.kind == model::InputKind::text ? element_string
                                                    : element_int64,
             {1});
  }
}

// Class index to name: the label the user knows.
void write_label(PartWriter writer, onnx::Graph& graph, const model::Model& model, const std::string& index,
                 const std::string& name) {
  const std::string whole = writer.cast("index", index, element_int64);
  const std::int64_t columns = 1;
  const std::string flat =
      writer.add("Squeeze", "flat", {whole, writer.integers("flat/axes", {1}, std::span(&columns, 1))});
  onnx::Node* encoder = writer.node("LabelEncoder", "name", {flat});
  encoder->set_domain(std::string(onnx_ml_domain));
  onnx::Attribute* keys = add_integers(*encoder, "keys_int64s");
  onnx::Attribute* values = add_strings(*encoder, "values_strings");
  for (std::size_t i = 0; i < model.classes.size(); ++i) {
    keys->add_ints(static_cast<std::int64_t>(i));
    values->add_strings(model.classes[i]);
  }
  set_attribute(*encoder, "default_string", std::string_view());
  encoder->set_output(0, name);
  onnx::ValueInfo* port = graph.add_output();
  port->set_name(name);
  set_type(*port, element_string, {});
}

void write_outputs(onnx::Graph& graph, const model::Model& model, const Names& names) {
  PartWriter writer(graph, names.lead() + "output/", "");
  if (model.task != model::Task::regression)
    write_label(writer.inside("label"), graph, model, names.value(model, model.label), names.output("label"));
  const std::string name = names.output(scores_output_name(model.task));
  writer.node("Identity", "scores", {names.value(model, model.scores)})->set_output(0, name);
  onnx::ValueInfo* port = graph.add_output();
  port->set_name(name);
  set_type(*port, element_float, {static_cast<std::int64_t>(model.score_width())});
}

Result<std::string> serialise(const onnx::ModelFile& file) {
  std::string bytes;
  if (file.ByteSizeLong() > std::size_t{std::numeric_limits<std::int32_t>::max()})
    return invalid_input("the model needs more than the 2 GiB that an ONNX file can hold");
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  if (!file.SerializeToCodedStream(&coded)) return internal_error("the ONNX file could not be serialised");
  coded.Trim();
  return bytes;
}

}  // namespace

Status build_file(onnx::ModelFile& file, const model::Model& model, std::span<const Form> forms) {
  const bool text = std::any_of(model.operators.begin(), model.operators.end(), [](const auto& op) {
    return std::holds_alternative<model::Terms>(op) || std::holds_alternative<model::Match>(op);
  });
  file.set_ir_version(text ? onnx_text_ir_version : onnx_ir_version);
  file.set_producer_name("slipway");
  onnx::OperatorSet* set = file.add_opset_import();
  set->set_domain("");
  set->set_version(text ? onnx_text_opset : onnx_opset);
  set = file.add_opset_import();
  set->set_domain(std::string(onnx_ml_domain));
  const bool compact = std::find(forms.begin(), forms.end(), Form::compact) != forms.end();
  set->set_version(compact ? onnx_compact_ml_opset : onnx_ml_opset);
  onnx::Graph& graph = *file.mutable_graph();
  graph.set_name(model.name.empty() ? "model" : model.name);
  const Names names(model.inputs);
  write_inputs(graph, model);
  for (std::size_t i = 0; i < model.operators.size(); ++i) {
    const model::Operator& op = model.operators[i];
    std::vector<std::string> inputs;
    for (const model::ValueId id : operator_inputs(op)) inputs.push_back(names.value(model, id));
    const model::ValueId output = operator_output(op);
    PartWriter writer(graph, names.part_prefix(i, operator_name(op)), names.value(model, output));
    SLIPWAY_CHECK(
        write_operator(std::move(writer), model, op, inputs, forms[i])
            .with_context(fmt::format("operator {} ({} '{}')", i, operator_name(op), model.values[output].name)));
  }
  write_outputs(graph, model, names);
  SLIPWAY_TRY(const auto properties, describe_model(model));
  for (const auto& [key, value] : properties) {
    onnx::Entry* entry = file.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  return {};
}

Result<std::string> write_onnx(const model::Model& model, const OnnxOptions& options) {
  SLIPWAY_CHECK(validate(model).with_context("writing ONNX"));
  if (std::holds_alternative<model::Foreign>(model.operators.empty() ? model::Operator() : model.operators[0]))
    return write_with_foreign_file(model).with_context("writing ONNX: another tool's model");
  std::vector<Form> forms(model.operators.size(), Form::standard);
  for (std::size_t i = 0; i < forms.size(); ++i)
    if (const auto* trees = std::get_if<model::Trees>(&model.operators[i]))
      if (options.compact && trees->outputs == 1) forms[i] = Form::compact;
  onnx::ModelFile file;
  SLIPWAY_CHECK(build_file(file, model, forms).with_context("writing ONNX"));
  return serialise(file);
}

}  // namespace slipway::package
