// Every feature that there is, as plans over odd rows: what the tests of this room run through.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <slipway/features/features.hpp>

namespace slipway::features {

// Numbers of several shapes, with missing ones; a constant and an all-missing column; categories with rare, missing and
// non-ASCII ones, categories that are numbers; texts; times. With `later`, categories, texts and numbers that training
// never saw.
table::Table odd_table(std::size_t rows, std::uint64_t seed, bool later);

struct FeatureCase {
  std::string name;
  FeaturePlan plan;
  bool fits_one_row = true;
  double tolerance = 1e-5;  // of ONNX Runtime, relative to the larger of 1 and the value
};
// One case at least for every option and every choice of one (feature_cases_test.cpp counts them).
const std::vector<FeatureCase>& feature_cases();

// A plan fitted on all rows of a table, every third of them positive, as a whole model: the features are its scores.
struct FittedModel {
  model::Model model;
  FittedFeatures features;
};
Result<FittedModel> fit_model(const FeaturePlan& plan, const table::Table& table, std::uint64_t seed);

// Equal bits, any missing number counting as any other.
bool same_bits(float a, float b);

}  // namespace slipway::features
