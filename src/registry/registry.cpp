#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/base/text.hpp>
#include <slipway/registry/registry.hpp>

#include "history.hpp"

namespace slipway::registry {
namespace {

namespace fs = std::filesystem;

// Serialises writers: blocks until every other one is done.
class Lock {
 public:
  static Result<Lock> take(const fs::path& folder) {
    const fs::path file = folder / ".lock";
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0) return unavailable(fmt::format("cannot open {}: {}", file.string(), std::strerror(errno)));
    Lock lock(descriptor);
    while (::flock(descriptor, LOCK_EX) != 0)
      if (errno != EINTR) return unavailable(fmt::format("cannot lock {}: {}", file.string(), std::strerror(errno)));
    return lock;
  }
  Lock(Lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Lock& operator=(Lock&&) = delete;
  ~Lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  explicit Lock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

Status check_name(std::string_view kind, std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  if (name.empty() || name.size() > 128 || name.front() == '.' || !std::all_of(name.begin(), name.end(), allowed))
    return invalid_input(fmt::format(
        "'{}' is no {} name: expected 1 to 128 letters, digits, '_', '-' or '.', without a dot in front", name, kind));
  return {};
}

std::optional<std::int64_t> parse_version(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size() || number < 1) return std::nullopt;
  return number;
}

std::string user_name() {
  const struct passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : std::to_string(::getuid());
}

Event make_event(std::string what, const std::string& name, std::int64_t version, const Reason& reason) {
  Event event;
  event.event = std::move(what);
  event.name = name;
  event.version = version;
  event.who = reason.who.empty() ? user_name() : reason.who;
  event.why = reason.why;
  return event;
}

Status set_digests(Event& event, const fs::path& bundle) {
  if (fs::exists(bundle / "manifest.json")) {
    SLIPWAY_TRY(event.digest, sha256_file(bundle / "manifest.json"));
  }
  SLIPWAY_TRY(event.content, digest_folder(bundle));
  return {};
}

// The version folders of a name, registered or not.
std::vector<std::int64_t> version_folders(const fs::path& folder) {
  std::vector<std::int64_t> found;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    if (const auto number = parse_version(entry->path().filename().string()); number && entry->is_directory())
      found.push_back(*number);
  std::sort(found.begin(), found.end());
  return found;
}

// What killed writers left: under the lock no other can be at work.
void remove_unfinished(const fs::path& folder) {
  std::error_code code;
  std::vector<fs::path> unfinished;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(".") && name.find(".part-") != std::string::npos) unfinished.push_back(entry->path());
  }
  for (const fs::path& path : unfinished) fs::remove_all(path, code);
}

std::vector<std::string> keys(const auto& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

Error unknown_name(std::string_view name, const fs::path& folder, const std::map<std::string, NameState>& names) {
  const std::vector<std::string> known = keys(names);
  if (known.empty()) return not_found(fmt::format("no model '{}': the registry {} is empty", name, folder.string()));
  return not_found(fmt::format("no model '{}' in the registry {}{}; it has {}", name, folder.string(),
                               suggestion(name, known), list_names(known)));
}

Error unknown_version(std::string_view name, std::int64_t version, const NameState& state) {
  std::vector<std::string> known;
  for (const auto& [number, unused] : state.versions) known.push_back(std::to_string(number));
  return not_found(fmt::format("model '{}' has no version {}; it has {}", name, version, list_names(known)));
}

}  // namespace

Result<Registry> Registry::open(const fs::path& folder, bool create) {
  std::error_code code;
  if (create) {
    fs::create_directories(folder, code);
    if (code) return invalid_input(fmt::format("cannot make the folder {}: {}", folder.string(), code.message()));
  } else if (!is_registry(folder)) {
    return not_found(folder.string() + " is no model registry: it has no registry.jsonl");
  }
  return Registry(fs::absolute(folder).lexically_normal());
}

bool Registry::is_registry(const fs::path& folder) {
  std::error_code code;
  return fs::is_regular_file(folder / "registry.jsonl", code);
}

