// Which rows and features each tree is grown on.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/compute/buffer.hpp>

#include "boosting/histogram.hpp"
#include "tree/bins.hpp"

namespace slipway::learners::boosting {

struct SamplingSettings {
  double subsample = 1;
  bool gradient_based = false;
  double colsample_bytree = 1;
  bool rows_differ() const { return subsample < 1; }
  bool features_differ() const { return colsample_bytree < 1; }
};

// Chooses rows and features, and lays out what TreeGrower reads. The first `rows` of the coded rows are learnt from.
//
// gradient_based: row i is kept with probability q = min(1, r / mu), r = |g| + (mean |g| / mean h) h / 4, mu such that
// the expected number is subsample * rows, and its derivatives are divided by q, so that sums over nodes stay unbiased
// (minimal variance sampling, Ibragimov and Gusev 2019). For the logistic loss r is near |g| + h / 2.
class TreeRows {
 public:
  TreeRows(const tree::CodedRows& codes, const tree::Bins& bins, std::size_t rows, int outputs,
           const SamplingSettings& settings, const Threads& threads);

  // The rows and features of one tree of output `output`, given all rows' derivatives and their sums. What it returns
  // lives until the next call.
  const GrowthRows& select(std::span<const float> gradients, std::span<const float> hessians,
                           const DerivativeSums& sums, int output, std::uint64_t key);
  // Of the last selection.
  std::span<const std::uint32_t> features() const { return features_; }
  const HistogramLayout& layout() const { return layout_; }

  // Codes by feature, of all coded rows.
  std::span<const std::uint8_t* const> columns() const { return columns_; }

 private:
  void select_features(std::uint64_t key);
  void lay_out();
  void find_probabilities(std::span<const float> gradients, std::span<const float> hessians, const DerivativeSums& sums,
                          int output);
  void sample_rows(std::span<const float> gradients, std::span<const float> hessians, const DerivativeSums& sums,
                   int output, std::uint32_t key);
  void copy_codes(std::uint32_t count, const std::uint32_t* list);

  const tree::CodedRows& codes_;
  std::size_t rows_;
  SamplingSettings settings_;
  Threads threads_;
  std::vector<const std::uint8_t*> columns_;
  std::vector<std::uint16_t> bins_;
  std::vector<std::uint8_t> has_missing_;
  std::vector<float> inverse_mu_;  // by output; 0 = not yet known
  std::vector<std::uint32_t> features_;
  std::vector<const std::uint8_t*> tree_columns_;
  HistogramLayout layout_;
  GrowthRows selected_;
  compute::Buffer<Packed> packed_;
  // Of the sampled rows.
  compute::Buffer<std::uint32_t> block_lists_, list_;
  compute::Buffer<float> probabilities_, gradients_, hessians_;
  compute::Buffer<std::uint8_t> copied_codes_;
};

}  // namespace slipway::learners::boosting
