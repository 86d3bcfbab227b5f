// Splitting rows into training and test rows and into folds. All splits are deterministic in the seed.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/table/table.hpp>

namespace slipway::table {

enum class SplitMethod { random, stratified, grouped, time };

struct SplitOptions {
  std::string method = "stratified";  // random | stratified | grouped | time
  double test = 0.2;                  // share of rows for the test, more than 0 and less than 1
  double validation = 0;              // share of all rows to judge candidates by; 0: none, folds are made instead
  std::uint64_t seed = 42;
  // time: rows this long after the last training row are left out of the test, and likewise of the validation part
  std::optional<double> gap_days = {};
};

struct Split {
  std::vector<std::uint32_t> train;  // ascending row numbers
  std::vector<std::uint32_t> test;
  // With a validation part: how the training rows divide while candidates are compared, rows to fit on and rows to
  // judge by. The gap in time between them is training rows of neither. Empty without one.
  std::vector<std::uint32_t> fitting;
  std::vector<std::uint32_t> validation;
};

// `classes` holds a class index per row (empty for regression: stratified becomes random); `groups` an entity code per
// row (needed by grouped); `times` microseconds per row (needed by time: the latest rows are the test). The row's key
// (`ids`, one 64-bit key per row, e.g. a hash of the id column; empty = the row number) decides where a row goes, so
// the split does not depend on the order of rows where an id exists.
struct SplitInput {
  std::size_t rows = 0;
  std::span<const std::int32_t> classes = {};
  std::span<const std::int32_t> groups = {};
  std::span<const std::int64_t> times = {};
  std::span<const std::uint64_t> ids = {};
};
// stratified and random cut at round(share x count) rows (of each class); grouped takes whole groups until the share is
// met as nearly as whole groups allow (a row with group -1 is a group of its own); time keeps rows of one instant
// together. The validation part comes out of the training rows in the same way: by time it lies right before the test.
// Errors: an unknown method, a share out of range, missing groups or times, a part that would be empty.
Result<Split> split_rows(const SplitInput& input, const SplitOptions& options);

// k folds (2 to 255) of the same kinds over `input`: fold number per row, in [0, folds). `time` gives contiguous blocks
// in time order, rows of one instant in one block.
Result<std::vector<std::uint8_t>> assign_folds(const SplitInput& input, SplitMethod method, int folds,
                                               std::uint64_t seed);

Result<SplitMethod> parse_split_method(std::string_view name);

// One 64-bit key per row of an id column.
std::vector<std::uint64_t> row_keys(const Column& column);

}  // namespace slipway::table
