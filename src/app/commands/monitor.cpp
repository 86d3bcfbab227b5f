// slipway monitor: has what the model sees changed since training?
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/monitor/drift.hpp>
#include <slipway/monitor/reference.hpp>
#include <slipway/table/profile.hpp>
#include <slipway/table/source.hpp>

#include "bundles.hpp"
#include "commands.hpp"
#include "option_flags.hpp"
#include "timing.hpp"

namespace slipway::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Arguments {
  std::string reference;
  std::string data;
  std::string out;
  monitor::DriftOptions options;
  int threads = 0;
};

bool is_journal(const std::string& location) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(location, code))
    if (entry.path().extension() == ".ndjson") return true;
  return false;
}

bool is_data_file(const std::string& location) {
  return fs::is_regular_file(location) || location.find('*') != std::string::npos;
}

// Rows to be judged, with their scores where there are any.
struct Observed {
  table::Table table;
  std::vector<float> scores;
};

Result<Observed> read_log(const std::string& folder, const package::Bundle* bundle) {
  journal::ReadOptions options;
  if (bundle != nullptr) {
    options.model = bundle->manifest().name;
    for (const model::Input& input : bundle->model().inputs)
      options.inputs.push_back({input.name, input.kind == model::InputKind::text   ? journal::ColumnKind::text
                                            : input.kind == model::InputKind::time ? journal::ColumnKind::time
                                                                                   : journal::ColumnKind::number});
  }
  Observed observed;
  SLIPWAY_TRY(observed.table, journal::read_journal(folder, options));
  // Several classes: the probability of the predicted one, as in the reference.
  if (bundle != nullptr && bundle->model().task == model::Task::multiclass) {
    for (const std::string& name : score_columns(bundle->model()))
      if (const table::Column* column = observed.table.find(name)) {
        SLIPWAY_TRY(const auto scores, table::as_numbers(*column));
        observed.scores.resize(scores.size(), 0);
        for (std::size_t i = 0; i < scores.size(); ++i) observed.scores[i] = std::max(observed.scores[i], scores[i]);
      }
  } else if (const table::Column* column = observed.table.find("score")) {
    SLIPWAY_TRY(observed.scores, table::as_numbers(*column));
  }
  return observed;
}

Result<Observed> read_rows(const std::string& location, const package::Bundle* bundle,
                           const monitor::Reference& reference, int threads) {
  Observed observed;
  SLIPWAY_TRY(observed.table, table::read_table(location, threads));
  if (bundle == nullptr || !reference.score) return observed;
  const auto has = [&](const model::Input& input) { return observed.table.has(input.name); };
  const auto& inputs = bundle->model().inputs;
  // A window that lacks a column cannot be scored; that it lacks it is a finding of its own.
  if (observed.table.rows() == 0 || !std::all_of(inputs.begin(), inputs.end(), has)) return observed;
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(bundle->model()));
  SLIPWAY_TRY(const auto prediction, predictor.predict_table(observed.table, Threads(threads)));
  for (std::size_t row = 0; row < observed.table.rows(); ++row) {
    std::size_t column = bundle->model().task == model::Task::binary ? 1 : 0;
    if (bundle->model().task == model::Task::multiclass) column = static_cast<std::size_t>(prediction.labels[row]);
    observed.scores.push_back(prediction.scores.at(row, column));
  }
  return observed;
}

// A reference from a plain file: every number and text column that does not identify rows.
Result<monitor::Reference> reference_from_data(const std::string& location, int threads) {
  SLIPWAY_TRY(const table::Table table, table::read_table(location, threads));
  const table::TableProfile profile = table::profile_table(table);
  std::vector<monitor::Feature> features;
  for (const auto& column : profile.columns) {
    if (column.type == "time" || column.id_like || lower_case(column.name).ends_with("_id")) continue;
    features.push_back(
        {column.name, column.type == "text" ? monitor::FeatureKind::text : monitor::FeatureKind::number});
  }
  return monitor::build_reference(table, {features, {}, {}, {}});
}

