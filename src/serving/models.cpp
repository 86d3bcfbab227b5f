#include <chrono>
#include <set>
#include <thread>

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
using Clock = std::chrono::steady_clock;

constexpr auto retry_after = std::chrono::seconds(10);

struct ByVersion {  // "9" before "10"
  bool operator()(const std::string& a, const std::string& b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

struct Name {
  std::string default_version;
  std::map<std::string, ModelPointer, ByVersion> versions;
  std::map<std::string, std::string> aliases;
  std::map<std::string, std::string, ByVersion> failed;  // versions that could not be loaded, and why
  std::shared_ptr<const TrafficPlan> traffic;
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

// The version that a name, a number or an alias means; null if none.
ModelPointer lookup(const Name& entry, std::string_view version) {
  std::string wanted(version.empty() ? std::string_view(entry.default_version) : version);
  if (const auto alias = entry.aliases.find(wanted); alias != entry.aliases.end()) wanted = alias->second;
  const auto found = entry.versions.find(wanted);
  return found == entry.versions.end() ? nullptr : found->second;
}

bool takes_the_same_inputs(const ServedModel& a, const ServedModel& b) {
  return std::equal(a.inputs().begin(), a.inputs().end(), b.inputs().begin(), b.inputs().end(),
                    [](const model::Input& x, const model::Input& y) { return x.name == y.name && x.kind == y.kind; });
}

// What a rule means among the versions that are loaded.
Result<std::shared_ptr<const TrafficPlan>> plan_traffic(const std::string& name, const Name& entry,
                                                        const Traffic& rule) {
  if (rule.canary.empty() && rule.shadow.empty()) return std::shared_ptr<const TrafficPlan>();
  if (!(rule.share >= 0 && rule.share <= 1))
    return invalid_input(
        fmt::format("traffic of '{}': share: expected a number from 0 to 1, got {}", name, format_number(rule.share)));
  const ModelPointer main = lookup(entry, {});
  if (main == nullptr) return not_found(fmt::format("traffic of '{}': no version is served", name));
  auto plan = std::make_shared<TrafficPlan>();
  plan->rule = rule;
  for (const auto& [wanted, place, what] :
       {std::tuple{&rule.canary, &plan->canary, "canary"}, std::tuple{&rule.shadow, &plan->shadow, "shadow"}}) {
    if (wanted->empty()) continue;
    *place = lookup(entry, *wanted);
    if (*place == nullptr)
      return not_found(fmt::format("traffic of '{}': {}: no version or alias '{}' is served; there are {}", name, what,
                                   *wanted, list_names(keys(entry.versions))));
    if (!takes_the_same_inputs(*main, **place))
      return invalid_input(fmt::format("traffic of '{}': {}: version {} takes other inputs than version {}", name, what,
                                       (*place)->version(), main->version()));
  }
  if (!rule.key.empty() && main->find_input(rule.key, 0) < 0) {
    const auto ids = main->id_columns();
    if (std::find(ids.begin(), ids.end(), rule.key) == ids.end())
      return invalid_input(fmt::format("traffic of '{}': key: '{}' is neither an input nor an id column{}", name,
                                       rule.key, suggestion(rule.key, main->input_names())));
  }
  return std::shared_ptr<const TrafficPlan>(std::move(plan));
}

}  // namespace

struct ModelRepository::State {
  RepositoryOptions options;
  std::filesystem::path location;
  std::optional<registry::Registry> registry;
  std::mutex loading;  // one load at a time
  // Under `loading`.
  std::pair<std::int64_t, std::int64_t> seen{-2, -2};
  Clock::time_point retry = Clock::time_point::max();
  std::set<std::string, std::less<>> unloaded;
  std::map<std::string, Traffic, std::less<>> rules;
  std::optional<std::map<std::string, NameConfiguration, std::less<>>> configured;  // nothing: every name is served
  std::uint64_t fresh_bytes = 0;  // of models loaded and not yet swapped in
  std::atomic<std::uint64_t> swaps{0};

  std::mutex telling;
  std::function<void()> told;  // under `telling`

  mutable std::mutex mutex;  // of what follows, never held for long
  std::shared_ptr<const Catalogue> catalogue = std::make_shared<Catalogue>();
  std::optional<std::pair<std::string, std::string>> in_progress;

  std::shared_ptr<const Catalogue> now() const {
    const std::lock_guard guard(mutex);
    return catalogue;
  }
  void swap_in(Catalogue fresh) {
    for (auto& [name, entry] : fresh) {
      entry.traffic = nullptr;
      // A rule whose version has gone rests until it is there again.
      if (const auto rule = rules.find(name); rule != rules.end())
        if (auto plan = plan_traffic(name, entry, rule->second); plan.ok()) entry.traffic = std::move(*plan);
    }
    fresh_bytes = 0;
    auto old = now();
    for (const auto& [name, entry] : fresh)
      if (const auto before = old->find(name); before != old->end())
        if (lookup(before->second, {}) != lookup(entry, {})) ++swaps;
    std::vector<ModelPointer> retired;
    for (const auto& [name, entry] : *old)
      for (const auto& [version, model] : entry.versions)
        if (const auto after = fresh.find(name); after == fresh.end() || !holds(after->second, version, model.get()))
          retired.push_back(model);
    auto pointer = std::make_shared<const Catalogue>(std::move(fresh));
    {
      const std::lock_guard guard(mutex);
      catalogue.swap(pointer);
    }
    {
      const std::lock_guard guard(telling);
      if (told) told();
    }
    retire(std::move(retired), std::move(pointer), std::move(old));
  }

  static bool holds(const Name& entry, const std::string& version, const ServedModel* model) {
    const auto found = entry.versions.find(version);
    return found != entry.versions.end() && found->second.get() == model;
  }
  // Frees models on this thread, once the requests that run on them have ended: to free one takes long, and a request
  // should not have to. After a second whoever is the last does it.
  static void retire(std::vector<ModelPointer> models, std::shared_ptr<const Catalogue> swapped,
                     std::shared_ptr<const Catalogue> old) {
    swapped.reset();
    const auto limit = Clock::now() + std::chrono::seconds(1);
    const auto alone = [](const auto& pointer) { return pointer.use_count() == 1; };
    // The old catalogue holds them too.
    while (!alone(old) && Clock::now() < limit) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    old.reset();
    while (!std::all_of(models.begin(), models.end(), alone) && Clock::now() < limit)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  std::uint64_t memory_of(const Catalogue& models) const {
    std::uint64_t bytes = 0;
    for (const auto& [name, entry] : models)
      for (const auto& [version, model] : entry.versions) bytes += model->memory_bytes();
    return bytes;
  }

  Result<ModelPointer> load_version(const std::filesystem::path& path, const std::string& name,
                                    const std::string& number) {
    {
      const std::lock_guard guard(mutex);
      in_progress.emplace(name, number);
    }
    auto loaded = load_bundle_as(path, name, number);
    const std::lock_guard guard(mutex);
    in_progress.reset();
    return loaded;
  }

  Result<ModelPointer> load_bundle_as(const std::filesystem::path& path, const std::string& name,
                                      const std::string& number) {
    SLIPWAY_TRY(LoadedBundle bundle, load_bundle(path));
    if (!registry && !name.empty() && bundle.model.name != name)
      return not_found(
          fmt::format("Request for unknown model: '{}' is not found; the bundle holds '{}'", name, bundle.model.name));
    if (!name.empty()) bundle.model.name = name;
    if (!number.empty()) bundle.version = number;
    const std::uint64_t needed = estimated_bytes(bundle.model), used = memory_of(*now()) + fresh_bytes;
    if (options.memory_bytes > 0 && used + needed > options.memory_bytes)
      return unavailable(fmt::format("it needs about {} MiB, and {} of {} MiB are in use", (needed >> 20) + 1,
                                     used >> 20, options.memory_bytes >> 20));
    fresh_bytes += needed;
    return ServedModel::make(std::move(bundle.model), std::move(bundle.version), std::move(bundle.digest),
                             std::move(bundle.id_columns), std::move(bundle.explanation), bundle.verification_rows,
                             std::move(bundle.policy));
  }

  // Whether a version is to be served; `all` are the registry's.
  bool is_wanted(const registry::Version& version, const std::vector<registry::Version>& all) const {
    if (unloaded.contains(version.name)) return false;
    if (!configured) return !version.aliases.empty();
    const auto found = configured->find(version.name);
    if (found == configured->end()) return false;
    using Versions = NameConfiguration::Versions;
    const NameConfiguration& wanted = found->second;
    if (!version.aliases.empty() || wanted.versions == Versions::all) return true;
    if (wanted.versions == Versions::specific)
      return std::find(wanted.specific.begin(), wanted.specific.end(), version.version) != wanted.specific.end();
    const auto newer = std::count_if(all.begin(), all.end(), [&](const registry::Version& other) {
      return other.name == version.name && other.version > version.version;
    });
    return wanted.versions == Versions::latest && newer < static_cast<std::ptrdiff_t>(wanted.latest);
  }

  // What the registry says should be served. A version that cannot be loaded stands in its name's `failed`; the first
  // such error goes to `problem`. `again`: a name of which nothing is kept from before.
  Result<Catalogue> load_registry(std::optional<Error>& problem, std::string_view again = {}) {
    SLIPWAY_TRY(const std::vector<registry::Version> versions, registry->list());
    const auto old = now();
    Catalogue fresh;
    for (const registry::Version& version : versions) {
      if (!is_wanted(version, versions)) continue;
      const std::string number = std::to_string(version.version);
      Name& name = fresh[version.name];
      for (const std::string& alias : version.aliases) {
        name.aliases[alias] = number;
        if (alias == "champion") name.default_version = number;
      }
      const auto known = old->find(version.name);
      if (known != old->end() && version.name != again)
        if (const auto loaded = known->second.versions.find(number); loaded != known->second.versions.end()) {
          name.versions[number] = loaded->second;  // bundles are immutable
          continue;
        }
      auto loaded = load_version(version.path, version.name, number);
      if (loaded.ok()) {
        name.versions[number] = std::move(*loaded);
        continue;
      }
      Error error = std::move(loaded).error().with_context(fmt::format("loading {}/{}", version.name, number));
      name.failed[number] = error.message();
      if (!problem) problem = std::move(error);
    }
    if (configured)
      for (auto& [name, entry] : fresh)
        for (const auto& [label, number] : configured->find(name)->second.labels)
          entry.aliases.emplace(label, std::to_string(number));
    for (auto& [name, entry] : fresh) {
      if (entry.versions.contains(entry.default_version)) continue;
      // The champion could not be loaded: the one before goes on.
      const auto known = old->find(name);
      if (known == old->end()) continue;
      if (ModelPointer before = lookup(known->second, {})) {
        entry.default_version = before->version();
        entry.aliases["champion"] = before->version();
        entry.versions[before->version()] = std::move(before);
      }
    }
    return fresh;
  }

  // Loads what the registry says now; under `loading`.
  Status follow_registry(std::string_view again = {}) {
    const auto before = fingerprint(registry->folder() / "registry.jsonl");
    std::optional<Error> problem;
    SLIPWAY_TRY(Catalogue fresh, load_registry(problem, again));
    swap_in(std::move(fresh));
    seen = before;
    retry = problem ? Clock::now() + retry_after : Clock::time_point::max();
    if (problem) return *problem;
    return {};
  }

  Status load_single(const std::string& name) {
    SLIPWAY_TRY(ModelPointer served, load_version(location, name, ""));
    Catalogue fresh = *now();
    Name& entry = fresh[served->name()];
    const std::string version = served->version();
    entry.versions[version] = std::move(served);
    entry.default_version = version;
    entry.aliases["champion"] = version;
    swap_in(std::move(fresh));
    return {};
  }

  Result<std::string> after_promotion(std::string_view name) {
    SLIPWAY_CHECK(follow_registry());
    const auto catalogue_now = now();
    const auto entry = catalogue_now->find(name);
    if (entry == catalogue_now->end()) return not_found(fmt::format("model '{}' is not served", name));
    return entry->second.default_version;
  }

  // Whether the registry has what a configuration asks for.
  Status check_configuration(const NameConfiguration& wanted) const {
    SLIPWAY_TRY(const std::vector<std::string> names, registry->names());
    if (std::find(names.begin(), names.end(), wanted.name) == names.end())
      return not_found(fmt::format("Request for unknown model: '{}' is not found{}; the registry has: {}", wanted.name,
                                   suggestion(wanted.name.substr(0, 256), names), list_names(names)));
    const std::filesystem::path folder = registry->folder() / wanted.name;
    std::error_code ignored;
    if (!wanted.base_path.empty() && std::filesystem::weakly_canonical(wanted.base_path, ignored) !=
                                         std::filesystem::weakly_canonical(folder, ignored))
      return invalid_input(
          fmt::format("model '{}': base_path '{}': expected {} or nothing: this server's models come from "
                      "its registry",
                      wanted.name, wanted.base_path, folder.string()));
    SLIPWAY_TRY(const std::vector<registry::Version> versions, registry->list(wanted.name));
    std::vector<std::string> numbers;
    for (const registry::Version& one : versions) numbers.push_back(std::to_string(one.version));
    for (const std::int64_t number : wanted.specific)
      if (std::find(numbers.begin(), numbers.end(), std::to_string(number)) == numbers.end())
        return not_found(fmt::format("Could not find version {} of model {}; the registry has: {}", number, wanted.name,
                                     list_names(numbers)));
    for (const auto& [label, number] : wanted.labels)
      for (const registry::Version& one : versions)
        if (one.version != number && std::find(one.aliases.begin(), one.aliases.end(), label) != one.aliases.end())
          return invalid_input(
              fmt::format("model '{}': version_labels: '{}' is an alias of the registry's, for version "
                          "{}: promote another version, or set the alias there",
                          wanted.name, label, one.version));
    return {};
  }

  // Loads what `configured` says, all of it or nothing.
  Status follow_configuration() {
    const auto before = fingerprint(registry->folder() / "registry.jsonl");
    std::optional<Error> problem;
    auto fresh = load_registry(problem);
    if (!fresh.ok()) return std::move(fresh).error();
    if (problem) return std::move(*problem).with_context("a servable did not become available");
    for (const auto& [name, wanted] : *configured)
      for (const auto& [label, number] : wanted.labels)
        if (!fresh->find(name)->second.versions.contains(std::to_string(number)))
          return check_failed(
              fmt::format("Request to assign label to version {} of model {}, which is not currently "
                          "available for inference",
                          number, name));
    swap_in(std::move(*fresh));
    seen = before;
    retry = Clock::time_point::max();
    return {};
  }

  Status need_registry() const {
    if (registry) return {};
    return conflict("a single bundle is served: there is no registry whose versions could be changed");
  }
};

ModelRepository::ModelRepository() : state_(std::make_unique<State>()) {}
ModelRepository::~ModelRepository() = default;

std::shared_ptr<ModelRepository> ModelRepository::empty(const RepositoryOptions& options) {
  std::shared_ptr<ModelRepository> repository(new ModelRepository());
  repository->state_->options = options;
  return repository;
}

Result<std::shared_ptr<ModelRepository>> ModelRepository::open(const std::filesystem::path& location,
                                                               const RepositoryOptions& options) {
  std::shared_ptr<ModelRepository> repository = empty(options);
  repository->state_->location = location;
  if (registry::Registry::is_registry(location)) {
    SLIPWAY_TRY(repository->state_->registry, registry::Registry::open(location));
    SLIPWAY_CHECK(repository->refresh());
    return repository;
  }
  SLIPWAY_CHECK(repository->state_->load_single(""));
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
  if (fingerprint(state_->registry->folder() / "registry.jsonl") == state_->seen && Clock::now() < state_->retry)
    return false;
  SLIPWAY_CHECK(state_->follow_registry());
  return true;
}

Status ModelRepository::load(std::string_view name) {
  const std::lock_guard guard(state_->loading);
  State& state = *state_;
  if (!state.registry) {
    if (state.location.empty()) {
      SLIPWAY_CHECK(find(name));
      return {};
    }
    return state.load_single(std::string(name));
  }
  SLIPWAY_TRY(const std::vector<std::string> names, state.registry->names());
  if (std::find(names.begin(), names.end(), name) == names.end())
    return not_found(fmt::format("Request for unknown model: '{}' is not found{}; the registry has: {}", name,
                                 suggestion(name.substr(0, 256), names), list_names(names)));
  if (const auto found = state.unloaded.find(name); found != state.unloaded.end()) state.unloaded.erase(found);
  if (state.configured && !state.configured->contains(name)) {
    NameConfiguration added;
    added.name = name;
    state.configured->emplace(name, std::move(added));
  }
  if (Status status = state.follow_registry(name); !status.ok()) {
    // Another name's trouble is not this one's.
    const auto catalogue = state.now();
    const auto entry = catalogue->find(name);
    if (entry == catalogue->end() || !entry->second.failed.empty()) return status;
  }
  return {};
}

Status ModelRepository::unload(std::string_view name) {
  const std::lock_guard guard(state_->loading);
  SLIPWAY_CHECK(find(name));
  state_->unloaded.emplace(name);
  Catalogue fresh = *state_->now();
  fresh.erase(fresh.find(name));
  state_->swap_in(std::move(fresh));
  return {};
}

Status ModelRepository::configure(std::vector<NameConfiguration> names) {
  const std::lock_guard guard(state_->loading);
  State& state = *state_;
  if (!state.registry)
    return check_failed("a single bundle is served: there is no registry from which models could be chosen");
  std::map<std::string, NameConfiguration, std::less<>> wanted;
  for (NameConfiguration& one : names) {
    SLIPWAY_CHECK(state.check_configuration(one));
    if (wanted.contains(one.name))
      return invalid_input(fmt::format("Illegal to list model {} multiple times in config list", one.name));
    std::string name = one.name;
    wanted.emplace(std::move(name), std::move(one));
  }
  auto configured = std::exchange(state.configured, std::move(wanted));
  auto unloaded = std::exchange(state.unloaded, {});
  Status status = state.follow_configuration();
  if (!status.ok()) {
    state.configured = std::move(configured);
    state.unloaded = std::move(unloaded);
    state.fresh_bytes = 0;
  }
  return status;
}

void ModelRepository::on_change(std::function<void()> told) {
  const std::lock_guard guard(state_->telling);
  state_->told = std::move(told);
}

Result<std::string> ModelRepository::promote(std::string_view name, std::string_view version, const std::string& who,
                                             const std::string& why) {
  const std::lock_guard guard(state_->loading);
  SLIPWAY_CHECK(state_->need_registry());
  std::int64_t number = 0;
  SLIPWAY_TRY(const auto versions, state_->registry->list(name));
  for (const registry::Version& one : versions)
    if (std::to_string(one.version) == version ||
        std::find(one.aliases.begin(), one.aliases.end(), version) != one.aliases.end())
      number = one.version;
  if (number == 0) return not_found(fmt::format("model '{}' has no version or alias '{}'", name, version));
  SLIPWAY_CHECK(state_->registry->promote(std::string(name), number, {who, why}));
  return state_->after_promotion(name);
}

Result<std::string> ModelRepository::roll_back(std::string_view name, const std::string& who, const std::string& why) {
  const std::lock_guard guard(state_->loading);
  SLIPWAY_CHECK(state_->need_registry());
  SLIPWAY_CHECK(state_->registry->roll_back(std::string(name), {who, why}));
  return state_->after_promotion(name);
}

Status ModelRepository::set_traffic(std::string_view name, const Traffic& rule) {
  const std::lock_guard guard(state_->loading);
  SLIPWAY_CHECK(find(name));
  Catalogue fresh = *state_->now();
  SLIPWAY_CHECK(plan_traffic(std::string(name), fresh.find(name)->second, rule));
  state_->rules[std::string(name)] = rule;
  state_->swap_in(std::move(fresh));
  return {};
}

std::shared_ptr<const TrafficPlan> ModelRepository::traffic(std::string_view name) const {
  const auto catalogue = state_->now();
  const auto entry = catalogue->find(name);
  return entry == catalogue->end() ? nullptr : entry->second.traffic;
}

Result<ModelPointer> ModelRepository::find(std::string_view name, std::string_view version) const {
  const auto catalogue = state_->now();
  const auto entry = catalogue->find(name);
  if (entry == catalogue->end()) {
    const std::vector<std::string> known = keys(*catalogue);
    return not_found(fmt::format("Request for unknown model: '{}' is not found{}; served: {}", name,
                                 suggestion(name.substr(0, 256), known), known.empty() ? "none" : list_names(known)));
  }
  if (ModelPointer found = lookup(entry->second, version)) return found;
  return not_found(fmt::format("Request for unknown model: '{}' version '{}' is not found; served versions: {}", name,
                               version.empty() ? entry->second.default_version : version,
                               list_names(keys(entry->second.versions))));
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
  const auto catalogue = state_->now();
  for (const auto& [name, entry] : *catalogue)
    for (const auto& [version, model] : entry.versions) models.push_back(model);
  return models;
}

std::vector<ModelState> ModelRepository::index() const {
  std::vector<ModelState> states;
  const auto catalogue = state_->now();
  std::optional<std::pair<std::string, std::string>> loading;
  {
    const std::lock_guard guard(state_->mutex);
    loading = state_->in_progress;
  }
  for (const auto& [name, entry] : *catalogue) {
    for (const auto& [version, model] : entry.versions) states.push_back({name, version, "READY", ""});
    for (const auto& [version, reason] : entry.failed) states.push_back({name, version, "UNAVAILABLE", reason});
  }
  if (loading && !loading->first.empty()) {
    std::erase_if(states, [&](const ModelState& one) {
      return one.name == loading->first && one.version == loading->second && one.state != "READY";
    });
    states.push_back({loading->first, loading->second, "LOADING", ""});
  }
  std::stable_sort(states.begin(), states.end(), [](const ModelState& a, const ModelState& b) {
    return a.name != b.name ? a.name < b.name : ByVersion()(a.version, b.version);
  });
  return states;
}

std::vector<std::string> ModelRepository::versions(std::string_view name) const {
  const auto catalogue = state_->now();
  const auto entry = catalogue->find(name);
  return entry == catalogue->end() ? std::vector<std::string>() : keys(entry->second.versions);
}

std::vector<std::pair<std::string, std::string>> ModelRepository::aliases(std::string_view name) const {
  const auto catalogue = state_->now();
  const auto entry = catalogue->find(name);
  if (entry == catalogue->end()) return {};
  return {entry->second.aliases.begin(), entry->second.aliases.end()};
}

bool ModelRepository::is_default(const ServedModel& model) const {
  const auto catalogue = state_->now();
  const auto entry = catalogue->find(model.name());
  return entry != catalogue->end() && entry->second.default_version == model.version();
}

std::uint64_t ModelRepository::swaps() const { return state_->swaps; }
std::uint64_t ModelRepository::memory_bytes() const { return state_->memory_of(*state_->now()); }
std::uint64_t ModelRepository::memory_limit() const { return state_->options.memory_bytes; }

}  // namespace slipway::serving
