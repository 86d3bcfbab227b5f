#include <fmt/format.h>

#include <slipway/base/file.hpp>
#include <slipway/base/time.hpp>
#include <slipway/package/saved_model.hpp>

#include "tensor_graph.hpp"
#include "tensor_operators.hpp"

namespace slipway::package {

namespace {

using model::InputKind;
using model::Model;
using model::Task;

constexpr std::int64_t scalar_rank = -2;  // of a signature's port: [N], not [N, k]

TensorType tensor_type(InputKind kind) {
  switch (kind) {
    case InputKind::number:
      return tensor_float;
    case InputKind::text:
      return tensor_string;
    case InputKind::time:
      return tensor_int64;
  }
  return tensor_float;
}

class SavedModelWriter {
 public:
  explicit SavedModelWriter(const Model& model)
      : model_(model), meta_(*file_.add_meta_graphs()), graph_(*meta_.mutable_graph_def(), initialisers_, "") {}

  Result<std::string> run() {
    file_.set_saved_model_schema_version(1);
    meta_.mutable_meta_info_def()->add_tags("serve");
    meta_.mutable_graph_def()->mutable_versions()->set_producer(1882);
    meta_.mutable_graph_def()->mutable_versions()->set_min_consumer(12);
    write_inputs();
    write_operators();
    write_outputs();
    write_initialisers();
    if (file_.ByteSizeLong() > std::numeric_limits<std::int32_t>::max())
      return invalid_input(
          fmt::format("a SavedModel of {} bytes; TensorFlow reads at most 2 GiB", file_.ByteSizeLong()));
    std::string bytes;
    if (!file_.SerializeToString(&bytes)) return internal_error("the SavedModel could not be written");
    return bytes;
  }

 private:
  // Every column is parsed from tf.Example messages unless it is fed itself, so that all signatures share one graph.
  void write_inputs() {
    tensorflow::Node* examples = graph_.node("Placeholder", "examples", {}, {{"dtype", tensor_string}});
    set_batch_shape(*add_attribute(*examples, "shape")->mutable_shape());
    const std::span<const std::string> none;
    std::vector<std::string> keys, defaults;
    for (std::size_t i = 0; i < model_.inputs.size(); ++i) {
      keys.push_back(model_.inputs[i].name);
      const std::string part = fmt::format("parse/default_{}", i);
      switch (model_.inputs[i].kind) {
        case InputKind::number:
          defaults.push_back(graph_.scalar(part, std::numeric_limits<float>::quiet_NaN()));
          break;
        case InputKind::text:
          defaults.push_back(graph_.text(part, ""));
          break;
        case InputKind::time:
          defaults.push_back(graph_.int64(part, missing_time));
          break;
      }
    }
    const std::string names = graph_.strings("parse/names", {0}, none),
                      sparse = graph_.strings("parse/sparse", {0}, none),
                      dense = graph_.strings("parse/dense", {static_cast<std::int64_t>(keys.size())}, keys),
                      ragged = graph_.strings("parse/ragged", {0}, none);
    tensorflow::Node* parse = graph_.node("ParseExampleV2", "parse/example", {"examples", names, sparse, dense, ragged},
                                          {{"num_sparse", std::int64_t{0}}});
    for (const std::string& value : defaults) parse->add_input(value);
    tensorflow::AttributeList* types = add_attribute(*parse, "Tdense")->mutable_list();
    for (const model::Input& input : model_.inputs) types->add_type(tensor_type(input.kind));
    tensorflow::AttributeList* shapes = add_attribute(*parse, "dense_shapes")->mutable_list();
    for (std::size_t i = 0; i < keys.size(); ++i) shapes->add_shape();
    for (const char* empty : {"sparse_types", "ragged_value_types", "ragged_split_types"})
      add_attribute(*parse, empty)->mutable_list();

    for (std::size_t i = 0; i < model_.inputs.size(); ++i) {
      const TensorType type = tensor_type(model_.inputs[i].kind);
      const std::string parsed = i == 0 ? "parse/example" : fmt::format("parse/example:{}", i);
      tensorflow::Node* column =
          graph_.node("PlaceholderWithDefault", fmt::format("input_{}", i), {parsed}, {{"dtype", type}});
      set_batch_shape(*add_attribute(*column, "shape")->mutable_shape());
      columns_.push_back(column->name());
      values_.push_back(type == tensor_float ? graph_.expand(fmt::format("column_{}", i), columns_.back(), type, 1)
                                             : columns_.back());
    }
  }

  void write_operators() {
    for (std::size_t i = 0; i < model_.operators.size(); ++i) {
      const model::Operator& op = model_.operators[i];
      std::vector<std::string> inputs;
      for (const model::ValueId id : operator_inputs(op)) inputs.push_back(values_[id]);
      values_.push_back(
          write_tensor_operator(graph_.inside(fmt::format("op_{}_{}", i, operator_name(op))), model_, op, inputs));
    }
  }

