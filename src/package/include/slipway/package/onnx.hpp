// A Model as an ONNX file: its only form on disk. Standard operators only (ai.onnx 17, ai.onnx.ml 3, IR version 8; for
// Terms ai.onnx 20, IR version 9), so
// that ONNX Runtime and everything else that reads ONNX can run it.
//
// The graph has one input per raw column, named as the column, of shape [N, 1]: float (missing is NaN), string (missing
// is the empty string) or int64 (time in whole seconds since 1970-01-01 UTC; missing is the smallest int64). Its
// outputs are `label` (string, [N], the class) and `probabilities` (float, [N, classes]), or `prediction` (float, [N,
// 1]) for a regression; where an input has that name already, "_output" is appended. Nodes are named "<operator
// number>/<operator>/...". What ONNX has no place for (task, target, units, ranges, names of columns, ...) stands in
// metadata_props as JSON.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::package {

struct OnnxOptions {
  // Trees of one output as TreeEnsemble (ai.onnx.ml 5) with equal leaves stored once: a third of the size or less.
  // Needs an ONNX Runtime that has that operator (1.20.1 has not); leaves out the covers that path-dependent Shapley
  // values need.
  bool compact = false;
};

// The file's bytes; equal models give equal bytes. Errors: a model that does not pass validate(); an operator that has
// no ONNX form (Terms of several words with short ones left out), named with its number.
Result<std::string> write_onnx(const model::Model& model, const OnnxOptions& options = {});

// The Model in a file that write_onnx made, of this version or an older one: the Model is rebuilt from its description
// and the names of nodes, and accepted only if the graph built from it is the file's graph, node by node. The bytes may
// come from anywhere: what is truncated, corrupt or hostile is an invalid_input error, as is valid ONNX that does not
// say exactly what some Model says ("foreign": changed by another tool, or made by one). Memory use is bounded by a
// small multiple of the size.
Result<model::Model> read_onnx(std::string_view bytes);

// What any ONNX file says about itself, for reports and for running foreign models.
struct OnnxSummary {
  struct Port {
    std::string name;
    std::int32_t element_type = 0;    // as in ONNX: 1 float, 7 int64, 8 string, 11 double, ...
    std::vector<std::int64_t> shape;  // -1 where it is free
  };
  struct OperatorSet {
    std::string domain;  // "" is ai.onnx
    std::int64_t version = 0;
  };
  std::int64_t ir_version = 0;
  std::string producer;
  std::vector<OperatorSet> operator_sets;
  std::vector<Port> inputs, outputs;
  std::vector<std::string> operators;  // the distinct node types, sorted
  std::size_t nodes = 0;
  bool made_by_slipway = false;  // carries a Model's description; read_onnx may still refuse it
};
Result<OnnxSummary> summarise_onnx(std::string_view bytes);

}  // namespace slipway::package
