#include "cell_functions.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <slipway/table/source.hpp>

#include "connection.hpp"

namespace slipway::table {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Two digits as a number; 100 and more if they are none.
int two_digits(const char* text) {
  if (!is_digit(text[0]) || !is_digit(text[1])) return 100;
  return (text[0] - '0') * 10 + (text[1] - '0');
}

// Days from 1970-01-01 (Hinnant, chrono-compatible low-level date algorithms); year from 1.
std::int64_t days_from_civil(int year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const int era = year / 400;
  const int year_of_era = year - era * 400;
  const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return std::int64_t{era} * 146'097 + day_of_era - 719'468;
}

int days_in(int year, int month) {
  static constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

constexpr const char* integer_name = "slipway_integer\n";
constexpr const char* number_name = "slipway_number\n";
constexpr const char* time_name = "slipway_time\n";
constexpr const char* ordinary_name = "slipway_ordinary\n";

// Opened by now: a connection has registered the functions.
const DuckdbApi& opened_api() {
  static const DuckdbApi& api = **duckdb_api();
  return api;
}

// One function of a text, cell by cell; NULL where `read` gives nothing.
template <class Value, std::optional<Value> (*read)(std::string_view)>
void convert(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
  const DuckdbApi& api = opened_api();
  const std::size_t count = api.duckdb_data_chunk_get_size(input);
  const duckdb_vector texts = api.duckdb_data_chunk_get_vector(input, 0);
  const auto* cells = static_cast<const duckdb_string_t*>(api.duckdb_vector_get_data(texts));
  const std::uint64_t* present = api.duckdb_vector_get_validity(texts);
  auto* values = static_cast<Value*>(api.duckdb_vector_get_data(output));
  std::uint64_t* valid = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const std::optional<Value> value = is_valid(present, i) ? read(string_view_of(cells[i])) : std::nullopt;
    if (value) {
      values[i] = *value;
      continue;
    }
    if (valid == nullptr) {
      api.duckdb_vector_ensure_validity_writable(output);
      valid = api.duckdb_vector_get_validity(output);
    }
    valid[i / 64] &= ~(std::uint64_t{1} << (i % 64));
  }
}

// The markers of one constant text, "2:NA,4:NULL,", as sql_of_ordinary writes it.
std::vector<std::string_view> markers_of(std::string_view list) {
  std::vector<std::string_view> markers;
  while (!list.empty()) {
    std::size_t length = 0;
    const auto parsed = std::from_chars(list.data(), list.data() + list.size(), length);
    list.remove_prefix(static_cast<std::size_t>(parsed.ptr - list.data()) + 1);
    markers.push_back(list.substr(0, length));
    list.remove_prefix(length + 1);
  }
  return markers;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void find_ordinary(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
  const DuckdbApi& api = opened_api();
  const std::size_t count = api.duckdb_data_chunk_get_size(input);
  if (count == 0) return;
  const duckdb_vector texts = api.duckdb_data_chunk_get_vector(input, 0);
  const auto* cells = static_cast<const duckdb_string_t*>(api.duckdb_vector_get_data(texts));
  const std::uint64_t* present = api.duckdb_vector_get_validity(texts);
  const auto* lists =
      static_cast<const duckdb_string_t*>(api.duckdb_vector_get_data(api.duckdb_data_chunk_get_vector(input, 1)));
  const std::vector<std::string_view> markers = markers_of(string_view_of(lists[0]));
  std::size_t longest = 0;
  for (const std::string_view marker : markers) longest = std::max(longest, marker.size());
  auto* values = static_cast<bool*>(api.duckdb_vector_get_data(output));
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = true;
    if (!is_valid(present, i)) continue;
    const std::string_view text = string_view_of(cells[i]);
    values[i] = !text.empty() && static_cast<unsigned char>(text.front()) > ' ' && !is_blank(text.back()) &&
                (text.size() > longest || std::find(markers.begin(), markers.end(), text) == markers.end());
  }
}

Status register_one(const DuckdbApi& api, duckdb_connection connection, const char* name, std::size_t arguments,
                    duckdb_type result, duckdb_scalar_function_t function) {
  duckdb_scalar_function made = api.duckdb_create_scalar_function();
  duckdb_logical_type text = api.duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
  duckdb_logical_type returned = api.duckdb_create_logical_type(result);
  api.duckdb_scalar_function_set_name(made, name);
  for (std::size_t i = 0; i < arguments; ++i) api.duckdb_scalar_function_add_parameter(made, text);
  api.duckdb_scalar_function_set_return_type(made, returned);
  // They see missing cells themselves.
  api.duckdb_scalar_function_set_special_handling(made);
  api.duckdb_scalar_function_set_function(made, function);
  const duckdb_state state = api.duckdb_register_scalar_function(connection, made);
  api.duckdb_destroy_logical_type(&text);
  api.duckdb_destroy_logical_type(&returned);
  api.duckdb_destroy_scalar_function(&made);
  if (state != DuckDBSuccess) return internal_error(std::string("DuckDB did not take the function ") + name);
  return {};
}

std::string sql_of_call(const char* name, const std::string& arguments) {
  return quote_identifier(name) + "(" + arguments + ")";
}

}  // namespace

