// Any tool's ONNX file as a Model: compiled into operators, or kept whole.
#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/package/import.hpp>

#include "../onnx/parse.hpp"
#include "../onnx/schema.hpp"
#include "onnx_graph.hpp"
#include "refusal.hpp"

namespace slipway::package {

namespace {

using model::Input;
using model::InputKind;
using model::ModelBuilder;
using model::Task;
using model::ValueId;

// sklearn's rule for two classes is the larger score, the first on ties: the second class wins above a half only.
const float above_half = std::nextafter(0.5F, 1.0F);

enum ElementType : std::int32_t {
  number_float = 1,
  number_int32 = 6,
  number_int64 = 7,
  text = 8,
  truth = 9,
  number_double = 11
};

// What the file takes and gives, and what that makes it.
struct Outline {
  struct Port {
    std::string name;
    std::vector<std::string> inputs;  // names of the Model's inputs
    bool is_text = false;
    bool is_whole = false;
  };
  std::vector<Port> ports;
  std::string scores;  // the tensor that holds the scores
  Task task = Task::regression;
  std::vector<std::string> classes;
  bool one_column = false;  // of two classes: the second one's score alone
};

class OutlineReader {
 public:
  OutlineReader(const onnx::Graph& graph, const ImportOptions& options) : graph_(graph), options_(options) {
    for (const onnx::Node& node : graph.node())
      for (const std::string& output : node.output()) makers_[output] = &node;
  }

  Outline run() {
    read_inputs();
    find_scores();
    return std::move(outline_);
  }

 private:
  void read_inputs() {
    std::set<std::string_view> constants;
    for (const onnx::Tensor& tensor : graph_.initializer()) constants.insert(tensor.name());
    std::vector<const onnx::ValueInfo*> infos;
    for (const onnx::ValueInfo& info : graph_.input())
      if (!constants.contains(info.name())) infos.push_back(&info);
    std::size_t given = 0;
    for (const onnx::ValueInfo* info : infos) {
      const onnx::TensorType& type = info->type().tensor_type();
      Outline::Port port{.name = info->name()};
      port.is_text = type.elem_type() == text;
      port.is_whole = type.elem_type() == number_int32 || type.elem_type() == number_int64 || type.elem_type() == truth;
      if (!port.is_text && !port.is_whole && type.elem_type() != number_float && type.elem_type() != number_double)
        refuse("input '{}' has element type {}", port.name, type.elem_type());
      std::int64_t width = 1;
      const int rank = type.shape().dim_size();
      if (rank > 2) refuse("input '{}' has {} dimensions; rows of a table have 2", port.name, rank);
      if (rank == 2) width = type.shape().dim(1).has_dim_value() ? type.shape().dim(1).dim_value() : -1;
      if (width < 0 && infos.size() == 1) width = static_cast<std::int64_t>(options_.features.size());
      if (width < 1 || width > 20000)
        refuse("input '{}' does not say how many columns it has; name them (--features)", port.name);
      for (std::int64_t i = 0; i < width; ++i) {
        if (width == 1 && (options_.features.empty() || infos.size() > 1)) {
          port.inputs.push_back(port.name);
        } else if (given < options_.features.size()) {
          port.inputs.push_back(options_.features[given++]);
        } else if (!options_.features.empty()) {
          refuse("{} names were given for more columns", options_.features.size());
        } else {
          port.inputs.push_back(infos.size() == 1 ? fmt::format("f{}", i) : fmt::format("{}_{}", port.name, i));
        }
      }
      outline_.ports.push_back(std::move(port));
    }
    if (given != options_.features.size() && given > 0)
      refuse("{} names were given for {} columns", options_.features.size(), given);
    if (outline_.ports.empty()) refuse("it has no inputs");
  }

  const onnx::Node* maker(const std::string& name) const {
    const auto found = makers_.find(name);
    return found == makers_.end() ? nullptr : found->second;
  }

  static bool is_score_type(std::int32_t type) { return type == number_float || type == number_double; }
  static bool is_label_type(std::int32_t type) { return type == text || type == number_int64 || type == number_int32; }

