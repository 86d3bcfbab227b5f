// The rows of a file for a bundle's model, read by the types that its columns had at training.
#pragma once
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include <slipway/base/result.hpp>
#include <slipway/package/bundle.hpp>
#include <slipway/table/table.hpp>

#include "console.hpp"

namespace CLI {
class App;
}

namespace slipway::app {

struct RowsArguments {
  std::int64_t max_rejects = 0;  // rows that may be left out because they do not fit
  std::string rejects = "rejects.csv";
};

// The flags --max-rejects and --rejects. `arguments` must outlive the parser.
void add_rows_flags(CLI::App& command, RowsArguments& arguments);

struct Rows {
  table::Table table;
  std::int64_t rejected_rows = 0;
  std::string rejects;  // the file that lists them; empty if none was rejected

  // Adds "rejected_rows" and "rejects" (null if there are none) to a command's document.
  void describe(nlohmann::json& document) const;
};

// Reads any source that `table::Database::load` takes. A row of which a cell is not of its column's type at training is
// an error that names the file, the line, the column and the value, or, up to the limit, is left out, counted and
// written to the file of rejects. A whole number fits where numbers are; columns that are no input have the types that
// this file gives them, and so have all columns for bundles that know no types (imported ones).
Result<Rows> read_rows(const package::Bundle& bundle, const std::string& location, const RowsArguments& arguments,
                       int threads, Console& console);

}  // namespace slipway::app
