#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>
#include <slipway/features/features.hpp>
#include <slipway/model/expression.hpp>
#include <slipway/model/interpreter.hpp>

#include "target_encoding.hpp"

namespace slipway::features {
namespace {

using model::ValueId;

constexpr std::size_t pinned_categories_maximum = 10'000;

// The categories of a text column among the training rows.
struct Categories {
  std::vector<std::string> keys;    // sorted; rare ones left out
  std::vector<std::int32_t> codes;  // per training row: index into keys, keys.size() for missing, +1 for rare
  bool any_missing = false;
  std::size_t missing_code() const { return keys.size(); }
  std::size_t rare_code() const { return keys.size() + 1; }
};

Categories find_categories(const table::TextColumn& column, std::span<const std::uint32_t> rows, int rare_minimum) {
  std::vector<std::int64_t> counts(column.dictionary.size());
  for (std::uint32_t row : rows)
    if (column.codes[row] >= 0) ++counts[static_cast<std::size_t>(column.codes[row])];
  std::vector<std::uint32_t> kept;
  for (std::uint32_t code = 0; code < counts.size(); ++code)
    if (counts[code] >= rare_minimum && counts[code] > 0) kept.push_back(code);
  std::sort(kept.begin(), kept.end(),
            [&](std::uint32_t a, std::uint32_t b) { return column.dictionary[a] < column.dictionary[b]; });
  Categories found;
  for (std::uint32_t code : kept) found.keys.push_back(column.dictionary[code]);
  std::vector<std::int32_t> index(counts.size(), static_cast<std::int32_t>(found.rare_code()));
  for (std::size_t i = 0; i < kept.size(); ++i) index[kept[i]] = static_cast<std::int32_t>(i);
  found.codes.reserve(rows.size());
  for (std::uint32_t row : rows) {
    const std::int32_t code = column.codes[row];
    found.any_missing |= code < 0;
    found.codes.push_back(code < 0 ? static_cast<std::int32_t>(found.missing_code())
                                   : index[static_cast<std::size_t>(code)]);
  }
  return found;
}

// Linear interpolation is not needed: the lower median is a value that occurs, and the same on every machine.
float median(std::vector<float>& present) {
  const auto middle = present.begin() + static_cast<std::ptrdiff_t>((present.size() - 1) / 2);
  std::nth_element(present.begin(), middle, present.end());
  return *middle;
}

float replacement_for(const std::vector<float>& values, std::span<const std::uint32_t> rows,
                      const FeatureOptions& options) {
  if (options.impute == "constant") return static_cast<float>(options.impute_constant);
  std::vector<float> present;
  for (std::uint32_t row : rows)
    if (std::isfinite(values[row])) present.push_back(values[row]);
  if (present.empty()) return 0;
  if (options.impute == "median") return median(present);
  if (options.impute == "mean") {
    double sum = 0;
    for (float value : present) sum += value;
    return static_cast<float>(sum / static_cast<double>(present.size()));
  }
  std::sort(present.begin(), present.end());  // most frequent; the smallest on ties
  float best = present[0];
  std::size_t best_count = 0;
  for (std::size_t i = 0; i < present.size();) {
    std::size_t end = i;
    while (end < present.size() && present[end] == present[i]) ++end;
    if (end - i > best_count) {
      best_count = end - i;
      best = present[i];
    }
    i = end;
  }
  return best;
}

// Training encodings that the plain transform would leak, to be put into the training block afterwards.
struct OutOfFold {
  std::string column;  // of the feature block
  std::vector<float> values;
};

class Fitter {
 public:
  Fitter(model::ModelBuilder& builder, const FeaturePlan& plan, const table::Table& table,
         std::span<const std::uint32_t> rows, const TargetView& target, std::uint64_t seed)
      : builder_(builder), plan_(plan), table_(table), rows_(rows), target_(target), seed_(seed) {}

  Result<FittedFeatures> run() {
    SLIPWAY_CHECK(parse_derived());
    SLIPWAY_CHECK(add_inputs());
    SLIPWAY_CHECK(fit_numeric());
    for (const std::string& name : plan_.categorical) SLIPWAY_CHECK(fit_categorical(name));
    for (const std::string& name : plan_.time) SLIPWAY_CHECK(fit_time(name));
    for (std::size_t i = 0; i < plan_.derived.size(); ++i) fit_derived(i);
    return finish();
  }

