// Versions of a registry beside each other: what differs, and whether one may be promoted.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/registry/registry.hpp>

namespace slipway::app {

struct Difference {
  std::string what;         // "metric roc_auc", "input amount", "threshold", ...
  std::string left, right;  // "" where that side has no such thing
};

// What differs between two bundles: schema, classes, threshold, lineage, metrics, files.
Result<std::vector<Difference>> compare_versions(const std::filesystem::path& left, const std::filesystem::path& right);

// Tries gates ("average_precision >= 0.5"; "champion" instead of the number means the champion's own value) on the
// version's evaluation.json; the results as the history keeps them. check_failed names every gate that fails.
Result<registry::Gates> pass_gates(const registry::Registry& registry, const registry::Version& version,
                                   const std::vector<std::string>& gates);

}  // namespace slipway::app
