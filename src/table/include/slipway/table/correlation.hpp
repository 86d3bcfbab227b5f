// How strongly two columns go together.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/table/table.hpp>

namespace slipway::table {

enum class Association {
  pearson,            // two columns of numbers (integers, times): -1 to 1
  cramers_v,          // two columns of categories: 0 to 1, corrected for chance (Bergsma 2013)
  correlation_ratio,  // numbers by category: root of the share of their variance that lies between categories (Fisher)
};
std::string_view association_name(Association association);

struct Correlation {
  std::string first, second;
  Association association = Association::pearson;
  double value = 0;       // NaN where it is undefined: a constant column, fewer than two rows
  std::int64_t rows = 0;  // in which neither is missing
};

// Of every pair of columns, in their order; text is categories, the commonest 50 and the rest as one. Columns of text
// with more than 1,000 different values are left out, and so are all columns beyond the first 200. Of more than 100,000
// rows, as many spread evenly are used.
std::vector<Correlation> correlate_columns(const Table& table);

double pearson_correlation(const std::vector<float>& x, const std::vector<float>& y, std::int64_t* rows = nullptr);

}  // namespace slipway::table