 private:
  // A derived feature's formula; the nodes' operands count within `columns`.
  struct Formula {
    std::vector<model::ExpressionNode> nodes;
    std::vector<std::string> columns;
  };
  // Where a column can be read in the graph.
  struct Place {
    ValueId value = 0;
    std::uint32_t column = 0;
  };

  Status parse_derived() {
    std::vector<model::ExpressionColumn> columns;
    for (const table::Column& column : table_.all()) {
      if (std::holds_alternative<table::TextColumn>(column.data)) {
        columns.push_back({column.name, model::ValueKind::text});
      } else if (std::holds_alternative<table::TimeColumn>(column.data)) {
        columns.push_back({column.name, model::ValueKind::time});
      } else {
        columns.push_back({column.name, model::ValueKind::numbers});
      }
    }
    for (const DerivedFeature& derived : plan_.derived) {
      const std::string context = fmt::format("derived feature '{}' = {}", derived.name, derived.expression);
      SLIPWAY_TRY(auto parsed, model::parse_expression(derived.expression, columns).with_context(context));
      std::vector<std::string> names;
      for (std::uint32_t index : parsed.columns) names.push_back(columns[index].name);
      parsed_.push_back({std::move(parsed.nodes), std::move(names)});
    }
    return {};
  }

  Status add_inputs() {
    const auto add = [&](const std::string& name, model::InputKind kind) -> Status {
      if (places_.contains(name)) return {};
      SLIPWAY_TRY(const table::Column* column, table_.get(name));
      model::Input input;
      input.name = name;
      input.kind = kind;
      if (kind == model::InputKind::number) {
        SLIPWAY_TRY(auto values, table::as_numbers(*column));
        for (std::uint32_t row : rows_)
          if (std::isfinite(values[row])) {
            input.minimum = std::min(input.minimum.value_or(values[row]), values[row]);
            input.maximum = std::max(input.maximum.value_or(values[row]), values[row]);
          }
        numbers_[name] = std::move(values);
      } else if (kind == model::InputKind::text) {
        texts_[name] = find_categories(table::as_text(*column), rows_, 1);
        if (texts_[name].keys.size() <= pinned_categories_maximum) input.categories = texts_[name].keys;
      } else if (!std::holds_alternative<table::TimeColumn>(column->data)) {
        return invalid_input(fmt::format("column '{}' is {}, expected a time (dates or timestamps)", name,
                                         table::type_name(column->data)));
      }
      places_[name] = {builder_.input(std::move(input)), 0};
      return {};
    };
    for (const std::string& name : plan_.numeric) SLIPWAY_CHECK(add(name, model::InputKind::number));
    for (const std::string& name : plan_.categorical) {
      if (places_.contains(name)) return invalid_input("column '" + name + "' is named both numeric and categorical");
      SLIPWAY_CHECK(add(name, model::InputKind::text));
    }
    for (const std::string& name : plan_.time) SLIPWAY_CHECK(add(name, model::InputKind::time));
    for (std::size_t i = 0; i < parsed_.size(); ++i)
      for (const std::string& name : parsed_[i].columns) {
        SLIPWAY_TRY(const table::Column* column, table_.get(name));
        const bool is_time = std::holds_alternative<table::TimeColumn>(column->data);
        SLIPWAY_CHECK(add(name, is_time ? model::InputKind::time : model::InputKind::number));
      }
    return {};
  }

  Status fit_numeric() {
    if (plan_.numeric.empty()) return {};
    if (plan_.options.impute == "none") {
      for (const std::string& name : plan_.numeric) parts_.push_back(places_[name].value);
      return {};
    }
    model::Join join;
    model::Fill fill;
    std::vector<std::string> names = plan_.numeric;
    bool any_missing = false;
    for (const std::string& name : plan_.numeric) {
      join.inputs.push_back(places_[name].value);
      const std::vector<float>& values = numbers_[name];
      fill.replacement.push_back(replacement_for(values, rows_, plan_.options));
      for (std::uint32_t row : rows_) any_missing |= std::isnan(values[row]);
    }
    fill.input = join.inputs.size() == 1 ? join.inputs[0] : builder_.add(join, "numbers", names);
    fill.indicator = plan_.options.missing_indicator && any_missing;
    if (fill.indicator)
      for (const std::string& name : plan_.numeric) names.push_back(name + "=missing");
    const ValueId filled = builder_.add(fill, "filled", names);
    for (std::size_t i = 0; i < plan_.numeric.size(); ++i)
      places_[plan_.numeric[i]] = {filled, static_cast<std::uint32_t>(i)};
    parts_.push_back(filled);
    return {};
  }

