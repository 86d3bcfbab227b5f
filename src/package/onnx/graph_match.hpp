// Whether a file's graph says exactly what a Model says.
#pragma once
#include <slipway/base/result.hpp>

#include "onnx.pb.h"

namespace slipway::package {

// Compares the file with `expected`, a graph built from the Model that was read from it: the same inputs and outputs in
// the same order, the same constants and nodes by name, in an order in which they can run, and nothing besides that a
// runtime would act on. How the file is laid out, who made it and what else its metadata says does not matter. The
// error names the first difference.
Status match_graph(const onnx::ModelFile& file, const onnx::ModelFile& expected);

}  // namespace slipway::package
