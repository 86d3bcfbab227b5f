// A learner that is fitted on augmented rows.
#include <cmath>

#include <fmt/format.h>

#include <slipway/learners/augmentation.hpp>

#include "fragments.hpp"

namespace slipway::learners {
namespace {

TrainingData view_of(const AugmentedRows& rows, const TrainingData& data) {
  TrainingData view = data;
  view.features = &rows.features;
  view.labels = rows.labels;
  view.targets = rows.targets;
  view.weights = rows.weights;
  view.groups = rows.groups;
  return view;
}

// Shifts margins where the scores are a link of margins that trees or a matrix product make; false: there are none.
bool shift_margins(Fragment& fragment, std::span<const double> correction) {
  const std::size_t count = fragment.operators.size();
  if (count < 2) return false;
  const auto* link = std::get_if<model::Link>(&fragment.operators.back());
  if (link == nullptr || link->input != count - 1) return false;
  std::vector<float> shifts;
  if (link->kind == model::Link::Kind::sigmoid && correction.size() == 2) {
    shifts = {static_cast<float>(std::log(correction[1] / correction[0]))};
  } else if (link->kind == model::Link::Kind::softmax) {
    for (const double factor : correction) shifts.push_back(static_cast<float>(std::log(factor)));
  } else {
    return false;
  }
  model::Operator& margins = fragment.operators[count - 2];
  if (auto* trees = std::get_if<model::Trees>(&margins); trees != nullptr && trees->outputs == shifts.size()) {
    trees->base.resize(trees->outputs, 0);
    for (std::size_t k = 0; k < shifts.size(); ++k) trees->base[k] += shifts[k];
    return true;
  }
  if (auto* dense = std::get_if<model::Dense>(&margins); dense != nullptr && dense->bias.size() == shifts.size() &&
                                                         dense->activation == model::Dense::Activation::identity) {
    for (std::size_t k = 0; k < shifts.size(); ++k) dense->bias[k] += shifts[k];
    return true;
  }
  return false;
}

Fragment corrected(Fragment fragment, std::span<const double> correction) {
  if (correction.empty() || shift_margins(fragment, correction)) return fragment;
  const std::vector<std::string> columns = fragment.columns.back();
  model::Affine affine;
  affine.input = last_value(fragment);
  for (const double factor : correction) affine.scale.push_back(static_cast<float>(factor));
  affine.shift.assign(correction.size(), 0);
  model::Link link;
  link.kind = model::Link::Kind::normalise;
  link.input = add(fragment, affine, columns);
  add(fragment, link, columns);
  return fragment;
}

class CorrectedFit final : public NestedFit {
 public:
  CorrectedFit(std::unique_ptr<NestedFit> base, std::vector<double> correction)
      : base_(std::move(base)), correction_(std::move(correction)) {}

  Result<Fragment> extract(const Settings& point) const override {
    SLIPWAY_TRY(Fragment fragment, base_->extract(point));
    return corrected(std::move(fragment), correction_);
  }
  Result<std::vector<model::Block>> predict(std::span<const Settings> points, const model::Block& features,
                                            const Threads& threads) const override {
    if (correction_.empty() || points.empty()) return base_->predict(points, features, threads);
    SLIPWAY_TRY(Fragment first, base_->extract(points[0]));
    std::vector<model::Block> scores;
    if (shift_margins(first, correction_)) {
      for (const Settings& point : points) {
        SLIPWAY_TRY(const Fragment fragment, extract(point));
        SLIPWAY_TRY(scores.emplace_back(), learners::predict(fragment, features, threads));
      }
      return scores;
    }
    SLIPWAY_TRY(scores, base_->predict(points, features, threads));
    // As Affine and Link::normalise compute, in the same order of float32 operations.
    for (model::Block& block : scores)
      for (std::size_t row = 0; row < block.rows; ++row) {
        float sum = 0;
        for (std::size_t k = 0; k < block.width; ++k) {
          float& score = block.values[k * block.rows + row];
          score = score * static_cast<float>(correction_[k]) + 0.0F;
          sum = sum + score;
        }
        for (std::size_t k = 0; k < block.width; ++k) block.values[k * block.rows + row] /= sum;
      }
    return scores;
  }

 private:
  std::unique_ptr<NestedFit> base_;
  std::vector<double> correction_;
};

Result<AugmentedRows> rows_for(const TrainingData& data, const AugmentOptions& options, std::uint64_t seed,
                               const Threads& threads, Progress& progress) {
  SLIPWAY_TRY(AugmentedRows rows, augment(data, options, seed, threads).with_context("augment"));
  progress.note(fmt::format("augment: {} training rows became {}", data.features->rows, rows.features.rows));
  if (!options.correct) rows.correction.clear();
  return rows;
}

}  // namespace

Learner augmented(const Learner& base, const AugmentOptions& options) {
  Learner learner = base;
  learner.fit = [base, options](const TrainingData& data, const Settings& settings, std::uint64_t seed,
                                const Threads& threads, Progress& progress) -> Result<Fragment> {
    SLIPWAY_TRY(const AugmentedRows rows, rows_for(data, options, seed, threads, progress));
    SLIPWAY_TRY(Fragment fragment, base.fit(view_of(rows, data), settings, seed, threads, progress));
    return corrected(std::move(fragment), rows.correction);
  };
  if (base.fit_nested == nullptr) return learner;
  learner.fit_nested = [base, options](const TrainingData& data, const Settings& settings,
                                       std::span<const Settings> points, std::uint64_t seed, const Threads& threads,
                                       Progress& progress) -> Result<std::unique_ptr<NestedFit>> {
    SLIPWAY_TRY(const AugmentedRows rows, rows_for(data, options, seed, threads, progress));
    SLIPWAY_TRY(auto nested, base.fit_nested(view_of(rows, data), settings, points, seed, threads, progress));
    std::unique_ptr<NestedFit> fit = std::make_unique<CorrectedFit>(std::move(nested), rows.correction);
    return fit;
  };
  return learner;
}

}  // namespace slipway::learners
