// How a published model is explained: what a bundle's explain.json and reasons.yaml say.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>
#include <slipway/explain/explainer.hpp>
#include <slipway/explain/reason_catalogue.hpp>
#include <slipway/model/model.hpp>

namespace slipway::explain {

inline constexpr std::string_view plan_file = "explain.json";       // method and baselines
inline constexpr std::string_view catalogue_file = "reasons.yaml";  // as the user wrote it

struct ExplanationPlan {
  ExplainerOptions options;
  std::shared_ptr<const ReasonCatalogue> catalogue;  // null: the default wording
};

// {"method": "automatic", "baselines": {...} or null}
std::string plan_json(const ExplainerOptions& options, std::span<const model::Input> inputs);

// Reads both files, each of which may be absent. `has` and `read` are a bundle's.
Result<ExplanationPlan> read_plan(std::span<const model::Input> inputs,
                                  const std::function<bool(std::string_view name)>& has,
                                  const std::function<Result<std::string>(std::string_view name)>& read);

}  // namespace slipway::explain
