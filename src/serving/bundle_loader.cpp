#include "bundle_loader.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/hash.hpp>
#include <slipway/package/bundle.hpp>

namespace slipway::serving {

Result<LoadedBundle> load_bundle(const std::filesystem::path& folder) {
  SLIPWAY_TRY(const package::Bundle bundle, package::open_bundle(folder));
  LoadedBundle loaded;
  loaded.model = bundle.model();
  const package::Manifest& manifest = bundle.manifest();
  if (!manifest.name.empty()) loaded.model.name = manifest.name;
  // The manifest's schema is the one that requests are checked against.
  if (manifest.inputs.size() == loaded.model.inputs.size()) loaded.model.inputs = manifest.inputs;
  loaded.version = std::to_string(manifest.version.value_or(1));  // protocols need a number, registered or not
  loaded.digest = bundle.digest();
  loaded.id_columns = manifest.id_columns;
  if (manifest.threshold) {
    DecisionPolicy policy{"", manifest.threshold->threshold, manifest.threshold->method};
    const std::string rule = fmt::format("{} {} {}", manifest.positive_class, policy.threshold, policy.method);
    policy.version = "threshold-" + sha256_hex(rule).substr(0, 8);
    loaded.policy = std::move(policy);
  }
  SLIPWAY_TRY(loaded.explanation, explain::read_plan(
                                      loaded.model.inputs, [&](std::string_view name) { return bundle.has(name); },
                                      [&](std::string_view name) { return bundle.read(name); }));
  if (bundle.has("verification.json")) {
    SLIPWAY_TRY(const std::string text, bundle.read("verification.json"));
    const auto document = nlohmann::json::parse(text, nullptr, false);
    if (const auto sample = document.find("sample"); document.is_object() && sample != document.end())
      loaded.verification_rows = sample->dump();
  }
  return loaded;
}

}  // namespace slipway::serving
