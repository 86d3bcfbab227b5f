// What the training rows looked like, frozen with the model (profile.json of a bundle): the yardstick of drift.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/result.hpp>
#include <slipway/table/table.hpp>

namespace slipway::monitor {

enum class FeatureKind : std::uint8_t { number, text };
std::string_view feature_kind_name(FeatureKind kind);

struct Feature {
  std::string name;
  FeatureKind kind = FeatureKind::number;
};

// The bins of one feature and how the training rows fell into them. Bins, in order:
//   number: missing, below minimum, edges.size() + 1 bins between the edges (a bin holds its upper edge), above
//   maximum;
//           a number with at most 10 distinct values has one bin per value, others about ten of equal mass;
//   text:   missing, unseen, other (seen in training, but not among the most frequent), then each of `categories`.
// A feature that was missing in all rows has, as a number, one bin that holds every value.
struct FeatureReference {
  std::string name;
  FeatureKind kind = FeatureKind::number;
  std::int64_t rows = 0;
  std::vector<std::int64_t> counts;  // per bin
  // Numbers, over finite values; empty where there are none. Infinities count as below or above.
  std::vector<double> edges;  // ascending, at most 9
  std::optional<double> minimum, maximum, median;
  // Text.
  std::vector<std::string> categories;  // up to 50 by falling frequency, ties by name
  std::vector<std::string> others;      // the rest, sorted
  bool others_complete = true;          // false: too many to keep (over 10,000), so what is unknown counts as other
  std::int64_t singletons = 0;  // categories with one row; their share estimates that of unseen ones (Good-Turing)
  // Rows per bin of each day, in time order, where the rows have times: how much days differ. Days with less than a
  // fifth of the median day's rows are left out; at most the last 60 days.
  std::vector<std::vector<std::int64_t>> day_counts;
  // How many times larger the variance of bin shares is than that of independent rows, because rows come in groups
  // (several transactions of one card); at least 1. 1 without groups.
  double design_effect = 1;

  std::size_t bins() const { return counts.size(); }
  // "missing", "below 0.5", "0.5 to 2", "above 90", "online", ...
  std::string bin_name(std::size_t bin) const;
};

struct Reference {
  std::int64_t rows = 0;
  std::vector<FeatureReference> features;
  std::optional<FeatureReference> score;  // named "score"
};

// Names of the bins that every feature has.
inline constexpr std::size_t missing_bin = 0;
inline constexpr std::size_t below_bin = 1;   // numbers
inline constexpr std::size_t unseen_bin = 1;  // text
inline constexpr std::size_t other_bin = 2;   // text

struct ReferenceInput {
  std::span<const Feature> features;     // columns of the table
  std::span<const float> scores;         // one per row or empty. Of rows the model was not fitted on: NaN elsewhere,
                                         // which leaves the row out (scores of fitted rows look too sure)
  std::span<const std::int64_t> times;   // microseconds since the epoch, one per row or empty; missing_time allowed
  std::span<const std::int64_t> groups;  // entity of each row (any numbers), or empty
};

// Fails if a column is absent (with the nearest name) or lengths differ. A table without rows gives a reference without
// rows, against which nothing drifts.
Result<Reference> build_reference(const table::Table& table, const ReferenceInput& input);

nlohmann::json to_json(const Reference& reference);
// Checks what it reads: an error names the feature and the field.
Result<Reference> reference_from_json(const nlohmann::json& json);

}  // namespace slipway::monitor
