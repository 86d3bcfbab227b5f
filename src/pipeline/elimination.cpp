#include "elimination.hpp"

#include <fmt/format.h>

#include <slipway/base/partial_progress.hpp>
#include <slipway/explain/importance.hpp>

namespace slipway::pipeline {
namespace {

// A Model whose inputs are the features themselves, so that what is known of inputs is known of features.
Result<model::Model> model_over_features(const learners::Fragment& fragment, std::size_t width, model::Task task) {
  model::ModelBuilder builder("features");
  model::Join join;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < width; ++i) {
    names.push_back(std::to_string(i));
    join.inputs.push_back(builder.input({.name = names.back()}));
  }
  const model::ValueId features = builder.add(join, "features", names);
  const model::ValueId scores = learners::append(builder, fragment, features);
  const std::vector<std::string> classes = builder.value(scores).columns;
  builder.set_task(task, "target", task == model::Task::regression ? std::vector<std::string>{} : classes);
  builder.set_outputs(scores, task == model::Task::regression
                                  ? scores
                                  : builder.add(model::Decide{.input = scores}, "label", {"label"}));
  return std::move(builder).build();
}

Result<std::vector<double>> importances(const learners::Fragment& fragment, std::span<const double> variances,
                                        const learners::Learner& learner, model::Task task) {
  std::vector<double> found(variances.size(), 0);
  SLIPWAY_TRY(const model::Model model, model_over_features(fragment, found.size(), task));
  const auto by_input = explain::impurity_importance(model);
  std::size_t products = 0;
  const model::Dense* of_features = nullptr;
  for (const model::Operator& op : fragment.operators)
    if (const auto* dense = std::get_if<model::Dense>(&op)) {
      ++products;
      if (dense->input == 0) of_features = dense;
    }
  if (!by_input.empty() && of_features == nullptr) {
    for (const auto& [name, value] : by_input) found[std::stoul(name)] = value;
    return found;
  }
  // Weights count where there is one product, of the features: those of several, or behind others, have no common size.
  if (!by_input.empty() || products != 1 || of_features == nullptr)
    return invalid_input(fmt::format(
        "{} does not say how much a feature counts; take a tree, a forest, boosting or a linear model", learner.name));
  const std::size_t outputs = of_features->bias.size();
  for (std::size_t i = 0; i < found.size(); ++i) {
    double squares = 0;
    for (std::size_t k = 0; k < outputs; ++k) {
      const double weight = of_features->weights[i * outputs + k];
      squares += weight * weight;
    }
    found[i] = squares * variances[i];
  }
  return found;
}

}  // namespace

features::FeatureImportance importance_in(const learners::Learner& learner, const learners::Settings& settings,
                                          const learners::TrainingData& data, std::uint64_t seed,
                                          const Threads& threads, Progress& progress) {
  return [&learner, settings, data, seed, &threads, &progress](
             const model::Block& features, std::span<const std::int32_t> nominal,
             std::span<const double> variances) -> Result<std::vector<double>> {
    learners::TrainingData now = data;
    now.features = &features;
    now.nominal = nominal;
    OnlyCancelled quiet(progress);
    SLIPWAY_TRY(const learners::Fragment fragment, learner.fit(now, settings, seed, threads, quiet));
    return importances(fragment, variances, learner, data.task);
  };
}

}  // namespace slipway::pipeline
