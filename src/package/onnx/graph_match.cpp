#include "graph_match.hpp"

#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "schema.hpp"

namespace slipway::package {

namespace {

// Fields that our subset of the schema leaves out and that change nothing: descriptions and versions.
constexpr int harmless_in_file[] = {4, 5, 6};  // domain, model_version, doc_string
constexpr int harmless_in_graph[] = {10, 13, 14,
                                     16};  // doc_string, value_info, quantization_annotation, metadata_props

template <std::size_t count>
bool only(const google::protobuf::UnknownFieldSet& fields, const int (&harmless)[count]) {
  for (int i = 0; i < fields.field_count(); ++i)
    if (std::find(std::begin(harmless), std::end(harmless), fields.field(i).number()) == std::end(harmless))
      return false;
  return true;
}

// Equal to the last bit, fields that we do not know included.
bool same(const google::protobuf::Message& left, const google::protobuf::Message& right) {
  return left.ByteSizeLong() == right.ByteSizeLong() && left.SerializeAsString() == right.SerializeAsString();
}

template <class Part>
Status match_by_name(const google::protobuf::RepeatedPtrField<Part>& found,
                     const google::protobuf::RepeatedPtrField<Part>& expected, std::string_view kind) {
  if (found.size() != expected.size())
    return invalid_input(fmt::format("it has {} {}s where {} are expected", found.size(), kind, expected.size()));
  std::unordered_map<std::string_view, const Part*> by_name;
  for (const Part& part : expected) by_name.emplace(part.name(), &part);
  for (const Part& part : found) {
    const auto one = by_name.find(part.name());
    if (one == by_name.end() || !same(part, *one->second))
      return invalid_input(fmt::format("{} '{}' is not as expected", kind, part.name()));
    by_name.erase(one);  // a second one of that name is refused
  }
  return {};
}

Status match_ports(const google::protobuf::RepeatedPtrField<onnx::ValueInfo>& found,
                   const google::protobuf::RepeatedPtrField<onnx::ValueInfo>& expected, std::string_view kind) {
  if (found.size() != expected.size())
    return invalid_input(fmt::format("it has {} {}s where {} are expected", found.size(), kind, expected.size()));
  for (int i = 0; i < found.size(); ++i)
    if (!same(found[i], expected[i]))
      return invalid_input(fmt::format("{} '{}' is not as expected", kind, found[i].name()));
  return {};
}

Status check_order(const onnx::Graph& graph) {
  std::unordered_set<std::string_view> known;
  for (const onnx::ValueInfo& input : graph.input()) known.insert(input.name());
  for (const onnx::Tensor& constant : graph.initializer()) known.insert(constant.name());
  for (const onnx::Node& node : graph.node()) {
    for (const std::string& input : node.input())
      if (!input.empty() && !known.contains(input))
        return invalid_input(fmt::format("node '{}' comes before its input '{}'", node.name(), input));
    for (const std::string& output : node.output())
      if (!known.insert(output).second)
        return invalid_input(fmt::format("node '{}' makes '{}' a second time", node.name(), output));
  }
  return {};
}

// The meaning of every operator that Slipway writes is the same in these versions.
Status check_operator_sets(const onnx::ModelFile& file) {
  for (const onnx::OperatorSet& set : file.opset_import()) {
    const bool ours = set.domain() == onnx_ml_domain
                          ? set.version() == onnx_ml_opset || set.version() == onnx_compact_ml_opset
                          : set.domain().empty() && (set.version() == onnx_opset || set.version() == onnx_text_opset);
    if (!ours) return invalid_input(fmt::format("it uses version {} of '{}'", set.version(), set.domain()));
  }
  return {};
}

}  // namespace

Status match_graph(const onnx::ModelFile& file, const onnx::ModelFile& expected) {
  if (!only(file.unknown_fields(), harmless_in_file) || !only(file.graph().unknown_fields(), harmless_in_graph))
    return invalid_input("it has parts that Slipway does not write");
  SLIPWAY_CHECK(check_operator_sets(file));
  SLIPWAY_CHECK(match_ports(file.graph().input(), expected.graph().input(), "input"));
  SLIPWAY_CHECK(match_ports(file.graph().output(), expected.graph().output(), "output"));
  SLIPWAY_CHECK(match_by_name(file.graph().initializer(), expected.graph().initializer(), "constant"));
  SLIPWAY_CHECK(match_by_name(file.graph().node(), expected.graph().node(), "node"));
  return check_order(file.graph());
}

}  // namespace slipway::package