  void write_outputs() {
    const auto classes = static_cast<std::int64_t>(model_.classes.size());
    const std::string& scores = values_[model_.scores];
    tensorflow::Signature& serving = signature("serving_default", "tensorflow/serving/predict");
    for (std::size_t i = 0; i < columns_.size(); ++i)
      port(*serving.add_inputs(), model_.inputs[i].name, columns_[i], tensor_type(model_.inputs[i].kind));
    if (model_.task != Task::multiclass) {
      const std::int32_t last = model_.task == Task::binary ? 1 : 0;
      const std::string column = graph_.int32("output/score/column", last);
      graph_.gather("output/score", scores, tensor_float, column, tensor_int32, 1);
      port(*serving.add_outputs(), "score", "output/score", tensor_float);
    }
    if (model_.task == Task::regression) {
      tensorflow::Signature& regress = signature("regress", "tensorflow/serving/regress");
      port(*regress.add_inputs(), "inputs", "examples", tensor_string);
      port(*regress.add_outputs(), "outputs", "output/score", tensor_float);
      return;
    }
    graph_.add("Identity", "output/probabilities", {scores});
    port(*serving.add_outputs(), "probabilities", "output/probabilities", tensor_float, classes);
    const std::string number = graph_.cast("output/label/number", values_[model_.label], tensor_float, tensor_int32);
    const std::string flat = graph_.reshape("output/label/row", number, tensor_int32,
                                            graph_.int32s("output/label/shape", {1}, std::array{-1}));
    const std::string names = graph_.strings("output/label/classes", {classes}, model_.classes);
    graph_.gather("output/label", names, tensor_string, flat, tensor_int32, 0);
    port(*serving.add_outputs(), "label", "output/label", tensor_string);

    tensorflow::Signature& classify = signature("classify", "tensorflow/serving/classify");
    port(*classify.add_inputs(), "inputs", "examples", tensor_string);
    const std::string row = graph_.expand("output/classes/row", names, tensor_string, 0);
    const std::string shape =
        graph_.add("Shape", "output/classes/shape", {scores}, {{"T", tensor_float}, {"out_type", tensor_int32}});
    graph_.add("BroadcastTo", "output/classes", {row, shape}, {{"T", tensor_string}, {"Tidx", tensor_int32}});
    port(*classify.add_outputs(), "classes", "output/classes", tensor_string, classes);
    port(*classify.add_outputs(), "scores", "output/probabilities", tensor_float, classes);
  }

  // Tables are filled by an operation that the loader runs.
  void write_initialisers() {
    if (initialisers_.empty()) return;
    tensorflow::Node* all = graph_.node("NoOp", "initialise", {});
    for (const std::string& one : initialisers_) all->add_input("^" + one);
    tensorflow::CollectionEntry* entry = meta_.add_collection_def();
    entry->set_key("saved_model_main_op");
    entry->mutable_value()->mutable_node_list()->add_value(all->name());
  }

  tensorflow::Signature& signature(std::string_view key, std::string_view method) {
    tensorflow::SignatureEntry* entry = meta_.add_signature_def();
    entry->set_key(std::string(key));
    entry->mutable_value()->set_method_name(std::string(method));
    return *entry->mutable_value();
  }

  static void port(tensorflow::TensorInfoEntry& entry, std::string_view key, std::string_view tensor, TensorType type,
                   std::int64_t width = scalar_rank) {
    entry.set_key(std::string(key));
    tensorflow::TensorInfo& info = *entry.mutable_value();
    info.set_name(std::string(tensor) + ":0");
    info.set_dtype(type);
    set_batch_shape(*info.mutable_tensor_shape());
    if (width != scalar_rank) info.mutable_tensor_shape()->add_dim()->set_size(width);
  }

  const Model& model_;
  tensorflow::SavedModel file_;
  tensorflow::MetaGraph& meta_;
  std::vector<std::string> initialisers_;
  TensorGraph graph_;
  std::vector<std::string> columns_;  // the placeholders
  std::vector<std::string> values_;   // a tensor per value of the model
};

}  // namespace

Result<std::string> saved_model_bytes(const Model& model) {
  SLIPWAY_CHECK(validate(model));
  for (const model::Operator& op : model.operators)
    if (std::holds_alternative<model::Foreign>(op))
      return invalid_input("writing a SavedModel: TensorFlow has no form for another tool's ONNX file");
  return SavedModelWriter(model).run();
}

Status write_saved_model(const Model& model, const std::filesystem::path& folder) {
  SLIPWAY_TRY(const std::string bytes, saved_model_bytes(model));
  return write_file(folder / "saved_model.pb", bytes);
}

}  // namespace slipway::package
