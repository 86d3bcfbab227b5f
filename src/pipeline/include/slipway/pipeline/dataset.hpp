// From sources to rows that a learner can use: read, clean, resolve the target, infer what was left open, split.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/features/features.hpp>
#include <slipway/model/model.hpp>
#include <slipway/pipeline/configuration.hpp>
#include <slipway/table/profile.hpp>
#include <slipway/table/source.hpp>
#include <slipway/table/split.hpp>
#include <slipway/table/table.hpp>

namespace slipway::pipeline {

// How the rows of a cleaned table came to be.
struct Preparation {
  std::vector<table::CleaningCount> cleaning;
  std::vector<table::Reject> rejects;
  std::int64_t rejected_rows = 0;
  std::map<std::string, std::vector<table::ColumnInfo>> types;  // of each source's columns, as they can be pinned
  std::string data_digest;                                      // SHA-256 over the sources' contents
  std::string key;        // identifies this result: sources, their configuration and the build
  std::int64_t rows = 0;  // after cleaning
  std::vector<std::string> columns;
  double read_seconds = 0;
  double prepare_seconds = 0;
};

// A cleaned table in memory.
struct Prepared : Preparation {
  table::Table table;
  // The rows that cleaning dropped, as they were read. Serving does not clean, so what production will send, and what
  // monitoring has to compare with, is both together.
  table::Table dropped;
};

// The target as numbers, one entry per row of the prepared table.
struct Target {
  model::Task task = model::Task::binary;
  std::vector<std::string> classes;  // binary: [negative, positive]; regression: empty
  std::vector<std::int32_t> labels;  // -1 where the target is missing
  std::vector<float> values;         // regression; NaN where missing
  std::vector<float> weights;        // of schema.weight; empty = all 1
};

// Rows ready for learning.
struct Dataset {
  Prepared prepared;
  Target target;
  features::FeaturePlan plan;                    // with inferred columns filled in
  std::vector<std::string> notes;                // decisions taken for the user: columns set aside and why, ...
  table::Split split;                            // rows with a target only
  std::map<std::string, std::string> set_aside;  // column -> why
};

// Reads and cleans. `cache` is a folder for prepared tables ("" = none); a table prepared before from the same content
// is taken from there.
Result<Prepared> prepare(const Configuration& configuration, const std::filesystem::path& cache, int threads,
                         Progress& progress);

// The same into a .csv or .parquet file, whole or not at all. With source.memory_limit the table need not fit in
// memory. Nothing is looked up in a cache, so the result has neither digest nor key: each source is read once.
Result<Preparation> prepare_to_file(const Configuration& configuration, const std::filesystem::path& file, int threads,
                                    Progress& progress);

// Keeps the columns' types beside the configuration file, if it has one and no type is kept yet (see
// SourcePlan::pin_types). Gives the file that was written; empty if none was.
Result<std::filesystem::path> pin_types(const Configuration& configuration, const Preparation& preparation);

// Finds the target column and its classes. One class, or no usable row, is an error that says what was found.
// Text and booleans give classes; whole numbers with at most 20 different values too; all else is regression.
Result<Target> resolve_target(const table::Table& table, const Schema& schema);

// schema.weight as one number per row, empty if there is none. Errors: a column that is no number, a weight that is
// missing, negative or not finite.
Result<std::vector<float>> read_weights(const table::Table& table, const Schema& schema);

// The labels of a target column (same rules, given classes) for tables to be evaluated later: -1 where missing or of no
// known class.
Result<Target> read_target(const table::Table& table, const std::string& column, model::Task task,
                           const std::vector<std::string>& classes);

// Names the usable columns of the table and says why others are set aside: the target, ids, the time and group columns,
// constant and empty columns, identifiers.
void infer_features(const table::Table& table, const table::TableProfile& profile, const Schema& schema,
                    Dataset& dataset);

// All of it.
Result<Dataset> make_dataset(const Configuration& configuration, Prepared prepared, Progress& progress);

// What splitting needs to know of the rows (views into dataset, key storage in `keys` and `groups`).
struct SplitKeys {
  std::vector<std::int32_t> classes;
  std::vector<std::int32_t> groups;
  std::vector<std::int64_t> times;
  std::vector<std::uint64_t> ids;
  table::SplitInput view() const { return {rows, classes, groups, times, ids}; }
  std::size_t rows = 0;
};
// For the given rows of the dataset's table.
Result<SplitKeys> split_keys(const Configuration& configuration, const table::Table& table, const Target& target,
                             std::span<const std::uint32_t> rows);

}  // namespace slipway::pipeline
