#include "sampler.hpp"

#include <bit>
#include <cmath>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include <slipway/base/random.hpp>

namespace slipway::explain {
namespace {

constexpr std::size_t exact_inputs = 6;    // up to here all subsets are tried
constexpr std::size_t fewest_orders = 32;  // permutations of a row beyond
constexpr std::uint64_t order_key = 0x6f72646572;

// Rows whose cells come from one row or from baselines.
class Mixture {
 public:
  Mixture(const model::RowBatch& rows, std::size_t row, const model::RowBatch& baselines)
      : rows_(rows), row_(row), baselines_(baselines), cells_(baselines.columns.size()) {}

  // One more row: that of `baseline`, with the inputs in `present` taken from the row.
  void add(std::size_t baseline, const std::vector<std::uint8_t>& present) {
    ++count_;
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      const model::ColumnView& from = present[c] ? rows_.columns[c] : baselines_.columns[c];
      const std::size_t at = present[c] ? row_ : baseline;
      if (const auto* numbers = std::get_if<model::NumberView>(&from)) {
        cells_[c].numbers.push_back((*numbers)[at]);
      } else if (const auto* text = std::get_if<model::TextView>(&from)) {
        // The baselines' dictionary, then the row's own text.
        const auto own = static_cast<std::int32_t>(std::get<model::TextView>(baselines_.columns[c]).dictionary.size());
        const std::int32_t code = text->codes[at];
        cells_[c].codes.push_back(code >= 0 && present[c] ? own : code);
      } else {
        cells_[c].times.push_back(std::get<model::TimeView>(from)[at]);
      }
    }
  }

  model::RowBatch batch() {
    model::RowBatch batch;
    batch.rows = count_;
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      Cells& cells = cells_[c];
      if (std::holds_alternative<model::NumberView>(baselines_.columns[c])) {
        batch.columns.emplace_back(model::NumberView(cells.numbers));
      } else if (const auto* text = std::get_if<model::TextView>(&baselines_.columns[c])) {
        cells.dictionary.assign(text->dictionary.begin(), text->dictionary.end());
        const auto& row_text = std::get<model::TextView>(rows_.columns[c]);
        const std::int32_t code = row_text.codes[row_];
        if (code >= 0) cells.dictionary.push_back(row_text.dictionary[code]);
        batch.columns.emplace_back(model::TextView{cells.codes, cells.dictionary});
      } else {
        batch.columns.emplace_back(model::TimeView(cells.times));
      }
    }
    return batch;
  }

 private:
  struct Cells {
    std::vector<float> numbers;
    std::vector<std::int32_t> codes;
    std::vector<std::int64_t> times;
    std::vector<std::string_view> dictionary;
  };
  const model::RowBatch& rows_;
  std::size_t row_;
  const model::RowBatch& baselines_;
  std::vector<Cells> cells_;
  std::size_t count_ = 0;
};

}  // namespace

Sampler::Sampler(std::size_t inputs, model::ValueId scores, std::size_t first, std::size_t outputs, Baselines baselines,
                 Evaluate evaluate)
    : inputs_(inputs),
      scores_(scores),
      first_(first),
      outputs_(outputs),
      baselines_(std::move(baselines)),
      evaluate_(std::move(evaluate)) {}

Result<std::vector<double>> Sampler::base() const {
  model::Block scores;
  SLIPWAY_CHECK(evaluate_(baselines_.rows(), scores_, scores));
  std::vector<double> base;
  for (std::size_t o = 0; o < outputs_; ++o) {
    double sum = 0;
    for (const float value : scores.column(first_ + o)) sum += value;
    base.push_back(sum / static_cast<double>(scores.rows));
  }
  return base;
}

Status Sampler::explain_row(const model::RowBatch& rows, std::size_t row, Contributions& out) const {
  const model::RowBatch& baselines = baselines_.rows();
  const auto place = [&](std::size_t output, std::size_t input) -> double& {
    return out.by_column[(output * inputs_ + input) * out.rows + row];
  };
  Mixture mixture(rows, row, baselines);
  std::vector<std::uint8_t> present(inputs_, 0);
  model::Block scores;
  if (inputs_ <= exact_inputs) {
    const std::size_t subsets = std::size_t{1} << inputs_;
    for (std::size_t b = 0; b < baselines.rows; ++b)
      for (std::size_t s = 0; s < subsets; ++s) {
        for (std::size_t i = 0; i < inputs_; ++i) present[i] = s >> i & 1;
        mixture.add(b, present);
      }
    SLIPWAY_CHECK(evaluate_(mixture.batch(), scores_, scores));
    const auto n = static_cast<double>(inputs_);
    for (std::size_t s = 0; s < subsets; ++s) {
      const double size = std::popcount(s);
      const double weight = std::exp(std::lgamma(size + 1) + std::lgamma(n - size) - std::lgamma(n + 1)) /
                            static_cast<double>(baselines.rows);
      for (std::size_t i = 0; i < inputs_; ++i) {
        if (s >> i & 1) continue;
        for (std::size_t o = 0; o < outputs_; ++o)
          for (std::size_t b = 0; b < baselines.rows; ++b)
            place(o, i) += weight * (double{scores.at(b * subsets + (s | std::size_t{1} << i), first_ + o)} -
                                     scores.at(b * subsets + s, first_ + o));
      }
    }
    return {};
  }
  // Every baseline meets as many orders, half of them the others reversed, so that the differences add up to the
  // output's distance from the base and what depends on the order's direction cancels.
  const std::size_t pairs = std::max<std::size_t>(1, (fewest_orders / 2 + baselines.rows - 1) / baselines.rows);
  std::vector<std::vector<std::uint32_t>> orders;
  for (std::size_t b = 0; b < baselines.rows; ++b)
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      std::vector<std::uint32_t> order(inputs_);
      std::iota(order.begin(), order.end(), 0);
      Random random(random_key({order_key, b, pair}));
      shuffle(order.data(), order.size(), random);
      orders.push_back(order);
      std::reverse(order.begin(), order.end());
      orders.push_back(std::move(order));
      for (std::size_t k = orders.size() - 2; k < orders.size(); ++k) {
        std::fill(present.begin(), present.end(), 0);
        mixture.add(b, present);
        for (const std::uint32_t input : orders[k]) {
          present[input] = 1;
          mixture.add(b, present);
        }
      }
    }
  SLIPWAY_CHECK(evaluate_(mixture.batch(), scores_, scores));
  for (std::size_t k = 0; k < orders.size(); ++k)
    for (std::size_t step = 0; step < inputs_; ++step)
      for (std::size_t o = 0; o < outputs_; ++o) {
        const std::size_t at = k * (inputs_ + 1) + step;
        place(o, orders[k][step]) +=
            (double{scores.at(at + 1, first_ + o)} - scores.at(at, first_ + o)) / static_cast<double>(orders.size());
      }
  return {};
}

Status Sampler::explain(const model::RowBatch& rows, Contributions& out, const Threads& threads) const {
  std::vector<std::optional<Error>> errors(rows.rows);
  const auto one = [&](std::size_t row) {
    if (const Status status = explain_row(rows, row, out); !status.ok()) errors[row] = status.error();
  };
  if (rows.rows == 1) {
    one(0);
  } else {
    threads.for_each(rows.rows, one);
  }
  for (auto& error : errors)
    if (error) return std::move(*error);
  return {};
}

}  // namespace slipway::explain
