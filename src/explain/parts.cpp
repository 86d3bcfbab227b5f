#include "parts.hpp"

#include <algorithm>

#include "interventional.hpp"
#include "kernels.hpp"

namespace slipway::explain {
namespace {

static_assert(rows_at_once == block_rows);

constexpr std::size_t few_rows = 12;  // below, the one-row kernel is faster

// Working memory of one thread.
struct Memory {
  Scratch kernel, columns;
  std::vector<float> values;
  std::vector<double> sums;
};
Memory& memory() {
  thread_local Memory one;
  return one;
}

void take_row(const Ensemble& ensemble, const model::Block& block, std::size_t row, std::vector<float>& values) {
  values.resize(ensemble.features.size());
  for (std::size_t f = 0; f < values.size(); ++f) values[f] = block.at(row, ensemble.features[f]);
}

class PathDependentTrees : public Part {
 public:
  PathDependentTrees(const model::Trees& trees, const Mix& mix) : ensemble_(lay_out(trees, mix)) {
    add_short_paths(ensemble_);
    base_ = ensemble_.expected;
  }

  void add(const model::Block& block, std::size_t begin, std::size_t end, const Columns& to) const override {
    if (block.rows < few_rows || ensemble_.deepest > deepest_recursion) {
      for (std::size_t row = begin; row < end; ++row) add_one(block, row, to);
      return;
    }
    const std::size_t used = ensemble_.features.size();
    const std::size_t rows = end - begin;
    Memory& work = memory();
    float* columns = work.columns.aligned(used * block_rows);
    for (std::size_t f = 0; f < used; ++f) {
      const float* from = block.values.data() + ensemble_.features[f] * block.rows + begin;
      std::copy(from, from + rows, columns + f * block_rows);
      std::fill(columns + f * block_rows + rows, columns + (f + 1) * block_rows, 0.0F);
    }
    work.sums.assign(used * ensemble_.outputs * block_rows, 0.0);
    explain_rows(ensemble_, columns, rows, work.sums.data(), work.kernel);
    for (std::size_t o = 0; o < ensemble_.outputs; ++o)
      for (std::size_t f = 0; f < used; ++f) {
        const double* from = work.sums.data() + (o * used + f) * block_rows;
        double* column = to.at(o, ensemble_.features[f]) + begin;
        for (std::size_t row = 0; row < rows; ++row) column[row] += from[row] * ensemble_.scale;
      }
  }

 private:
  void add_one(const model::Block& block, std::size_t row, const Columns& to) const {
    const std::size_t used = ensemble_.features.size();
    Memory& work = memory();
    take_row(ensemble_, block, row, work.values);
    work.sums.assign(used * ensemble_.outputs, 0.0);
    explain_one(ensemble_, work.values.data(), work.sums.data(), work.kernel);
    for (std::size_t o = 0; o < ensemble_.outputs; ++o)
      for (std::size_t f = 0; f < used; ++f)
        to.at(o, ensemble_.features[f])[row] += work.sums[o * used + f] * ensemble_.scale;
  }

  Ensemble ensemble_;
};

class InterventionalTrees : public Part {
 public:
  InterventionalTrees(const model::Trees& trees, const Mix& mix, const model::Block& baselines)
      : ensemble_(lay_out(trees, mix)), pairs_(ensemble_), weights_(ensemble_.most_distinct) {
    columns_.count = baselines.rows;
    columns_.padded = (baselines.rows + 7) / 8 * 8;
    columns_.values.assign(ensemble_.features.size() * columns_.padded, 0);
    for (std::size_t f = 0; f < ensemble_.features.size(); ++f) {
      const std::span<const float> from = baselines.column(ensemble_.features[f]);
      std::copy(from.begin(), from.end(), columns_.values.begin() + std::ptrdiff_t(f * columns_.padded));
    }
    scale_ = ensemble_.scale / static_cast<double>(columns_.count);
    base_.assign(mix.size(), 0);
    for (std::size_t b = 0; b < columns_.count; ++b)
      add_output(ensemble_, columns_.values.data() + b, columns_.padded, base_.data());
    const double constant_trees = static_cast<double>(columns_.count);
    for (std::size_t o = 0; o < base_.size(); ++o)
      base_[o] = (base_[o] + ensemble_.single_leaves[o] * constant_trees) * scale_ + ensemble_.offset[o];
  }

  void add(const model::Block& block, std::size_t begin, std::size_t end, const Columns& to) const override {
    const std::size_t used = ensemble_.features.size();
    Memory& work = memory();
    for (std::size_t row = begin; row < end; ++row) {
      take_row(ensemble_, block, row, work.values);
      work.sums.assign(used * ensemble_.outputs, 0.0);
      explain_against(ensemble_, pairs_, weights_, columns_, work.values.data(), work.sums.data(), work.kernel);
      for (std::size_t o = 0; o < ensemble_.outputs; ++o)
        for (std::size_t f = 0; f < used; ++f) to.at(o, ensemble_.features[f])[row] += work.sums[o * used + f] * scale_;
    }
  }

 private:
  Ensemble ensemble_;
  PairTrees pairs_;
  PairWeights weights_;
  BaselineColumns columns_;
  double scale_ = 1;
};

class Linear : public Part {
 public:
  Linear(const Mix& mix, const model::Block& baselines) : weights_(mix) {
    means_.assign(baselines.width, 0);
    for (std::size_t c = 0; c < baselines.width; ++c) {
      for (const float value : baselines.column(c)) means_[c] += value;
      means_[c] /= static_cast<double>(baselines.rows);
    }
    for (const auto& weights : weights_) {
      base_.push_back(0);
      for (std::size_t c = 0; c < weights.size(); ++c) base_.back() += weights[c] * means_[c];
    }
  }

  void add(const model::Block& block, std::size_t begin, std::size_t end, const Columns& to) const override {
    for (std::size_t o = 0; o < weights_.size(); ++o)
      for (std::size_t c = 0; c < means_.size(); ++c) {
        const double weight = weights_[o][c];
        const std::span<const float> from = block.column(c);
        double* column = to.at(o, c);
        if (weight != 0)
          for (std::size_t row = begin; row < end; ++row) column[row] += weight * (double{from[row]} - means_[c]);
      }
  }

 private:
  Mix weights_;
  std::vector<double> means_;
};

}  // namespace

std::unique_ptr<Part> path_dependent_part(const model::Trees& trees, const Mix& mix) {
  return std::make_unique<PathDependentTrees>(trees, mix);
}
std::unique_ptr<Part> interventional_part(const model::Trees& trees, const Mix& mix, const model::Block& baselines) {
  return std::make_unique<InterventionalTrees>(trees, mix, baselines);
}
std::unique_ptr<Part> linear_part(const Mix& mix, const model::Block& baselines) {
  return std::make_unique<Linear>(mix, baselines);
}

}  // namespace slipway::explain
