#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/pipeline/dataset.hpp>

#include "explanation.hpp"

namespace slipway::pipeline {
namespace {

constexpr std::size_t classes_maximum_of_numbers = 20;
constexpr std::size_t classes_maximum = 255;

bool says_positive(std::string_view label) {
  const std::string lower = lower_case(label);
  return lower == "1" || lower == "true" || lower == "yes";
}

// Puts the positive class last of two.
Status order_binary(std::vector<std::string>& classes, const std::vector<std::int64_t>& counts, const Schema& schema) {
  std::size_t positive = counts[1] <= counts[0] ? 1 : 0;
  for (std::size_t i = 0; i < 2; ++i)
    if (says_positive(classes[i])) positive = i;
  if (!schema.positive.empty()) {
    const auto found = std::find(classes.begin(), classes.end(), schema.positive);
    if (found == classes.end())
      return invalid_input(fmt::format("schema: positive: '{}' is no value of the target '{}', which has {}",
                                       schema.positive, schema.target, list_names(classes)));
    positive = static_cast<std::size_t>(found - classes.begin());
  }
  if (positive == 0) std::swap(classes[0], classes[1]);
  return {};
}

std::vector<std::int32_t> class_indices(const table::TextColumn& text, const std::vector<std::string>& classes) {
  std::vector<std::int32_t> index(text.dictionary.size(), -1);
  for (std::size_t i = 0; i < text.dictionary.size(); ++i) {
    const auto found = std::find(classes.begin(), classes.end(), text.dictionary[i]);
    if (found != classes.end()) index[i] = static_cast<std::int32_t>(found - classes.begin());
  }
  std::vector<std::int32_t> labels(text.codes.size());
  for (std::size_t row = 0; row < labels.size(); ++row)
    labels[row] = text.codes[row] < 0 ? -1 : index[static_cast<std::size_t>(text.codes[row])];
  return labels;
}

// Whether a numeric target is a class label: whole numbers of few values.
bool few_whole_numbers(const std::vector<float>& values) {
  std::set<float> distinct;
  for (float value : values) {
    if (std::isnan(value)) continue;
    if (std::floor(value) != value) return false;
    distinct.insert(value);
    if (distinct.size() > classes_maximum_of_numbers) return false;
  }
  return true;
}

}  // namespace

Result<Target> read_target(const table::Table& table, const std::string& column_name, model::Task task,
                           const std::vector<std::string>& classes) {
  SLIPWAY_TRY(const table::Column* column, table.get(column_name));
  Target target;
  target.task = task;
  target.classes = classes;
  if (task == model::Task::regression) {
    SLIPWAY_TRY(target.values, table::as_numbers(*column).with_context("target"));
    return target;
  }
  target.labels = class_indices(table::as_text(*column), classes);
  return target;
}

Result<Target> resolve_target(const table::Table& table, const Schema& schema) {
  SLIPWAY_TRY(const table::Column* column, table.get(schema.target).with_context("target"));
  if (std::holds_alternative<table::TimeColumn>(column->data))
    return invalid_input(fmt::format("target: column '{}' holds times, expected labels or numbers", schema.target));
  const bool text = std::holds_alternative<table::TextColumn>(column->data);
  if (!text) {
    SLIPWAY_TRY(std::vector<float> values, table::as_numbers(*column));
    if (!few_whole_numbers(values)) {
      Target target;
      target.task = model::Task::regression;
      for (float& value : values)
        if (!std::isfinite(value)) value = std::numeric_limits<float>::quiet_NaN();
      target.values = std::move(values);
      return target;
    }
  }
  const table::TextColumn labels = table::as_text(*column);
  std::vector<std::int64_t> counts(labels.dictionary.size());
  for (std::int32_t code : labels.codes)
    if (code >= 0) ++counts[static_cast<std::size_t>(code)];
  std::vector<std::size_t> present;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) present.push_back(i);
  std::sort(present.begin(), present.end(), [&](std::size_t a, std::size_t b) {
    if (text) return labels.dictionary[a] < labels.dictionary[b];
    return *parse_number(labels.dictionary[a]) < *parse_number(labels.dictionary[b]);
  });
  if (present.empty()) return invalid_input(fmt::format("target: column '{}' is missing in every row", schema.target));
  if (present.size() == 1)
    return invalid_input(fmt::format("target: column '{}' has one class only ('{}' in all {} rows); two are needed",
                                     schema.target, labels.dictionary[present[0]], counts[present[0]]));
  if (present.size() > classes_maximum)
    return invalid_input(
        fmt::format("target: column '{}' is text with {} different values; at most {} classes are "
                    "supported. For a regression the target must be numbers",
                    schema.target, present.size(), classes_maximum));
  Target target;
  std::vector<std::int64_t> present_counts;
  for (std::size_t index : present) {
    target.classes.push_back(labels.dictionary[index]);
    present_counts.push_back(counts[index]);
  }
  target.task = present.size() == 2 ? model::Task::binary : model::Task::multiclass;
  if (target.task == model::Task::binary) SLIPWAY_CHECK(order_binary(target.classes, present_counts, schema));
  target.labels = class_indices(labels, target.classes);
  return target;
}