  Status fit_categorical(const std::string& name) {
    const Categories all = texts_[name];
    const Categories kept = plan_.options.rare_minimum > 1
                                ? find_categories(table::as_text(**table_.get(name)), rows_, plan_.options.rare_minimum)
                                : all;
    if (kept.keys.empty())
      return invalid_input(
          fmt::format("column '{}' has no category with at least {} training rows", name, plan_.options.rare_minimum));
    std::string encode = plan_.options.encode;
    if (encode == "auto")
      encode = kept.keys.size() <= static_cast<std::size_t>(plan_.options.one_hot_maximum) ? "one_hot" : "target";
    if (encode == "one_hot") {
      add_one_hot(name, kept);
    } else if (encode == "ordinal") {
      add_ordinal(name, kept);
    } else {
      add_target(name, kept);
    }
    return {};
  }

  void add_one_hot(const std::string& name, const Categories& categories) {
    const std::size_t count = categories.keys.size();
    const std::size_t width = count + (categories.any_missing ? 1 : 0);
    model::Lookup lookup;
    lookup.input = places_[name].value;
    lookup.keys = categories.keys;
    lookup.rows.assign(count * width, 0);
    lookup.unseen.assign(width, 0);
    lookup.missing.assign(width, 0);
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < count; ++i) {
      lookup.rows[i * width + i] = 1;
      columns.push_back(name + "=" + categories.keys[i]);
    }
    if (categories.any_missing) {
      lookup.missing[count] = 1;
      columns.push_back(name + "=missing");
    }
    parts_.push_back(builder_.add(lookup, name + " one-hot", columns));
  }

  void add_ordinal(const std::string& name, const Categories& categories) {
    model::Lookup lookup;
    lookup.input = places_[name].value;
    lookup.keys = categories.keys;
    for (std::size_t i = 0; i < categories.keys.size(); ++i) lookup.rows.push_back(static_cast<float>(i));
    lookup.unseen = {-1};
    lookup.missing = {std::numeric_limits<float>::quiet_NaN()};
    parts_.push_back(builder_.add(lookup, name + " ordinal", {name}));
  }

  void add_target(const std::string& name, const Categories& categories) {
    const std::vector<TargetValues> targets = target_values(target_);
    const std::size_t count = categories.keys.size();
    model::Lookup lookup;
    lookup.input = places_[name].value;
    lookup.keys = categories.keys;
    lookup.rows.resize(count * targets.size());
    std::vector<std::string> columns;
    const std::vector<std::uint8_t> fold = encoding_folds(target_, rows_.size(), plan_.options.target_folds, seed_);
    for (std::size_t k = 0; k < targets.size(); ++k) {
      const std::string suffix = targets.size() > 1 ? fmt::format("~target{}", k) : "~target";
      columns.push_back(name + suffix);
      // Codes: the categories, then missing, then rare ones (which count towards the mean only).
      const TargetEncoding whole = encode_target(categories.codes, count + 2, targets[k], {});
      for (std::size_t i = 0; i < count; ++i) lookup.rows[i * targets.size() + k] = whole.categories[i];
      lookup.unseen.push_back(whole.overall);
      lookup.missing.push_back(categories.any_missing ? whole.categories[categories.missing_code()] : whole.overall);
      OutOfFold out{name + suffix, std::vector<float>(rows_.size())};
      std::vector<std::uint8_t> use(rows_.size());
      for (int f = 0; f < plan_.options.target_folds; ++f) {
        for (std::size_t i = 0; i < use.size(); ++i) use[i] = fold[i] != f;
        const TargetEncoding part = encode_target(categories.codes, count + 2, targets[k], use);
        for (std::size_t i = 0; i < use.size(); ++i)
          if (fold[i] == f) {
            const auto code = static_cast<std::size_t>(categories.codes[i]);
            out.values[i] = code == categories.rare_code() ? part.overall : part.categories[code];
          }
      }
      out_of_fold_.push_back(std::move(out));
    }
    parts_.push_back(builder_.add(lookup, name + " target", columns));
  }

