#include <fmt/format.h>
#include <simdjson.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/journal/journal.hpp>

#include "segments.hpp"

namespace slipway::journal {
namespace {

namespace dom = simdjson::dom;
using table::Column;

// Text by code, each distinct one stored once.
class TextBuilder {
 public:
  void add(std::string_view text) {
    const auto [place, fresh] = codes_.try_emplace(std::string(text), static_cast<std::int32_t>(dictionary_.size()));
    if (fresh) dictionary_.emplace_back(text);
    values_.push_back(place->second);
  }
  void add_missing() { values_.push_back(-1); }
  table::TextColumn take() { return {std::move(values_), std::move(dictionary_)}; }

 private:
  std::unordered_map<std::string, std::int32_t> codes_;
  std::vector<std::string> dictionary_;
  std::vector<std::int32_t> values_;
};

// One input's values: numbers until a text comes (where the kind is not given), or what the kind says.
class InputBuilder {
 public:
  InputBuilder(std::string name, std::optional<ColumnKind> kind, std::size_t rows)
      : name_(std::move(name)), pinned_(kind.has_value()), kind_(kind.value_or(ColumnKind::number)) {
    pad(rows);
  }
  const std::string& name() const { return name_; }
  std::size_t rows() const { return rows_; }
  // Whether it is known to be of numbers or times.
  bool is_typed() const { return pinned_ && kind_ != ColumnKind::text; }

  // Missing up to `rows` rows.
  void pad(std::size_t rows) {
    while (rows_ < rows) add_missing();
  }

  Status add(const dom::element& value) {
    if (value.is_null()) {
      add_missing();
      return {};
    }
    if (!pinned_ && kind_ == ColumnKind::number && value.is_string()) become_text();
    std::string_view text;
    const bool is_text = value.get(text) == simdjson::SUCCESS;
    std::int64_t integer = 0;
    const bool is_integer = value.get(integer) == simdjson::SUCCESS;
    double number = 0;
    const bool is_number = value.get(number) == simdjson::SUCCESS;
    bool flag = false;
    if (!is_text && !is_number && value.get(flag) != simdjson::SUCCESS)
      return invalid_input("input '" + name_ + "' is neither a number nor a text");
    switch (kind_) {
      case ColumnKind::number: {
        if (is_text) {
          const auto parsed = parse_number(text);
          if (!parsed) return invalid_input(fmt::format("input '{}': expected a number, got \"{}\"", name_, text));
          number = *parsed;
        }
        numbers_.push_back(is_text || is_number ? number : (flag ? 1 : 0));
        break;
      }
      case ColumnKind::text:
        texts_.add(is_text      ? std::string(text)
                   : is_integer ? std::to_string(integer)
                   : is_number  ? format_number(number)
                                : std::string(flag ? "true" : "false"));
        break;
      case ColumnKind::time: {
        std::optional<std::int64_t> time;
        if (is_text)
          time = parse_time(text);
        else if (is_number && std::abs(number) < 9e12)
          time = static_cast<std::int64_t>(std::llround(number * 1e6));
        if (!time) return invalid_input(fmt::format("input '{}': expected a time", name_));
        times_.push_back(*time);
        break;
      }
    }
    ++rows_;
    return {};
  }

  table::ColumnData take() {
    if (kind_ == ColumnKind::text) return texts_.take();
    if (kind_ == ColumnKind::time) return table::TimeColumn{std::move(times_)};
    table::NumberColumn column;
    column.values.assign(numbers_.begin(), numbers_.end());
    return column;
  }

 private:
  void add_missing() {
    if (kind_ == ColumnKind::text)
      texts_.add_missing();
    else if (kind_ == ColumnKind::time)
      times_.push_back(missing_time);
    else
      numbers_.push_back(std::numeric_limits<double>::quiet_NaN());
    ++rows_;
  }
  void become_text() {
    for (const double number : numbers_)
      if (std::isnan(number))
        texts_.add_missing();
      else
        texts_.add(format_number(number));
    numbers_.clear();
    kind_ = ColumnKind::text;
  }

