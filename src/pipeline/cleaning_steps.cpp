#include "cleaning_steps.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include <slipway/base/text.hpp>

namespace slipway::pipeline {
namespace {

using params::Value;
using table::CleaningStep;
using Kind = CleaningStep::Kind;

// Reads the arguments of one step, each by its key.
class Arguments {
 public:
  Arguments(std::string step, const Value& map) : step_(std::move(step)), map_(map) {}

  Status expect(const std::vector<std::string>& known, const std::vector<std::string>& needed) const {
    SLIPWAY_CHECK(map_.expect_keys(known, step_));
    for (const std::string& key : needed)
      if (find(key) == nullptr) return map_.error(fmt::format("{}: `{}` is missing", step_, key));
    return {};
  }
  Status strings(const char* key, std::vector<std::string>& into) const {
    const Value* value = find(key);
    if (value == nullptr) return {};
    SLIPWAY_TRY(into, value->strings().with_context(context(key)));
    return {};
  }
  Status string(const char* key, std::string& into) const {
    const Value* value = find(key);
    if (value == nullptr) return {};
    SLIPWAY_TRY(into, value->string().with_context(context(key)));
    return {};
  }
  Status choice(const char* key, const std::vector<std::string>& known, std::string& into) const {
    SLIPWAY_CHECK(string(key, into));
    if (into.empty() || std::find(known.begin(), known.end(), into) != known.end()) return {};
    return find(key)->error(fmt::format("{}: {}: unknown '{}'{}; there are {}", step_, key, into,
                                        suggestion(into, known), list_names(known)));
  }
  Status number(const char* key, double& into, double minimum = -std::numeric_limits<double>::infinity()) const {
    const Value* value = find(key);
    if (value == nullptr) return {};
    SLIPWAY_TRY(into, value->number().with_context(context(key)));
    if (into >= minimum) return {};
    return value->error(fmt::format("{}: {}: {} is too small, expected {} or more", step_, key, format_number(into),
                                    format_number(minimum)));
  }
  Status integer(const char* key, std::int64_t& into, std::int64_t minimum) const {
    double read = static_cast<double>(into);
    SLIPWAY_CHECK(number(key, read, static_cast<double>(minimum)));
    if (const Value* value = find(key)) {
      SLIPWAY_TRY(into, value->integer().with_context(context(key)));
    }
    return {};
  }
  Status boolean(const char* key, bool& into) const {
    const Value* value = find(key);
    if (value == nullptr) return {};
    SLIPWAY_TRY(into, value->boolean().with_context(context(key)));
    return {};
  }

