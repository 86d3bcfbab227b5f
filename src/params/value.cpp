#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <slipway/base/text.hpp>
#include <slipway/params/value.hpp>

namespace slipway::params {
namespace {

constexpr int maximum_depth = 64;
constexpr std::size_t maximum_values = 1'000'000;  // aliases can multiply a small document into a huge one

Position position_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

class Converter {
 public:
  explicit Converter(std::string_view file) : file_(file) {}

  Result<Value> convert(const YAML::Node& node, int depth) {
    Value value;
    value.position = position_of(node.Mark());
    value.file = file_;
    if (depth > maximum_depth) return value.error(fmt::format("nested deeper than {} levels", maximum_depth));
    if (++count_ > maximum_values) return value.error("the document is too large once its aliases are resolved");
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        value.kind = Value::Kind::scalar;
        value.text = node.Scalar();
        value.quoted = node.Tag() == "!";
        if (!value.quoted && (value.text == "~" || value.text == "null")) value = null_like(value);
        break;
      case YAML::NodeType::Sequence:
        value.kind = Value::Kind::list;
        for (const YAML::Node& item : node) {
          SLIPWAY_TRY(Value converted, convert(item, depth + 1));
          value.items.push_back(std::move(converted));
        }
        break;
      case YAML::NodeType::Map:
        value.kind = Value::Kind::map;
        for (const auto& entry : node) {
          const Position at = position_of(entry.first.Mark());
          Value place;
          place.position = at;
          place.file = file_;
          if (!entry.first.IsScalar()) return place.error("a key must be a plain word");
          const std::string key = entry.first.Scalar();
          for (const Value::Entry& earlier : value.entries)
            if (earlier.key == key)
              return place.error(
                  fmt::format("the key '{}' stands twice (first in line {})", key, earlier.position.line));
          SLIPWAY_TRY(Value converted, convert(entry.second, depth + 1));
          value.entries.push_back({key, at, std::move(converted)});
        }
        break;
    }
    return value;
  }

 private:
  static Value null_like(const Value& value) {
    Value null;
    null.position = value.position;
    null.file = value.file;
    return null;
  }
  std::string file_;
  std::size_t count_ = 0;
};

std::string_view kind_name(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::null:
      return "nothing";
    case Value::Kind::scalar:
      return "a single value";
    case Value::Kind::list:
      return "a list";
    case Value::Kind::map:
      return "a map of keys";
  }
  return "";
}

std::string found(const Value& value) {
  return value.kind == Value::Kind::scalar ? fmt::format("'{}'", value.text) : std::string(kind_name(value.kind));
}

}  // namespace

const Value* Value::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

std::string Value::where() const {
  if (position.line == 0) return file;
  return fmt::format("{}:{}:{}", file, position.line, position.column);
}

Error Value::error(std::string_view message) const {
  const std::string place = where();
  return invalid_input(place.empty() ? std::string(message) : fmt::format("{}: {}", place, message));
}

Result<bool> Value::boolean() const {
  if (kind == Kind::scalar && !quoted) {
    const std::string lower = lower_case(text);
    if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") return true;
    if (lower == "false" || lower == "no" || lower == "off" || lower == "0") return false;
  }
  return error(fmt::format("expected true or false, found {}", found(*this)));
}

Result<std::int64_t> Value::integer() const {
  const auto number = kind == Kind::scalar && !quoted ? parse_number(text) : std::nullopt;
  if (!number || std::floor(*number) != *number || std::abs(*number) > 9.2e18)
    return error(fmt::format("expected a whole number, found {}", found(*this)));
  // Beyond 2^53 a double is not exact: read the digits themselves.
  if (std::abs(*number) > 9.0e15) {
    errno = 0;
    char* end = nullptr;
    const long long exact = std::strtoll(text.c_str(), &end, 10);
    if (errno == 0 && *end == '\0') return static_cast<std::int64_t>(exact);
  }
  return static_cast<std::int64_t>(*number);
}

Result<double> Value::number() const {
  const auto number = kind == Kind::scalar && !quoted ? parse_number(text) : std::nullopt;
  if (!number) return error(fmt::format("expected a number, found {}", found(*this)));
  return *number;
}

Result<std::string> Value::string() const {
  if (kind != Kind::scalar) return error(fmt::format("expected a word or text, found {}", found(*this)));
  return text;
}

Result<std::vector<std::string>> Value::strings() const {
  std::vector<std::string> texts;
  if (kind == Kind::scalar) {
    texts.push_back(text);
    return texts;
  }
  if (kind != Kind::list) return error(fmt::format("expected a list, found {}", found(*this)));
  for (const Value& item : items) {
    SLIPWAY_TRY(std::string text_of_item, item.string());
    texts.push_back(std::move(text_of_item));
  }
  return texts;
}

Status Value::expect_keys(const std::vector<std::string>& known, std::string_view of_what) const {
  if (kind != Kind::map) return error(fmt::format("{}: expected a map of keys, found {}", of_what, found(*this)));
  for (const Entry& entry : entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    Value place;
    place.position = entry.position;
    place.file = file;
    return place.error(fmt::format("unknown key '{}' in {}{}; it takes {}", entry.key, of_what,
                                   suggestion(entry.key, known), list_names(known, 40)));
  }
  return {};
}

Result<Value> parse_yaml(std::string_view document, std::string_view file_name) {
  try {
    const YAML::Node root = YAML::Load(std::string(document));
    return Converter(file_name).convert(root, 0);
  } catch (const YAML::Exception& exception) {
    Value place;
    place.file = file_name;
    place.position = position_of(exception.mark);
    return place.error(exception.msg);
  }
}

Value scalar(std::string_view text) {
  Value value;
  value.kind = Value::Kind::scalar;
  value.text = text;
  return value;
}

std::string canonical(const Value& value) {
  const auto quote = [](std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + "\"";
  };
  switch (value.kind) {
    case Value::Kind::null:
      return "null";
    case Value::Kind::scalar:
      return quote(value.text);
    case Value::Kind::list: {
      std::string out = "[";
      for (const Value& item : value.items) out += (out.size() > 1 ? "," : "") + canonical(item);
      return out + "]";
    }
    case Value::Kind::map: {
      std::string out = "{";
      for (const Value::Entry& entry : value.entries)
        out += (out.size() > 1 ? "," : "") + quote(entry.key) + ":" + canonical(entry.value);
      return out + "}";
    }
  }
  return "";
}

}  // namespace slipway::params
