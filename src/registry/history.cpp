#include "history.hpp"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <slipway/base/chain.hpp>
#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>

namespace slipway::registry {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

fs::path history_file(const fs::path& folder) { return folder / "registry.jsonl"; }

Result<Event> read_event(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return invalid_input("this is no event of a registry");
  Event event;
  try {
    event.sequence = json.at("sequence").get<std::int64_t>();
    const auto time = parse_time(json.at("time").get<std::string>());
    if (!time) return invalid_input("the event's time is no time");
    event.time = *time;
    event.event = json.at("event").get<std::string>();
    event.name = json.at("name").get<std::string>();
    event.version = json.at("version").get<std::int64_t>();
    event.alias = json.value("alias", "");
    event.previous = json.value("previous", std::int64_t{0});
    event.digest = json.value("digest", "");
    event.content = json.value("content", "");
    event.who = json.value("who", "");
    event.why = json.value("why", "");
    if (json.contains("gates")) event.gates = json["gates"].get<Gates>();
  } catch (const nlohmann::json::exception& problem) {
    return invalid_input(problem.what());
  }
  return event;
}

std::string write_event(const Event& event, std::string_view previous_chain) {
  Json json;
  json["sequence"] = event.sequence;
  json["time"] = format_time(event.time);
  json["event"] = event.event;
  json["name"] = event.name;
  json["version"] = event.version;
  if (!event.alias.empty()) json["alias"] = event.alias;
  if (event.previous != 0) json["previous"] = event.previous;
  if (!event.digest.empty()) json["digest"] = event.digest;
  if (!event.content.empty()) json["content"] = event.content;
  json["who"] = event.who;
  json["why"] = event.why;
  if (!event.gates.empty()) json["gates"] = event.gates;
  std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  line.pop_back();
  Sha256 digest;
  return line += chain_member(next_chain(digest, previous_chain, line));
}

}  // namespace

Result<History> read_history(const fs::path& folder, bool check_chain) {
  History history;
  history.chain = chain_start;
  auto read = read_file(history_file(folder));
  if (!read.ok()) {
    if (read.error().code() == ErrorCode::not_found) return history;
    return std::move(read).error();
  }
  std::string_view rest = *read;
  Sha256 digest;
  for (std::size_t number = 1;; ++number) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return history;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const auto where = [&] { return fmt::format("{}: line {}", history_file(folder).string(), number); };
    const auto chained = split_chained_line(line);
    if (!chained) return check_failed(where() + ": this is no event of a registry");
    if (check_chain && next_chain(digest, history.chain, chained->before) != chained->chain)
      return check_failed(where() + ": the chain does not fit: this event was changed, or one before it was removed");
    SLIPWAY_TRY(Event event, read_event(line).with_context(where()));
    history.events.push_back(std::move(event));
    history.chain = chained->chain;
  }
}

Status append_event(const fs::path& folder, Event event) {
  const fs::path file = history_file(folder);
  SLIPWAY_TRY(const History history, read_history(folder, false));
  std::string content;
  if (auto read = read_file(file); read.ok()) content = std::move(read).value();
  const std::size_t whole = content.rfind('\n') == std::string::npos ? 0 : content.rfind('\n') + 1;
  if (whole < content.size()) {
    SLIPWAY_CHECK(write_file(file.string() + ".torn", std::string_view(content).substr(whole)));
    if (::truncate(file.c_str(), static_cast<off_t>(whole)) != 0)
      return unavailable(fmt::format("cannot cut {}: {}", file.string(), std::strerror(errno)));
  }
  event.sequence = history.events.empty() ? 1 : history.events.back().sequence + 1;
  event.time = now_microseconds();
  const std::string line = write_event(event, history.chain);
  const bool fresh = !fs::exists(file);
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) return unavailable(fmt::format("cannot open {}: {}", file.string(), std::strerror(errno)));
  // One write, so that readers see whole lines or a last line without its end.
  const ssize_t put = ::write(descriptor, line.data(), line.size());
  int code = put < 0 ? errno : static_cast<std::size_t>(put) < line.size() ? ENOSPC : 0;
  if (code == 0 && ::fsync(descriptor) != 0) code = errno;
  if (code != 0 && ::ftruncate(descriptor, static_cast<off_t>(whole)) != 0) code = errno;
  ::close(descriptor);
  if (code != 0) return unavailable(fmt::format("cannot write {}: {}", file.string(), std::strerror(code)));
  return fresh ? flush_to_disk(folder) : Status();
}

std::map<std::string, NameState> replay(const std::vector<Event>& events, const fs::path& folder) {
  std::map<std::string, NameState> names;
  for (const Event& event : events) {
    NameState& state = names[event.name];
    if (event.event == "register" || event.event == "adopt") {
      Version version;
      version.name = event.name;
      version.version = event.version;
      version.path = folder / event.name / std::to_string(event.version);
      version.digest = event.digest;
      version.content = event.content;
      version.registered = event.time;
      version.who = event.who;
      version.why = event.why;
      version.gates = event.gates;
      state.versions[event.version] = std::move(version);
    }
    if (event.event == "unalias") {
      state.aliases.erase(event.alias);
    } else if (!event.alias.empty()) {
      state.aliases[event.alias] = event.version;
      if (event.alias == "champion") {
        if (event.event == "roll back" && !state.champions.empty())
          state.champions.pop_back();
        else
          state.champions.push_back(event.version);
      }
    }
  }
  for (auto& [name, state] : names)
    for (const auto& [alias, number] : state.aliases)
      if (const auto version = state.versions.find(number); version != state.versions.end())
        version->second.aliases.push_back(alias);
  return names;
}

}  // namespace slipway::registry
