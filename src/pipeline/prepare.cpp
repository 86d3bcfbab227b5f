#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/pipeline/dataset.hpp>

#include "stopwatch.hpp"

namespace slipway::pipeline {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A location as DuckDB and the digest see it: relative ones start at the configuration's folder.
std::string absolute_location(const Configuration& configuration, const std::string& location) {
  const fs::path path(location);
  return (path.is_absolute() ? path : configuration.folder / path).lexically_normal().string();
}

std::string describe_steps(const Configuration& configuration) {
  std::string text = configuration.sql + "\n";
  for (const std::string& marker : configuration.missing_markers) text += "missing " + marker + "\n";
  for (const auto& step : configuration.prepare) {
    text += fmt::format("{} {} {} {}", static_cast<int>(step.kind), step.expression, step.minimum, step.maximum);
    for (const std::string& column : step.columns) text += " " + column;
    text += "\n";
  }
  return text;
}

Result<Prepared> from_cache(const fs::path& folder, int threads) {
  SLIPWAY_TRY(const std::string text, read_file(folder / "cleaning.json"));
  const json document = json::parse(text, nullptr, false);
  if (!document.is_array()) return internal_error("unreadable cache entry");
  Prepared prepared;
  for (const json& step : document)
    prepared.cleaning.push_back({step.value("step", ""), step.value("rows_in", std::int64_t{0}),
                                 step.value("rows_out", std::int64_t{0}), step.value("rows_changed", std::int64_t{0})});
  SLIPWAY_TRY(prepared.table, table::read_table((folder / "table.parquet").string(), threads));
  SLIPWAY_TRY(prepared.dropped, table::read_table((folder / "dropped.parquet").string(), threads));
  return prepared;
}

Status to_cache(const fs::path& folder, const Prepared& prepared, int threads) {
  SLIPWAY_TRY(auto work, FolderInProgress::beside(folder));
  json document = json::array();
  for (const auto& step : prepared.cleaning)
    document.push_back({{"step", step.step},
                        {"rows_in", step.rows_in},
                        {"rows_out", step.rows_out},
                        {"rows_changed", step.rows_changed}});
  SLIPWAY_CHECK(write_file(work.path() / "cleaning.json", document.dump(2)));
  SLIPWAY_CHECK(table::write_table(prepared.table, work.path() / "table.parquet", threads));
  SLIPWAY_CHECK(table::write_table(prepared.dropped, work.path() / "dropped.parquet", threads));
  return work.publish(true);
}

// Cleans a numbered copy of the raw table, so that the dropped rows can be told afterwards.
Status clean(table::Database& database, const std::string& raw, std::vector<table::CleaningStep> steps,
             Prepared& prepared) {
  const std::string source = table::quote_identifier(raw);
  if (steps.empty()) {
    SLIPWAY_TRY(prepared.table, database.fetch("select * from " + source));
    SLIPWAY_TRY(prepared.dropped, database.fetch("select * from " + source + " limit 0"));
    return {};
  }
  SLIPWAY_TRY(const auto columns, database.describe(raw));
  for (table::CleaningStep& step : steps)
    if (step.kind == table::CleaningStep::Kind::drop_duplicates && step.columns.empty())
      for (const auto& column : columns) step.columns.push_back(column.name);  // the row number is no part of a row
  SLIPWAY_CHECK(database.create("slipway_raw", "select *, row_number() over () as slipway_row from " + source));
  SLIPWAY_CHECK(database.create("slipway_clean", "select * from slipway_raw"));
  SLIPWAY_TRY(prepared.cleaning, database.clean("slipway_clean", steps));
  SLIPWAY_TRY(prepared.table, database.fetch("select * exclude (slipway_row) from slipway_clean"));
  SLIPWAY_TRY(prepared.dropped,
              database.fetch("select * exclude (slipway_row) from slipway_raw where slipway_row not in "
                             "(select slipway_row from slipway_clean) order by slipway_row"));
  return {};
}

}  // namespace

Result<Prepared> prepare(const Configuration& configuration, const fs::path& cache, int threads, Progress& progress) {
  Stopwatch watch;
  Sha256 digest;
  for (const Source& source : configuration.sources) {
    SLIPWAY_TRY(const std::string content, table::digest_location(absolute_location(configuration, source.location)));
    digest.update_framed(source.name).update_framed(content);
  }
  const std::string data_digest = digest.hex();
  const std::string key = Sha256()
                              .update_framed(data_digest)
                              .update_framed(describe_steps(configuration))
                              .update_framed(build_identity())
                              .hex();
  const fs::path entry = cache.empty() ? fs::path() : cache / "prepared" / key;
  if (!cache.empty() && fs::exists(entry)) {
    progress.begin("read (prepared before)", 0);
    auto cached = from_cache(entry, threads);
    progress.end();
    if (cached.ok()) {
      cached->data_digest = data_digest;
      cached->key = key;
      cached->read_seconds = watch.seconds();
      return cached;
    }
  }

  progress.begin("read", configuration.sources.size());
  SLIPWAY_TRY(auto database, table::Database::open(threads));
  for (const Source& source : configuration.sources) {
    const std::string location = absolute_location(configuration, source.location);
    if (configuration.missing_markers.empty()) {
      SLIPWAY_CHECK(database.load(source.name, location));
    } else {
      SLIPWAY_CHECK(database.load(source.name, location, {.missing_markers = configuration.missing_markers}));
    }
    progress.advance(1);
  }
  std::string raw = configuration.sources[0].name;
  if (!configuration.sql.empty()) {
    raw = "slipway_joined";
    SLIPWAY_CHECK(database.create(raw, configuration.sql).with_context("source: sql"));
  }
  progress.end();
  Prepared prepared;
  prepared.read_seconds = watch.seconds();

  watch = Stopwatch();
  progress.begin("clean", configuration.prepare.size());
  SLIPWAY_CHECK(clean(database, raw, configuration.prepare, prepared));
  progress.end();
  prepared.data_digest = data_digest;
  prepared.key = key;
  prepared.prepare_seconds = watch.seconds();
  if (prepared.table.rows() == 0) {
    if (prepared.cleaning.empty() || prepared.cleaning.front().rows_in == 0)
      return invalid_input(fmt::format("{} holds no rows", configuration.sources[0].location));
    std::string steps;
    for (const auto& step : prepared.cleaning)
      steps += fmt::format("; {}: {} -> {} rows", step.step, step.rows_in, step.rows_out);
    return invalid_input("no row is left after cleaning" + steps);
  }
  if (!cache.empty()) SLIPWAY_CHECK(to_cache(entry, prepared, threads).with_context("stage cache"));
  return prepared;
}

}  // namespace slipway::pipeline
