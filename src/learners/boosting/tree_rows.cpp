#include "boosting/tree_rows.hpp"

#include <slipway/base/random.hpp>
#include <slipway/compute/dispatch.hpp>

#include "boosting/vector_math.hpp"

namespace slipway::learners::boosting {
namespace {

// probability[i] = min(1, (|g| + hessian_share * h) * inverse_mu); returns their sum.
SLIPWAY_MULTIVERSION float keep_probabilities(const float* __restrict gradients, const float* __restrict hessians,
                                              std::size_t count, float hessian_share, float inverse_mu,
                                              float* __restrict probability) {
  constexpr std::size_t lanes = 64;
  float sums[lanes] = {};
  for (std::size_t i = 0; i < count; ++i) {
    const float q = (std::abs(gradients[i]) + hessian_share * hessians[i]) * inverse_mu;
    probability[i] = q < 1.0F ? q : 1.0F;
  }
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += probability[i + lane];
  float sum = 0;
  for (float one : sums) sum += one;
  for (; i < count; ++i) sum += probability[i];
  return sum;
}

SLIPWAY_MULTIVERSION void draw_rows(const float* __restrict probability, std::size_t count, std::uint32_t first,
                                    std::uint32_t key, std::uint8_t* __restrict kept) {
  for (std::size_t i = 0; i < count; ++i)
    kept[i] = hashed_uniform(first + static_cast<std::uint32_t>(i), key) < probability[i] ? 1 : 0;
}

SLIPWAY_MULTIVERSION void draw_rows(float share, std::size_t count, std::uint32_t first, std::uint32_t key,
                                    std::uint8_t* __restrict kept) {
  for (std::size_t i = 0; i < count; ++i)
    kept[i] = hashed_uniform(first + static_cast<std::uint32_t>(i), key) < share ? 1 : 0;
}

std::uint32_t narrow(std::uint64_t key) { return static_cast<std::uint32_t>(key ^ key >> 32); }

bool has_code(const std::uint8_t* codes, std::size_t rows, std::uint8_t code) {
  return std::memchr(codes, code, rows) != nullptr;
}

}  // namespace

TreeRows::TreeRows(const tree::CodedRows& codes, const tree::Bins& bins, std::size_t rows, int outputs,
                   const SamplingSettings& settings, const Threads& threads)
    : codes_(codes),
      rows_(rows),
      settings_(settings),
      threads_(threads),
      inverse_mu_(static_cast<std::size_t>(outputs), 0.0F),
      packed_(rows) {
  const std::size_t features = codes.features();
  for (std::size_t feature = 0; feature < features; ++feature) {
    columns_.push_back(codes.column(feature));
    bins_.push_back(static_cast<std::uint16_t>(bins.value_bins(feature)));
    features_.push_back(static_cast<std::uint32_t>(feature));
  }
  has_missing_.resize(features);
  threads.for_each(features, [&](std::size_t feature) {
    has_missing_[feature] = has_code(columns_[feature], rows, tree::missing_code) ? 1 : 0;
  });
  if (settings.rows_differ()) {
    block_lists_ = compute::Buffer<std::uint32_t>(rows);
    if (settings.gradient_based) probabilities_ = compute::Buffer<float>(rows);
    gradients_ = compute::Buffer<float>(rows);
    hessians_ = compute::Buffer<float>(rows);
  }
  lay_out();
}

void TreeRows::lay_out() {
  std::vector<std::uint16_t> bins;
  std::vector<std::uint8_t> has_missing;
  tree_columns_.clear();
  for (std::uint32_t feature : features_) {
    bins.push_back(bins_[feature]);
    has_missing.push_back(has_missing_[feature]);
    tree_columns_.push_back(columns_[feature]);
  }
  layout_ = make_layout(bins, has_missing, static_cast<std::size_t>(threads_.count()));
}

void TreeRows::select_features(std::uint64_t key) {
  const std::size_t all = codes_.features();
  const auto wanted = std::max<std::size_t>(
      1, static_cast<std::size_t>(std::llround(settings_.colsample_bytree * static_cast<double>(all))));
  features_.resize(all);
  std::iota(features_.begin(), features_.end(), 0U);
  Random random(key);
  shuffle(features_.data(), features_.size(), random);
  features_.resize(wanted);
  std::sort(features_.begin(), features_.end());
  lay_out();
}

void TreeRows::copy_codes(std::uint32_t count, const std::uint32_t* list) {
  const std::size_t stride = settings_.features_differ() ? (features_.size() + 15) / 16 * 16 : codes_.stride();
  if (copied_codes_.size() < count * stride) copied_codes_ = compute::Buffer<std::uint8_t>(count * stride * 5 / 4);
  threads_.for_ranges(count, block_rows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t row = list == nullptr ? i : list[i];
      const std::uint8_t* from = codes_.row_codes() + row * codes_.stride();
      std::uint8_t* to = copied_codes_.data() + i * stride;
      if (list != nullptr && i + 16 < end)
        __builtin_prefetch(codes_.row_codes() + std::size_t{list[i + 16]} * codes_.stride());
      if (settings_.features_differ()) {
        for (std::size_t k = 0; k < features_.size(); ++k) to[k] = from[features_[k]];
      } else if (stride == 32) {
        std::memcpy(to, from, 32);  // a constant size is two instructions
      } else {
        std::memcpy(to, from, stride);
      }
    }
  });
  selected_.codes = copied_codes_.data();
  selected_.stride = stride;
}

