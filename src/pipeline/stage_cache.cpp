#include "stage_cache.hpp"

#include <fmt/format.h>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/pipeline/build_identity.hpp>

namespace slipway::pipeline {
namespace {

namespace fs = std::filesystem;

template <class Options, std::size_t size>
std::string canonical(const Options& options, const params::Option<Options> (&table)[size]) {
  return params::canonical_options(options, std::span<const params::Option<Options>>(table));
}

void add_list(Sha256& digest, const std::vector<std::string>& texts) {
  digest.update_framed(std::to_string(texts.size()));
  for (const std::string& text : texts) digest.update_framed(text);
}

}  // namespace

std::string fold_key(const Configuration& configuration, const Dataset& dataset) {
  Sha256 digest;
  digest.update_framed("folds").update_framed(dataset.prepared.key).update_framed(build_identity());
  const Schema& schema = configuration.schema;
  digest.update_framed(configuration.name).update_framed(schema.target).update_framed(schema.positive);
  digest.update_framed(schema.time).update_framed(schema.group).update_framed(schema.weight);
  add_list(digest, schema.ids);
  digest.update_framed(canonical(configuration.split.options, split_options));
  digest.update_framed(configuration.split.column);
  const features::FeaturePlan& plan = dataset.plan;
  for (const auto* names : {&plan.numeric, &plan.categorical, &plan.time}) add_list(digest, *names);
  for (const auto& [name, parts] : plan.time_parts) {
    digest.update_framed(name);
    add_list(digest, parts);
  }
  for (const auto& derived : plan.derived) digest.update_framed(derived.name).update_framed(derived.expression);
  digest.update_framed("text");
  for (const auto& [name, options] : plan.text)
    digest.update_framed(name).update_framed(canonical(options, features::text_options));
  for (const auto* names : {&plan.polynomial, &plan.component_columns}) add_list(digest, *names);
  digest.update_framed(canonical(plan.polynomial_options, features::polynomial_options));
  digest.update_framed(canonical(plan.components, features::component_options));
  digest.update_framed(canonical(plan.select, features::select_options));
  digest.update_framed(canonical(plan.options, features::feature_options));
  for (const auto& [name, options] : plan.column_options)
    digest.update_framed(name).update_framed(canonical(options, features::feature_options));
  digest.update_framed(canonical(configuration.augment, learners::augment_options));
  const SearchPlan& folds = configuration.search;
  digest.update_framed(fmt::format("{} {} {} {}", folds.folds, folds.fold_method, folds.repeats, configuration.seed));
  return digest.update_framed(folds.fold_column).hex();
}

std::string training_key(const Configuration& configuration, const Dataset& dataset) {
  Sha256 digest;
  digest.update_framed("train").update_framed(fold_key(configuration, dataset));
  digest.update_framed(configuration.learner).update_framed(configuration.calibrated ? "calibrated" : "");
  for (const auto& [name, value] : configuration.settings)
    digest.update_framed(name).update_framed(params::canonical(value));
  digest.update_framed(canonical(configuration.search, search_options));
  for (const search::Dimension& dimension : configuration.search.space)
    digest.update_framed(search::canonical(dimension));
  digest.update_framed(params::canonical(configuration.threshold));
  if (configuration.evaluate.costs) digest.update_framed(canonical(*configuration.evaluate.costs, cost_options));
  digest.update_framed(std::to_string(configuration.seed));
  return digest.hex();
}

std::string assessment_key(const Configuration& configuration, const Dataset& dataset,
                           const std::string& model_digest) {
  Sha256 digest;
  digest.update_framed("assess").update_framed(training_key(configuration, dataset)).update_framed(model_digest);
  digest.update_framed(canonical(configuration.explain, explain_options));
  add_list(digest, configuration.explain.partial_dependence);
  for (const auto& [first, second] : configuration.explain.pair_dependence)
    digest.update_framed(first).update_framed(second);
  digest.update_framed(canonical(configuration.evaluate, evaluate_options));
  add_list(digest, configuration.evaluate.slices);
  return digest.hex();
}

std::optional<std::map<std::string, std::string>> read_entry(const fs::path& cache, const std::string& stage,
                                                             const std::string& key,
                                                             const std::vector<std::string>& files) {
  if (cache.empty()) return std::nullopt;
  std::map<std::string, std::string> contents;
  for (const std::string& name : files) {
    auto content = read_file(cache / stage / key / name);
    if (!content.ok()) return std::nullopt;
    contents[name] = std::move(*content);
  }
  return contents;
}

Status write_entry(const fs::path& cache, const std::string& stage, const std::string& key,
                   const std::map<std::string, std::string>& files) {
  if (cache.empty()) return {};
  SLIPWAY_TRY(auto work, FolderInProgress::beside(cache / stage / key));
  for (const auto& [name, content] : files) SLIPWAY_CHECK(write_file(work.path() / name, content));
  return work.publish(true).with_context("stage cache");
}

}  // namespace slipway::pipeline
