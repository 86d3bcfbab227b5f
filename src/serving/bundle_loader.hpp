// A bundle's folder as a model to serve.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/explain/explanation_plan.hpp>
#include <slipway/model/model.hpp>

#include "served_model.hpp"

namespace slipway::serving {

struct LoadedBundle {
  model::Model model;
  std::string version;                  // "1" where the bundle was never registered
  std::string digest;                   // of the bundle
  std::vector<std::string> id_columns;  // that requests may carry besides the inputs
  explain::ExplanationPlan explanation;
  std::optional<DecisionPolicy> policy;
  // JSON: {"rows": [{name: value}, ...], "scores": [[...], ...]}; "" if it has none
  std::string verification_rows;
};

// Verifies the bundle's digests and reads its model.
Result<LoadedBundle> load_bundle(const std::filesystem::path& folder);

}  // namespace slipway::serving
