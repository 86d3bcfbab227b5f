#include "cell_store.hpp"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "cell_functions.hpp"
#include "sql_error.hpp"

namespace slipway::table {
namespace {

// Names that no file's column has: DuckDB does not tell upper from lower case, files have no line break in a name.
constexpr std::string_view place_column = "\"slipway\nplace\"";
constexpr std::string_view file_column = "\"slipway\nfile\"";

std::string shortened(std::string_view text) {
  return text.size() <= 60 ? std::string(text) : std::string(text.substr(0, 57)) + "...";
}

}  // namespace

std::string sql_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) list += (list.size() > 1 ? ", " : "") + quote_literal(text);
  return list + "]";
}

std::string sql_of_trimmed(const std::string& text) {
  // trim() with one argument takes spaces only, but is four times as fast.
  return fmt::format(
      "CASE WHEN contains({0}, E'\\t') OR contains({0}, E'\\n') OR contains({0}, E'\\r') THEN trim({0}, E' \\t\\r\\n') "
      "ELSE trim({0}) END",
      text);
}

std::string sql_of_present(const std::string& text, const std::vector<std::string>& missing_markers) {
  // Not IN: DuckDB makes a join of a long list, and a join does not keep the order of the rows.
  std::vector<std::string> markers = missing_markers;
  if (std::find(markers.begin(), markers.end(), "") == markers.end()) markers.insert(markers.begin(), "");
  return fmt::format("CASE WHEN list_contains({}, {}) THEN NULL ELSE {} END", sql_list(markers), text, text);
}

std::string sql_of_text(const std::string& text, const std::vector<std::string>& missing_markers) {
  return fmt::format("CASE WHEN {} THEN {} ELSE {} END", sql_of_ordinary(text, missing_markers), text,
                     sql_of_present("(" + sql_of_trimmed(text) + ")", missing_markers));
}

std::string describe_reject(const Reject& reject) {
  std::string text = reject.file + ": " + reject.unit + " " + std::to_string(reject.line) + ": ";
  if (!reject.column.empty()) text += "column '" + reject.column + "': ";
  return text + reject.reason;
}

Status Rejects::add(Reject reject, std::int64_t rows) {
  rejects_.push_back(std::move(reject));
  rows_ += rows;
  if (rows_ <= most_) return {};
  std::string message = describe_reject(rejects_.front());
  if (most_ > 0) message += fmt::format("; more rows do not fit than the {} that max_rejects allows", most_);
  return invalid_input(message);
}

std::vector<Reject> Rejects::take() {
  std::stable_sort(rejects_.begin(), rejects_.end(), [](const Reject& a, const Reject& b) {
    return a.file != b.file ? a.file < b.file : a.line < b.line;
  });
  return std::move(rejects_);
}

Result<CellStore> CellStore::make(Connection& connection, std::vector<std::string> names,
                                  std::vector<std::string> missing_markers, std::string unit) {
  static std::atomic<unsigned> counter{0};
  CellStore store(connection, std::move(names));
  store.markers_ = std::move(missing_markers);
  store.unit_ = std::move(unit);
  const std::string name = fmt::format("slipway_cells_{}", counter++);
  store.table_ = "temp." + name;
  std::string columns;
  for (std::size_t j = 0; j < store.names_.size(); ++j) columns += store.quoted(j) + " VARCHAR, ";
  const Status made = connection.run(
      fmt::format("CREATE TEMP TABLE {} ({}{} BIGINT, {} INTEGER)", name, columns, place_column, file_column));
  if (!made.ok()) return Error(made.error().code(), short_reason(made.error().message()));
  std::vector<duckdb_type> types(store.names_.size(), DUCKDB_TYPE_VARCHAR);
  types.push_back(DUCKDB_TYPE_BIGINT);
  types.push_back(DUCKDB_TYPE_INTEGER);
  SLIPWAY_TRY(Appender appender, Appender::open(connection, "temp", name.c_str(), types));
  store.appender_.emplace(std::move(appender));
  return store;
}

CellStore::CellStore(CellStore&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)),
      names_(std::move(other.names_)),
      markers_(std::move(other.markers_)),
      files_(std::move(other.files_)),
      unit_(std::move(other.unit_)),
      table_(std::move(other.table_)),
      appender_(std::move(other.appender_)),
      filled_(other.filled_),
      rows_(other.rows_),
      rejected_(std::move(other.rejected_)) {
  other.appender_.reset();
}

CellStore::~CellStore() {
  if (connection_ == nullptr) return;
  appender_.reset();
  (void)connection_->run("DROP TABLE IF EXISTS " + table_).ok();
}

void CellStore::begin_file(std::string name) { files_.push_back(std::move(name)); }

