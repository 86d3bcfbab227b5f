#include "versions.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/evaluate/gates.hpp>

namespace slipway::app {
namespace {

using nlohmann::json;

Result<json> read_json(const std::filesystem::path& file) {
  SLIPWAY_TRY(const std::string text, read_file(file));
  json read = json::parse(text, nullptr, false);
  if (read.is_discarded()) return invalid_input(file.string() + " is no JSON");
  return read;
}

Result<json> metrics_of(const std::filesystem::path& bundle) {
  SLIPWAY_TRY(const json evaluation, read_json(bundle / "evaluation.json"));
  if (!evaluation.is_object() || !evaluation.contains("metrics") || !evaluation["metrics"].is_object())
    return invalid_input((bundle / "evaluation.json").string() + " has no metrics");
  return evaluation["metrics"];
}

std::string text_of(const json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return format_number(value.get<double>());
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// The members of two objects that differ.
void compare_members(std::string_view kind, const json& left, const json& right, std::vector<Difference>& found) {
  std::set<std::string> names;
  for (const json* side : {&left, &right})
    if (side->is_object())
      for (const auto& [name, value] : side->items()) names.insert(name);
  for (const std::string& name : names) {
    const json a = left.is_object() ? left.value(name, json()) : json();
    const json b = right.is_object() ? right.value(name, json()) : json();
    if (a != b) found.push_back({fmt::format("{} {}", kind, name), text_of(a), text_of(b)});
  }
}

json by_name(const json& list) {
  json named = json::object();
  for (const json& one : list)
    if (one.is_object() && one.contains("name") && one["name"].is_string()) named[one["name"].get<std::string>()] = one;
  return named;
}

json sizes(const json& files) {
  json made = json::object();
  for (const auto& [name, file] : files.items()) {
    const std::string digest = file.is_object() ? file.value("sha256", "") : "";
    made[name] =
        fmt::format("{} bytes, {}", file.is_object() ? text_of(file.value("size", json())) : "", digest.substr(0, 12));
  }
  return made;
}

struct WrittenGate {
  std::string metric;
  std::string condition;  // ">= 0.5"
  std::string text;
};

Result<WrittenGate> split_gate(const std::string& text) {
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string::npos || trim(text.substr(0, at)).empty())
    return invalid_input(fmt::format("--gate '{}': expected a metric and a bound, as in \"roc_auc >= 0.9\"", text));
  return WrittenGate{std::string(trim(std::string_view(text).substr(0, at))), text.substr(at), text};
}

}  // namespace

Result<std::vector<Difference>> compare_versions(const std::filesystem::path& left,
                                                 const std::filesystem::path& right) {
  SLIPWAY_TRY(const json a, read_json(left / "manifest.json"));
  SLIPWAY_TRY(const json b, read_json(right / "manifest.json"));
  std::vector<Difference> found;
  for (const std::string name : {"task", "target", "classes", "positive_class"})
    if (a.value(name, json()) != b.value(name, json()))
      found.push_back({name, text_of(a.value(name, json())), text_of(b.value(name, json()))});
  for (const std::string name : {"threshold", "lineage", "notes"})
    compare_members(name, a.value(name, json()), b.value(name, json()), found);
  const json none = json::object();
  compare_members("input", by_name(a.value("schema", none).value("inputs", json::array())),
                  by_name(b.value("schema", none).value("inputs", json::array())), found);
  const auto metrics_a = metrics_of(left), metrics_b = metrics_of(right);
  compare_members("metric", metrics_a.ok() ? *metrics_a : none, metrics_b.ok() ? *metrics_b : none, found);
  compare_members("file", sizes(a.value("files", none)), sizes(b.value("files", none)), found);
  return found;
}

Result<registry::Gates> pass_gates(const registry::Registry& registry, const registry::Version& version,
                                   const std::vector<std::string>& gates) {
  registry::Gates results;
  if (gates.empty()) return results;
  SLIPWAY_TRY(const json metrics, metrics_of(version.path).with_context("gates"));
  std::string failed;
  for (const std::string& text : gates) {
    SLIPWAY_TRY(const WrittenGate written, split_gate(text));
    std::vector<std::string> known;
    for (const auto& [name, value] : metrics.items()) known.push_back(name);
    const auto value_in = [&](const json& where) -> Result<double> {
      if (!where.contains(written.metric) || !where[written.metric].is_number())
        return not_found(fmt::format("--gate '{}': the evaluation has no metric '{}'{}; it has {}", text,
                                     written.metric, suggestion(written.metric, known), list_names(known)));
      return where[written.metric].get<double>();
    };
    SLIPWAY_TRY(const double value, value_in(metrics));
    std::string condition = written.condition;
    if (const std::size_t at = condition.find("champion"); at != std::string::npos) {
      SLIPWAY_TRY(const auto champion, registry.resolve(version.name));
      SLIPWAY_TRY(const json theirs, metrics_of(champion.path).with_context("gates: the champion"));
      SLIPWAY_TRY(const double bound, value_in(theirs));
      condition.replace(at, std::string_view("champion").size(), format_number(bound));
    }
    SLIPWAY_TRY(const evaluate::Gate gate, evaluate::parse_gate(written.metric, condition));
    using Comparison = evaluate::Gate::Comparison;
    const bool passed = gate.comparison == Comparison::at_least  ? value >= gate.bound
                        : gate.comparison == Comparison::above   ? value > gate.bound
                        : gate.comparison == Comparison::at_most ? value <= gate.bound
                                                                 : value < gate.bound;
    results[text] = fmt::format("{}: {}", format_number(value), passed ? "passed" : "failed");
    if (!passed)
      failed += fmt::format("{}{} is {}, not {}", failed.empty() ? "" : "; ", written.metric, format_number(value),
                            trim(condition));
  }
  if (!failed.empty())
    return check_failed(fmt::format("{}/{} is not promoted: {}", version.name, version.version, failed));
  return results;
}

}  // namespace slipway::app