  std::string name_;
  bool pinned_;
  ColumnKind kind_;
  std::size_t rows_ = 0;
  std::vector<double> numbers_;  // as received; float32 only in the end, so that text can still be made of them
  std::vector<std::int64_t> times_;
  TextBuilder texts_;
};

// Gives every line of a folder's segments, parsed, to `use`.
Status each_line(const std::filesystem::path& folder, const std::function<Status(const dom::element&)>& use) {
  SLIPWAY_TRY(const std::vector<SegmentFile> segments, list_segments(folder));
  dom::parser parser;
  for (std::size_t s = 0; s < segments.size(); ++s) {
    SLIPWAY_TRY(std::string content, read_segment(segments[s]));
    content.reserve(content.size() + simdjson::SIMDJSON_PADDING);
    std::string_view rest = content;
    for (std::uint64_t line_number = 1; !rest.empty(); ++line_number) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos && s + 1 == segments.size()) break;
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      const auto where = [&] { return fmt::format("{}: line {}", segments[s].path.string(), line_number); };
      dom::element element;
      if (const auto code = parser.parse(line.data(), line.size(), false).get(element))
        return invalid_input(fmt::format("{}: {}", where(), simdjson::error_message(code)));
      if (Status status = use(element); !status.ok()) return std::move(status).error().with_context(where());
    }
  }
  return {};
}

Result<std::string_view> text_member(const dom::element& line, const char* name) {
  std::string_view value;
  if (line[name].get(value) != simdjson::SUCCESS) return invalid_input(fmt::format("{} is no text", name));
  return value;
}

// What every line says of itself, and whether it is asked for.
Result<bool> read_head(const dom::element& line, const ReadOptions& options, LoggedRow& row) {
  SLIPWAY_TRY(row.model, text_member(line, "model"));
  SLIPWAY_TRY(row.version, text_member(line, "version"));
  SLIPWAY_TRY(const std::string_view time_text, text_member(line, "time"));
  const auto time = parse_time(time_text);
  if (!time) return invalid_input(fmt::format("time: expected an ISO 8601 time, got \"{}\"", time_text));
  row.time = *time;
  row.role = {};
  if (line["role"].error() == simdjson::SUCCESS) {
    SLIPWAY_TRY(row.role, text_member(line, "role"));
  }
  if ((!options.model.empty() && row.model != options.model) ||
      (!options.version.empty() && row.version != options.version) || row.time < options.from ||
      row.time >= options.to || (row.role == "shadow" && !options.shadow))
    return false;
  SLIPWAY_TRY(row.request_id, text_member(line, "request_id"));
  if (line["sequence"].get(row.sequence) != simdjson::SUCCESS) return invalid_input("sequence is no whole number");
  row.masked.clear();
  dom::array masked;
  if (line["masked"].get(masked) == simdjson::SUCCESS)
    for (const dom::element name : masked) {
      std::string_view text;
      if (name.get(text) == simdjson::SUCCESS) row.masked.push_back(text);
    }
  return true;
}

Result<Cell> read_cell(const dom::element& value) {
  if (value.is_null()) return Cell();
  if (value.is_string()) return Cell(std::string_view(value));
  if (value.is_int64()) return Cell(std::int64_t(value));
  double number = 0;
  if (value.get(number) == simdjson::SUCCESS) return Cell(number);
  return invalid_input("an input is neither a number nor a text");
}

class TableBuilder {
 public:
  explicit TableBuilder(const ReadOptions& options) : options_(options), fixed_(!options.inputs.empty()) {
    for (const InputColumn& input : options.inputs) add_column(inputs_, input_index_, input.name, input.kind);
  }

