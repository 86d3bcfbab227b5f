// The models that a server holds. Looking one up never waits for a load; a load swaps the new version in at once, and
// requests that run on the old one finish on it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/explain/explanation_plan.hpp>
#include <slipway/model/model.hpp>

namespace slipway::serving {

class ServedModel;  // one loaded version; immutable

struct RepositoryOptions {
  // About how much memory models may take; what would need more is refused, and what is served stays. 0: no limit.
  std::uint64_t memory_bytes = 0;
};

// One version of a name, as Triton's repository index says it.
struct ModelState {
  std::string name;
  std::string version;
  std::string state;   // "READY", "LOADING" or "UNAVAILABLE"
  std::string reason;  // why it is unavailable
};

// Where requests that name no version go besides the default one.
struct Traffic {
  std::string canary;  // a version or alias that answers a share of the requests; "" = none
  double share = 0;    // 0 to 1
  std::string key;     // an input or id column whose value decides, so that equal values meet one version; "" = the
                       // request's id
  std::string shadow;  // a version or alias that scores every request too, without answering; "" = none
};

// From {"canary": {"version": "4", "share": 0.05, "key": "card_id"}, "shadow": "4"}; {} is no rule.
Result<Traffic> parse_traffic(std::string_view json);

// The same with the versions it means now.
struct TrafficPlan {
  Traffic rule;
  std::shared_ptr<const ServedModel> canary, shadow;
};

// What is to be served of one name, as TensorFlow Serving's configuration says it. Whatever `versions` says, those with
// an alias are served too, and the champion answers where no version is named.
struct NameConfiguration {
  enum class Versions : std::uint8_t { with_alias, latest, all, specific };
  std::string name;
  std::string base_path;  // "" or the folder that the name is served from: nothing else can be served
  Versions versions = Versions::with_alias;
  std::uint32_t latest = 1;                                  // how many of the newest
  std::vector<std::int64_t> specific;                        // these
  std::vector<std::pair<std::string, std::int64_t>> labels;  // beside the registry's aliases, which they cannot be
};

// Safe for concurrent use.
class ModelRepository {
 public:
  // Loads `location`: a bundle's folder, or a registry's (models/), of which the champion of every name is served by
  // default and every other version with an alias under its version and alias. Loading verifies the bundle's digests,
  // compiles the model, scores its verification rows (they must give what they gave when it was made) and so warms it
  // up. A version that cannot be loaded is an error.
  static Result<std::shared_ptr<ModelRepository>> open(const std::filesystem::path& location,
                                                       const RepositoryOptions& options = {});
  // Holds nothing yet; for models that are made in memory.
  static std::shared_ptr<ModelRepository> empty(const RepositoryOptions& options = {});
  ~ModelRepository();

  // Serves a model as the given version and makes it its name's default. What had that name and version is replaced.
  // `id_columns` are fields that requests may carry besides the inputs.
  Status add(model::Model model, const std::string& version, std::string digest,
             std::vector<std::string> id_columns = {}, explain::ExplanationPlan explanation = {});

  // Looks at the location again: newly promoted versions are loaded and swapped in, versions without an alias let go.
  // A version that cannot be loaded is skipped (a champion's predecessor goes on), told by index(), tried again after
  // ten seconds, and is the error that comes back. True if something changed.
  Result<bool> refresh();
  // Loads a name again, also one that was unloaded; what runs is replaced only when the new one is ready.
  Status load(std::string_view name);
  // Stops serving a name until load(). Requests that run on it finish.
  Status unload(std::string_view name);
  // Serves these names and no others from now on, until the next call or the end of the program; load() adds a name.
  // All is loaded before anything changes; what cannot be leaves everything as it is.
  Status configure(std::vector<NameConfiguration> names);
  // In the registry, with its history: makes a version the champion, or the one before the present one again; then
  // serves it. Without a registry: a conflict. The version that is served now comes back.
  Result<std::string> promote(std::string_view name, std::string_view version, const std::string& who,
                              const std::string& why);
  Result<std::string> roll_back(std::string_view name, const std::string& who, const std::string& why);

  // Sets how a name's requests are shared out; {} ends it. The versions must be loaded and take the same inputs.
  Status set_traffic(std::string_view name, const Traffic& rule);
  // Null where there is no rule.
  std::shared_ptr<const TrafficPlan> traffic(std::string_view name) const;

  // Called, from any thread, whenever what is served has changed; {} ends it. Must not call this repository's loads.
  void on_change(std::function<void()> told);

  // The default version of a name, or the given version or alias. Unknown names are not_found with the nearest name,
  // beginning "Request for unknown model: 'foo' is not found".
  Result<std::shared_ptr<const ServedModel>> find(std::string_view name, std::string_view version = {}) const;
  // The model to use where a request names none: the only one. Several: an invalid_input error that lists them.
  Result<std::shared_ptr<const ServedModel>> only() const;
  // By name, then version.
  std::vector<std::shared_ptr<const ServedModel>> all() const;
  // What is served, is being loaded or could not be, by name and version.
  std::vector<ModelState> index() const;
  // The versions of a name that are loaded, ascending; empty if none.
  std::vector<std::string> versions(std::string_view name) const;
  // The aliases of a name and their versions.
  std::vector<std::pair<std::string, std::string>> aliases(std::string_view name) const;
  bool is_default(const ServedModel& model) const;
  // Swaps of a name's default version since the start.
  std::uint64_t swaps() const;
  // About how much memory the loaded models take, and the limit (0: none).
  std::uint64_t memory_bytes() const;
  std::uint64_t memory_limit() const;

 private:
  ModelRepository();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::serving