 private:
  const Value* find(std::string_view key) const {
    const Value* value = map_.find(key);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  std::string context(const char* key) const { return step_ + ": " + key; }

  std::string step_;
  const Value& map_;
};

Status read_drop_missing(const Value& argument, CleaningStep& step) {
  if (argument.is_null()) return {};
  SLIPWAY_TRY(step.columns, argument.strings().with_context("drop_missing"));
  return {};
}

Status read_condition(const Value& argument, CleaningStep& step) {
  const std::string name = step.kind == Kind::keep ? "keep" : "drop";
  if (argument.is_null()) return argument.error(fmt::format("prepare: {} needs a condition, as in amount > 0", name));
  SLIPWAY_TRY(step.expression, argument.string().with_context(name));
  return {};
}

Status read_fill_missing(const Value& argument, CleaningStep& step) {
  const Arguments arguments("fill_missing", argument);
  SLIPWAY_CHECK(arguments.expect({"column", "value"}, {"column", "value"}));
  SLIPWAY_CHECK(arguments.strings("column", step.columns));
  return arguments.string("value", step.value);
}

Status read_drop_duplicates(const Value& argument, CleaningStep& step) {
  if (argument.is_null()) return {};
  const Arguments arguments("drop_duplicates", argument);
  SLIPWAY_CHECK(arguments.expect({"by"}, {}));
  return arguments.strings("by", step.columns);
}

Status read_near_duplicates(const Value& argument, CleaningStep& step) {
  const Arguments arguments("drop_near_duplicates", argument);
  SLIPWAY_CHECK(arguments.expect({"by", "time", "seconds", "decimals"}, {"by"}));
  SLIPWAY_CHECK(arguments.strings("by", step.columns));
  SLIPWAY_CHECK(arguments.string("time", step.time));
  SLIPWAY_CHECK(arguments.number("seconds", step.seconds, 0));
  SLIPWAY_CHECK(arguments.integer("decimals", step.decimals, 0));
  if (step.time.empty() != (argument.find("seconds") == nullptr))
    return argument.error("drop_near_duplicates: `time` and `seconds` belong together");
  return {};
}

Status read_clip(const Value& argument, CleaningStep& step) {
  if (argument.is_null()) return argument.error("prepare: clip needs column, minimum and maximum");
  const Arguments arguments("clip", argument);
  SLIPWAY_CHECK(arguments.expect({"column", "minimum", "maximum"}, {"column", "minimum", "maximum"}));
  SLIPWAY_CHECK(arguments.strings("column", step.columns));
  SLIPWAY_CHECK(arguments.number("minimum", step.minimum));
  return arguments.number("maximum", step.maximum);
}

Status read_outliers(const Value& argument, CleaningStep& step) {
  const Arguments arguments("outliers", argument);
  step.method = "iqr";
  step.action = "clip";
  SLIPWAY_CHECK(arguments.expect({"column", "method", "threshold", "action"}, {"column"}));
  SLIPWAY_CHECK(arguments.strings("column", step.columns));
  SLIPWAY_CHECK(arguments.choice("method", {"iqr", "z", "mad"}, step.method));
  SLIPWAY_CHECK(arguments.choice("action", {"drop", "clip", "flag"}, step.action));
  return arguments.number("threshold", step.threshold, 0);
}

Status read_convert(const Value& argument, CleaningStep& step) {
  const Arguments arguments("convert", argument);
  SLIPWAY_CHECK(arguments.expect({"column", "to"}, {"column", "to"}));
  SLIPWAY_CHECK(arguments.strings("column", step.columns));
  return arguments.string("to", step.value);
}

Status read_scale(const Value& argument, CleaningStep& step) {
  const Arguments arguments("scale", argument);
  SLIPWAY_CHECK(arguments.expect({"column", "factor", "offset", "where"}, {"column"}));
  SLIPWAY_CHECK(arguments.strings("column", step.columns));
  SLIPWAY_CHECK(arguments.number("factor", step.factor));
  SLIPWAY_CHECK(arguments.number("offset", step.offset));
  return arguments.string("where", step.expression);
}

Status read_normalise(const Value& argument, CleaningStep& step) {
  if (argument.is_null()) return {};
  const Arguments arguments("normalise", argument);
  SLIPWAY_CHECK(arguments.expect({"column", "case", "strip_accents"}, {}));
  SLIPWAY_CHECK(arguments.strings("column", step.columns));
  SLIPWAY_CHECK(arguments.choice("case", {"lower", "upper"}, step.letters));
  return arguments.boolean("strip_accents", step.strip_accents);
}

Status read_merge_categories(const Value& argument, CleaningStep& step) {
  const Arguments arguments("merge_categories", argument);
  step.value = "other";
  SLIPWAY_CHECK(arguments.expect({"column", "values", "minimum_count", "into"}, {"column"}));
  SLIPWAY_CHECK(arguments.strings("column", step.columns));
  SLIPWAY_CHECK(arguments.strings("values", step.values));
  SLIPWAY_CHECK(arguments.integer("minimum_count", step.minimum_count, 1));
  SLIPWAY_CHECK(arguments.string("into", step.value));
  if (step.values.empty() && step.minimum_count == 0)
    return argument.error("merge_categories: `values` or `minimum_count` must say which are merged");
  return {};
}

struct StepReader {
  std::string name;
  Kind kind;
  Status (*read)(const Value& argument, CleaningStep& step);
};

const std::vector<StepReader>& step_readers() {
  static const std::vector<StepReader> readers = {
      {"drop_missing", Kind::drop_missing, read_drop_missing},
      {"fill_missing", Kind::fill_missing, read_fill_missing},
      {"keep", Kind::keep, read_condition},
      {"drop", Kind::drop, read_condition},
      {"drop_duplicates", Kind::drop_duplicates, read_drop_duplicates},
      {"drop_near_duplicates", Kind::drop_near_duplicates, read_near_duplicates},
      {"clip", Kind::clip, read_clip},
      {"outliers", Kind::outliers, read_outliers},
      {"convert", Kind::convert, read_convert},
      {"scale", Kind::scale, read_scale},
      {"normalise", Kind::normalise, read_normalise},
      {"merge_categories", Kind::merge_categories, read_merge_categories}};
  return readers;
}

}  // namespace

Result<CleaningStep> read_cleaning_step(const Value& value) {
  std::vector<std::string> known;
  for (const StepReader& reader : step_readers()) known.push_back(reader.name);
  // `- drop_duplicates` alone is a step without arguments.
  const bool bare = value.kind == Value::Kind::scalar;
  if (!bare) SLIPWAY_CHECK(value.expect_keys(known, "prepare"));
  if (!bare && value.entries.size() != 1) return value.error("prepare: one step per list item");
  const std::string name = bare ? value.text : value.entries[0].key;
  const auto reader = std::find_if(step_readers().begin(), step_readers().end(),
                                   [&](const StepReader& candidate) { return candidate.name == name; });
  if (reader == step_readers().end())
    return value.error(
        fmt::format("prepare: unknown step '{}'{}; there are {}", name, suggestion(name, known), list_names(known)));
  Value argument;
  argument.file = value.file;
  argument.position = value.position;
  if (!bare) argument = value.entries[0].value;
  CleaningStep step{.kind = reader->kind};
  SLIPWAY_CHECK(reader->read(argument, step));
  return step;
}

}  // namespace slipway::pipeline
