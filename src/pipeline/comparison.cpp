#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/base/text.hpp>
#include <slipway/evaluate/comparison.hpp>
#include <slipway/pipeline/comparison.hpp>
#include <slipway/report/page.hpp>
#include <slipway/table/source.hpp>

#include "charts.hpp"
#include "predictions.hpp"
#include "report_cells.hpp"

namespace slipway::pipeline {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json read_document(const fs::path& file) {
  const auto text = read_file(file);
  if (!text.ok()) return nullptr;
  json document = json::parse(*text, nullptr, false);
  return document.is_object() ? document : json(nullptr);
}

// The run that made a bundle's model, sought beside models/ and beside the bundle.
std::optional<fs::path> run_of(const fs::path& bundle, const std::string& digest) {
  const fs::path absolute = fs::absolute(bundle).lexically_normal();
  std::vector<fs::path> projects;
  for (fs::path at = absolute; projects.size() < 4 && at.has_parent_path() && at != at.parent_path();
       at = at.parent_path())
    projects.push_back(at.parent_path());
  for (const fs::path& project : projects) {
    std::error_code code;
    std::vector<fs::path> runs;
    for (const auto& entry : fs::directory_iterator(project / "runs", code)) runs.push_back(entry.path());
    std::sort(runs.rbegin(), runs.rend());
    for (const fs::path& run : runs)
      if (const json record = read_document(run / "run.json");
          record.is_object() && record.value("model_digest", "") == digest && !digest.empty())
        return run;
  }
  return std::nullopt;
}

// The ids of rows in a table of predictions: the columns that are none of its own.
std::vector<std::string> id_names(const table::Table& table) {
  std::vector<std::string> names;
  for (const std::string& name : table.names())
    if (name != "row" && name != "truth" && name != "label" && name != "group" && !name.starts_with("score_"))
      names.push_back(name);
  return names;
}

std::string row_key(const table::Table& table, const std::vector<std::string>& names, std::size_t row) {
  std::string key;
  for (const std::string& name : names) key += table.find(name)->cell_text(row) + "\x1f";
  return key;
}

// Matched rows of the two tables, in the first one's order.
using Matches = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
Matches match(const table::Table& a, const table::Table& b, const std::vector<std::string>& names) {
  std::unordered_map<std::string, std::uint32_t> places;
  std::set<std::string> twice;
  for (std::uint32_t row = 0; row < b.rows(); ++row) {
    const std::string key = row_key(b, names, row);
    if (!places.emplace(key, row).second) twice.insert(key);
  }
  Matches matches;
  for (std::uint32_t row = 0; row < a.rows(); ++row) {
    const std::string key = row_key(a, names, row);
    const auto found = places.find(key);
    if (found != places.end() && !twice.contains(key)) matches.emplace_back(row, found->second);
  }
  return matches;
}

// Columns of one side's predictions at the matched rows.
struct Side {
  std::vector<std::int32_t> labels, groups;
  std::vector<float> targets, scores;
  metrics::Outcome outcome;
};
Result<Side> side_of(const table::Table& whole, const std::vector<std::uint32_t>& rows, const json& evaluation) {
  const table::Table table = whole.take(rows);
  Side side;
  const std::string task = evaluation.value("task", "");
  side.outcome.task = task == "binary"       ? metrics::TaskKind::binary
                      : task == "regression" ? metrics::TaskKind::regression
                                             : metrics::TaskKind::multiclass;
  SLIPWAY_TRY(const table::Column* truth, table.get("truth"));
  SLIPWAY_TRY(side.targets, table::as_numbers(*truth));
  if (side.outcome.task != metrics::TaskKind::regression) {
    for (float label : side.targets) side.labels.push_back(static_cast<std::int32_t>(label));
    side.targets.clear();
  }
  std::size_t columns = 0;
  for (; table.has(fmt::format("score_{}", columns)); ++columns) {
    SLIPWAY_TRY(const auto scores, table::as_numbers(*table.find(fmt::format("score_{}", columns))));
    side.scores.insert(side.scores.end(), scores.begin(), scores.end());
  }
  if (const table::Column* group = table.find("group")) {
    SLIPWAY_TRY(const auto numbers, table::as_numbers(*group));
    for (float number : numbers) side.groups.push_back(static_cast<std::int32_t>(number));
  }
  side.outcome.threshold = evaluation.value("threshold", 0.5F);
  side.outcome.scores = {rows.size(), columns, side.scores};
  return side;
}

// Sets the views, which the moves of a Side leave behind.
void view(Side& side) {
  side.outcome.labels = side.labels;
  side.outcome.targets = side.targets;
  side.outcome.scores.values = side.scores;
}

Result<json> compare_rows(const Contender& first, const Contender& second, std::uint64_t seed, const Threads& threads,
                          std::string& note) {
  for (const Contender* side : {&first, &second})
    if (!side->predictions) {
      note = fmt::format("{}: {}", side->name, side->no_predictions);
      return json(nullptr);
    }
  const bool same_table = first.record.is_object() && second.record.is_object() &&
                          !first.record.value("prepared_digest", "").empty() &&
                          first.record.value("prepared_digest", "") == second.record.value("prepared_digest", "");
  std::vector<std::string> names = {"row"};
  if (!same_table) {
    names = id_names(*first.predictions);
    if (names.empty() || names != id_names(*second.predictions)) {
      note =
          "the two were made from different tables and have no id column in common (schema.id), so that their rows "
          "cannot "
          "be matched";
      return json(nullptr);
    }
  }
  const Matches matches = match(*first.predictions, *second.predictions, names);
  if (matches.size() < 2) {
    note = "no rows were scored by both";
    return json(nullptr);
  }
  std::vector<std::uint32_t> of_first, of_second;
  for (const auto& [a, b] : matches) {
    of_first.push_back(a);
    of_second.push_back(b);
  }
  SLIPWAY_TRY(Side a, side_of(*first.predictions, of_first, first.evaluation));
  SLIPWAY_TRY(Side b, side_of(*second.predictions, of_second, second.evaluation));
  view(a);
  view(b);
  evaluate::ComparisonOptions options;
  options.seed = seed;
  options.groups = a.groups;
  SLIPWAY_TRY(const auto comparison, evaluate::compare_models(a.outcome, b.outcome, options, threads));
  if (matches.size() < first.predictions->rows() || matches.size() < second.predictions->rows())
    note = fmt::format(
        "{} rows are among the test rows of both; {} of the first and {} of the second are not compared. Rows "
        "that one was tested on may have trained the other.",
        matches.size(), first.predictions->rows() - matches.size(), second.predictions->rows() - matches.size());
  return evaluate::to_json(comparison);
}

json value_of(const json& document, std::string_view group, const std::string& name) {
  const auto found = document.find(group);
  if (found == document.end() || !found->is_object() || !found->contains(name)) return nullptr;
  return found->at(name);
}

}  // namespace

