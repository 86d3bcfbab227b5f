// Cells as text, with the place that each row came from, and the typed table that is made of them: the way of all
// sources whose types DuckDB does not know, and of files that it cannot read as they are.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/table/source.hpp>

#include "connection.hpp"
#include "csv_types.hpp"

namespace slipway::table {

// What a load rejects: single cells, and rows whose form is wrong. Stops at the limit.
class Rejects {
 public:
  explicit Rejects(std::int64_t most) : most_(most) {}
  // The error once more rows are rejected than the limit allows: it is about the first of them.
  Status add(Reject reject, std::int64_t rows = 1);
  std::int64_t room() const { return most_ - rows_; }
  std::int64_t rows() const { return rows_; }
  // In order of file and line.
  std::vector<Reject> take();

 private:
  std::int64_t most_;
  std::int64_t rows_ = 0;
  std::vector<Reject> rejects_;
};

// "tx.csv: line 3: column 'amount': 'abc' is not a number"
std::string describe_reject(const Reject& reject);

class CellStore {
 public:
  // `unit` is what a row's place is called in messages: line or row.
  static Result<CellStore> make(Connection& connection, std::vector<std::string> names,
                                std::vector<std::string> missing_markers, std::string unit = "line");
  CellStore(CellStore&&) noexcept;
  CellStore& operator=(CellStore&&) = delete;
  ~CellStore();

  // The rows that follow are of this file (or other source).
  void begin_file(std::string name);
  // One row: a field per column, none for missing, and where it stands.
  Status add(const std::vector<std::optional<std::string_view>>& fields, std::int64_t place);
  // Must be called after the last row.
  Status finish();
  std::int64_t rows() const { return rows_; }

  // The likeliest type of each column by its first rows; pins (by name) are taken over.
  Result<std::vector<ColumnType>> guess_types(const std::vector<ColumnInfo>& pins);
  // Makes (or replaces) table `table` and gives the columns' types: of every cell, see Database::load. Cells that
  // do not fit go to `rejects`, and their rows go from the table.
  Result<std::vector<ColumnType>> make_table(std::string_view table, const std::vector<ColumnInfo>& pins,
                                             Rejects& rejects);

 private:
  CellStore(Connection& connection, std::vector<std::string> names)
      : connection_(&connection), names_(std::move(names)) {}
  std::string quoted(std::size_t column) const;
  std::string texts_of(std::size_t column) const;
  Status write_table_as(std::string_view table, const std::vector<ColumnType>& types);
  Result<std::vector<std::size_t>> find_doubtful(std::string_view table, const std::vector<ColumnType>& types);
  Result<ColumnType> settle_type(std::size_t column, ColumnType type, Rejects& rejects);
  Status reject_cells(std::size_t column, const ColumnType& type, const CellCounts& counts, Rejects& rejects);

  Connection* connection_;
  std::vector<std::string> names_;
  std::vector<std::string> markers_;
  std::vector<std::string> files_;
  std::string unit_;
  std::string table_;  // of the cells, quoted, with its catalogue
  std::optional<Appender> appender_;
  std::size_t filled_ = 0;  // rows in the appender's chunk
  std::int64_t rows_ = 0;
  std::set<std::int64_t> rejected_;  // row numbers
};

// SQL for the VARCHAR expression `text` without the blanks around it.
std::string sql_of_trimmed(const std::string& text);
// SQL for the trimmed column `text` with NULL where it is empty or one of the markers.
std::string sql_of_present(const std::string& text, const std::vector<std::string>& missing_markers);
// Both at once, for text that rarely has blanks around it.
std::string sql_of_text(const std::string& text, const std::vector<std::string>& missing_markers);
// ['a', 'b']
std::string sql_list(const std::vector<std::string>& texts);
// The first of time_formats() that all `present` values of the VARCHAR expression `text` in `from` have; "" for none.
Result<std::string> find_time_format(Connection& connection, const std::string& text, const std::string& from,
                                     std::int64_t present);

}  // namespace slipway::table
