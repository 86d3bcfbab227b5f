// Bringing in another tool's ONNX file: compiled where the operators allow it and ONNX Runtime agrees, else kept whole.
#pragma once
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>
#include <slipway/package/import.hpp>

namespace slipway::app {

struct OnnxImport {
  model::Model model;
  bool compiled = false;
  std::string why_not;            // not compiled: what stands in the way
  double largest_difference = 0;  // compiled: from ONNX Runtime, on made-up rows
  std::size_t rows = 0;           // made up
  std::size_t other_labels = 0;   // of them, where the file's own label is not the one that its scores give
};

// Rows are made up around the model's own thresholds and categories, missing and unseen values among them.
Result<OnnxImport> import_onnx_file(std::string_view bytes, const package::ImportOptions& options);

}  // namespace slipway::app