Result<Contender> open_contender(const fs::path& folder, const std::string& name, int threads) {
  Contender side;
  side.name = name;
  side.evaluation = read_document(folder / "evaluation.json");
  if (!side.evaluation.is_object() || !side.evaluation.contains("task"))
    return invalid_input(fmt::format("{}: expected a run or a bundle, but there is no readable evaluation.json", name));
  side.search = read_document(folder / "search.json");
  side.record = read_document(folder / "run.json");
  fs::path run = folder;
  if (side.record.is_object()) {
    side.model_digest = side.record.value("model_digest", "");
  } else if (const auto onnx = read_file(folder / "model.onnx"); onnx.ok()) {
    side.model_digest = sha256_hex(*onnx);
    const auto found = run_of(folder, side.model_digest);
    if (!found) {
      side.no_predictions = "the run that made this bundle was not found, so its test rows' scores are not known";
      return side;
    }
    run = *found;
    side.record = read_document(run / "run.json");
  }
  if (!fs::exists(run / predictions_file)) {
    side.no_predictions = fmt::format("{} is not there (evaluate: predictions)", (run / predictions_file).string());
    return side;
  }
  SLIPWAY_TRY(side.predictions, table::read_table((run / predictions_file).string(), threads).with_context(name));
  return side;
}

Result<json> compare(const Contender& first, const Contender& second, std::uint64_t seed, const Threads& threads) {
  if (first.evaluation.value("task", "") != second.evaluation.value("task", ""))
    return invalid_input(fmt::format("{} and {} solve different tasks: {} and {}", first.name, second.name,
                                     first.evaluation.value("task", ""), second.evaluation.value("task", "")));
  if (first.evaluation.value("classes", json()) != second.evaluation.value("classes", json()))
    return invalid_input(fmt::format("{} and {} tell different classes apart", first.name, second.name));
  json document = {{"first", first.name},
                   {"second", second.name},
                   {"same_model", !first.model_digest.empty() && first.model_digest == second.model_digest}};
  document["metrics"] = json::array();
  std::set<std::string> names;
  for (const Contender* side : {&first, &second})
    for (const auto& [name, value] : side->evaluation.at("metrics").items()) names.insert(name);
  for (const std::string& name : names)
    document["metrics"].push_back({{"name", name},
                                   {"first", value_of(first.evaluation, "metrics", name)},
                                   {"first_interval", value_of(first.evaluation, "intervals", name)},
                                   {"second", value_of(second.evaluation, "metrics", name)},
                                   {"second_interval", value_of(second.evaluation, "intervals", name)}});
  document["settings"] = json::array();
  std::set<std::string> settings;
  for (const Contender* side : {&first, &second}) {
    if (!side->search.is_object()) continue;
    const json best = side->search.value("best", json::object());
    for (const auto& [name, value] : best.items()) settings.insert(name);
  }
  const auto learner = [](const Contender& side) {
    return side.search.is_object() ? side.search.value("learner", json()) : json();
  };
  if (!learner(first).is_null() || !learner(second).is_null())
    document["settings"].push_back({{"name", "learner"},
                                    {"first", learner(first)},
                                    {"second", learner(second)},
                                    {"same", learner(first) == learner(second)}});
  for (const std::string& name : settings) {
    const json a = value_of(first.search.is_object() ? first.search : json::object(), "best", name);
    const json b = value_of(second.search.is_object() ? second.search : json::object(), "best", name);
    document["settings"].push_back({{"name", name}, {"first", a}, {"second", b}, {"same", a == b}});
  }
  std::string note;
  SLIPWAY_TRY(document["paired"], compare_rows(first, second, seed, threads, note));
  document["paired_note"] = note;
  return document;
}