Result<Version> Registry::publish(const std::string& name, const Publication& publication,
                                  const WriteBundle& write) const {
  SLIPWAY_CHECK(check_name("model", name));
  SLIPWAY_TRY(const Lock lock, Lock::take(folder_));
  SLIPWAY_TRY(const History history, read_history(folder_, false));
  auto names = replay(history.events, folder_);
  const NameState& state = names[name];
  const fs::path home = folder_ / name;
  remove_unfinished(home);
  const std::vector<std::int64_t> folders = version_folders(home);
  std::int64_t version = state.versions.empty() ? 0 : state.versions.rbegin()->first;
  if (!folders.empty()) version = std::max(version, folders.back());
  ++version;
  const fs::path place = home / std::to_string(version);
  SLIPWAY_TRY(FolderInProgress bundle, FolderInProgress::beside(place));
  SLIPWAY_CHECK(write(bundle.path(), version).with_context(fmt::format("publishing {}/{}", name, version)));
  Event event = make_event("register", name, version, publication.reason);
  event.gates = publication.gates;
  SLIPWAY_CHECK(set_digests(event, bundle.path()));
  if (publication.champion || state.versions.empty()) {
    event.alias = "champion";
    if (!state.champions.empty()) event.previous = state.champions.back();
  }
  SLIPWAY_CHECK(bundle.publish(false));
  SLIPWAY_CHECK(flush_to_disk(folder_));  // the name's folder may be new
  SLIPWAY_CHECK(append_event(folder_, std::move(event)));
  return resolve(fmt::format("{}/{}", name, version));
}

Result<Version> Registry::publish_copy(const std::string& name, const Publication& publication,
                                       const fs::path& source) const {
  if (!fs::is_directory(source)) return not_found(source.string() + " is no bundle: expected a folder");
  return publish(name, publication, [&](const fs::path& folder, std::int64_t) -> Status {
    std::error_code code;
    fs::copy(source, folder, fs::copy_options::recursive | fs::copy_options::overwrite_existing, code);
    if (code) return unavailable(fmt::format("cannot copy {}: {}", source.string(), code.message()));
    return {};
  });
}

Result<Version> Registry::adopt(const std::string& name, std::int64_t version, const Reason& reason) const {
  SLIPWAY_CHECK(check_name("model", name));
  SLIPWAY_TRY(const Lock lock, Lock::take(folder_));
  SLIPWAY_TRY(const History history, read_history(folder_, false));
  auto names = replay(history.events, folder_);
  const NameState& state = names[name];
  if (state.versions.contains(version)) return conflict(fmt::format("{}/{} is registered already", name, version));
  const fs::path place = folder_ / name / std::to_string(version);
  if (!fs::is_directory(place)) return not_found(fmt::format("no folder {} to adopt", place.string()));
  Event event = make_event("adopt", name, version, reason);
  SLIPWAY_CHECK(set_digests(event, place));
  if (state.versions.empty()) event.alias = "champion";
  SLIPWAY_CHECK(append_event(folder_, std::move(event)));
  return resolve(fmt::format("{}/{}", name, version));
}

Result<std::vector<Version>> Registry::unregistered() const {
  SLIPWAY_TRY(const History history, read_history(folder_, false));
  auto names = replay(history.events, folder_);
  std::vector<Version> found;
  std::error_code code;
  for (fs::directory_iterator entry(folder_, code), end; !code && entry != end; entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    if (!entry->is_directory() || !check_name("model", name).ok()) continue;
    for (const std::int64_t number : version_folders(entry->path())) {
      if (names[name].versions.contains(number)) continue;
      Version version;
      version.name = name;
      version.version = number;
      version.path = entry->path() / std::to_string(number);
      found.push_back(std::move(version));
    }
  }
  if (code) return unavailable(fmt::format("cannot list {}: {}", folder_.string(), code.message()));
  std::sort(found.begin(), found.end(), [](const Version& a, const Version& b) {
    return a.name != b.name ? a.name < b.name : a.version < b.version;
  });
  return found;
}

Status Registry::set_alias(const std::string& name, const std::string& alias, std::int64_t version,
                           const Reason& reason) const {
  SLIPWAY_CHECK(check_name("alias", alias));
  if (parse_version(alias)) return invalid_input(fmt::format("an alias cannot be a number, as '{}' is", alias));
  if (alias == "champion") return promote(name, version, reason);
  SLIPWAY_TRY(const Lock lock, Lock::take(folder_));
  SLIPWAY_TRY(const Version found, resolve(fmt::format("{}/{}", name, version)));
  Event event = make_event("alias", name, found.version, reason);
  event.alias = alias;
  if (const auto previous = resolve(name + "@" + alias); previous.ok()) event.previous = previous->version;
  return append_event(folder_, std::move(event));
}

Status Registry::remove_alias(const std::string& name, const std::string& alias, const Reason& reason) const {
  if (alias == "champion") return invalid_input("the champion cannot be taken away: promote another version");
  SLIPWAY_TRY(const Lock lock, Lock::take(folder_));
  SLIPWAY_TRY(const Version version, resolve(name + "@" + alias));
  Event event = make_event("unalias", name, version.version, reason);
  event.alias = alias;
  return append_event(folder_, std::move(event));
}

