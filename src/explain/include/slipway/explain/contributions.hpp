// What an explanation of some rows is: how much each column moved the explained output away from its average.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace slipway::explain {

// What base + contributions add up to.
enum class Explained : std::uint8_t {
  probability,  // of the positive class (binary), or of every class (one output per class)
  margin,       // the raw score, before sigmoid, softmax, exp or calibration; for two softmax margins their difference
                // (log-odds of the positive class)
  value,        // the prediction of a regression
};
std::string_view explained_name(Explained explained);

// Contributions of n rows. For every output o and row r:
//   base[o] + sum over columns of column(o, c, r) = base[o] + sum over inputs of input(o, i, r) = the explained output,
// within 1e-6 of the float32 output of a forest (sums of large margins: within a few of their float32 roundings).
struct Contributions {
  std::size_t rows = 0;
  std::size_t outputs = 0;
  std::size_t columns = 0;        // feature columns: those of the blocks that feed the explained operators
  std::size_t inputs = 0;         // raw inputs of the Model
  std::vector<double> base;       // per output: the expected output, over the training rows or the baselines
  std::vector<double> by_column;  // [(output * columns + column) * rows + row]
  std::vector<double> by_input;   // [(output * inputs + input) * rows + row]
  double column(std::size_t output, std::size_t column_index, std::size_t row) const {
    return by_column[(output * columns + column_index) * rows + row];
  }
  double input(std::size_t output, std::size_t input_index, std::size_t row) const {
    return by_input[(output * inputs + input_index) * rows + row];
  }
  // base + contributions of one row.
  double total(std::size_t output, std::size_t row) const;
};

// Adds column contributions back to the raw inputs they are computed from. A column made from several inputs (a ratio,
// an interaction) is shared equally among them; a column made from none among all inputs. `by_column` as in
// Contributions; the result is laid out like Contributions::by_input.
std::vector<double> contributions_by_input(std::span<const double> by_column, std::size_t outputs, std::size_t rows,
                                           std::span<const std::vector<std::uint32_t>> column_sources,
                                           std::size_t inputs);

}  // namespace slipway::explain
