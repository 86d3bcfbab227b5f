#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/pipeline/dataset.hpp>

#include "stopwatch.hpp"
#include "type_pins.hpp"

namespace slipway::pipeline {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A location as DuckDB and the digest see it: relative ones start at the configuration's folder.
std::string absolute_location(const Configuration& configuration, const std::string& location) {
  if (location == "-" || table::is_server(location)) return location;
  const fs::path path(location);
  return (path.is_absolute() ? path : configuration.folder / path).lexically_normal().string();
}

std::string described(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& part : texts) text += std::to_string(part.size()) + ":" + part + ",";
  return text;
}

// What the result depends on besides the sources' contents and pins.
std::string describe_configuration(const Configuration& configuration) {
  std::string text = configuration.sql + "\n";
  for (const Source& source : configuration.sources) {
    const table::LoadOptions& options = source.options;
    text += described({source.name, options.delimiter, options.quote, options.encoding, options.table, options.query,
                       std::to_string(options.max_rejects)}) +
            described(options.missing_markers) + "\n";
    for (const auto& type : options.types) text += described({type.name, type.sql_type});
  }
  for (const auto& step : configuration.prepare) text += table::describe_step(step) + "\n";
  return text;
}

json types_json(const SourceTypes& types) {
  json document = json::object();
  for (const auto& [source, columns] : types)
    for (const auto& column : columns) document[source].push_back({column.name, column.sql_type});
  return document;
}

json preparation_json(const Preparation& preparation) {
  json document = {{"cleaning", json::array()},
                   {"rejects", json::array()},
                   {"rejected_rows", preparation.rejected_rows},
                   {"types", types_json(preparation.types)}};
  for (const auto& step : preparation.cleaning) {
    json examples = json::array();
    for (const auto& example : step.examples) examples.push_back({example.row, example.what});
    document["cleaning"].push_back({step.step, step.rows_in, step.rows_out, step.rows_changed, examples});
  }
  for (const auto& reject : preparation.rejects)
    document["rejects"].push_back({reject.file, reject.line, reject.column, reject.value, reject.reason, reject.unit});
  return document;
}

