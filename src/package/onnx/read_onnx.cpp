#include <fmt/format.h>
#include <google/protobuf/arena.h>

#include <slipway/package/onnx.hpp>

#include "description.hpp"
#include "foreign_file.hpp"
#include "graph_match.hpp"
#include "parse.hpp"
#include "read_operators.hpp"
#include "schema.hpp"
#include "wire_check.hpp"

namespace slipway::package {

namespace {

constexpr std::string_view foreign =
    "it is valid ONNX, but not one that Slipway can read as a Model (ONNX Runtime can run it)";

}  // namespace

Result<onnx::ModelFile*> parse_onnx(std::string_view bytes, google::protobuf::Arena& arena) {
  if (bytes.size() > std::size_t{std::numeric_limits<std::int32_t>::max()})
    return invalid_input("it is larger than 2 GiB, more than an ONNX file can be");
  SLIPWAY_CHECK(check_wire(bytes));
  auto* file = google::protobuf::Arena::CreateMessage<onnx::ModelFile>(&arena);
  if (!file->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return invalid_input("it is truncated or corrupt, or no ONNX file");
  if (file->ir_version() <= 0 || !file->has_graph() || file->opset_import_size() == 0)
    return invalid_input("it is no ONNX file: version, graph or operator sets are absent");
  return file;
}

namespace {

std::map<std::string, std::string, std::less<>> properties_of(const onnx::ModelFile& file) {
  std::map<std::string, std::string, std::less<>> properties;
  for (const onnx::Entry& entry : file.metadata_props()) properties.emplace(entry.key(), entry.value());
  return properties;
}

// The kind of every operator, from the names of its nodes: "3/Fill/missing".
Result<std::vector<std::string>> operator_kinds(const onnx::Graph& graph, const Names& names, std::size_t count) {
  std::vector<std::string> kinds(count);
  for (const onnx::Node& node : graph.node()) {
    std::string_view name = node.name();
    if (!name.starts_with(names.lead())) continue;
    name.remove_prefix(names.lead().size());
    std::size_t index = 0, digits = 0;
    for (; digits < name.size() && digits < 9 && name[digits] >= '0' && name[digits] <= '9'; ++digits)
      index = index * 10 + static_cast<std::size_t>(name[digits] - '0');
    if (digits == 0 || digits >= name.size() || name[digits] != '/') continue;
    name.remove_prefix(digits + 1);
    const std::size_t end = name.find('/');
    if (end == std::string_view::npos || index >= count)
      return invalid_input(fmt::format("node '{}' is not as expected", node.name()));
    kinds[index] = name.substr(0, end);
  }
  return kinds;
}

// The Model that the description and the names of nodes speak of, and the forms of its operators.
struct Rebuilt {
  model::Model model;
  std::vector<Form> forms;
};

Result<Rebuilt> rebuild(const onnx::ModelFile& file) {
  SLIPWAY_TRY(Description description, read_description(properties_of(file)));
  model::Model& model = description.model;
  const Names names(model.inputs);
  const std::size_t count = model.values.size() - model.inputs.size();
  SLIPWAY_TRY(const auto kinds, operator_kinds(file.graph(), names, count));
  std::unordered_map<std::string, model::ValueId> values;
  for (model::ValueId id = 0; id < model.values.size(); ++id) values.emplace(names.value(model, id), id);
  const Parts parts(file.graph());
  Rebuilt rebuilt;
  std::vector<model::Operator> operators;
  for (std::size_t i = 0; i < count; ++i) {
    const ReadContext context{parts, values, description, names.part_prefix(i, kinds[i]),
                              static_cast<model::ValueId>(model.inputs.size() + i)};
    SLIPWAY_TRY(auto op, read_operator(kinds[i], context).with_context(fmt::format("operator {}", i)));
    operators.push_back(std::move(op));
    rebuilt.forms.push_back(form_of(kinds[i], context));
  }
  model.operators = std::move(operators);
  rebuilt.model = std::move(model);
  return rebuilt;
}

Result<model::Model> read_own(const onnx::ModelFile& file) {
  SLIPWAY_TRY(Rebuilt rebuilt, rebuild(file));
  SLIPWAY_CHECK(validate(rebuilt.model));
  google::protobuf::Arena arena;
  auto* expected = google::protobuf::Arena::CreateMessage<onnx::ModelFile>(&arena);
  SLIPWAY_CHECK(build_file(*expected, rebuilt.model, rebuilt.forms));
  SLIPWAY_CHECK(match_graph(file, *expected));
  return std::move(rebuilt.model);
}

}  // namespace

Result<model::Model> read_onnx(std::string_view bytes) {
  google::protobuf::Arena arena;
  SLIPWAY_TRY(const onnx::ModelFile* file, parse_onnx(bytes, arena).with_context("reading ONNX"));
  const auto& entries = file->metadata_props();
  const auto format =
      std::find_if(entries.begin(), entries.end(), [](const onnx::Entry& entry) { return entry.key() == format_key; });
  if (format == entries.end()) return invalid_input(fmt::format("reading ONNX: {}", foreign));
  if (format->value() != format_version)
    return invalid_input(fmt::format("reading ONNX: its format is '{}', this version of Slipway reads '{}'",
                                     format->value(), format_version));
  const bool has_foreign_file =
      std::any_of(entries.begin(), entries.end(), [](const onnx::Entry& entry) { return entry.key() == foreign_key; });
  if (has_foreign_file)
    return read_with_foreign_file(properties_of(*file), bytes).with_context("reading ONNX: another tool's model");
  return read_own(*file).with_context(fmt::format("reading ONNX: {}", foreign));
}

Result<OnnxSummary> summarise_onnx(std::string_view bytes) {
  google::protobuf::Arena arena;
  SLIPWAY_TRY(const onnx::ModelFile* file, parse_onnx(bytes, arena).with_context("reading ONNX"));
  OnnxSummary summary;
  summary.ir_version = file->ir_version();
  summary.producer = file->producer_name();
  for (const onnx::OperatorSet& set : file->opset_import())
    summary.operator_sets.push_back({set.domain(), set.version()});
  const auto port = [](const onnx::ValueInfo& info) {
    OnnxSummary::Port made{info.name(), info.type().tensor_type().elem_type(), {}};
    for (const onnx::Dimension& dimension : info.type().tensor_type().shape().dim())
      made.shape.push_back(dimension.has_dim_value() ? dimension.dim_value() : -1);
    return made;
  };
  // Files may list constants among the inputs; these are not for the caller to give.
  std::set<std::string_view> constants;
  for (const onnx::Tensor& tensor : file->graph().initializer()) constants.insert(tensor.name());
  for (const onnx::ValueInfo& info : file->graph().input())
    if (!constants.contains(info.name())) summary.inputs.push_back(port(info));
  for (const onnx::ValueInfo& info : file->graph().output()) summary.outputs.push_back(port(info));
  std::set<std::string> types;
  for (const onnx::Node& node : file->graph().node()) types.insert(node.op_type());
  summary.operators.assign(types.begin(), types.end());
  summary.nodes = static_cast<std::size_t>(file->graph().node_size());
  for (const onnx::Entry& entry : file->metadata_props()) summary.made_by_slipway |= entry.key() == format_key;
  return summary;
}

}  // namespace slipway::package
