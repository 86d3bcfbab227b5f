// Categories of a text column among the training rows, and the Lookup operators that turn them into numbers.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <slipway/features/features.hpp>
#include <slipway/model/operators.hpp>
#include <slipway/table/table.hpp>

namespace slipway::features {

struct Categories {
  std::vector<std::string> keys;    // kept ones, sorted
  std::vector<std::string> rare;    // too rare for a place of their own, sorted
  std::vector<std::int32_t> codes;  // per training row: index into keys, missing_code() or rare_code()
  bool any_missing = false;
  std::size_t missing_code() const { return keys.size(); }
  std::size_t rare_code() const { return keys.size() + 1; }
};
// Categories with fewer than rare_minimum training rows are rare, and all but the maximum_categories most frequent ones
// (the earlier in sorted order on ties).
Categories find_categories(const table::TextColumn& column, std::span<const std::uint32_t> rows, int rare_minimum,
                           std::optional<int> maximum_categories);

// A Lookup without its input, its columns' names, and what training rows see instead of it (target encoding only).
struct Encoding {
  model::Lookup lookup;
  std::vector<std::string> columns;
  std::vector<std::vector<float>> out_of_fold;  // per column; empty where training rows see the Lookup itself
  // Leaves out the columns that `wanted` refuses.
  void keep(const std::function<bool(const std::string&)>& wanted);
};

// A column per category, one for missing if training had any, one for rare ones with options.rare = column.
Encoding encode_one_hot(const std::string& name, const Categories& categories, const FeatureOptions& options);
// The category's place in sorted order; rare ones share the place behind the last (rare: column) or count as unseen;
// unseen is -1; missing is missing, or with impute the place behind all others.
Encoding encode_ordinal(const std::string& name, const Categories& categories, const FeatureOptions& options);
// The target's shrunken mean; see features.hpp.
Encoding encode_target_means(const std::string& name, const Categories& categories, const FeatureOptions& options,
                             const TargetView& target, std::uint64_t seed);

}  // namespace slipway::features
