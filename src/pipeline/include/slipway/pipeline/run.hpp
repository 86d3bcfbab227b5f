// The whole line: read, clean, split, search, fit, evaluate, explain, package, verify, publish, report.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/pipeline/configuration.hpp>

namespace slipway::pipeline {

struct RunOptions {
  int threads = 0;            // 0 = all processors; results do not depend on it
  std::filesystem::path out;  // write the bundle here (replacing one that stands there); empty: into the registry
  bool cache = true;          // use and fill the stage cache (<folder>/.slipway/cache)
  bool record = true;         // keep a run record in <folder>/runs/<id>
  std::string reason;         // why, for the registry's history
};

struct RunResult {
  std::string id;  // of the run
  std::filesystem::path bundle;
  std::string version;  // in the registry; empty if written elsewhere
  std::filesystem::path report;
  std::map<std::string, double> metrics;  // on the test rows
  // How loss and metric went from round to round, on rows of the first fold: {loss, metric, training_rows,
  // held_out_rows, points: [{rounds, train_loss, validation_loss, train_metric, validation_metric}], verdict, text,
  // best_rounds}. Empty where the learner has no rounds.
  nlohmann::json training = nlohmann::json::object();
  std::map<std::string, double> seconds;  // read, prepare, search, fit, evaluate, explain, package
  std::vector<std::string> cached;        // stages that were taken from the cache
  std::vector<std::string> notes;
  std::string summary;            // a few lines for a person
  std::string model_digest;       // SHA-256 of model.onnx
  double largest_difference = 0;  // of a score between Slipway's engine and ONNX Runtime on the test rows
  // The gates that failed, as an error of code check_failed: the bundle is then not published (run record and report
  // are).
  std::optional<Error> gates;
};

// Nothing is published unless every stage succeeded, ONNX Runtime agrees on all test rows within 1e-5, and all gates
// pass.
Result<RunResult> run(const Configuration& configuration, const RunOptions& options, Progress& progress);

}  // namespace slipway::pipeline
