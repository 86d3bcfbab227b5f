// What an output is the sum of, each explained by itself.
#pragma once
#include <memory>
#include <optional>

#include <slipway/explain/contributions.hpp>
#include <slipway/model/batch.hpp>

#include "decomposition.hpp"
#include "ensemble.hpp"

namespace slipway::explain {

// Where a part adds its contributions: column(output, c)[row] of a Contributions' by_column.
struct Columns {
  double* first;        // of the part's block, output 0, row 0
  std::size_t rows;     // from one column to the next
  std::size_t columns;  // of all blocks
  double* at(std::size_t output, std::size_t column) const { return first + (output * columns + column) * rows; }
};

class Part {
 public:
  virtual ~Part() = default;
  // Adds the contributions of rows [begin, end) of the block. Thread-safe.
  virtual void add(const model::Block& block, std::size_t begin, std::size_t end, const Columns& to) const = 0;
  // Expected value per output.
  const std::vector<double>& base() const { return base_; }

 protected:
  std::vector<double> base_;
};

std::unique_ptr<Part> path_dependent_part(const model::Trees& trees, const Mix& mix);
// `baselines`: the block of the baselines.
std::unique_ptr<Part> interventional_part(const model::Trees& trees, const Mix& mix, const model::Block& baselines);
std::unique_ptr<Part> linear_part(const Mix& mix, const model::Block& baselines);

// Rows that go through a part together.
inline constexpr std::size_t rows_at_once = 512;

}  // namespace slipway::explain
