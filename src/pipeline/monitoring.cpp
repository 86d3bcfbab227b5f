#include "monitoring.hpp"

#include <slipway/base/random.hpp>
#include <slipway/monitor/reference.hpp>

namespace slipway::pipeline {

Result<nlohmann::json> monitoring_profile(const Configuration& configuration, const ServableModel& servable,
                                          const Dataset& dataset, const Threads& threads) {
  std::vector<std::string> names;
  std::vector<monitor::Feature> features;
  for (const model::Input& input : servable.model.inputs) {
    names.push_back(input.name);
    if (input.kind == model::InputKind::time) continue;  // a time drifts by nature
    features.push_back(
        {input.name, input.kind == model::InputKind::text ? monitor::FeatureKind::text : monitor::FeatureKind::number});
  }
  const Schema& schema = configuration.schema;
  for (const std::string& name : {schema.time, schema.group})
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  const table::Table kept = dataset.prepared.table.select(names);
  SLIPWAY_TRY(const table::Table all, table::concatenate(kept, dataset.prepared.dropped.select(names)));

  const std::size_t used = dataset.split.train.size() + dataset.split.test.size();
  const double held_out = static_cast<double>(dataset.split.test.size()) / static_cast<double>(used);
  std::vector<std::uint32_t> scored = dataset.split.test;
  for (std::size_t row = kept.rows(); row < all.rows(); ++row)
    if (Random(random_key({configuration.seed, 0x6472, row})).uniform() < held_out)
      scored.push_back(static_cast<std::uint32_t>(row));
  SLIPWAY_TRY(const auto prediction, servable.predictor.predict_table(all.take(scored), threads));
  std::vector<float> scores(all.rows(), std::numeric_limits<float>::quiet_NaN());
  // Several classes: the probability of the predicted one says most about how sure the model is.
  for (std::size_t i = 0; i < scored.size(); ++i) {
    float score = prediction.scores.at(i, servable.model.task == model::Task::binary ? 1 : 0);
    if (servable.model.task == model::Task::multiclass)
      score = prediction.scores.at(i, static_cast<std::size_t>(prediction.labels[i]));
    scores[scored[i]] = score;
  }

  monitor::ReferenceInput input;
  input.features = features;
  input.scores = scores;
  std::vector<std::int64_t> groups;
  if (!schema.group.empty()) {
    SLIPWAY_TRY(const table::Column* column, all.get(schema.group));
    const table::TextColumn text = table::as_text(*column);
    groups.assign(text.codes.begin(), text.codes.end());
    input.groups = groups;
  }
  if (!schema.time.empty())
    if (const auto* times = std::get_if<table::TimeColumn>(&(*all.get(schema.time))->data)) input.times = times->values;
  SLIPWAY_TRY(const monitor::Reference reference, monitor::build_reference(all, input));
  return monitor::to_json(reference);
}

}  // namespace slipway::pipeline