std::optional<std::int64_t> read_canonical_integer(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || !is_digit(digits[0]) || (digits[0] == '0' && text.size() > 1)) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> read_plain_number(std::string_view text) {
  static constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                      1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.size() > 19 || text.empty() || !is_digit(text.front()) || !is_digit(text.back())) return std::nullopt;
  std::int64_t digits = 0;
  std::size_t point = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_digit(text[i])) {
      digits = digits * 10 + (text[i] - '0');
      if (digits > (std::int64_t{1} << 53)) return std::nullopt;  // before 19 digits go beyond 64 bits
    } else if (text[i] == '.' && point == text.size()) {
      point = i;
    } else {
      return std::nullopt;
    }
  }
  // Both exact, so that their quotient is the nearest double (Clinger, How to read floating point numbers accurately).
  const std::size_t decimals = point == text.size() ? 0 : text.size() - point - 1;
  const double value = static_cast<double>(digits) / powers[decimals];
  return negative ? -value : value;
}

std::optional<std::int64_t> read_plain_time(std::string_view text) {
  if (text.size() != 10 && text.size() != 19 && text.size() != 20) return std::nullopt;
  const char* at = text.data();
  const int century = two_digits(at), years = two_digits(at + 2), month = two_digits(at + 5), day = two_digits(at + 8);
  const int year = century * 100 + years;
  if (century > 99 || years > 99 || year < 1 || at[4] != '-' || at[7] != '-' || month < 1 || month > 12 || day < 1 ||
      day > days_in(year, month))
    return std::nullopt;
  std::int64_t seconds = days_from_civil(year, month, day) * 86'400;
  if (text.size() > 10) {
    const int hour = two_digits(at + 11), minute = two_digits(at + 14), second = two_digits(at + 17);
    if ((at[10] != ' ' && at[10] != 'T') || at[13] != ':' || at[16] != ':' || hour > 23 || minute > 59 || second > 59 ||
        (text.size() == 20 && at[19] != 'Z'))
      return std::nullopt;
    seconds += hour * 3600 + minute * 60 + second;
  }
  return seconds * 1'000'000;
}

Status register_cell_functions(const DuckdbApi& api, duckdb_connection connection) {
  SLIPWAY_CHECK(register_one(api, connection, integer_name, 1, DUCKDB_TYPE_BIGINT,
                             convert<std::int64_t, read_canonical_integer>));
  SLIPWAY_CHECK(register_one(api, connection, number_name, 1, DUCKDB_TYPE_DOUBLE, convert<double, read_plain_number>));
  // A TIMESTAMP is its microseconds.
  SLIPWAY_CHECK(
      register_one(api, connection, time_name, 1, DUCKDB_TYPE_TIMESTAMP, convert<std::int64_t, read_plain_time>));
  return register_one(api, connection, ordinary_name, 2, DUCKDB_TYPE_BOOLEAN, find_ordinary);
}

std::string sql_of_canonical_integer(const std::string& text) { return sql_of_call(integer_name, text); }
std::string sql_of_plain_number(const std::string& text) { return sql_of_call(number_name, text); }
std::string sql_of_plain_time(const std::string& text) { return sql_of_call(time_name, text); }

std::string sql_of_ordinary(const std::string& text, const std::vector<std::string>& missing_markers) {
  std::string list;
  for (const std::string& marker : missing_markers) list += fmt::format("{}:{},", marker.size(), marker);
  return sql_of_call(ordinary_name, text + ", " + quote_literal(list));
}

}  // namespace slipway::table