Status read_budget(const package::Bundle& bundle, monitor::DriftOptions& options) {
  // What the configuration said travels in the bundle; flags of this call come first.
  const monitor::DriftOptions defaults;
  const auto& notes = bundle.manifest().notes;
  if (const auto note = notes.find("monitor window"); note != notes.end() && options.window == defaults.window)
    options.window = note->second;
  if (const auto note = notes.find("monitor false alarms");
      note != notes.end() && options.false_alarms == defaults.false_alarms)
    options.false_alarms = note->second;
  return {};
}

std::string figure(const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : "-"; }

Status print_report(const monitor::DriftReport& report, const Arguments& arguments, Console& console) {
  std::vector<std::vector<std::string>> lines = {{"feature", "verdict", "distance", "threshold", "PSI", "why"}};
  const auto add = [&](const monitor::FeatureDrift& feature) {
    lines.push_back({feature.name, std::string(monitor::verdict_name(feature.verdict)),
                     feature.statistics ? fmt::format("{:.4f}", feature.statistics->jensen_shannon) : "-",
                     figure(feature.threshold),
                     feature.statistics ? fmt::format("{:.4f}", feature.statistics->psi) : "-", feature.why});
  };
  for (const auto& feature : report.features) add(feature);
  if (report.score) add(*report.score);
  console.print(fmt::format("{} rows against {} of the reference; allowed false alarms per window: {:.3f}",
                            group_digits(report.rows), group_digits(report.reference_rows), report.false_alarm_rate));
  console.print(align(lines));
  for (const auto& finding : report.findings) console.print("finding: " + finding.text);
  const json document = monitor::to_json(report);
  if (!arguments.out.empty())
    SLIPWAY_CHECK(write_file(arguments.out, document.dump(2, ' ', false, json::error_handler_t::replace) + "\n"));
  console.document(document);
  std::vector<std::string> absent;
  for (const auto& feature : report.features)
    if (feature.verdict == monitor::Verdict::absent) absent.push_back(feature.name);
  if (!absent.empty())
    return check_failed(fmt::format("the rows have no column {}{}", list_names(absent, 20),
                                    report.drifted.empty() ? "" : "; drift in " + list_names(report.drifted, 20)));
  if (report.drifted.empty()) {
    console.print("no drift");
    return {};
  }
  return check_failed(fmt::format("drift in {}", list_names(report.drifted, 20)));
}

Status watch(Arguments arguments, Console& console) {
  Timing timing(console);
  timing.begin("read");
  std::optional<package::Bundle> bundle;
  monitor::Reference reference;
  if (is_data_file(arguments.reference)) {
    SLIPWAY_TRY(reference, reference_from_data(arguments.reference, arguments.threads));
  } else {
    SLIPWAY_TRY(auto opened, find_bundle(arguments.reference));
    bundle.emplace(std::move(opened));
    SLIPWAY_TRY(const std::string text, bundle->read("profile.json"));
    const json document = json::parse(text, nullptr, false);
    if (document.is_discarded()) return invalid_input("profile.json is no JSON document");
    SLIPWAY_TRY(reference, monitor::reference_from_json(document).with_context("profile.json"));
    SLIPWAY_CHECK(read_budget(*bundle, arguments.options));
  }
  const package::Bundle* known = bundle ? &*bundle : nullptr;
  SLIPWAY_TRY(const Observed observed, is_journal(arguments.data)
                                           ? read_log(arguments.data, known)
                                           : read_rows(arguments.data, known, reference, arguments.threads));
  timing.begin("compare");
  SLIPWAY_TRY(const auto report, monitor::detect_drift(reference, {observed.table, observed.scores}, arguments.options,
                                                       Threads(arguments.threads)));
  timing.end();
  return print_report(report, arguments, console);
}

}  // namespace

void add_monitor(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("monitor", "Compare what the model sees with what it was trained on");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("reference", arguments->reference, "a bundle, a registry's model, or a data file to compare with")
      ->required();
  command->add_option("data", arguments->data, "a prediction log's folder, or a data file")->required();
  command->add_option("--out", arguments->out, "also write the report here (JSON)");
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  add_option_flags(*command, arguments->options, monitor::drift_options);
  command->footer("Example: slipway monitor models/fraud predictions --false-alarms \"1 per month\"");
  command->callback(
      [arguments, &context] { context.action = [arguments, &context] { return watch(*arguments, context.console); }; });
}

}  // namespace slipway::app