Status CellStore::add(const std::vector<std::optional<std::string_view>>& fields, std::int64_t place) {
  const DuckdbApi& api = connection_->api();
  const std::size_t row = filled_;
  const auto set_missing = [&](std::size_t column) {
    const duckdb_vector vector = appender_->vector(column);
    api.duckdb_vector_ensure_validity_writable(vector);
    api.duckdb_vector_get_validity(vector)[row / 64] &= ~(std::uint64_t{1} << (row % 64));
  };
  for (std::size_t j = 0; j < names_.size(); ++j) {
    if (fields[j].has_value())
      api.duckdb_vector_assign_string_element_len(appender_->vector(j), row, fields[j]->data(), fields[j]->size());
    else
      set_missing(j);
  }
  static_cast<std::int64_t*>(api.duckdb_vector_get_data(appender_->vector(names_.size())))[row] = place;
  static_cast<std::int32_t*>(api.duckdb_vector_get_data(appender_->vector(names_.size() + 1)))[row] =
      static_cast<std::int32_t>(files_.size()) - 1;
  ++rows_;
  if (++filled_ < appender_->capacity()) return {};
  filled_ = 0;
  return appender_->append(appender_->capacity());
}

Status CellStore::finish() {
  if (filled_ > 0) SLIPWAY_CHECK(appender_->append(filled_));
  filled_ = 0;
  SLIPWAY_CHECK(appender_->close());
  appender_.reset();
  return {};
}

std::string CellStore::quoted(std::size_t column) const { return quote_identifier(names_[column]); }

// All of a column's cells as `text`, with their row's `number`, place and file.
std::string CellStore::texts_of(std::size_t column) const {
  return fmt::format(
      "(SELECT {} AS text, number, place, file FROM (SELECT {} AS text, rowid AS number, {} AS place, {} "
      "AS file FROM {}))",
      sql_of_present("text", markers_), sql_of_trimmed(quoted(column)), place_column, file_column, table_);
}

Result<std::vector<ColumnType>> CellStore::guess_types(const std::vector<ColumnInfo>& pins) {
  constexpr int sample_rows = 16384;
  std::vector<ColumnType> types;
  std::vector<std::size_t> open;  // columns that are not pinned: only these are counted
  std::string counts_of_all, present, trimmed;
  for (std::size_t j = 0; j < names_.size(); ++j) {
    types.emplace_back();
    bool pinned = false;
    for (const ColumnInfo& pin : pins)
      if (pin.name == names_[j]) {
        SLIPWAY_TRY(types[j], parse_column_type(pin.sql_type));
        pinned = true;
      }
    if (pinned) continue;
    const char* comma = open.empty() ? "" : ", ";
    counts_of_all += comma + sql_of_counts(quoted(j));
    present += fmt::format("{}{} AS {}", comma, sql_of_present(quoted(j), markers_), quoted(j));
    trimmed += fmt::format("{}{} AS {}", comma, sql_of_trimmed(quoted(j)), quoted(j));
    open.push_back(j);
  }
  if (open.empty()) return types;
  SLIPWAY_TRY(auto answer,
              connection_->query(fmt::format("SELECT {} FROM (SELECT {} FROM (SELECT {} FROM {} LIMIT {}))",
                                             counts_of_all, present, trimmed, table_, sample_rows)));
  const std::vector<std::int64_t> counts = answer.first_row_integers();
  for (std::size_t i = 0; i < open.size(); ++i) {
    const std::size_t j = open[i];
    const CellCounts of_column = read_counts(counts, i);
    ColumnType& type = types[j];
    type.kind = guess_kind(of_column);
    if (of_column.present > 0 && of_column.whole == of_column.present && settle_kind(of_column) == CellKind::text) {
      type.kind = CellKind::text;
      type.digits_only = true;
    }
    if (type.kind == CellKind::unknown && of_column.present > 0 && of_column.dates_by_parts == of_column.present) {
      SLIPWAY_TRY(type.time_format, find_time_format(*connection_, "text", texts_of(j), of_column.present));
      if (!type.time_format.empty()) type.kind = CellKind::time;
    }
  }
  return types;
}

Result<std::vector<ColumnType>> CellStore::make_table(std::string_view table, const std::vector<ColumnInfo>& pins,
                                                      Rejects& rejects) {
  SLIPWAY_TRY(std::vector<ColumnType> types, guess_types(pins));
  SLIPWAY_CHECK(write_table_as(table, types));
  SLIPWAY_TRY(const std::vector<std::size_t> doubtful, find_doubtful(table, types));
  if (doubtful.empty()) return types;
  for (const std::size_t j : doubtful) {
    SLIPWAY_TRY(types[j], settle_type(j, types[j], rejects));
  }
  if (!rejected_.empty()) {
    std::string numbers;
    for (const std::int64_t row : rejected_) numbers += (numbers.empty() ? "" : ", ") + std::to_string(row);
    SLIPWAY_CHECK(connection_->run(fmt::format("DELETE FROM {} WHERE rowid IN ({})", table_, numbers)));
  }
  SLIPWAY_CHECK(write_table_as(table, types));
  return types;
}

