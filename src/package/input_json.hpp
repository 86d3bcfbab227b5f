// The JSON of inputs and tasks, which the ONNX file's description and the bundle's manifest share.
#pragma once
#include <nlohmann/json.hpp>

#include <slipway/model/model.hpp>

namespace slipway::package {

using Json = nlohmann::ordered_json;

// A double that prints as the float does (0.1, not 0.10000000149011612), as long as it leads back to the same float.
double tidy(float value);

Json describe_input(const model::Input& input);
// These throw std::exception (nlohmann's, std::out_of_range) on JSON of another shape; callers catch.
model::Input read_input(const Json& json);
model::Task read_task(const Json& json);

}  // namespace slipway::package