namespace {

using report::Cell;
using report::Chart;
using report::Grid;
using report::Section;
using report::Text;
using report::Verdict;

Cell one(const Citation& from, const std::string& place) {
  return from.at(place).is_null() ? Cell("") : from.cell(place);
}
std::vector<std::pair<double, double>> curve(const json& evaluation, const char* name) {
  std::vector<std::pair<double, double>> points;
  for (const json& point : evaluation.value(name, json::array()))
    points.emplace_back(point[0].get<double>(), point[1].get<double>());
  return points;
}

}  // namespace

std::string comparison_page(const json& comparison, const Contender& first, const Contender& second) {
  const Citation from(comparison, "comparison.json");
  report::Page page;
  page.title = fmt::format("{} and {}", first.name, second.name);
  page.subtitle =
      fmt::format("{}; the first is {}, the second {}", first.evaluation.value("task", ""), first.name, second.name);
  Section verdict{"Verdict", {}};
  if (comparison.at("paired").is_object()) {
    const std::string found = from.at("/paired/verdict");
    verdict.elements.push_back(Verdict{found == "better"  ? Verdict::Level::good
                                       : found == "worse" ? Verdict::Level::bad
                                                          : Verdict::Level::attention,
                                       from.at("/paired/text"), from.source("/paired/text")});
  }
  if (const std::string note = comparison.at("paired_note"); !note.empty())
    verdict.elements.push_back(Text{note, from.source("/paired_note")});
  if (comparison.at("same_model").get<bool>())
    verdict.elements.push_back(Text{"Both are the same model, byte for byte.", from.source("/same_model")});
  page.sections.push_back(verdict);
  if (comparison.at("paired").is_object()) {
    Section paired{"On the same rows", {}};
    Grid grid{"Second less first, over the rows that both scored",
              {"measure", "first", "second", "difference", "95 % interval", "p", "method"},
              {}};
    for (std::size_t i = 0; i < from.at("/paired/measures").size(); ++i) {
      const std::string place = pointer("paired", "measures", i);
      grid.rows.push_back({from.cell(place + "/name"), from.cell(place + "/first"), from.cell(place + "/second"),
                           from.cell(place + "/difference", 3), from.interval(place + "/interval"),
                           from.has(place + "/p_value") ? from.cell(place + "/p_value", 2) : Cell(""),
                           from.has(place + "/method") ? from.cell(place + "/method") : Cell("")});
    }
    paired.elements.push_back(grid);
    if (from.has("/paired/labels"))
      paired.elements.push_back(
          report::Figures{{{"Rows", from.cell("/paired/rows"), {}},
                           {"Only the first is right", from.cell("/paired/labels/only_first_right"), {}},
                           {"Only the second is right", from.cell("/paired/labels/only_second_right"), {}},
                           {"McNemar's p", from.cell("/paired/labels/p_value", 3), {}}}});
    page.sections.push_back(paired);
  }
  Section own{"Each on its own test rows", {}};
  Grid grid{"", {"measure", "first", "95 % interval", "second", "95 % interval"}, {}};
  for (std::size_t i = 0; i < from.at("/metrics").size(); ++i) {
    const std::string place = pointer("metrics", i);
    grid.rows.push_back({from.cell(place + "/name"), one(from, place + "/first"),
                         from.interval(place + "/first_interval"), one(from, place + "/second"),
                         from.interval(place + "/second_interval")});
  }
  own.elements.push_back(grid);
  for (const auto& [key, title, x, y] : {std::tuple{"precision_recall", "Precision and recall", "recall", "precision"},
                                         std::tuple{"roc", "ROC curve", "false positive rate", "true positive rate"}}) {
    const auto a = curve(first.evaluation, key), b = curve(second.evaluation, key);
    if (!a.empty() && !b.empty())
      own.elements.push_back(Chart{title, line_chart({{"first", a}, {"second", b}}, x, y, true), 320, "",
                                   std::string("evaluation.json#/") + key});
  }
  page.sections.push_back(own);
  if (!comparison.at("settings").empty()) {
    Section settings{"Settings", {}};
    Grid list{"", {"option", "first", "second"}, {}};
    for (std::size_t i = 0; i < comparison.at("settings").size(); ++i) {
      const std::string place = pointer("settings", i);
      list.rows.push_back({from.cell(place + "/name"), one(from, place + "/first"), one(from, place + "/second")});
    }
    settings.elements.push_back(list);
    page.sections.push_back(settings);
  }
  return report::render(page);
}

}  // namespace slipway::pipeline