Status Registry::promote(const std::string& name, std::int64_t version, const Reason& reason,
                         const Gates& gates) const {
  SLIPWAY_TRY(const Lock lock, Lock::take(folder_));
  SLIPWAY_TRY(const Version found, resolve(fmt::format("{}/{}", name, version)));
  Event event = make_event("promote", name, found.version, reason);
  event.alias = "champion";
  event.gates = gates;
  if (const auto champion = resolve(name); champion.ok()) {
    if (champion->version == version) return {};
    event.previous = champion->version;
  }
  return append_event(folder_, std::move(event));
}

Result<Version> Registry::roll_back(const std::string& name, const Reason& reason) const {
  SLIPWAY_TRY(const Lock lock, Lock::take(folder_));
  SLIPWAY_TRY(const Version present, resolve(name));
  SLIPWAY_TRY(const History history, read_history(folder_, false));
  const auto names = replay(history.events, folder_);
  const std::vector<std::int64_t>& champions = names.at(name).champions;
  if (champions.size() < 2)
    return not_found(fmt::format("model '{}' has had no other champion than version {}", name, present.version));
  Event event = make_event("roll back", name, champions[champions.size() - 2], reason);
  event.alias = "champion";
  event.previous = present.version;
  SLIPWAY_CHECK(append_event(folder_, std::move(event)));
  return resolve(name);
}

Result<Version> Registry::resolve(std::string_view reference) const {
  SLIPWAY_TRY(const History history, read_history(folder_, false));
  const auto names = replay(history.events, folder_);
  const std::size_t mark = reference.find_first_of("@/");
  const std::string name(reference.substr(0, mark));
  const auto state = names.find(name);
  if (state == names.end() || state->second.versions.empty()) return unknown_name(name, folder_, names);
  const auto version_of = [&](std::int64_t number) -> Result<Version> {
    const auto version = state->second.versions.find(number);
    if (version == state->second.versions.end()) return unknown_version(name, number, state->second);
    return version->second;
  };
  if (mark != std::string_view::npos && reference[mark] == '/') {
    const auto number = parse_version(reference.substr(mark + 1));
    if (!number)
      return invalid_input(fmt::format("'{}': expected a version number behind '/', such as {}/1", reference, name));
    return version_of(*number);
  }
  const std::string alias(mark == std::string_view::npos ? "champion" : reference.substr(mark + 1));
  const auto target = state->second.aliases.find(alias);
  if (target == state->second.aliases.end()) {
    const std::vector<std::string> known = keys(state->second.aliases);
    return not_found(fmt::format("model '{}' has no alias '{}'{}; it has {}", name, alias, suggestion(alias, known),
                                 known.empty() ? "none" : list_names(known)));
  }
  return version_of(target->second);
}

Result<std::vector<Version>> Registry::list(std::string_view name) const {
  SLIPWAY_TRY(const History history, read_history(folder_, false));
  const auto names = replay(history.events, folder_);
  if (!name.empty() && !names.contains(std::string(name))) return unknown_name(name, folder_, names);
  std::vector<Version> versions;
  for (const auto& [known, state] : names)
    if (name.empty() || name == known)
      for (const auto& [number, version] : state.versions) versions.push_back(version);
  return versions;
}

Result<std::vector<std::string>> Registry::names() const {
  SLIPWAY_TRY(const History history, read_history(folder_, false));
  return keys(replay(history.events, folder_));
}

Result<std::vector<Event>> Registry::history(std::string_view name) const {
  SLIPWAY_TRY(History history, read_history(folder_, false));
  if (name.empty()) return std::move(history.events);
  std::vector<Event> events;
  for (Event& event : history.events)
    if (event.name == name) events.push_back(std::move(event));
  if (events.empty()) return unknown_name(name, folder_, replay(history.events, folder_));
  return events;
}

Status Registry::verify() const {
  SLIPWAY_TRY(const History history, read_history(folder_, true));
  for (const auto& [name, state] : replay(history.events, folder_))
    for (const auto& [number, version] : state.versions) {
      if (!fs::is_directory(version.path))
        return check_failed(fmt::format("the bundle {} is registered but not there", version.path.string()));
      SLIPWAY_TRY(const std::string content, digest_folder(version.path));
      if (content != version.content)
        return check_failed(fmt::format("the bundle {} was changed after it was registered", version.path.string()));
    }
  return {};
}

Result<std::string> digest_folder(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code code;
  for (fs::recursive_directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    if (entry->is_regular_file() && entry->path() != folder / "manifest.sig")
      files.push_back(entry->path().lexically_relative(folder).generic_string());
  if (code) return unavailable(fmt::format("cannot list {}: {}", folder.string(), code.message()));
  std::sort(files.begin(), files.end());
  Sha256 digest;
  for (const std::string& file : files) {
    SLIPWAY_TRY(const std::string content, sha256_file(folder / file));
    digest.update_framed(file).update_framed(content);
  }
  return digest.hex();
}

}  // namespace slipway::registry