  void find_scores() {
    const onnx::ValueInfo* label = nullptr;
    const onnx::ValueInfo* scores = nullptr;
    for (const onnx::ValueInfo& output : graph_.output()) {
      const onnx::Node* made_by = maker(output.name());
      if (made_by && made_by->op_type() == "ZipMap" && made_by->input_size() > 0) {
        outline_.scores = made_by->input(0);
        take_labels(*made_by, "classlabels_strings", "classlabels_int64s");
      }
      const std::int32_t type = output.type().tensor_type().elem_type();
      if (is_label_type(type) && !label) label = &output;
      const bool well_named = output.name().find("prob") != std::string::npos;
      if (is_score_type(type) && (!scores || well_named)) scores = &output;
    }
    if (outline_.scores.empty()) {
      if (!scores) refuse("it has no output of scores (only labels, or sequences)");
      outline_.scores = scores->name();
    }
    std::int64_t width = 0;
    if (scores && scores->type().tensor_type().shape().dim_size() == 2)
      width = scores->type().tensor_type().shape().dim(1).dim_value();
    if (outline_.classes.empty() && label) {
      labels_behind(label->name(), 0);  // at most 1,000 nodes of it
      for (const onnx::Node& node : graph_.node()) {
        if (!outline_.classes.empty()) break;
        take_labels(node, "classlabels_strings", "classlabels_int64s");
        if (outline_.classes.empty()) take_labels(node, "", "classlabels_ints");
      }
      for (std::int64_t i = 0; outline_.classes.empty() && width > 1 && i < width; ++i)
        numbered_.push_back(std::to_string(i));
      if (outline_.classes.empty()) outline_.classes = numbered_;
    }
    if (!options_.classes.empty()) {
      if (!outline_.classes.empty() && outline_.classes.size() != options_.classes.size())
        refuse("the model has {} classes, but {} labels were given", outline_.classes.size(), options_.classes.size());
      outline_.classes = options_.classes;
    }
    if (label && outline_.classes.empty()) refuse("it does not say what its classes are (--classes)");
    if (outline_.classes.size() == 1) refuse("it knows one class only");
    outline_.task = outline_.classes.empty()       ? Task::regression
                    : outline_.classes.size() == 2 ? Task::binary
                                                   : Task::multiclass;
    outline_.one_column = outline_.task == Task::binary && width == 1;
  }

  void take_labels(const onnx::Node& node, std::string_view texts, std::string_view numbers) {
    const OnnxAttributes attributes(node);
    std::vector<std::string> found = attributes.texts(texts);
    for (const std::int64_t number : attributes.integers(numbers)) found.push_back(std::to_string(number));
    if (found.size() > 1) outline_.classes = std::move(found);
  }

  // The constant list of labels that an index picks from, or the values of a LabelEncoder, on the way to the label.
  void labels_behind(const std::string& name, int depth) {
    const onnx::Node* node = maker(name);
    if (!node || depth > 8 || ++looked_at_ > 1000 || !outline_.classes.empty()) return;
    if (node->op_type() == "LabelEncoder") take_labels(*node, "values_strings", "values_int64s");
    if (node->op_type() == "ArrayFeatureExtractor" && node->input_size() == 2)
      for (const onnx::Tensor& tensor : graph_.initializer())
        if (tensor.name() == node->input(0)) {
          const OnnxConstant labels = read_constant(tensor);
          std::vector<std::string> found = labels.texts;
          for (const double number : labels.numbers) found.push_back(fmt::format("{:.0f}", number));
          if (found.size() > 1) outline_.classes = std::move(found);
        }
    for (const std::string& input : node->input()) labels_behind(input, depth + 1);
  }

