// The models that a server holds. Looking one up never waits for a load; a load swaps the new version in at once, and
// requests that run on the old one finish on it.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/explain/explanation_plan.hpp>
#include <slipway/model/model.hpp>

namespace slipway::serving {

class ServedModel;  // one loaded version; immutable

// Safe for concurrent use.
class ModelRepository {
 public:
  // Loads `location`: a bundle's folder, or a registry's (models/), of which the champion of every name is served by
  // default and every other version with an alias under its version and alias. A version that cannot be loaded (digest,
  // schema, operators) is an error.
  static Result<std::shared_ptr<ModelRepository>> open(const std::filesystem::path& location);
  // Holds nothing yet; for models that are made in memory.
  static std::shared_ptr<ModelRepository> empty();
  ~ModelRepository();

  // Serves a model as the given version and makes it its name's default. What had that name and version is replaced.
  // `id_columns` are fields that requests may carry besides the inputs.
  Status add(model::Model model, const std::string& version, std::string digest,
             std::vector<std::string> id_columns = {}, explain::ExplanationPlan explanation = {});

  // Looks at the location again: newly promoted versions are loaded and swapped in, versions without an alias let go.
  // On an error what is served stays. True if something changed.
  Result<bool> refresh();

  // The default version of a name, or the given version or alias. Unknown names are not_found with the nearest name,
  // beginning "Request for unknown model: 'foo' is not found".
  Result<std::shared_ptr<const ServedModel>> find(std::string_view name, std::string_view version = {}) const;
  // The model to use where a request names none: the only one. Several: an invalid_input error that lists them.
  Result<std::shared_ptr<const ServedModel>> only() const;
  // By name, then version.
  std::vector<std::shared_ptr<const ServedModel>> all() const;
  // The versions of a name that are loaded, ascending; empty if none.
  std::vector<std::string> versions(std::string_view name) const;
  bool is_default(const ServedModel& model) const;

 private:
  ModelRepository();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::serving
