#include <fmt/format.h>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/evaluate/gates.hpp>
#include <slipway/evaluate/thresholds.hpp>
#include <slipway/learners/calibration.hpp>
#include <slipway/pipeline/configuration.hpp>

#include "cleaning_steps.hpp"

namespace slipway::pipeline {
namespace {

namespace fs = std::filesystem;
using params::Value;

Status read_strings(std::vector<std::string>& into, const Value* value, std::string_view key) {
  if (value == nullptr || value->is_null()) return {};
  SLIPWAY_TRY(into, value->strings().with_context(key));
  return {};
}

Status read_string(std::string& into, const Value* value, std::string_view key) {
  if (value == nullptr || value->is_null()) return {};
  SLIPWAY_TRY(into, value->string().with_context(key));
  return {};
}

Status read_source_entry(Source& source, const Value& value) {
  if (value.kind != Value::Kind::map) {
    SLIPWAY_TRY(source.location, value.string().with_context("source: " + source.name));
    return {};
  }
  const std::string what = "source: " + source.name;
  SLIPWAY_CHECK(value.expect_keys(
      {"location", "table", "query", "delimiter", "quote", "encoding", "missing", "types", "max_rejects"}, what));
  if (value.find("location") == nullptr) return value.error(what + ": `location` is missing");
  SLIPWAY_CHECK(read_string(source.location, value.find("location"), what + ": location"));
  table::LoadOptions& options = source.options;
  SLIPWAY_CHECK(read_string(options.table, value.find("table"), what + ": table"));
  SLIPWAY_CHECK(read_string(options.query, value.find("query"), what + ": query"));
  SLIPWAY_CHECK(read_string(options.delimiter, value.find("delimiter"), what + ": delimiter"));
  SLIPWAY_CHECK(read_string(options.quote, value.find("quote"), what + ": quote"));
  SLIPWAY_CHECK(read_string(options.encoding, value.find("encoding"), what + ": encoding"));
  SLIPWAY_CHECK(read_strings(options.missing_markers, value.find("missing"), what + ": missing"));
  if (const Value* most = value.find("max_rejects")) {
    SLIPWAY_TRY(options.max_rejects, most->integer().with_context(what + ": max_rejects"));
    if (options.max_rejects < 0) return most->error(what + ": max_rejects: expected 0 or more");
  }
  if (const Value* types = value.find("types")) {
    if (types->kind != Value::Kind::map) return types->error(what + ": types: expected columns with their types");
    for (const Value::Entry& entry : types->entries) {
      SLIPWAY_TRY(const std::string type, entry.value.string().with_context(what + ": types: " + entry.key));
      options.types.push_back({entry.key, type});
    }
  }
  return {};
}

Status read_source(Configuration& configuration, const Value& source) {
  if (source.kind == Value::Kind::scalar) {
    configuration.sources.push_back({"data", source.text, {}});
    return {};
  }
  if (source.kind != Value::Kind::map)
    return source.error("source: expected a location, or names with their locations (and `sql`)");
  std::vector<std::string> missing_markers = table::default_missing_markers();
  for (const Value::Entry& entry : source.entries)
    if (entry.key == "missing") SLIPWAY_CHECK(read_strings(missing_markers, &entry.value, "source: missing"));
  for (const Value::Entry& entry : source.entries)
    if (const auto* option = params::find_option<SourcePlan>(source_options, entry.key))
      SLIPWAY_CHECK(params::set_option(configuration.source, *option, entry.value));
  for (const Value::Entry& entry : source.entries) {
    if (entry.key == "missing" || params::find_option<SourcePlan>(source_options, entry.key) != nullptr) continue;
    if (entry.key == "sql") {
      SLIPWAY_CHECK(read_string(configuration.sql, &entry.value, "source: sql"));
      continue;
    }
    Source named{entry.key, "", {}};
    named.options.missing_markers = missing_markers;
    named.options.max_rejects = configuration.source.max_rejects;
    SLIPWAY_CHECK(read_source_entry(named, entry.value));
    configuration.sources.push_back(std::move(named));
  }
  if (configuration.sources.empty()) return source.error("source: names no file, table or folder to read");
  if (configuration.sources.size() > 1 && configuration.sql.empty())
    return source.error("source: several sources need `sql` to say how they become one table");
  return {};
}

Status read_schema(Schema& schema, const Value& value) {
  SLIPWAY_CHECK(value.expect_keys({"target", "positive", "id", "time", "group", "weight"}, "schema"));
  SLIPWAY_CHECK(read_string(schema.target, value.find("target"), "schema: target"));
  SLIPWAY_CHECK(read_string(schema.positive, value.find("positive"), "schema: positive"));
  SLIPWAY_CHECK(read_strings(schema.ids, value.find("id"), "schema: id"));
  SLIPWAY_CHECK(read_string(schema.time, value.find("time"), "schema: time"));
  SLIPWAY_CHECK(read_string(schema.group, value.find("group"), "schema: group"));
  SLIPWAY_CHECK(read_string(schema.weight, value.find("weight"), "schema: weight"));
  if (schema.target.empty()) return value.error("schema: `target` is missing: which column is to be predicted?");
  return {};
}

Status read_split(SplitPlan& plan, const Value& value) {
  SLIPWAY_CHECK(params::read_options<table::SplitOptions>(plan.options, split_options, value, "split", {"column"}));
  SLIPWAY_CHECK(read_string(plan.column, value.find("column"), "split: column"));
  if ((plan.options.method == "column") != !plan.column.empty())
    return value.error("split: `method: column` and `column: NAME` belong together");
  return {};
}

// Options that stand for all columns, and maps of columns to values for those that differ:
//   scale: standard        scale: {amount: robust}
Status read_feature_options(features::FeaturePlan& plan, const Value& value) {
  using Options = std::span<const params::Option<features::FeatureOptions>>;
  for (const Value::Entry& entry : value.entries)
    if (const auto* option = params::find_option(Options(features::feature_options), entry.key);
        option != nullptr && entry.value.kind != Value::Kind::map)
      SLIPWAY_CHECK(params::set_option(plan.options, *option, entry.value).with_context("features"));
  for (const Value::Entry& entry : value.entries) {
    const auto* option = params::find_option(Options(features::feature_options), entry.key);
    if (option == nullptr || entry.value.kind != Value::Kind::map) continue;
    for (const Value::Entry& column : entry.value.entries) {
      auto& options = plan.column_options.try_emplace(column.key, plan.options).first->second;
      SLIPWAY_CHECK(params::set_option(options, *option, column.value)
                        .with_context(fmt::format("features: {}: {}", entry.key, column.key)));
    }
  }
  return {};
}

// Names, or names with what belongs to them: `read` takes the name and its value, null for a bare name.
template <class Read>
Status read_named(const Value* value, std::string_view key, const Read& read) {
  if (value == nullptr || value->is_null()) return {};
  if (value->kind == Value::Kind::map) {
    for (const Value::Entry& entry : value->entries)
      SLIPWAY_CHECK(Status(read(entry.key, entry.value)).with_context(fmt::format("{}: {}", key, entry.key)));
    return {};
  }
  SLIPWAY_TRY(const std::vector<std::string> names, value->strings().with_context(key));
  for (const std::string& name : names) SLIPWAY_CHECK(Status(read(name, Value{})).with_context(key));
  return {};
}

Status read_time(features::FeaturePlan& plan, const std::string& name, const Value& parts) {
  plan.time.push_back(name);
  if (parts.is_null()) return {};
  SLIPWAY_TRY(const std::vector<std::string> given, parts.strings());
  const std::vector<std::string> known = features::time_part_names();
  for (const std::string& part : given)
    if (std::find(known.begin(), known.end(), part) == known.end())
      return parts.error(fmt::format("a time has no part '{}'{}; there are {}", part, suggestion(part, known),
                                     list_names(known, known.size())));
  plan.time_parts[name] = given;
  return {};
}

Status read_text(features::FeaturePlan& plan, const std::string& name, const Value& value) {
  features::TextOptions options;
  SLIPWAY_CHECK(
      params::read_options<features::TextOptions>(options, features::text_options, value, "text", {"ngrams"}));
  if (const Value* ngrams = value.find("ngrams")) {
    const auto whole = [&](const Value& number, int& into) -> Status {
      SLIPWAY_TRY(const std::int64_t read, number.integer().with_context("ngrams"));
      if (read < 1 || read > 20) return number.error("ngrams: expected 1 to 20");
      into = static_cast<int>(read);
      return {};
    };
    const bool pair = ngrams->kind == Value::Kind::list && ngrams->items.size() == 2;
    if (ngrams->kind != Value::Kind::scalar && !pair)
      return ngrams->error("ngrams: expected a number, or the fewest and the most, as in [1, 2]");
    SLIPWAY_CHECK(whole(pair ? ngrams->items[0] : *ngrams, options.ngram_minimum));
    SLIPWAY_CHECK(whole(pair ? ngrams->items[1] : *ngrams, options.ngram_maximum));
  }
  if (options.ngram_minimum > options.ngram_maximum)
    return value.error(fmt::format("ngrams: {} is more than {}", options.ngram_minimum, options.ngram_maximum));
  plan.text.emplace_back(name, options);
  return {};
}

// `polynomial: [amount, visits]`, or a map with `columns` and options.
Status read_polynomial(features::FeaturePlan& plan, const Value* value) {
  if (value == nullptr || value->is_null()) return {};
  if (value->kind != Value::Kind::map) return read_strings(plan.polynomial, value, "features: polynomial");
  SLIPWAY_CHECK(params::read_options<features::PolynomialOptions>(plan.polynomial_options, features::polynomial_options,
                                                                  *value, "polynomial", {"columns"}));
  SLIPWAY_CHECK(read_strings(plan.polynomial, value->find("columns"), "polynomial: columns"));
  if (plan.polynomial.empty()) return value->error("polynomial: `columns` names no column to multiply");
  return {};
}

// `pca: 5`, or a map with `columns` and options.
Status read_components(features::FeaturePlan& plan, const Value* value) {
  if (value == nullptr || value->is_null()) return {};
  if (value->kind == Value::Kind::scalar)
    return params::set_option(plan.components, features::component_options[0], *value).with_context("features: pca");
  SLIPWAY_CHECK(params::read_options<features::ComponentOptions>(plan.components, features::component_options, *value,
                                                                 "pca", {"columns"}));
  SLIPWAY_CHECK(read_strings(plan.component_columns, value->find("columns"), "pca: columns"));
  if (plan.components.components <= 0) return value->error("pca: `components` is missing: how many?");
  return {};
}

Status read_features(Configuration& configuration, const Value& value) {
  auto& plan = configuration.features;
  std::vector<std::string> known =
      params::option_names(std::span<const params::Option<features::FeatureOptions>>(features::feature_options));
  for (const char* key : {"numeric", "categorical", "time", "derived", "text", "polynomial", "pca", "select"})
    known.emplace_back(key);
  if (!value.is_null()) SLIPWAY_CHECK(value.expect_keys(known, "features"));
  SLIPWAY_CHECK(read_feature_options(plan, value));
  SLIPWAY_CHECK(read_strings(plan.numeric, value.find("numeric"), "features: numeric"));
  SLIPWAY_CHECK(read_strings(plan.categorical, value.find("categorical"), "features: categorical"));
  SLIPWAY_CHECK(read_named(value.find("time"), "features: time",
                           [&](const std::string& name, const Value& parts) { return read_time(plan, name, parts); }));
  SLIPWAY_CHECK(read_named(value.find("text"), "features: text", [&](const std::string& name, const Value& options) {
    return read_text(plan, name, options);
  }));
  SLIPWAY_CHECK(read_polynomial(plan, value.find("polynomial")));
  SLIPWAY_CHECK(read_components(plan, value.find("pca")));
  if (const Value* select = value.find("select"))
    SLIPWAY_CHECK(
        params::read_options<features::SelectOptions>(plan.select, features::select_options, *select, "select"));
  if (const Value* derived = value.find("derived"); derived != nullptr && !derived->is_null()) {
    if (derived->kind != Value::Kind::map) return derived->error("derived: expected names with their expressions");
    for (const Value::Entry& entry : derived->entries) {
      SLIPWAY_TRY(const std::string expression, entry.value.string().with_context("derived: " + entry.key));
      plan.derived.push_back({entry.key, expression});
    }
  }
  configuration.infer_features = plan.numeric.empty() && plan.categorical.empty() && plan.time.empty() &&
                                 plan.derived.empty() && plan.text.empty();
  return {};
}

Status read_learner(Configuration& configuration, const Value& value) {
  if (value.kind == Value::Kind::scalar) {
    configuration.learner = value.text;
  } else if (value.kind == Value::Kind::map && value.entries.size() == 1) {
    configuration.learner = value.entries[0].key;
    const Value& settings = value.entries[0].value;
    if (!settings.is_null() && settings.kind != Value::Kind::map)
      return settings.error("learner: expected options with their values");
    for (const Value::Entry& entry : settings.entries) configuration.settings.emplace_back(entry.key, entry.value);
  } else {
    return value.error("learner: expected a name, or one name with its options");
  }
  auto learner = learners::find_learner(configuration.learner);
  if (!learner.ok()) return value.error(learner.error().message());
  return (*learner)->check(configuration.settings).with_context("learner " + configuration.learner);
}

Status read_search(Configuration& configuration, const Value& value) {
  SLIPWAY_TRY(const learners::Learner learner, learner_of(configuration));
  std::vector<std::string> names;
  for (const auto& option : learner.options) names.push_back(option.name);
  // Options of an ensemble's members, as in random_forest.max_depth; the learner knows which there are.
  for (const Value::Entry& entry : value.entries)
    if (entry.key.find('.') != std::string::npos) names.push_back(entry.key);
  auto& plan = configuration.search;
  SLIPWAY_CHECK(params::read_options<SearchPlan>(plan, search_options, value, "search", names));
  for (const Value::Entry& entry : value.entries) {
    if (std::find(names.begin(), names.end(), entry.key) == names.end()) continue;
    if (params::find_option(std::span<const params::Option<SearchPlan>>(search_options), entry.key)) continue;
    SLIPWAY_TRY(search::Dimension dimension, search::read_dimension(entry.key, entry.value).with_context("search"));
    for (const Value& candidate : dimension.values) {
      learners::Settings settings = configuration.settings;
      settings.emplace_back(entry.key, candidate);
      SLIPWAY_CHECK(learner.check(settings).with_context("search: " + entry.key));
    }
    plan.space.push_back(std::move(dimension));
  }
  if (plan.method == "none" && !plan.space.empty()) plan.method = "grid";
  if (plan.method.ends_with("grid"))
    for (const search::Dimension& dimension : plan.space)
      if (dimension.distribution)
        return value.error(
            fmt::format("search: {}: a grid needs values, not a distribution: use grid or log_grid with a "
                        "number of steps, or method: random",
                        dimension.option));
  if (plan.resource != "rows" && std::find(names.begin(), names.end(), plan.resource) == names.end())
    return value.error(fmt::format("search: resource: '{}' is neither rows nor an option of {}{}", plan.resource,
                                   configuration.learner, suggestion(plan.resource, names)));
  if ((plan.fold_method == "column") != !plan.fold_column.empty())
    return value.error("search: `fold_method: column` and `fold_column: NAME` belong together");
  if (plan.repeats > 1 && (plan.fold_method == "column" || plan.fold_method == "time"))
    return value.error(fmt::format("search: repeats: folds by {} are the same each time", plan.fold_method));
  return {};
}

Status read_evaluate(Configuration& configuration, const Value& value) {
  EvaluatePlan& plan = configuration.evaluate;
  SLIPWAY_CHECK(params::read_options<EvaluatePlan>(plan, evaluate_options, value, "evaluate",
                                                   {"threshold", "gates", "slices", "costs"}));
  SLIPWAY_CHECK(read_strings(plan.slices, value.find("slices"), "evaluate: slices"));
  if (const Value* costs = value.find("costs"); costs != nullptr && !costs->is_null()) {
    plan.costs.emplace();
    SLIPWAY_CHECK(params::read_options<CostPlan>(*plan.costs, cost_options, *costs, "costs"));
  }
  // What is wrong is said now, not after the search.
  if (const Value* threshold = value.find("threshold")) {
    configuration.threshold = *threshold;
    evaluate::ThresholdPolicy policy;
    SLIPWAY_CHECK(
        params::read_options<evaluate::ThresholdPolicy>(policy, evaluate::threshold_options, *threshold, "threshold"));
    if (const auto described = evaluate::describe_policy(policy); !described.ok())
      return threshold->error(described.error().message());
    if (!policy.minimise.empty() && !plan.costs)
      return threshold->error("threshold: `minimise: cost` needs `costs` beside it");
    if (policy.alerts_per_day && configuration.schema.time.empty())
      return threshold->error("threshold: `alerts_per_day` needs `schema: {time: ...}`, to know what a day brings");
  }
  if (const Value* gates = value.find("gates"); gates != nullptr && !gates->is_null()) {
    if (gates->kind != Value::Kind::map) return gates->error("gates: expected metrics with their conditions");
    for (const Value::Entry& entry : gates->entries) {
      SLIPWAY_TRY(const std::string condition, entry.value.string().with_context("gates: " + entry.key));
      if (const auto gate = evaluate::parse_gate(entry.key, condition); !gate.ok())
        return entry.value.error(gate.error().message());
      configuration.gates.push_back({entry.key, condition});
    }
  }
  return {};
}

Status read_package(Configuration& configuration, const Value& value) {
  static const std::vector<std::string> known = {"onnx"};
  SLIPWAY_TRY(configuration.package, value.strings().with_context("package"));
  for (const std::string& format : configuration.package)
    if (std::find(known.begin(), known.end(), format) == known.end())
      return value.error(fmt::format("package: unknown format '{}'{}; this version writes {}", format,
                                     suggestion(format, known), list_names(known)));
  return {};
}

}  // namespace

// A column, or a list of columns and of pairs of columns.
Status read_dependence(ExplainPlan& plan, const Value* value) {
  if (value == nullptr || value->is_null()) return {};
  const std::vector<Value> one = {*value};
  for (const Value& item : value->kind == Value::Kind::list ? value->items : one) {
    SLIPWAY_TRY(const std::vector<std::string> columns, item.strings().with_context("explain: partial_dependence"));
    if (item.kind != Value::Kind::list) {
      plan.partial_dependence.push_back(columns[0]);
    } else if (columns.size() == 2) {
      plan.pair_dependence.emplace_back(columns[0], columns[1]);
    } else {
      return item.error("explain: partial_dependence: expected a column, or two of them in brackets");
    }
  }
  return {};
}

Result<Configuration> parse_configuration(std::string_view yaml, const std::string& file_name, const fs::path& folder) {
  SLIPWAY_TRY(const Value document, params::parse_yaml(yaml, file_name));
  SLIPWAY_CHECK(
      document.expect_keys({"name", "source", "schema", "prepare", "split", "features", "augment", "learner",
                            "calibrate", "search", "evaluate", "explain", "package", "monitor", "card", "seed"},
                           "the configuration"));
  Configuration configuration;
  configuration.folder = folder;
  SLIPWAY_CHECK(read_string(configuration.name, document.find("name"), "name"));
  if (const Value* name = document.find("name"))
    for (char c : configuration.name)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
        return name->error(
            fmt::format("name: '{}' holds '{}'; letters, digits, '-' and '_' are allowed", configuration.name, c));
  for (const char* key : {"source", "schema"})
    if (document.find(key) == nullptr) return document.error(fmt::format("`{}` is missing", key));
  SLIPWAY_CHECK(read_source(configuration, *document.find("source")));
  SLIPWAY_CHECK(read_schema(configuration.schema, *document.find("schema")));
  if (const Value* prepare = document.find("prepare"); prepare != nullptr && !prepare->is_null()) {
    if (prepare->kind != Value::Kind::list) return prepare->error("prepare: expected a list of steps");
    for (const Value& item : prepare->items) {
      SLIPWAY_TRY(auto step, read_cleaning_step(item));
      configuration.prepare.push_back(std::move(step));
    }
  }
  if (const Value* seed = document.find("seed")) {
    SLIPWAY_TRY(const std::int64_t number, seed->integer().with_context("seed"));
    configuration.seed = static_cast<std::uint64_t>(number);
  }
  if (const Value* split = document.find("split")) SLIPWAY_CHECK(read_split(configuration.split, *split));
  configuration.infer_features = true;
  if (const Value* value = document.find("features")) SLIPWAY_CHECK(read_features(configuration, *value));
  if (const Value* augment = document.find("augment"))
    SLIPWAY_CHECK(params::read_options<learners::AugmentOptions>(configuration.augment, learners::augment_options,
                                                                 *augment, "augment"));
  if (const Value* learner = document.find("learner")) SLIPWAY_CHECK(read_learner(configuration, *learner));
  if (const Value* calibrate = document.find("calibrate"); calibrate != nullptr && !calibrate->is_null())
    SLIPWAY_CHECK(set_calibration(configuration, *calibrate));
  if (const Value* search = document.find("search")) SLIPWAY_CHECK(read_search(configuration, *search));
  if (const Value* evaluate = document.find("evaluate")) SLIPWAY_CHECK(read_evaluate(configuration, *evaluate));
  if (const Value* explain = document.find("explain")) {
    SLIPWAY_CHECK(params::read_options<ExplainPlan>(configuration.explain, explain_options, *explain, "explain",
                                                    {"partial_dependence"}));
    SLIPWAY_CHECK(read_dependence(configuration.explain, explain->find("partial_dependence")));
  }
  if (const Value* package = document.find("package")) SLIPWAY_CHECK(read_package(configuration, *package));
  if (const Value* card = document.find("card"))
    SLIPWAY_CHECK(params::read_options<CardPlan>(configuration.card, card_options, *card, "card"));
  if (const Value* monitor = document.find("monitor")) configuration.monitor = *monitor;
  return configuration;
}

Result<Configuration> read_configuration(const fs::path& file) {
  SLIPWAY_TRY(const std::string text, read_file(file));
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  SLIPWAY_TRY(Configuration configuration, parse_configuration(text, file.string(), folder));
  configuration.file = file;
  return configuration;
}

Result<learners::Learner> learner_of(const Configuration& configuration) {
  SLIPWAY_TRY(const learners::Learner* learner, learners::find_learner(configuration.learner));
  // Calibration holds rows back from what it augments.
  learners::Learner fitted =
      learners::augments(configuration.augment) ? learners::augmented(*learner, configuration.augment) : *learner;
  return configuration.calibrated ? learners::calibrated(fitted) : fitted;
}

Status set_calibration(Configuration& configuration, const params::Value& value) {
  SLIPWAY_TRY(const learners::Settings settings, learners::calibration_settings(value));
  SLIPWAY_TRY(const learners::Learner* learner, learners::find_learner(configuration.learner));
  if (!learner->classifies)
    return value.error(
        fmt::format("calibrate: {} predicts no probabilities that could be calibrated", configuration.learner));
  configuration.calibrated = true;
  configuration.settings.insert(configuration.settings.end(), settings.begin(), settings.end());
  return {};
}

Configuration default_configuration(const std::string& location, const std::string& target) {
  Configuration configuration;
  configuration.sources.push_back({"data", location, {}});
  configuration.schema.target = target;
  configuration.infer_features = true;
  configuration.settings.emplace_back("n_estimators", params::scalar("300"));
  configuration.settings.emplace_back("max_depth", params::scalar("15"));
  return configuration;
}

}  // namespace slipway::pipeline
