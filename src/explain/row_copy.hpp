// A copy of some rows of a batch whose columns can be replaced one at a time.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <slipway/model/batch.hpp>

namespace slipway::explain {

// Ascending numbers of `most` rows out of `rows`, all where there are not more; a function of the key alone.
std::vector<std::uint32_t> sample_rows(std::size_t rows, std::size_t most, std::uint64_t key);

// Owns its cells, but refers to the dictionaries of the batch it was made from.
class RowCopy {
 public:
  RowCopy(const model::RowBatch& batch, std::span<const std::uint32_t> row_numbers);
  const model::RowBatch& batch() const { return batch_; }
  // The batch with the column's rows in another order.
  struct Replaced {
    std::vector<float> numbers;
    std::vector<std::int32_t> codes;
    std::vector<std::int64_t> times;
    model::RowBatch batch;
  };
  Replaced permuted(std::size_t column, std::span<const std::uint32_t> order) const;
  // The batch with one value in all rows of the column: a number, or a code of its dictionary.
  Replaced constant_number(std::size_t column, float value) const;
  Replaced constant_code(std::size_t column, std::int32_t code) const;

 private:
  std::vector<std::vector<float>> numbers_;
  std::vector<std::vector<std::int32_t>> codes_;
  std::vector<std::vector<std::int64_t>> times_;
  model::RowBatch batch_;
};

}  // namespace slipway::explain
