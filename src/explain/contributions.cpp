#include <numeric>

#include <slipway/explain/contributions.hpp>

namespace slipway::explain {

std::string_view explained_name(Explained explained) {
  switch (explained) {
    case Explained::probability:
      return "probability";
    case Explained::margin:
      return "margin";
    case Explained::value:
      return "value";
  }
  return "";
}

double Contributions::total(std::size_t output, std::size_t row) const {
  double sum = base[output];
  for (std::size_t c = 0; c < columns; ++c) sum += column(output, c, row);
  return sum;
}

std::vector<double> contributions_by_input(std::span<const double> by_column, std::size_t outputs, std::size_t rows,
                                           std::span<const std::vector<std::uint32_t>> column_sources,
                                           std::size_t inputs) {
  std::vector<double> by_input(outputs * inputs * rows, 0.0);
  std::vector<std::uint32_t> all(inputs);
  std::iota(all.begin(), all.end(), 0);
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t c = 0; c < column_sources.size(); ++c) {
      const double* from = by_column.data() + (o * column_sources.size() + c) * rows;
      const std::vector<std::uint32_t>& sources = column_sources[c].empty() ? all : column_sources[c];
      const double part = 1.0 / static_cast<double>(sources.size());
      for (std::uint32_t input : sources) {
        double* to = by_input.data() + (o * inputs + input) * rows;
        for (std::size_t row = 0; row < rows; ++row) to[row] += from[row] * part;
      }
    }
  }
  return by_input;
}

}  // namespace slipway::explain
