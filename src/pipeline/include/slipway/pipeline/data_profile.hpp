// What a table holds, how its columns go together, and what in it would mislead a model: for `slipway profile`.
#pragma once
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/pipeline/configuration.hpp>
#include <slipway/pipeline/leakage.hpp>
#include <slipway/table/correlation.hpp>
#include <slipway/table/profile.hpp>

namespace slipway::pipeline {

struct ClassCount {
  std::string name;
  std::int64_t rows = 0;
};

struct DataProfile {
  table::TableProfile table;
  std::vector<table::Correlation> correlations;
  // With a target only:
  std::string target;
  std::string task;                 // binary, multiclass, regression
  std::vector<ClassCount> classes;  // by class; empty for regression
  std::int64_t without_target = 0;  // rows
  std::int64_t train_rows = 0, test_rows = 0;
  std::vector<LeakageFinding> leakage;
  std::vector<std::string> warnings;  // each worth a look: constant and id-like columns, duplicates, imbalance, leakage
};

// `configuration` gives the schema (target may be empty: no class balance and no leakage checks then) and the split
// that the leakage checks look across.
Result<DataProfile> profile_data(const table::Table& table, const Configuration& configuration);

// One self-contained HTML page without raw rows, its size independent of the number of rows.
std::string profile_page(const DataProfile& profile, const std::string& title);

}  // namespace slipway::pipeline
