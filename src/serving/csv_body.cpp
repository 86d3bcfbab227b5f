#include "csv_body.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/journal/json_text.hpp>

#include "row_forms.hpp"

namespace slipway::serving {
namespace {

// Takes records off a text, one after the other.
class Records {
 public:
  explicit Records(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
  }
  bool done() const { return rest_.empty(); }
  std::size_t line() const { return line_; }

  // The cells of the next record. A quoted cell is unescaped; an unquoted one is taken as it is.
  Status next(std::vector<std::string>& cells) {
    cells.clear();
    ++line_;
    while (true) {
      std::string& cell = cells.emplace_back();
      if (rest_.starts_with('"')) {
        SLIPWAY_CHECK(take_quoted(cell));
      } else {
        const std::size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
        cell = rest_.substr(0, end);
        rest_.remove_prefix(end);
      }
      if (rest_.empty()) return {};
      if (rest_.front() == ',') {
        rest_.remove_prefix(1);
        continue;
      }
      rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
      return {};
    }
  }

 private:
  Status take_quoted(std::string& cell) {
    rest_.remove_prefix(1);
    while (true) {
      const std::size_t end = rest_.find('"');
      if (end == std::string_view::npos)
        return invalid_input(fmt::format("CSV: record {}: a quoted cell has no end", line_));
      cell += rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      if (!rest_.starts_with('"')) break;
      cell += '"';
      rest_.remove_prefix(1);
    }
    if (!rest_.empty() && rest_.find_first_of(",\r\n") != 0)
      return invalid_input(fmt::format("CSV: record {}: text behind a closing quote", line_));
    return {};
  }

  std::string_view rest_;
  std::size_t line_ = 0;
};

Status set_cell(Work& work, std::size_t row, std::size_t input, const std::string& cell) {
  const std::string_view text = trim(cell);
  if (text.empty()) return {};
  const model::InputKind kind = work.model->inputs()[input].kind;
  const auto number = kind == model::InputKind::text ? std::nullopt : parse_number(text);
  if (kind == model::InputKind::text || (kind == model::InputKind::time && !number)) {
    work.rows.set(row, input, Cell(work.rows.keep(text)));
    return {};
  }
  if (!number)
    return work.rows.reject(Rejection::wrong_type,
                            fmt::format("{}: expected a number, got {}", work.rows.where(row, input), show_text(text)));
  work.rows.set(row, input, Cell(*number));
  return {};
}

}  // namespace

Status read_csv_rows(Work& work, std::string_view body) {
  if (!journal::is_utf8(body)) return invalid_input("the body is not UTF-8");
  Records records(body);
  std::vector<std::string> cells;
  if (records.done()) return invalid_input("the body is empty: expected CSV with a header row");
  SLIPWAY_CHECK(records.next(cells));
  std::vector<std::optional<std::size_t>> inputs;  // nothing: an id column
  for (const std::string& name : cells) {
    const auto ids = work.model->id_columns();
    if (work.model->find_input(name, inputs.size()) < 0 && std::find(ids.begin(), ids.end(), name) != ids.end()) {
      inputs.emplace_back();
      continue;
    }
    SLIPWAY_TRY(const std::size_t input, find_column(work, name, "header"));
    if (std::find(inputs.begin(), inputs.end(), input) != inputs.end())
      return invalid_input(fmt::format("header: column {} stands twice", show_text(name)));
    inputs.emplace_back(input);
  }
  while (!records.done()) {
    SLIPWAY_CHECK(records.next(cells));
    if (cells.size() == 1 && cells[0].empty() && inputs.size() > 1) continue;  // a blank line
    if (cells.size() != inputs.size())
      return invalid_input(
          fmt::format("CSV: record {}: expected {} cells, got {}", records.line(), inputs.size(), cells.size()));
    SLIPWAY_TRY(const std::size_t row, work.rows.add_row());
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i]) SLIPWAY_CHECK(set_cell(work, row, *inputs[i], cells[i]));
  }
  return {};
}

}  // namespace slipway::serving
