// The model registry: a folder of published versions and the append-only history of what was done with them.
//
//   models/registry.jsonl      one event a line, chained by SHA-256 like the prediction log
//   models/<name>/<version>/   a bundle, immutable; versions are 1, 2, 3, ...
//
// An event is
// {"sequence","time","event","name","version","alias"?,"previous"?,"digest"?,"content"?,"who","why","gates"?, "chain"},
// event being register, adopt, alias, unalias, promote or roll back. What an alias points at is what the history says
// last.
//
// Writers of several processes are serialised by a lock file; readers need none. A process killed at any point leaves
// the state before or after: a version folder without an event is not served, and can be adopted.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway::registry {

// Who does something and for what reason; both are kept in the history. `who` may be empty: then it is the user's
// login.
struct Reason {
  std::string who;
  std::string why;
};

// The result of one gate, as text ("average_precision >= 0.5" -> "0.61: passed").
using Gates = std::map<std::string, std::string>;

struct Version {
  std::string name;
  std::int64_t version = 0;
  std::filesystem::path path;   // of the bundle
  std::string digest;           // of the bundle: SHA-256 of its manifest.json ("" if it has none)
  std::string content;          // SHA-256 over all its files: digest_folder()
  std::int64_t registered = 0;  // microseconds since 1970-01-01 UTC
  std::string who, why;
  Gates gates;
  std::vector<std::string> aliases;  // that point at it now, sorted
};

struct Event {
  std::int64_t sequence = 0;
  std::int64_t time = 0;  // microseconds since 1970-01-01 UTC
  std::string event;
  std::string name;
  std::int64_t version = 0;
  std::string alias;            // of alias, unalias, promote, roll back, and of a register that takes "champion"
  std::int64_t previous = 0;    // the version that the alias pointed at before; 0 = none
  std::string digest, content;  // as in Version
  std::string who, why;
  Gates gates;
};

struct Publication {
  Reason reason;
  Gates gates;
  bool champion = false;  // the first version of a name becomes champion anyway
};

// Writes a bundle into an empty folder; it is told its version, for the manifest.
using WriteBundle = std::function<Status(const std::filesystem::path& folder, std::int64_t version)>;

// A handle on a folder; holds no state, so every call sees what other processes have done. Safe for concurrent use.
class Registry {
 public:
  // An existing registry, or with `create` also a fresh one. Without, a folder that is none is not_found.
  static Result<Registry> open(const std::filesystem::path& folder, bool create = false);
  // Whether the folder has a registry's history in it.
  static bool is_registry(const std::filesystem::path& folder);

  // Publishes the next version of `name`: `write` fills a hidden folder, which is then renamed to its place and entered
  // in the history. The lock is held meanwhile. Names are letters, digits, "_", "-" and ".", at most 128, no dot in
  // front.
  Result<Version> publish(const std::string& name, const Publication& publication, const WriteBundle& write) const;
  // The same with a copy of the bundle at `source`.
  Result<Version> publish_copy(const std::string& name, const Publication& publication,
                               const std::filesystem::path& source) const;
  // Enters a version folder that has no event (its writer was killed) in the history.
  Result<Version> adopt(const std::string& name, std::int64_t version, const Reason& reason) const;
  // Version folders without an event.
  Result<std::vector<Version>> unregistered() const;

  // Points an alias (such as challenger) at a version. "champion" is moved by promote.
  Status set_alias(const std::string& name, const std::string& alias, std::int64_t version, const Reason& reason) const;
  Status remove_alias(const std::string& name, const std::string& alias, const Reason& reason) const;
  // Makes a version the champion.
  Status promote(const std::string& name, std::int64_t version, const Reason& reason, const Gates& gates = {}) const;
  // Makes the version that was champion before the present one champion again; twice goes back two steps.
  Result<Version> roll_back(const std::string& name, const Reason& reason) const;

  // "fraud" (its champion), "fraud@challenger" (an alias) or "fraud/3" (a version).
  Result<Version> resolve(std::string_view reference) const;
  // All versions by name and number; of one name only if it is given.
  Result<std::vector<Version>> list(std::string_view name = {}) const;
  Result<std::vector<std::string>> names() const;
  // What happened, oldest first; of one name only if it is given.
  Result<std::vector<Event>> history(std::string_view name = {}) const;
  // Checks the chain of the history, and that every registered bundle is there and has its content. The first thing
  // that is wrong is a check_failed error.
  Status verify() const;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  explicit Registry(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

// SHA-256 over the files of a folder: their relative names and contents, in the order of names. A signature
// (manifest.sig) is left out: it is over the rest, and may be added later.
Result<std::string> digest_folder(const std::filesystem::path& folder);

}  // namespace slipway::registry