  // One line of the log.
  Status add(const dom::element& line) {
    SLIPWAY_TRY(const bool wanted, read_head(line, options_, head_));
    if (!wanted) return {};
    dom::object fields;
    if (line["inputs"].get(fields) != simdjson::SUCCESS) return invalid_input("inputs is no object");
    for (const auto& [name, value] : fields) {
      InputBuilder* column = nullptr;
      if (const auto found = input_index_.find(std::string(name)); found != input_index_.end())
        column = &inputs_[found->second];
      else if (!fixed_)
        column = &add_column(inputs_, input_index_, std::string(name), std::nullopt);
      if (column == nullptr) continue;
      if (column->rows() != sequences_.values.size())
        return invalid_input(fmt::format("input '{}' stands twice", name));
      const bool masked = std::find(head_.masked.begin(), head_.masked.end(), name) != head_.masked.end();
      if (masked && column->is_typed()) continue;  // a hash is no number and no time
      SLIPWAY_CHECK(column->add(value));
    }
    dom::element score;
    if (line["score"].get(score) == simdjson::SUCCESS) SLIPWAY_CHECK(score_column("score").add(score));
    dom::object scores;
    if (line["scores"].get(scores) == simdjson::SUCCESS)
      for (const auto& [name, value] : scores) SLIPWAY_CHECK(score_column("score_" + std::string(name)).add(value));
    std::string_view label;
    if (line["label"].get(label) == simdjson::SUCCESS)
      labels_.add(label);
    else
      labels_.add_missing();
    sequences_.values.push_back(head_.sequence);
    times_.values.push_back(head_.time);
    requests_.add(head_.request_id);
    models_.add(head_.model);
    versions_.add(head_.version);
    const std::size_t rows = sequences_.values.size();
    for (InputBuilder& column : inputs_) column.pad(rows);
    for (InputBuilder& column : scores_) column.pad(rows);
    return {};
  }

  Result<table::Table> take() {
    std::vector<Column> columns;
    const auto own = [&](std::string name, table::ColumnData data) {
      while (input_index_.contains(name)) name = fmt::format("_{}", name);
      columns.push_back({std::move(name), std::move(data)});
    };
    own("sequence", std::move(sequences_));
    own("time", std::move(times_));
    own("request_id", requests_.take());
    own("model", models_.take());
    own("version", versions_.take());
    for (InputBuilder& column : inputs_) columns.push_back({column.name(), column.take()});
    if (scores_.empty()) score_column("score");
    for (InputBuilder& column : scores_) own(column.name(), column.take());
    own("label", labels_.take());
    return table::Table::make(std::move(columns));
  }

 private:
  InputBuilder& add_column(std::vector<InputBuilder>& columns, std::unordered_map<std::string, std::size_t>& index,
                           std::string name, std::optional<ColumnKind> kind) {
    index.emplace(name, columns.size());
    const std::size_t rows_before =
        sequences_.values.size();  // NOLINT(clang-analyzer-cplusplus.Move): cleared when taken
    return columns.emplace_back(std::move(name), kind, rows_before);
  }
  InputBuilder& score_column(std::string name) {
    const auto found = score_index_.find(name);
    if (found != score_index_.end()) return scores_[found->second];
    return add_column(scores_, score_index_, std::move(name), ColumnKind::number);
  }

  const ReadOptions& options_;
  bool fixed_;
  LoggedRow head_;
  table::IntegerColumn sequences_;
  table::TimeColumn times_;
  TextBuilder requests_, models_, versions_, labels_;
  std::vector<InputBuilder> inputs_, scores_;
  std::unordered_map<std::string, std::size_t> input_index_, score_index_;
};

}  // namespace

Result<table::Table> read_journal(const std::filesystem::path& folder, const ReadOptions& options) {
  TableBuilder builder(options);
  SLIPWAY_CHECK(each_line(folder, [&](const dom::element& line) { return builder.add(line); }));
  return builder.take();
}

Status scan_journal(const std::filesystem::path& folder, const ReadOptions& options,
                    const std::function<Status(const LoggedRow&)>& use) {
  LoggedRow row;
  return each_line(folder, [&](const dom::element& line) -> Status {
    SLIPWAY_TRY(const bool wanted, read_head(line, options, row));
    if (!wanted) return {};
    SLIPWAY_TRY(row.model_digest, text_member(line, "model_digest"));
    row.inputs.clear();
    row.scores.clear();
    dom::object fields, scores;
    if (line["inputs"].get(fields) != simdjson::SUCCESS) return invalid_input("inputs is no object");
    for (const auto& [name, value] : fields) {
      SLIPWAY_TRY(const Cell cell, read_cell(value));
      row.inputs.emplace_back(name, cell);
    }
    double score = 0;
    if (line["score"].get(score) == simdjson::SUCCESS)
      row.scores.emplace_back("", score);
    else if (line["scores"].get(scores) == simdjson::SUCCESS)
      for (const auto& [name, value] : scores) {
        if (value.get(score) != simdjson::SUCCESS) return invalid_input("a score is no number");
        row.scores.emplace_back(name, score);
      }
    row.label = {};
    if (line["label"].is_string()) row.label = line["label"];
    return use(row);
  });
}

}  // namespace slipway::journal
