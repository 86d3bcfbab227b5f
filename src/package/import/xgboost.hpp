// What import.hpp promises of XGBoost's files; throws Refusal.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include <slipway/package/import.hpp>

namespace slipway::package {

Result<model::Model> read_xgboost(const nlohmann::json& document, const ImportOptions& options, std::size_t file_size);

}  // namespace slipway::package