  Status fit_time(const std::string& name) {
    using Op = model::ExpressionNode::Op;
    for (const auto& [op, part] : {std::pair{Op::hour, "hour"}, std::pair{Op::weekday, "weekday"}}) {
      model::Expression expression;
      expression.inputs = {places_[name].value};
      expression.nodes = {{.op = op}};
      expression.source = fmt::format("{}({})", part, name);
      const std::string column = fmt::format("{}.{}", name, part);
      parts_.push_back(builder_.add(expression, column, {column}));
    }
    return {};
  }

  void fit_derived(std::size_t index) {
    const Formula& parsed = parsed_[index];
    model::Expression expression;
    expression.source = plan_.derived[index].expression;
    expression.nodes = parsed.nodes;
    std::vector<std::uint32_t> operand_of, column_of;
    for (const std::string& name : parsed.columns) {
      const Place place = places_[name];
      const auto found = std::find(expression.inputs.begin(), expression.inputs.end(), place.value);
      operand_of.push_back(static_cast<std::uint32_t>(found - expression.inputs.begin()));
      column_of.push_back(place.column);
      if (found == expression.inputs.end()) expression.inputs.push_back(place.value);
    }
    using Op = model::ExpressionNode::Op;
    for (model::ExpressionNode& node : expression.nodes)
      if (node.op == Op::column || node.op >= Op::hour) {
        node.column = column_of[node.operand];
        node.operand = operand_of[node.operand];
      }
    const std::string& name = plan_.derived[index].name;
    parts_.push_back(builder_.add(expression, name, {name}));
  }

  Result<FittedFeatures> finish() {
    if (parts_.empty())
      return invalid_input("there is no feature: name at least one numeric, categorical or derived one");
    FittedFeatures fitted;
    if (parts_.size() == 1) {
      fitted.value = parts_[0];
    } else {
      std::vector<std::string> columns;
      for (ValueId part : parts_) {
        const auto& names = builder_.value(part).columns;
        columns.insert(columns.end(), names.begin(), names.end());
      }
      fitted.value = builder_.add(
          model::Join{.inputs = parts_, .output = 0, .kind = model::Join::Kind::concatenate, .weights = {}}, "features",
          columns);
    }
    const model::Model& model = builder_.so_far();
    SLIPWAY_TRY(const model::TableRows inputs, model::TableRows::from(model.inputs, table_.take(rows_)));
    SLIPWAY_TRY(fitted.training,
                model::evaluate_value(model.inputs, model.values, model.operators, inputs.batch(), fitted.value));
    const auto& names = builder_.value(fitted.value).columns;
    for (const OutOfFold& out : out_of_fold_) {
      const auto at = std::find(names.begin(), names.end(), out.column);
      std::copy(out.values.begin(), out.values.end(),
                fitted.training.column(static_cast<std::size_t>(at - names.begin())).begin());
    }
    return fitted;
  }

  model::ModelBuilder& builder_;
  const FeaturePlan& plan_;
  const table::Table& table_;
  std::span<const std::uint32_t> rows_;
  const TargetView& target_;
  std::uint64_t seed_;
  std::vector<Formula> parsed_;
  std::unordered_map<std::string, Place> places_;
  std::unordered_map<std::string, std::vector<float>> numbers_;
  std::unordered_map<std::string, Categories> texts_;
  std::vector<ValueId> parts_;
  std::vector<OutOfFold> out_of_fold_;
};

}  // namespace

Result<FittedFeatures> fit(model::ModelBuilder& builder, const FeaturePlan& plan, const table::Table& table,
                           std::span<const std::uint32_t> rows, const TargetView& target, std::uint64_t seed) {
  if (rows.empty()) return invalid_input("there is no training row to fit features on");
  return Fitter(builder, plan, table, rows, target, seed).run();
}

}  // namespace slipway::features
