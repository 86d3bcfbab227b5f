// From training data to coded rows.
#include <fmt/format.h>

#include "training_data.hpp"
#include "tree/growth.hpp"
#include "tree/items.hpp"

namespace slipway::learners::tree {
namespace {

// What the counters and codes of trees can hold.
Status check_bounds(const TrainingData& data) {
  if (data.features->rows >= (std::size_t{1} << 28))
    return invalid_input(fmt::format("{} rows: at most 268435455", data.features->rows));
  if (data.features->width > 65535)
    return invalid_input(fmt::format("{} features: at most 65535", data.features->width));
  if (data.task != model::Task::regression && data.classes > LabelledItem::most_classes)
    return invalid_input(fmt::format("{} classes: trees take 2 to {}", data.classes, LabelledItem::most_classes));
  return {};
}

// Positions by class, rows of a class in their own order.
std::vector<std::uint32_t> order_by_class(std::span<const std::int32_t> labels) {
  std::vector<std::uint32_t> order;
  order.reserve(labels.size());
  for (std::int32_t sought : {0, 1})
    for (std::size_t row = 0; row < labels.size(); ++row)
      if (labels[row] == sought) order.push_back(static_cast<std::uint32_t>(row));
  return order;
}

void quantise_targets(std::span<const float> targets, TrainingRows& rows) {
  const auto [lowest, highest] = std::minmax_element(targets.begin(), targets.end());
  const double range = static_cast<double>(*highest) - static_cast<double>(*lowest);
  int exponent = 0;
  if (range > 0) std::frexp(range, &exponent);  // range < 2^exponent
  rows.target_step = std::ldexp(1.0, exponent - 30);
  rows.target_offset = std::round((static_cast<double>(*lowest) + range / 2) / rows.target_step) * rows.target_step;
  rows.targets.resize(targets.size());
  for (std::size_t row = 0; row < targets.size(); ++row)
    rows.targets[row] = static_cast<std::int32_t>(
        std::round((static_cast<double>(targets[row]) - rows.target_offset) / rows.target_step));
}

// The scale is a power of two: the largest weight becomes at most 2^16, their sum stays below 2^29, and no finer than
// what makes all of them whole numbers.
void quantise_weights(std::span<const float> weights, std::span<const std::uint32_t> order, TrainingRows& rows) {
  double largest = 0;
  double sum = 0;
  for (float weight : weights) {
    largest = std::max<double>(largest, weight);
    sum += weight;
  }
  int exponent = 0;
  std::frexp(largest, &exponent);  // largest < 2^exponent
  int room = 16 - exponent;
  const double most = std::ldexp(1.0, 29) - static_cast<double>(weights.size());
  while (std::ldexp(sum, room) > most) --room;
  const auto whole = [&](int power) {
    return std::all_of(weights.begin(), weights.end(), [&](float weight) {
      const double scaled = std::ldexp(static_cast<double>(weight), power);
      return scaled == std::floor(scaled);
    });
  };
  if (whole(room))
    while (whole(room - 1)) --room;
  rows.weight_scale = std::ldexp(1.0, room);
  rows.weights.resize(weights.size());
  bool all_one = true;
  for (std::size_t position = 0; position < weights.size(); ++position) {
    const double weight = weights[order.empty() ? position : order[position]];
    auto& quantised = rows.weights[position];
    quantised = static_cast<std::uint32_t>(std::floor(weight * rows.weight_scale + 0.5));
    if (quantised == 0 && weight > 0) quantised = 1;
    all_one = all_one && quantised == 1;
  }
  if (all_one) rows.weights.clear();
}

}  // namespace

Result<TrainingRows> prepare_rows(const TrainingData& data, const BinOptions& bins, const Threads& threads,
                                  const Progress& progress) {
  SLIPWAY_CHECK(check_training_data(data));
  SLIPWAY_CHECK(check_bounds(data));
  TrainingRows rows;
  rows.task = data.task;
  rows.classes = data.task == model::Task::regression ? 1 : data.classes;
  rows.outputs = data.task == model::Task::multiclass ? data.classes : 1;
  std::vector<std::uint32_t> order;
  if (data.task == model::Task::binary) {
    order = order_by_class(data.labels);
    rows.negatives = static_cast<std::uint32_t>(std::count(data.labels.begin(), data.labels.end(), 0));
  } else if (data.task == model::Task::multiclass) {
    rows.labels.assign(data.labels.begin(), data.labels.end());
  } else {
    quantise_targets(data.targets, rows);
  }
  if (!data.weights.empty()) quantise_weights(data.weights, order, rows);
  rows.bins = fit_bins(*data.features, bins, threads, progress);
  if (progress.cancelled()) return stopped_by_user();
  rows.codes = std::make_unique<CodedRows>(rows.bins, *data.features, order, true, threads);
  return rows;
}

}  // namespace slipway::learners::tree
