// Made tables for the tests of this room.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/monitor/reference.hpp>
#include <slipway/table/table.hpp>

namespace slipway::monitor {

inline constexpr float missing_number = std::numeric_limits<float>::quiet_NaN();

inline table::Column number_column(std::string name, std::vector<float> values) {
  return {std::move(name), table::NumberColumn{std::move(values)}};
}

// Text from cells; "" is missing.
inline table::Column text_column(std::string name, const std::vector<std::string>& cells) {
  table::TextColumn text;
  for (const std::string& cell : cells) {
    std::int32_t code = -1;
    if (!cell.empty()) {
      const auto found = std::find(text.dictionary.begin(), text.dictionary.end(), cell);
      code = static_cast<std::int32_t>(found - text.dictionary.begin());
      if (found == text.dictionary.end()) text.dictionary.push_back(cell);
    }
    text.codes.push_back(code);
  }
  return {std::move(name), std::move(text)};
}

inline table::Table table_of(std::vector<table::Column> columns) { return *table::Table::make(std::move(columns)); }

// Mixed features f0, f1, ...: by i % 5 lognormal, normal, heavy-tailed, count, text of 8 levels; every third has 5 %
// missing. `shift` moves each feature's location, in its own units.
inline table::Table mixed_table(std::size_t rows, std::uint64_t seed, int features,
                                const std::vector<double>& shift = {}) {
  std::vector<table::Column> columns;
  for (int f = 0; f < features; ++f) {
    Random random(random_key({seed, static_cast<std::uint64_t>(f)}));
    const double moved = shift.empty() ? 0 : shift[static_cast<std::size_t>(f)];
    std::vector<float> numbers;
    table::TextColumn text;
    for (int level = 0; level < 8; ++level) text.dictionary.push_back("level " + std::to_string(level));
    for (std::size_t row = 0; row < rows; ++row) {
      const bool missing = f % 3 == 0 && random.uniform() < 0.05;
      double value = 0;
      switch (f % 5) {
        case 0:
          value = std::exp(3.1 + 1.6 * random.normal() + moved);
          break;
        case 1:
          value = random.normal() + moved;
          break;
        case 2:
          value = random.normal() / std::sqrt(random.exponential() + 0.01) + moved;
          break;
        case 3:
          value = static_cast<double>(random.poisson(3 * std::exp(moved)));
          break;
        default:
          text.codes.push_back(missing ? -1 : static_cast<std::int32_t>(8 * std::pow(random.uniform(), 2 + moved)));
          continue;
      }
      numbers.push_back(missing ? missing_number : static_cast<float>(value));
    }
    const std::string name = "f" + std::to_string(f);
    columns.push_back(f % 5 == 4 ? table::Column{name, std::move(text)} : number_column(name, std::move(numbers)));
  }
  return table_of(std::move(columns));
}

inline std::vector<Feature> mixed_features(int features) {
  std::vector<Feature> result;
  for (int f = 0; f < features; ++f)
    result.push_back({"f" + std::to_string(f), f % 5 == 4 ? FeatureKind::text : FeatureKind::number});
  return result;
}

}  // namespace slipway::monitor
