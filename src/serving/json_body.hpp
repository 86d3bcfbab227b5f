// The body of a request as a tree of JSON values.
#pragma once
#include <string>
#include <string_view>

#include <simdjson.h>

#include <slipway/base/result.hpp>
#include <slipway/journal/journal.hpp>

namespace slipway::serving {

// A parser with its memory, one per thread. What a parse gives lives until the next one.
class JsonBody {
 public:
  // Strict JSON (simdjson), except that a bare NaN is read as null, as Python's clients send it. Errors say line and
  // column.
  Result<simdjson::dom::element> parse(std::string_view text);

 private:
  simdjson::dom::parser parser_;
  std::string padded_;
};

// "a number", "a text", "an object", ... for messages.
std::string_view kind_of(const simdjson::dom::element& value);

// The text of a value for a message, cut after about 40 bytes: "abc", 12, null, an object.
std::string show(const simdjson::dom::element& value);
std::string show_text(std::string_view text);

// A positive whole number, as in "reasons": 3.
Result<std::size_t> read_count(const simdjson::dom::element& value, std::string_view name);

// Why nlohmann's parser, which says where, refuses a text; "" if it does not.
std::string describe_json_error(std::string_view text);

}  // namespace slipway::serving