// False if the text is no such document.
bool read_preparation(const std::string& text, Preparation& preparation) {
  try {
    const json document = json::parse(text);
    for (const json& step : document.at("cleaning")) {
      table::CleaningCount count{step.at(0), step.at(1), step.at(2), step.at(3), {}};
      for (const json& example : step.at(4)) count.examples.push_back({example.at(0), example.at(1)});
      preparation.cleaning.push_back(std::move(count));
    }
    for (const json& reject : document.at("rejects"))
      preparation.rejects.push_back(
          {reject.at(0), reject.at(1), reject.at(2), reject.at(3), reject.at(4), reject.at(5)});
    preparation.rejected_rows = document.at("rejected_rows");
    for (const auto& [source, columns] : document.at("types").items())
      for (const json& column : columns) preparation.types[source].push_back({column.at(0), column.at(1)});
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

// Whether a result with these types is what reading by the pins would give.
bool agree(const SourceTypes& types, const SourceTypes& pins) {
  for (const auto& [source, columns] : pins) {
    const auto known = types.find(source);
    if (known == types.end()) continue;
    for (const auto& pin : columns)
      for (const auto& column : known->second)
        if (column.name == pin.name && column.sql_type != pin.sql_type) return false;
  }
  return true;
}

class Preparer {
 public:
  Preparer(const Configuration& configuration, int threads, Progress& progress)
      : configuration_(configuration), threads_(threads), progress_(progress) {}

  Result<Prepared> into_memory(const fs::path& cache) {
    Prepared prepared;
    SLIPWAY_CHECK(identify(prepared));
    entry_ = cache.empty() ? fs::path() : cache / "prepared" / prepared.key;
    if (!cache.empty() && fs::exists(entry_)) {
      progress_.begin("read (prepared before)", 0);
      auto cached = from_cache();
      progress_.end();
      if (cached.ok() && agree(cached->types, pins_)) {
        cached->data_digest = prepared.data_digest;
        cached->key = prepared.key;
        cached->rows = static_cast<std::int64_t>(cached->table.rows());
        cached->columns = cached->table.names();
        cached->read_seconds = watch_.seconds();
        return cached;
      }
    }
    SLIPWAY_CHECK(read_and_clean(prepared, "slipway_dropped"));
    SLIPWAY_TRY(prepared.table, database_->fetch("FROM " + table::quote_identifier(raw_)));
    SLIPWAY_TRY(prepared.dropped, database_->fetch("FROM slipway_dropped"));
    database_.reset();
    SLIPWAY_CHECK(finish(prepared));
    if (!cache.empty()) SLIPWAY_CHECK(to_cache(prepared).with_context("stage cache"));
    return prepared;
  }

  Result<Preparation> into_file(const fs::path& file) {
    Preparation preparation;
    SLIPWAY_TRY(pins_, read_type_pins(configuration_));
    SLIPWAY_CHECK(read_and_clean(preparation, ""));
    if (preparation.rows > 0) SLIPWAY_CHECK(database_->write(raw_, file));
    SLIPWAY_CHECK(finish(preparation));
    return preparation;
  }

 private:
  // Digest and key. A server's rows are known only once they are here.
  Status identify(Preparation& preparation) {
    SLIPWAY_TRY(pins_, read_type_pins(configuration_));
    Sha256 digest;
    for (const Source& source : configuration_.sources) {
      std::string content;
      if (table::is_server(source.location)) {
        SLIPWAY_TRY(content, load(source, preparation));
      } else {
        SLIPWAY_TRY(content, table::digest_location(absolute_location(configuration_, source.location)));
      }
      digest.update_framed(source.name).update_framed(content);
    }
    preparation.data_digest = digest.hex();
    preparation.key = Sha256()
                          .update_framed(preparation.data_digest)
                          .update_framed(describe_configuration(configuration_))
                          .update_framed(build_identity())
                          .hex();
    return {};
  }

  Result<std::string> load(const Source& source, Preparation& preparation) {
    if (!database_) {
      SLIPWAY_TRY(auto database, table::Database::open(threads_, configuration_.source.memory_limit));
      database_.emplace(std::move(database));
    }
    table::LoadOptions options = source.options;
    if (const auto pins = pins_.find(source.name); pins != pins_.end())
      for (const auto& pin : pins->second) {
        const bool told = std::any_of(options.types.begin(), options.types.end(),
                                      [&](const auto& type) { return type.name == pin.name; });
        if (!told) options.types.push_back(pin);
      }
    auto loaded = database_->load(source.name, absolute_location(configuration_, source.location), options);
    if (!loaded.ok()) {
      if (options.types.empty() || pins_.empty()) return std::move(loaded).error();
      return Error(loaded.error().code(), loaded.error().message() + " (the types are kept in " +
                                              type_pins_file(configuration_).string() + ")");
    }
    table::LoadReport report = *std::move(loaded);
    preparation.types[source.name] = std::move(report.columns);
    preparation.rejected_rows += report.rejected_rows;
    for (auto& reject : report.rejects) preparation.rejects.push_back(std::move(reject));
    if (report.rejected_rows > 0)
      progress_.note(fmt::format("{}: {} of {} rows do not fit and are left out", source.name, report.rejected_rows,
                                 report.rows + report.rejected_rows));
    return std::move(report.digest);
  }

  Status read_and_clean(Preparation& preparation, const std::string& dropped) {
    progress_.begin("read", configuration_.sources.size());
    for (const Source& source : configuration_.sources) {
      if (!preparation.types.contains(source.name)) SLIPWAY_CHECK(load(source, preparation));
      progress_.advance(1);
    }
    raw_ = configuration_.sources[0].name;
    if (!configuration_.sql.empty()) {
      raw_ = "slipway_joined";
      SLIPWAY_CHECK(database_->create(raw_, configuration_.sql).with_context("source: sql"));
    }
    progress_.end();
    preparation.read_seconds = watch_.seconds();
    watch_ = Stopwatch();
    progress_.begin("clean", configuration_.prepare.size());
    SLIPWAY_TRY(preparation.cleaning, database_->clean(raw_, configuration_.prepare, dropped));
    progress_.end();
    SLIPWAY_TRY(preparation.rows, database_->count(raw_));
    SLIPWAY_TRY(const auto columns, database_->describe(raw_));
    for (const auto& column : columns) preparation.columns.push_back(column.name);
    return {};
  }

  Status finish(Preparation& preparation) {
    preparation.prepare_seconds = watch_.seconds();
    if (preparation.rows > 0) return {};
    if (preparation.cleaning.empty() || preparation.cleaning.front().rows_in == 0)
      return invalid_input(fmt::format("{} holds no rows", configuration_.sources[0].location));
    std::string steps;
    for (const auto& step : preparation.cleaning)
      steps += fmt::format("; {}: {} -> {} rows", step.step, step.rows_in, step.rows_out);
    return invalid_input("no row is left after cleaning" + steps);
  }

  Result<Prepared> from_cache() const {
    SLIPWAY_TRY(const std::string text, read_file(entry_ / "preparation.json"));
    Prepared prepared;
    if (!read_preparation(text, prepared)) return internal_error("unreadable cache entry");
    SLIPWAY_TRY(prepared.table, table::read_table((entry_ / "table.parquet").string(), threads_));
    SLIPWAY_TRY(prepared.dropped, table::read_table((entry_ / "dropped.parquet").string(), threads_));
    return prepared;
  }

  Status to_cache(const Prepared& prepared) const {
    SLIPWAY_TRY(auto work, FolderInProgress::beside(entry_));
    SLIPWAY_CHECK(write_file(work.path() / "preparation.json",
                             preparation_json(prepared).dump(2, ' ', false, json::error_handler_t::replace)));
    SLIPWAY_CHECK(table::write_table(prepared.table, work.path() / "table.parquet", threads_));
    SLIPWAY_CHECK(table::write_table(prepared.dropped, work.path() / "dropped.parquet", threads_));
    return work.publish(true);
  }

  const Configuration& configuration_;
  int threads_;
  Progress& progress_;
  Stopwatch watch_;
  SourceTypes pins_;
  std::optional<table::Database> database_;
  std::string raw_;  // the table that is cleaned
  fs::path entry_;   // of the cache
};

}  // namespace

Result<Prepared> prepare(const Configuration& configuration, const fs::path& cache, int threads, Progress& progress) {
  return Preparer(configuration, threads, progress).into_memory(cache);
}

Result<Preparation> prepare_to_file(const Configuration& configuration, const fs::path& file, int threads,
                                    Progress& progress) {
  return Preparer(configuration, threads, progress).into_file(file);
}

Result<fs::path> pin_types(const Configuration& configuration, const Preparation& preparation) {
  const fs::path file = type_pins_file(configuration);
  std::error_code code;
  if (file.empty() || fs::exists(file, code)) return fs::path();
  SLIPWAY_CHECK(write_file(file, type_pins_text(preparation.types)));
  return file;
}

}  // namespace slipway::pipeline