Result<std::vector<float>> read_weights(const table::Table& table, const Schema& schema) {
  if (schema.weight.empty()) return std::vector<float>();
  SLIPWAY_TRY(const table::Column* column, table.get(schema.weight).with_context("schema: weight"));
  SLIPWAY_TRY(std::vector<float> weights, table::as_numbers(*column).with_context("schema: weight"));
  for (std::size_t row = 0; row < weights.size(); ++row)
    if (!(weights[row] >= 0) || std::isinf(weights[row]))
      return invalid_input(
          fmt::format("schema: weight: column '{}' holds {} in row {}; expected a finite number >= 0", schema.weight,
                      std::isnan(weights[row]) ? "nothing" : fmt::format("{}", weights[row]), row + 1));
  return weights;
}

void infer_features(const table::Table& table, const table::TableProfile& profile, const Schema& schema,
                    Dataset& dataset) {
  const auto set_aside = [&](const std::string& name, const std::string& why) { dataset.set_aside[name] = why; };
  for (std::size_t i = 0; i < table.columns(); ++i) {
    const table::Column& column = table.column(i);
    const table::ColumnProfile& about = profile.columns[i];
    const std::string& name = column.name;
    const std::string lower = lower_case(name);
    const bool named_like_id = lower == "id" || lower.ends_with("_id") || lower.ends_with(" id") || lower == "uuid";
    if (name == schema.target) continue;
    if (std::find(schema.ids.begin(), schema.ids.end(), name) != schema.ids.end()) {
      set_aside(name, "named as an id");
    } else if (name == schema.time) {
      set_aside(name, "named as the time of the row");
    } else if (name == schema.group) {
      set_aside(name, "named as the group");
    } else if (name == schema.weight) {
      set_aside(name, "named as the weight");
    } else if (about.missing == about.rows) {
      set_aside(name, "missing in every row");
    } else if (about.constant) {
      set_aside(name, "the same value in every row");
    } else if (about.id_like) {
      set_aside(name,
                fmt::format("looks like an identifier: {} different values in {} rows", about.distinct, about.rows));
    } else if (named_like_id) {
      set_aside(name, "named like an identifier");
    } else if (std::holds_alternative<table::TimeColumn>(column.data)) {
      dataset.plan.time.push_back(name);
    } else if (std::holds_alternative<table::TextColumn>(column.data)) {
      dataset.plan.categorical.push_back(name);
    } else {
      dataset.plan.numeric.push_back(name);
    }
  }
  for (const auto& [name, why] : dataset.set_aside)
    dataset.notes.push_back(fmt::format("column '{}' is set aside: {}", name, why));
}

Result<SplitKeys> split_keys(const Configuration& configuration, const table::Table& table, const Target& target,
                             std::span<const std::uint32_t> rows) {
  SplitKeys keys;
  keys.rows = rows.size();
  const Schema& schema = configuration.schema;
  if (target.task != model::Task::regression)
    for (std::uint32_t row : rows) keys.classes.push_back(target.labels[row]);
  if (!schema.group.empty()) {
    SLIPWAY_TRY(const table::Column* column, table.get(schema.group).with_context("schema: group"));
    const table::TextColumn text = table::as_text(*column);
    for (std::uint32_t row : rows) keys.groups.push_back(text.codes[row]);
  }
  if (!schema.time.empty()) {
    SLIPWAY_TRY(const table::Column* column, table.get(schema.time).with_context("schema: time"));
    const auto* times = std::get_if<table::TimeColumn>(&column->data);
    if (times != nullptr) {
      for (std::uint32_t row : rows) keys.times.push_back(times->values[row]);
    } else if (configuration.split.options.method == "time") {
      return invalid_input(fmt::format("schema: time: column '{}' is {}, expected dates or timestamps", schema.time,
                                       table::type_name(column->data)));
    }
  }
  for (const std::string& id : schema.ids) {
    SLIPWAY_TRY(const table::Column* column, table.get(id).with_context("schema: id"));
    if (!keys.ids.empty()) continue;
    const std::vector<std::uint64_t> all = table::row_keys(*column);
    for (std::uint32_t row : rows) keys.ids.push_back(all[row]);
  }
  return keys;
}

