// A configuration document in memory: plain values that remember where in the file they stand.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway::params {

// Line and column, from 1; 0 when the value came from elsewhere (a command-line flag, a default).
struct Position {
  int line = 0;
  int column = 0;
};

class Value {
 public:
  enum class Kind { null, scalar, list, map };
  struct Entry;  // key, its position, value

  Kind kind = Kind::null;
  std::string text;            // of a scalar, as written (quotes removed)
  bool quoted = false;         // "5" in quotes is text, never a number
  std::vector<Value> items;    // of a list
  std::vector<Entry> entries;  // of a map, in the order of the file
  Position position;
  std::string file;  // shown in messages; empty for a flag

  bool is_null() const { return kind == Kind::null; }
  // The value under key, or null if there is none (or this is no map).
  const Value* find(std::string_view key) const;
  // "slipway.yaml:7:3"
  std::string where() const;

  // Conversions; the error says where, what was found and what was expected.
  Result<bool> boolean() const;
  Result<std::int64_t> integer() const;
  Result<double> number() const;
  Result<std::string> string() const;
  // A list of scalars; a single scalar counts as a list of one.
  Result<std::vector<std::string>> strings() const;

  // An error at this value's place.
  Error error(std::string_view message) const;
  // Checks that this is a map with no keys but these: an unknown one is an error with its line, its column and the
  // nearest known key. A key that stands twice is an error too.
  Status expect_keys(const std::vector<std::string>& known, std::string_view of_what) const;
};

struct Value::Entry {
  std::string key;
  Position position;
  Value value;
};

// YAML 1.2 core as people write it: anchors and aliases are resolved; tags are ignored. Errors carry line and column.
Result<Value> parse_yaml(std::string_view document, std::string_view file_name);

// A scalar that did not come from a file, such as a flag's argument.
Value scalar(std::string_view text);

// Writes the value as canonical JSON-like text (keys in file order), for digests: equal content gives equal text.
std::string canonical(const Value& value);

}  // namespace slipway::params