Status CellStore::write_table_as(std::string_view table, const std::vector<ColumnType>& types) {
  std::string outer, inner;
  for (std::size_t j = 0; j < types.size(); ++j) {
    const char* comma = j > 0 ? ", " : "";
    const bool is_text = types[j].kind == CellKind::text || types[j].kind == CellKind::unknown;
    const std::string trimmed = sql_of_trimmed(quoted(j));
    inner +=
        fmt::format("{}{} AS {}", comma,
                    is_text || !types[j].settled ? trimmed : sql_of_present("(" + trimmed + ")", markers_), quoted(j));
    outer += fmt::format("{}{} AS {}", comma,
                         is_text ? sql_of_present(quoted(j), markers_) : sql_of_cell(types[j], quoted(j)), quoted(j));
  }
  const auto made = connection_->run(fmt::format("CREATE OR REPLACE TABLE {} AS SELECT {} FROM (SELECT {} FROM {})",
                                                 quote_identifier(table), outer, inner, table_));
  if (!made.ok()) return Error(made.error().code(), short_reason(made.error().message()));
  return {};
}

// Columns of which some cell was lost in the conversion, or of which nothing is known yet.
Result<std::vector<std::size_t>> CellStore::find_doubtful(std::string_view table,
                                                          const std::vector<ColumnType>& types) {
  std::string counts;
  for (std::size_t j = 0; j < types.size(); ++j) counts += fmt::format("{}count({})", j > 0 ? ", " : "", quoted(j));
  SLIPWAY_TRY(auto raw, connection_->query(fmt::format("SELECT {} FROM {}", counts, table_)));
  SLIPWAY_TRY(auto typed, connection_->query(fmt::format("SELECT {} FROM {}", counts, quote_identifier(table))));
  const auto before = raw.first_row_integers(), after = typed.first_row_integers();
  std::vector<std::size_t> doubtful;
  for (std::size_t j = 0; j < types.size(); ++j)
    if (types[j].kind == CellKind::unknown || types[j].digits_only ||
        (types[j].kind != CellKind::text && before[j] != after[j]))
      doubtful.push_back(j);
  return doubtful;
}

Result<ColumnType> CellStore::settle_type(std::size_t column, ColumnType type, Rejects& rejects) {
  SLIPWAY_TRY(auto answer,
              connection_->query(fmt::format("SELECT {} FROM {}", sql_of_counts("text"), texts_of(column))));
  const CellCounts counts = read_counts(answer.first_row_integers(), 0);
  const bool may_be_dates = type.pinned ? type.kind == CellKind::time && type.time_format.empty() : true;
  if (!type.pinned) {
    type = ColumnType();
    type.kind = settle_kind(counts);
  }
  if (may_be_dates && (type.pinned || type.kind == CellKind::text) && counts.present > 0 &&
      counts.dates_by_parts == counts.present) {
    SLIPWAY_TRY(type.time_format, find_time_format(*connection_, "text", texts_of(column), counts.present));
    if (!type.time_format.empty()) type.kind = CellKind::time;
  }
  type.settled = true;
  if (type.kind != CellKind::text) SLIPWAY_CHECK(reject_cells(column, type, counts, rejects));
  return type;
}

// Cells that are not of their column's type.
Status CellStore::reject_cells(std::size_t column, const ColumnType& type, const CellCounts& counts, Rejects& rejects) {
  // A row that another column has rejected counts once.
  const std::int64_t most = rejects.room() + static_cast<std::int64_t>(rejected_.size()) + 1;
  SLIPWAY_TRY(auto answer, connection_->query(fmt::format(
                               "SELECT number::VARCHAR, text, place::VARCHAR, file::VARCHAR FROM {} WHERE text IS NOT "
                               "NULL AND {} IS NULL ORDER BY number LIMIT {}",
                               texts_of(column), sql_of_conversion(type, "text"), most)));
  // An inferred column is one of numbers, whole or not: which of the two makes no difference to the culprit.
  const CellKind shown = !type.pinned && type.kind == CellKind::integer ? CellKind::number : type.kind;
  for (const auto& row : answer.texts()) {
    const auto whole = [](const std::string& text) {
      return static_cast<std::int64_t>(parse_number(text).value_or(0));
    };
    std::string reason = fmt::format("'{}' is not {}", shortened(row[1]), kind_description(shown));
    if (!type.pinned)
      reason += fmt::format(" ({} of the column's {} values are)",
                            type.kind == CellKind::time ? counts.times : counts.numbers, counts.present);
    else if (!type.time_format.empty())
      reason += " in the form " + type.time_format;
    const std::int64_t number = whole(row[0]);
    const bool is_new = rejected_.insert(number).second;
    SLIPWAY_CHECK(rejects.add({files_[static_cast<std::size_t>(whole(row[3]))], whole(row[2]), names_[column], row[1],
                               std::move(reason), unit_},
                              is_new ? 1 : 0));
  }
  return {};
}

Result<std::string> find_time_format(Connection& connection, const std::string& text, const std::string& from,
                                     std::int64_t present) {
  const std::vector<std::string>& formats = time_formats();
  std::string select;
  for (const std::string& format : formats)
    select += fmt::format("{}count(try_strptime({}, '{}'))", select.empty() ? "" : ", ", text, format);
  SLIPWAY_TRY(auto answer, connection.query(fmt::format("SELECT {} FROM {}", select, from)));
  const auto counts = answer.first_row_integers();
  for (std::size_t i = 0; i < formats.size(); ++i)
    if (counts[i] == present) return formats[i];
  return std::string();
}

}  // namespace slipway::table
