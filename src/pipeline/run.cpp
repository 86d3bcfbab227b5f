#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/base/memory.hpp>
#include <slipway/base/partial_progress.hpp>
#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/evaluate/gates.hpp>
#include <slipway/explain/explanation_plan.hpp>
#include <slipway/package/bundle.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/pipeline/dataset.hpp>
#include <slipway/pipeline/leakage.hpp>
#include <slipway/pipeline/run.hpp>
#include <slipway/pipeline/scoring.hpp>
#include <slipway/registry/registry.hpp>

#include "assessment.hpp"
#include "decision_context.hpp"
#include "diagnosis.hpp"
#include "explanation.hpp"
#include "model_card.hpp"
#include "monitoring.hpp"
#include "predictions.hpp"
#include "report_page.hpp"
#include "stage_cache.hpp"
#include "stopwatch.hpp"
#include "training.hpp"

namespace slipway::pipeline {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// "1.23 GB" is for people; documents are written for both.
std::string pretty(const json& document) { return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n"; }

struct Assessed {
  json evaluation, explanation, verification, profile;
};

class Line {
 public:
  Line(const Configuration& configuration, const RunOptions& options, Progress& progress)
      : configuration_(configuration), options_(options), progress_(progress), threads_(options.threads) {}

  Result<RunResult> run() {
    SLIPWAY_CHECK(check_destination());
    cache_ = options_.cache ? configuration_.folder / ".slipway" / "cache" : fs::path();
    SLIPWAY_TRY(Prepared prepared, prepare(configuration_, cache_, options_.threads, progress_));
    result_.seconds["read"] = prepared.read_seconds;
    result_.seconds["prepare"] = prepared.prepare_seconds;
    if (prepared.prepare_seconds == 0) result_.cached.emplace_back("prepare");
    SLIPWAY_TRY(dataset_, make_dataset(configuration_, std::move(prepared), progress_));
    result_.notes = dataset_.notes;
    SLIPWAY_CHECK(check_leakage());
    SLIPWAY_CHECK(check_evaluate_plan(configuration_, dataset_));
    SLIPWAY_CHECK(train_model());
    SLIPWAY_CHECK(assess_model());
    SLIPWAY_TRY(gates_, try_gates(configuration_, assessed_.evaluation));
    for (const json& gate : gates_)
      if (!gate.at("passed").get<bool>())
        failed_gates_ += (failed_gates_.empty() ? "" : "; ") + gate.at("text").get<std::string>();
    if (!failed_gates_.empty()) result_.gates = check_failed("gates failed, nothing is published: " + failed_gates_);
    for (const auto& [name, value] : assessed_.evaluation.at("metrics").items())
      if (value.is_number()) result_.metrics[name] = value.get<double>();
    if (assessed_.evaluation.contains("fit"))
      result_.training = assessed_.evaluation["fit"].value("rounds", json::object());
    result_.id = run_id();
    render_report();
    if (!result_.gates) SLIPWAY_CHECK(publish());
    if (options_.record) SLIPWAY_CHECK(record());
    if (!result_.gates) {
      SLIPWAY_TRY(const fs::path pins, pin_types(configuration_, dataset_.prepared));
      if (!pins.empty())
        result_.notes.push_back("the types of the columns are kept in " + pins.string() +
                                ": later files are read by them");
    }
    // The fits of the search are no longer needed: the run is on record.
    std::error_code ignored;
    if (!unfinished_.empty()) fs::remove_all(unfinished_, ignored);
    summarise();
    return std::move(result_);
  }

 private:
  // Before hours of work: is the place for the bundle free, or a bundle that may be replaced?
  Status check_destination() {
    if (options_.out.empty()) return {};
    if (fs::exists(options_.out) && !fs::exists(options_.out / "manifest.json"))
      return conflict(fmt::format("{} exists and is no bundle: it is not replaced", options_.out.string()));
    return {};
  }

  std::string run_id() const {
    std::string time = format_time(now_microseconds() / 1'000'000 * 1'000'000);
    std::erase_if(time, [](char c) { return c == '-' || c == ':' || c == 'Z'; });
    return time + "-" + result_.model_digest.substr(0, 6);
  }

  Status check_leakage() {
    progress_.begin("leakage checks", 0);
    SLIPWAY_TRY(leakage_, find_leakage(dataset_.prepared.table, dataset_.target, dataset_.split, configuration_.schema,
                                       feature_columns(dataset_.plan, dataset_.prepared.table)));
    progress_.end();
    for (const LeakageFinding& finding : leakage_) {
      result_.notes.push_back((finding.severe ? "warning: leakage: " : "leakage? ") + finding.evidence);
      progress_.note(result_.notes.back());
    }
    return {};
  }

  // Where the fits of the search lie until the run is over, for one that is stopped or killed before; without a record
  // beside the bundle to be.
  fs::path place_of_finished_fits() const {
    const std::string name = "unfinished-" + fold_key(configuration_, dataset_).substr(0, 16);
    if (options_.record) return configuration_.folder / "runs" / name;
    if (options_.out.empty()) return {};
    const fs::path out = fs::absolute(options_.out).lexically_normal();
    const fs::path bundle = out.has_filename() ? out : out.parent_path();
    return bundle.parent_path() / (bundle.filename().string() + "." + name);
  }

  Status train_model() {
    const std::string key = training_key(configuration_, dataset_);
    const auto entry = read_entry(cache_, "trained", key, {"model.onnx", "search.json"});
    if (entry) trained_.search = json::parse(entry->at("search.json"), nullptr, false);
    if (entry && trained_.search.is_object()) {
      trained_.onnx = entry->at("model.onnx");
      result_.cached.emplace_back("train");
      result_.seconds["search"] = result_.seconds["fit"] = 0;
    } else {
      unfinished_ = place_of_finished_fits();
      auto trained = train(configuration_, dataset_, unfinished_, threads_, progress_);
      if (!trained.ok() && trained.error().code() == ErrorCode::cancelled && fs::exists(unfinished_))
        progress_.note(
            fmt::format("finished fits are kept in {}: the same command goes on from there", unfinished_.string()));
      SLIPWAY_TRY(trained_, std::move(trained));
      result_.seconds["search"] = trained_.search_seconds;
      result_.seconds["fit"] = trained_.fit_seconds;
      SLIPWAY_CHECK(write_entry(cache_, "trained", key,
                                {{"model.onnx", trained_.onnx}, {"search.json", pretty(trained_.search)}}));
    }
    result_.model_digest = sha256_hex(trained_.onnx);
    for (const json& one : trained_.search.value("dropped_features", json::array())) {
      result_.notes.push_back(fmt::format("feature '{}' is left out: {}", one.at("feature").get<std::string>(),
                                          one.at("why").get<std::string>()));
      progress_.note(result_.notes.back());
    }
    if (const std::string note = trained_.search.value("threshold_note", ""); !note.empty()) {
      result_.notes.push_back("threshold: " + note);
      progress_.note(result_.notes.back());
    }
    return {};
  }

  Status assess_model() {
    const std::string key = assessment_key(configuration_, dataset_, result_.model_digest);
    const std::vector<std::string> files = {"evaluation.json", "explanation.json", "verification.json", "profile.json"};
    if (const auto entry = read_entry(cache_, "assessed", key, files); entry && read_assessment(*entry, files)) {
      result_.cached.emplace_back("evaluate");
      result_.seconds["package"] = result_.seconds["evaluate"] = result_.seconds["explain"] = 0;
      note_agreement();
      return {};
    }
    Stopwatch watch;
    progress_.begin("verify with ONNX Runtime", 0);
    SLIPWAY_TRY(const ServableModel servable, load_servable(trained_.onnx));
    SLIPWAY_TRY(const Verification verification, verify_test_rows(servable, dataset_, threads_));
    assessed_.verification = verification.document;
    progress_.end();
    result_.seconds["package"] = watch.seconds();
    watch = {};
    progress_.begin("evaluate", 0);
    SLIPWAY_TRY(assessed_.evaluation, evaluate_test_rows(configuration_, servable, dataset_, verification.prediction,
                                                         trained_.search, threads_));
    progress_.end();
    result_.seconds["evaluate"] = watch.seconds();
    watch = {};
    progress_.begin("bias and variance", 0);
    OnlyCancelled quiet(progress_);
    SLIPWAY_CHECK(diagnose(configuration_, servable, dataset_, trained_.search, assessed_.evaluation, threads_, quiet));
    progress_.end();
    result_.seconds["diagnose"] = watch.seconds();
    watch = {};
    progress_.begin("explain", 0);
    SLIPWAY_TRY(const auto how, explainer_options(configuration_, servable.model, dataset_));
    SLIPWAY_TRY(assessed_.explanation, explain_test_rows(configuration_, servable, dataset_, how, threads_, progress_));
    progress_.end();
    result_.seconds["explain"] = watch.seconds();
    watch = {};
    progress_.begin("monitoring profile", 0);
    SLIPWAY_TRY(assessed_.profile, monitoring_profile(configuration_, servable, dataset_, threads_));
    progress_.end();
    result_.seconds["profile"] = watch.seconds();
    SLIPWAY_CHECK(write_entry(cache_, "assessed", key,
                              {{files[0], pretty(assessed_.evaluation)},
                               {files[1], pretty(assessed_.explanation)},
                               {files[2], pretty(assessed_.verification)},
                               {files[3], pretty(assessed_.profile)}}));
    note_agreement();
    return {};
  }

  // False if a document of the cache entry is damaged.
  bool read_assessment(const std::map<std::string, std::string>& entry, const std::vector<std::string>& files) {
    json* const documents[] = {&assessed_.evaluation, &assessed_.explanation, &assessed_.verification,
                               &assessed_.profile};
    for (std::size_t i = 0; i < files.size(); ++i) {
      *documents[i] = json::parse(entry.at(files[i]), nullptr, false);
      if (!documents[i]->is_object()) return false;
    }
    return true;
  }

  void note_agreement() {
    result_.largest_difference = assessed_.verification.at("engines").at(0).at("largest_difference").get<double>();
  }

  void render_report() {
    ReportContent content;
    content.configuration = &configuration_;
    content.dataset = &dataset_;
    content.leakage = leakage_;
    content.run_id = result_.id;
    content.search = trained_.search;
    content.evaluation = assessed_.evaluation;
    content.explanation = assessed_.explanation;
    content.verification = assessed_.verification;
    content.gates = gates_;
    content.model_digest = result_.model_digest;
    content.data = data_ = data_document(configuration_, dataset_);
    report_ = report::render(report_page(content));
    card_ = model_card(content);
  }

  // What files of rows for this model hold: the types of the prepared columns, with the form that booleans and times
  // had in the source.
  std::map<std::string, std::string> column_types(const model::Model& model) const {
    std::vector<std::string> names = {model.target};
    for (const model::Input& input : model.inputs) names.push_back(input.name);
    std::map<std::string, std::string> types;
    for (const std::string& name : names)
      if (const table::Column* column = dataset_.prepared.table.find(name))
        types[name] = table::type_name(column->data);
    for (const auto& [source, columns] : dataset_.prepared.types)
      for (const table::ColumnInfo& column : columns) {
        const auto type = types.find(column.name);
        if (type == types.end()) continue;
        const bool same_kind = (type->second == "integer" && column.sql_type == "boolean") ||
                               (type->second == "time" && column.sql_type.starts_with("time"));
        if (same_kind) type->second = column.sql_type;
      }
    return types;
  }

  Result<package::BundleWriter> make_bundle(std::optional<int> version) {
    package::Manifest manifest;
    manifest.name = configuration_.name;
    manifest.version = version;
    manifest.id_columns = configuration_.schema.ids;
    manifest.lineage = {dataset_.prepared.data_digest, training_key(configuration_, dataset_),
                        std::string(build_identity()), configuration_.seed};
    if (const params::Value* window = configuration_.monitor.find("window"))
      manifest.notes["monitor window"] = window->text;
    if (const params::Value* budget = configuration_.monitor.find("false_alarms"))
      manifest.notes["monitor false alarms"] = budget->text;
    SLIPWAY_TRY(const model::Model model, package::read_onnx(trained_.onnx).with_context("reading model.onnx back"));
    if (model.task == model::Task::binary)
      manifest.threshold = {threshold_of(model), trained_.search.value("threshold_policy", "")};
    manifest.column_types = column_types(model);
    package::BundleWriter writer(std::move(manifest));
    SLIPWAY_CHECK(writer.add_model(model));
    for (const auto& [name, document] :
         {std::pair{"evaluation.json", &assessed_.evaluation}, std::pair{"explanation.json", &assessed_.explanation},
          std::pair{"verification.json", &assessed_.verification}, std::pair{"profile.json", &assessed_.profile},
          std::pair{"search.json", &trained_.search}})
      SLIPWAY_CHECK(writer.add_file(name, pretty(*document)));
    SLIPWAY_CHECK(writer.add_file("data.json", pretty(data_)));
    SLIPWAY_CHECK(writer.add_file("report.html", report_));
    SLIPWAY_TRY(const auto how, explainer_options(configuration_, model, dataset_));
    SLIPWAY_CHECK(writer.add_file(std::string(explain::plan_file), explain::plan_json(how, model.inputs)));
    SLIPWAY_TRY(std::string catalogue, read_catalogue(configuration_, model.inputs));
    if (!catalogue.empty()) SLIPWAY_CHECK(writer.add_file(std::string(explain::catalogue_file), std::move(catalogue)));
    SLIPWAY_CHECK(writer.add_file("card.md", card_));
    return writer;
  }

  Status publish() {
    progress_.begin("publish", 0);
    if (!options_.out.empty()) {
      SLIPWAY_TRY(auto writer, make_bundle(std::nullopt));
      SLIPWAY_CHECK(writer.publish(options_.out, true));
      result_.bundle = options_.out;
    } else {
      SLIPWAY_TRY(const auto registry, registry::Registry::open(configuration_.folder / "models", true));
      registry::Publication publication;
      publication.reason.why = options_.reason.empty() ? "run " + result_.id : options_.reason;
      for (const json& gate : gates_) publication.gates[gate.at("text").get<std::string>()] = "passed";
      SLIPWAY_TRY(const auto version, registry.publish(configuration_.name, publication,
                                                       [&](const fs::path& folder, std::int64_t number) -> Status {
                                                         SLIPWAY_TRY(auto writer,
                                                                     make_bundle(static_cast<int>(number)));
                                                         return writer.write(folder);
                                                       }));
      result_.bundle = version.path;
      result_.version = std::to_string(version.version);
      champion_ = std::find(version.aliases.begin(), version.aliases.end(), "champion") != version.aliases.end();
    }
    progress_.end();
    result_.report = result_.bundle / "report.html";
    return {};
  }

  // The record is published in one piece, like everything else.
  Status record() {
    const fs::path folder = configuration_.folder / "runs" / result_.id;
    SLIPWAY_TRY(auto work, FolderInProgress::beside(folder));
    json document = {{"id", result_.id},
                     {"name", configuration_.name},
                     {"outcome", result_.gates ? "gates failed" : "published"},
                     {"bundle", result_.gates ? json(nullptr) : json(result_.bundle.string())},
                     {"version", result_.version},
                     {"metrics", result_.metrics},
                     {"training", result_.training},
                     {"seconds", result_.seconds},
                     {"cached", result_.cached},
                     {"notes", result_.notes},
                     {"rejected_rows", dataset_.prepared.rejected_rows},
                     {"gates", gates_},
                     {"finished", format_time(now_microseconds())},
                     {"build", build_identity()},
                     {"peak_memory_bytes", peak_memory().value_or(0)},
                     {"seed", configuration_.seed},
                     {"data_digest", dataset_.prepared.data_digest},
                     {"prepared_digest", dataset_.prepared.key},
                     {"group", configuration_.schema.group},
                     {"model_digest", result_.model_digest}};
    SLIPWAY_CHECK(write_file(work.path() / "run.json", pretty(document)));
    if (!dataset_.prepared.rejects.empty())
      SLIPWAY_CHECK(table::write_table(table::rejects_table(dataset_.prepared.rejects), work.path() / "rejects.csv",
                                       options_.threads));
    SLIPWAY_CHECK(write_file(work.path() / "report.html", report_));
    SLIPWAY_CHECK(write_file(work.path() / "search.json", pretty(trained_.search)));
    SLIPWAY_CHECK(write_file(work.path() / "search.csv", search_csv(trained_.search)));
    SLIPWAY_CHECK(write_file(work.path() / "evaluation.json", pretty(assessed_.evaluation)));
    SLIPWAY_CHECK(write_file(work.path() / "explanation.json", pretty(assessed_.explanation)));
    SLIPWAY_CHECK(write_file(work.path() / "verification.json", pretty(assessed_.verification)));
    SLIPWAY_CHECK(write_file(work.path() / "data.json", pretty(data_)));
    SLIPWAY_CHECK(write_file(work.path() / "card.md", card_));
    if (configuration_.evaluate.predictions)
      SLIPWAY_CHECK(
          write_predictions(configuration_, dataset_, trained_.onnx, work.path() / predictions_file, threads_));
    SLIPWAY_CHECK(work.publish(true));
    result_.report = folder / "report.html";
    return {};
  }

  void summarise() {
    std::string text = fmt::format("{}: {} training rows, {} test rows\n", configuration_.name,
                                   dataset_.split.train.size(), dataset_.split.test.size());
    text += "  " + trained_.search.value("plan", "") + "\n";
    std::string settings;
    for (const auto& [name, value] : trained_.search.at("best").items())
      settings += fmt::format("{}{}={}", settings.empty() ? "" : ", ", name, value.get<std::string>());
    text += fmt::format("  chosen: {} ({})\n", configuration_.learner, settings.empty() ? "defaults" : settings);
    if (assessed_.evaluation.contains("fit")) text += "  " + assessed_.evaluation["fit"].value("text", "") + "\n";
    if (result_.training.contains("text")) text += "  " + result_.training["text"].get<std::string>() + "\n";
    for (const char* name :
         {"average_precision", "roc_auc", "precision", "recall", "f1", "accuracy", "log_loss", "rmse", "mae", "r2"})
      if (const auto found = result_.metrics.find(name); found != result_.metrics.end())
        text += fmt::format("  {:<18} {:.4f}\n", name, found->second);
    text += fmt::format("  ONNX Runtime and Slipway differ by at most {:.2g} on the test rows\n",
                        result_.largest_difference);
    if (!result_.cached.empty()) text += fmt::format("  unchanged, from the cache: {}\n", list_names(result_.cached));
    if (result_.gates) {
      text += "  NOT published\n";
    } else {
      text += fmt::format("  bundle: {}\n", result_.bundle.string());
      if (!result_.version.empty() && !champion_)
        text += fmt::format(
            "  the champion is another version; to serve this one: slipway models promote {}/{} "
            "--registry {}\n",
            configuration_.name, result_.version, (configuration_.folder / "models").string());
    }
    text += fmt::format("  report: {}", result_.report.string());
    result_.summary = text;
  }

  const Configuration& configuration_;
  const RunOptions& options_;
  Progress& progress_;
  Threads threads_;
  fs::path cache_;
  fs::path unfinished_;  // finished fits of a search, for a run that is killed
  Dataset dataset_;
  std::vector<LeakageFinding> leakage_;
  Trained trained_;
  Assessed assessed_;
  json gates_ = json::array();
  std::string failed_gates_;
  json data_;
  std::string report_, card_;
  bool champion_ = true;
  RunResult result_;
};

}  // namespace

Result<RunResult> run(const Configuration& configuration, const RunOptions& options, Progress& progress) {
  return Line(configuration, options, progress).run();
}

}  // namespace slipway::pipeline
