// The history file: reading, replaying and appending events.
#pragma once
#include <map>
#include <string>
#include <vector>

#include <slipway/registry/registry.hpp>

namespace slipway::registry {

// The events of a registry folder, in order; no file = none. A half written last line (a writer at work, or killed) is
// left out. `check_chain` also recomputes the chain.
struct History {
  std::vector<Event> events;
  std::string chain;  // of the last event
};
Result<History> read_history(const std::filesystem::path& folder, bool check_chain);

// Appends one event (sequence, time and chain are set here) and flushes. The caller holds the lock. A half written last
// line is moved to registry.jsonl.torn first.
Status append_event(const std::filesystem::path& folder, Event event);

// What the events say of one name.
struct NameState {
  std::map<std::int64_t, Version> versions;
  std::map<std::string, std::int64_t> aliases;
  std::vector<std::int64_t> champions;  // the present one last, those that a rollback can go back to before it
};
std::map<std::string, NameState> replay(const std::vector<Event>& events, const std::filesystem::path& folder);

}  // namespace slipway::registry
