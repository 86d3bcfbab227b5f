#include <fmt/format.h>
#include <sys/stat.h>

#include <slipway/base/text.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/serving/models.hpp>

#include "bundle_loader.hpp"
#include "served_model.hpp"

namespace slipway::serving {
namespace {

using ModelPointer = std::shared_ptr<const ServedModel>;

struct ByVersion {  // "9" before "10"
  bool operator()(const std::string& a, const std::string& b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

struct Name {
  std::string default_version;
  std::map<std::string, ModelPointer, ByVersion> versions;
  std::map<std::string, std::string> aliases;
};

using Catalogue = std::map<std::string, Name, std::less<>>;

std::vector<std::string> keys(const auto& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

// Changes whenever a file is appended to or replaced.
std::pair<std::int64_t, std::int64_t> fingerprint(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return {-1, -1};
  return {status.st_size, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace

struct ModelRepository::State {
  std::optional<registry::Registry> registry;
  std::mutex loading;  // one load at a time
  std::pair<std::int64_t, std::int64_t> seen{-2, -2};

  mutable std::mutex mutex;  // of the pointer only, never held for long
  std::shared_ptr<const Catalogue> catalogue = std::make_shared<Catalogue>();

  std::shared_ptr<const Catalogue> now() const {
    const std::lock_guard guard(mutex);
    return catalogue;
  }
  void swap_in(Catalogue fresh) {
    auto pointer = std::make_shared<const Catalogue>(std::move(fresh));
    const std::lock_guard guard(mutex);
    catalogue.swap(pointer);
  }

  // What the registry says should be served.
  Result<Catalogue> load_registry() {
    SLIPWAY_TRY(const std::vector<registry::Version> versions, registry->list());
    const auto old = now();
    Catalogue fresh;
    for (const registry::Version& version : versions) {
      if (version.aliases.empty()) continue;
      const std::string number = std::to_string(version.version);
      Name& name = fresh[version.name];
      for (const std::string& alias : version.aliases) {
        name.aliases[alias] = number;
        if (alias == "champion") name.default_version = number;
      }
      const auto known = old->find(version.name);
      if (known != old->end())
        if (const auto loaded = known->second.versions.find(number); loaded != known->second.versions.end()) {
          name.versions[number] = loaded->second;  // bundles are immutable
          continue;
        }
      SLIPWAY_TRY(LoadedBundle bundle,
                  load_bundle(version.path).with_context(fmt::format("loading {}/{}", version.name, number)));
      bundle.model.name = version.name;
      SLIPWAY_TRY(name.versions[number],
                  ServedModel::make(std::move(bundle.model), number, bundle.digest, std::move(bundle.id_columns),
                                    std::move(bundle.explanation)));
    }
    return fresh;
  }
};

ModelRepository::ModelRepository() : state_(std::make_unique<State>()) {}
ModelRepository::~ModelRepository() = default;

std::shared_ptr<ModelRepository> ModelRepository::empty() {
  return std::shared_ptr<ModelRepository>(new ModelRepository());
}

Result<std::shared_ptr<ModelRepository>> ModelRepository::open(const std::filesystem::path& location) {
  std::shared_ptr<ModelRepository> repository = empty();
  if (registry::Registry::is_registry(location)) {
    SLIPWAY_TRY(repository->state_->registry, registry::Registry::open(location));
    SLIPWAY_CHECK(repository->refresh());
    return repository;
  }
  SLIPWAY_TRY(LoadedBundle bundle, load_bundle(location));
  SLIPWAY_CHECK(repository->add(std::move(bundle.model), bundle.version, bundle.digest, std::move(bundle.id_columns),
                                std::move(bundle.explanation)));
  return repository;
}

Status ModelRepository::add(model::Model model, const std::string& version, std::string digest,
                            std::vector<std::string> id_columns, explain::ExplanationPlan explanation) {
  const std::lock_guard guard(state_->loading);
  const std::string name = model.name;
  SLIPWAY_TRY(ModelPointer served, ServedModel::make(std::move(model), version, std::move(digest),
                                                     std::move(id_columns), std::move(explanation)));
  Catalogue fresh = *state_->now();
  Name& entry = fresh[name];
  entry.versions[version] = std::move(served);
  entry.default_version = version;
  entry.aliases["champion"] = version;
  state_->swap_in(std::move(fresh));
  return {};
}

Result<bool> ModelRepository::refresh() {
  if (!state_->registry) return false;
  const std::lock_guard guard(state_->loading);
  const auto seen = fingerprint(state_->registry->folder() / "registry.jsonl");
  if (seen == state_->seen) return false;
  SLIPWAY_TRY(Catalogue fresh, state_->load_registry());
  state_->swap_in(std::move(fresh));
  state_->seen = seen;
  return true;
}

Result<ModelPointer> ModelRepository::find(std::string_view name, std::string_view version) const {
  const auto catalogue = state_->now();
  const auto entry = catalogue->find(name);
  if (entry == catalogue->end()) {
    const std::vector<std::string> known = keys(*catalogue);
    return not_found(fmt::format("Request for unknown model: '{}' is not found{}; served: {}", name,
                                 suggestion(name.substr(0, 256), known), known.empty() ? "none" : list_names(known)));
  }
  std::string wanted(version.empty() ? std::string_view(entry->second.default_version) : version);
  if (const auto alias = entry->second.aliases.find(wanted); alias != entry->second.aliases.end())
    wanted = alias->second;
  const auto found = entry->second.versions.find(wanted);
  if (found == entry->second.versions.end())
    return not_found(fmt::format("Request for unknown model: '{}' version '{}' is not found; served versions: {}", name,
                                 version, list_names(keys(entry->second.versions))));
  return found->second;
}

Result<ModelPointer> ModelRepository::only() const {
  const auto catalogue = state_->now();
  if (catalogue->empty()) return unavailable("no model is served");
  if (catalogue->size() > 1)
    return invalid_input(
        fmt::format("several models are served; say which one with ?model=NAME: {}", list_names(keys(*catalogue))));
  return find(catalogue->begin()->first);
}

std::vector<ModelPointer> ModelRepository::all() const {
  std::vector<ModelPointer> models;
  for (const auto& [name, entry] : *state_->now())
    for (const auto& [version, model] : entry.versions) models.push_back(model);
  return models;
}

std::vector<std::string> ModelRepository::versions(std::string_view name) const {
  const auto catalogue = state_->now();
  const auto entry = catalogue->find(name);
  return entry == catalogue->end() ? std::vector<std::string>() : keys(entry->second.versions);
}

bool ModelRepository::is_default(const ServedModel& model) const {
  const auto catalogue = state_->now();
  const auto entry = catalogue->find(model.name());
  return entry != catalogue->end() && entry->second.default_version == model.version();
}

}  // namespace slipway::serving