  const onnx::Graph& graph_;
  const ImportOptions& options_;
  std::map<std::string, const onnx::Node*> makers_;
  std::vector<std::string> numbered_;
  std::size_t looked_at_ = 0;
  Outline outline_;
};

bool is_plain(std::string_view words) {
  return std::all_of(words.begin(), words.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void add_inputs(ModelBuilder& builder, const Outline& outline) {
  for (const Outline::Port& port : outline.ports)
    for (const std::string& name : port.inputs)
      builder.input({.name = name, .kind = port.is_text ? InputKind::text : InputKind::number});
}

// Label and outputs behind the scores.
Result<model::Model> finish(ModelBuilder builder, const Outline& outline, ValueId scores, const ImportOptions& options,
                            const onnx::ModelFile& file) {
  if (outline.task != Task::regression) {
    const std::size_t width = builder.value(scores).width();
    if (width == 1 && outline.task == Task::binary)
      scores =
          builder.add(model::Link{.input = scores, .kind = model::Link::Kind::complement}, "scores", outline.classes);
    else if (width != outline.classes.size())
      return invalid_input(fmt::format("{} columns of scores for {} classes", width, outline.classes.size()));
    const float threshold = outline.task == Task::binary ? above_half : 0.5F;
    const ValueId label = builder.add(model::Decide{.input = scores, .threshold = threshold}, "label", {"label"});
    builder.set_outputs(scores, label);
  } else {
    builder.set_outputs(scores, scores);
  }
  builder.set_task(outline.task, options.target, outline.classes);
  for (const onnx::Entry& entry : file.metadata_props())
    if (!entry.key().empty() && !entry.key().starts_with("slipway.") && is_plain(entry.key()) &&
        is_plain(entry.value()))
      builder.set_metadata(entry.key(), entry.value());
  const std::string producer = file.producer_name() + " " + file.producer_version();
  builder.set_metadata("imported from", is_plain(producer) && producer.size() > 1 ? producer : "ONNX");
  return std::move(builder).build();
}

// The nodes that the scores are made from, in the file's order.
std::vector<const onnx::Node*> needed_nodes(const onnx::Graph& graph, const std::string& scores) {
  std::set<std::string_view> needed = {scores};
  std::vector<const onnx::Node*> nodes;
  for (int i = graph.node_size(); i-- > 0;) {
    const onnx::Node& node = graph.node(i);
    if (std::none_of(node.output().begin(), node.output().end(), [&](const auto& out) { return needed.contains(out); }))
      continue;
    nodes.push_back(&node);
    for (const std::string& input : node.input()) needed.insert(input);
  }
  std::reverse(nodes.begin(), nodes.end());
  return nodes;
}

Result<model::Model> compile(const onnx::ModelFile& file, const ImportOptions& options) {
  const onnx::Graph& graph = file.graph();
  const Outline outline = OutlineReader(graph, options).run();
  ModelBuilder builder(options.name);
  add_inputs(builder, outline);
  OnnxGraphCompiler compiler(builder);
  ValueId next = 0;
  for (const Outline::Port& port : outline.ports) {
    OnnxTensor tensor{.is_text = port.is_text, .is_whole = port.is_whole};
    for (std::size_t i = 0; i < port.inputs.size(); ++i) tensor.columns.push_back({.value = next++});
    compiler.define(port.name, std::move(tensor));
  }
  std::set<std::string_view> read;
  const auto nodes = needed_nodes(graph, outline.scores);
  for (const onnx::Node* node : nodes)
    for (const std::string& input : node->input()) read.insert(input);
  for (const onnx::Tensor& constant : graph.initializer())
    if (read.contains(constant.name())) compiler.define(constant.name(), {.constant = read_constant(constant)});
  for (const onnx::Node* node : nodes) {
    if (std::any_of(node->attribute().begin(), node->attribute().end(),
                    [](const onnx::Attribute& one) { return one.has_g() || !one.unknown_fields().empty(); }))
      refuse("{} has a graph of its own", node->op_type());
    compiler.compile(*node);
  }
  const ValueId scores = compiler.block_of(outline.scores);
  return finish(std::move(builder), outline, scores, options, file);
}

// The file without what ONNX Runtime's C interface cannot hand over (maps), and without properties.
std::string plain_file(onnx::ModelFile file, const std::string& scores) {
  file.clear_metadata_props();
  onnx::Graph& graph = *file.mutable_graph();
  std::set<std::string> zipped;
  auto& nodes = *graph.mutable_node();
  for (int i = nodes.size(); i-- > 0;)
    if (nodes[i].op_type() == "ZipMap") {
      for (const std::string& output : nodes[i].output()) zipped.insert(output);
      nodes.DeleteSubrange(i, 1);
    }
  auto& outputs = *graph.mutable_output();
  bool has_scores = false;
  for (int i = outputs.size(); i-- > 0;) {
    has_scores |= outputs[i].name() == scores;
    if (zipped.contains(outputs[i].name())) outputs.DeleteSubrange(i, 1);
  }
  if (!has_scores) {
    onnx::ValueInfo* port = graph.add_output();
    port->set_name(scores);
    port->mutable_type()->mutable_tensor_type()->set_elem_type(number_float);
  }
  return file.SerializeAsString();
}

Result<model::Model> keep(const onnx::ModelFile& file, const ImportOptions& options) {
  const Outline outline = OutlineReader(file.graph(), options).run();
  ModelBuilder builder(options.name);
  add_inputs(builder, outline);
  model::Foreign foreign{.file = plain_file(file, outline.scores), .scores = outline.scores};
  for (ValueId id = 0; id < builder.input_count(); ++id) foreign.inputs.push_back(id);
  std::vector<std::string> columns = outline.classes;
  if (outline.one_column || columns.empty()) columns = {outline.one_column ? outline.classes[1] : options.target};
  const ValueId scores = builder.add(std::move(foreign), "foreign", columns);
  return finish(std::move(builder), outline, scores, options, file);
}

template <class Reader>
Result<model::Model> read_file(std::string_view bytes, const Reader& reader) {
  google::protobuf::Arena arena;
  SLIPWAY_TRY(const onnx::ModelFile* file, parse_onnx(bytes, arena).with_context("reading ONNX"));
  auto made = guarded("ONNX", [&] { return reader(*file); });
  if (!made.ok()) return std::move(made).error();
  return std::move(made).value();
}

}  // namespace

Result<model::Model> import_onnx(std::string_view bytes, const ImportOptions& options) {
  return read_file(bytes, [&](const onnx::ModelFile& file) { return compile(file, options); });
}

Result<model::Model> keep_onnx(std::string_view bytes, const ImportOptions& options) {
  return read_file(bytes, [&](const onnx::ModelFile& file) { return keep(file, options); });
}

}  // namespace slipway::package