namespace {

Result<table::Split> split_by_column(const table::Table& table, const std::string& name,
                                     std::span<const std::uint32_t> rows) {
  SLIPWAY_TRY(const table::Column* column, table.get(name).with_context("split: column"));
  const table::TextColumn text = table::as_text(*column);
  table::Split split;
  for (std::uint32_t row : rows) {
    if (text.codes[row] < 0) continue;
    const std::string& part = text.dictionary[static_cast<std::size_t>(text.codes[row])];
    if (part == "train" || part == "validation") split.train.push_back(row);
    if (part == "train") split.fitting.push_back(row);
    if (part == "validation") split.validation.push_back(row);
    if (part == "test") split.test.push_back(row);
  }
  if (split.validation.empty()) split.fitting.clear();
  if (split.train.empty() || split.test.empty())
    return invalid_input(
        fmt::format("split: column '{}' gives {} rows for training and {} for the test; it must hold "
                    "'train' and 'test' ('validation' may be there, other rows are left out)",
                    name, split.train.size(), split.test.size()));
  return split;
}

Status check_split(const Dataset& dataset) {
  if (dataset.split.train.size() < 2 || dataset.split.test.empty())
    return invalid_input(fmt::format("too few rows: {} for training and {} for the test", dataset.split.train.size(),
                                     dataset.split.test.size()));
  if (dataset.target.task == model::Task::regression) return {};
  const auto check_classes = [&](const std::vector<std::uint32_t>& rows, const char* part) -> Status {
    std::vector<std::int64_t> counts(dataset.target.classes.size());
    for (std::uint32_t row : rows) ++counts[static_cast<std::size_t>(dataset.target.labels[row])];
    const auto present = std::count_if(counts.begin(), counts.end(), [](std::int64_t n) { return n > 0; });
    if (present >= 2) return {};
    return invalid_input(fmt::format("the {} rows have one class only: {} rows of the target's {} classes", part,
                                     rows.size(), counts.size()));
  };
  SLIPWAY_CHECK(check_classes(dataset.split.train, "training"));
  if (dataset.split.validation.empty()) return {};
  SLIPWAY_CHECK(check_classes(dataset.split.fitting, "training"));
  return check_classes(dataset.split.validation, "validation");
}

}  // namespace

Result<Dataset> make_dataset(const Configuration& configuration, Prepared prepared, Progress& progress) {
  Dataset dataset;
  dataset.prepared = std::move(prepared);
  const table::Table& table = dataset.prepared.table;
  SLIPWAY_TRY(dataset.target, resolve_target(table, configuration.schema));
  SLIPWAY_TRY(dataset.target.weights, read_weights(table, configuration.schema));
  dataset.plan = configuration.features;
  if (configuration.infer_features) {
    const table::TableProfile profile = table::profile_table(table);
    infer_features(table, profile, configuration.schema, dataset);
  } else {
    for (const auto* names : {&dataset.plan.numeric, &dataset.plan.categorical, &dataset.plan.time})
      if (std::find(names->begin(), names->end(), configuration.schema.target) != names->end())
        return invalid_input(fmt::format("features: '{}' is the target itself", configuration.schema.target));
    // A column named numeric that holds text, and the reverse, are found by the features themselves.
  }
  SLIPWAY_TRY(const learners::Learner learner, learner_of(configuration));
  const bool regression = dataset.target.task == model::Task::regression;
  if (regression ? !learner.regresses : !learner.classifies)
    return invalid_input(fmt::format("learner {}{}: the target '{}' is a {} one, which it does not learn", learner.name,
                                     configuration.calibrated ? ", calibrated" : "", configuration.schema.target,
                                     model::task_name(dataset.target.task)));
  if (!learners::takes_missing(learner, configuration.settings, dataset.target.task)) {
    bool changed = dataset.plan.options.impute == "none";
    if (changed) dataset.plan.options.impute = "median";
    for (auto& [name, options] : dataset.plan.column_options) {
      if (options.impute != "none") continue;
      options.impute = "median";
      changed = true;
    }
    if (changed)
      dataset.notes.push_back(
          fmt::format("missing numbers become the median: {} takes no missing values", learner.name));
  }
  for (const std::string& column : configuration.explain.partial_dependence)
    SLIPWAY_CHECK(table.get(column).with_context("explain: partial_dependence"));
  for (const auto& [first, second] : configuration.explain.pair_dependence)
    for (const std::string& column : {first, second})
      SLIPWAY_CHECK(table.get(column).with_context("explain: partial_dependence"));
  SLIPWAY_CHECK(check_catalogue(configuration, dataset));
  std::vector<std::uint32_t> usable;
  for (std::uint32_t row = 0; row < table.rows(); ++row) {
    const bool missing = dataset.target.task == model::Task::regression ? std::isnan(dataset.target.values[row])
                                                                        : dataset.target.labels[row] < 0;
    if (!missing) usable.push_back(row);
  }
  if (usable.size() < table.rows())
    dataset.notes.push_back(fmt::format("{} rows without a target are left out", table.rows() - usable.size()));
  for (const std::string& note : dataset.notes) progress.note(note);

  if (configuration.split.options.method == "column") {
    SLIPWAY_TRY(dataset.split, split_by_column(table, configuration.split.column, usable));
  } else {
    SLIPWAY_TRY(const SplitKeys keys, split_keys(configuration, table, dataset.target, usable));
    SLIPWAY_TRY(dataset.split, table::split_rows(keys.view(), configuration.split.options).with_context("split"));
    for (auto* part : {&dataset.split.train, &dataset.split.test, &dataset.split.fitting, &dataset.split.validation})
      for (std::uint32_t& row : *part) row = usable[row];
  }
  SLIPWAY_CHECK(check_split(dataset));
  return dataset;
}

}  // namespace slipway::pipeline
