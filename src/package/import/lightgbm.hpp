// What import.hpp promises of LightGBM's files; throws Refusal.
#pragma once
#include <string_view>

#include <slipway/package/import.hpp>

namespace slipway::package {

Result<model::Model> read_lightgbm(std::string_view text, const ImportOptions& options);

}  // namespace slipway::package
