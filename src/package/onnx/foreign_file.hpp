// Models whose first operator is another tool's ONNX file: on disk that file with a description behind it, so that it
// runs wherever the file did.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::package {

// The property that says how many of the bytes are the other tool's, and what comes after its scores.
inline constexpr std::string_view foreign_key = "slipway.foreign";

// Errors: other operators than Link and Decide behind the first.
Result<std::string> write_with_foreign_file(const model::Model& model);
Result<model::Model> read_with_foreign_file(const std::map<std::string, std::string, std::less<>>& properties,
                                            std::string_view bytes);

}  // namespace slipway::package