void TreeRows::find_probabilities(std::span<const float> gradients, std::span<const float> hessians,
                                  const DerivativeSums& sums, int output) {
  float& inverse_mu = inverse_mu_[static_cast<std::size_t>(output)];
  const auto hessian_share = static_cast<float>(sums.hessian > 0 ? sums.absolute_gradient / sums.hessian / 4 : 0);
  const double wanted = settings_.subsample * static_cast<double>(rows_);
  // The first tree looks for the rate; later ones start from the last rate, which then lags by one tree.
  int steps = 1;
  if (inverse_mu == 0) {
    const double all = sums.absolute_gradient + hessian_share * sums.hessian;
    inverse_mu = all > 0 ? static_cast<float>(std::min(wanted / all, 1e30)) : 1.0F;
    steps = 10;
  }
  for (int step = 0; step < steps; ++step) {
    std::vector<double> expected(block_count(rows_));
    threads_.for_each(expected.size(), [&](std::size_t block) {
      const std::size_t first = block * block_rows;
      expected[block] =
          keep_probabilities(gradients.data() + first, hessians.data() + first, std::min(block_rows, rows_ - first),
                             hessian_share, inverse_mu, probabilities_.data() + first);
    });
    const double sum = std::accumulate(expected.begin(), expected.end(), 0.0);
    if (sum > 0) inverse_mu = static_cast<float>(std::min(inverse_mu * std::clamp(wanted / sum, 0.1, 10.0), 1e30));
  }
}

void TreeRows::sample_rows(std::span<const float> gradients, std::span<const float> hessians,
                           const DerivativeSums& sums, int output, std::uint32_t key) {
  const std::size_t blocks = block_count(rows_);
  const auto rows_of = [&](std::size_t block) { return std::min(block_rows, rows_ - block * block_rows); };
  if (settings_.gradient_based) find_probabilities(gradients, hessians, sums, output);
  std::vector<std::uint32_t> kept_of(blocks + 1, 0);
  std::vector<DerivativeSums> sums_of(blocks);
  threads_.for_each(blocks, [&](std::size_t block) {
    const std::size_t first = block * block_rows;
    const std::size_t count = rows_of(block);
    std::uint8_t kept[block_rows];
    if (settings_.gradient_based) {
      draw_rows(probabilities_.data() + first, count, static_cast<std::uint32_t>(first), key, kept);
    } else {
      draw_rows(static_cast<float>(settings_.subsample), count, static_cast<std::uint32_t>(first), key, kept);
    }
    std::uint32_t m = 0;
    for (std::size_t i = 0; i < count; ++i) {
      block_lists_[first + m] = static_cast<std::uint32_t>(first + i);
      m += kept[i];
    }
    kept_of[block + 1] = m;
  });
  for (std::size_t block = 0; block < blocks; ++block) kept_of[block + 1] += kept_of[block];
  const std::uint32_t kept = kept_of[blocks];
  if (list_.size() < kept) list_ = compute::Buffer<std::uint32_t>(std::min(rows_, std::size_t{kept} + kept / 4));
  threads_.for_each(blocks, [&](std::size_t block) {
    const std::uint32_t begin = kept_of[block];
    const std::uint32_t count = kept_of[block + 1] - begin;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t row = block_lists_[block * block_rows + i];
      const float weight = settings_.gradient_based ? 1.0F / probabilities_[row] : 1.0F;
      list_[begin + i] = row;
      gradients_[begin + i] = gradients[row] * weight;
      hessians_[begin + i] = hessians[row] * weight;
    }
    sums_of[block] = sum_derivatives(gradients_.data() + begin, hessians_.data() + begin, count);
  });
  DerivativeSums all;
  for (const DerivativeSums& one : sums_of) {
    all.absolute_gradient += one.absolute_gradient;
    all.hessian += one.hessian;
  }
  selected_.rows = kept;
  selected_.scale = choose_scale(all.absolute_gradient, all.hessian, kept);
  pack_derivatives(gradients_.data(), hessians_.data(), kept, selected_.scale,
                   kept > most_rows_rounded_to_nearest ? std::optional(key ^ 0xa5a5a5a5U) : std::nullopt, 0,
                   packed_.data());
  copy_codes(kept, list_.data());
  selected_.columns = nullptr;
}

const GrowthRows& TreeRows::select(std::span<const float> gradients, std::span<const float> hessians,
                                   const DerivativeSums& sums, int output, std::uint64_t key) {
  if (settings_.features_differ()) select_features(combine_key(key, 1));
  const std::uint32_t row_key = narrow(combine_key(key, 2));
  selected_.packed = packed_.data();
  if (settings_.rows_differ()) {
    sample_rows(gradients, hessians, sums, output, row_key);
    return selected_;
  }
  selected_.rows = static_cast<std::uint32_t>(rows_);
  selected_.scale = choose_scale(sums.absolute_gradient, sums.hessian, rows_);
  const std::optional<std::uint32_t> rounding =
      rows_ > most_rows_rounded_to_nearest ? std::optional(row_key) : std::nullopt;
  threads_.for_each(block_count(rows_), [&](std::size_t block) {
    const std::size_t first = block * block_rows;
    pack_derivatives(gradients.data() + first, hessians.data() + first, std::min(block_rows, rows_ - first),
                     selected_.scale, rounding, first, packed_.data() + first);
  });
  if (settings_.features_differ()) {
    copy_codes(selected_.rows, nullptr);
  } else {
    selected_.codes = codes_.row_codes();
    selected_.stride = codes_.stride();
  }
  selected_.columns = tree_columns_.data();
  return selected_;
}

}  // namespace slipway::learners::boosting
