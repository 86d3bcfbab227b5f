// From another tool's features and trees to a Model: what XGBoost's and LightGBM's readers share.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/model/model.hpp>
#include <slipway/package/import.hpp>

namespace slipway::package {

// One column of the tool's training table.
struct ImportedFeature {
  std::string name;
  bool categorical = false;
  std::vector<std::string> categories = {};  // by code; empty: the codes themselves, as text
  bool zero_is_missing = false;              // numbers: |x| <= 1e-35 counts as missing too
};

// A node of a tree as the file has it.
struct ImportedNode {
  std::int32_t column = -1;  // of ImportedTrees: a feature's number, or what set_column() gave; -1 at a leaf
  float threshold = 0;       // x <= threshold goes left
  bool missing_left = false;
  std::int64_t left = -1, right = -1;  // places in the tree's list of nodes
  float cover = 0;
  std::size_t leaf = 0;  // place of the first of its values
};

// From the ensemble's sum to the scores.
enum class ImportedLink : std::uint8_t {
  identity,         // regression
  exponential,      // regression
  sigmoid,          // two classes
  sigmoid_value,    // regression: the probability itself
  softmax,          // classes
  sigmoid_each,     // classes, each for itself
  step,             // two classes: 1 where the sum is above 0
  signed_square,    // regression: sign(x) x^2
  logarithm_1p_exp  // regression: log(1 + exp(x))
};

// The ensemble as it is read. Throws Refusal where what it is given makes no sense.
class ImportedEnsemble {
 public:
  // `outputs` sums are kept, one per class where there are more than two.
  ImportedEnsemble(std::vector<ImportedFeature> features, std::size_t outputs, std::size_t file_size);

  // The column that tells whether categorical feature `feature` is in the set (codes, in any order), for
  // ImportedNode::column. A category of the set gives `inside`, all others 1 - `inside`; a missing one NaN, or what one
  // outside the set gives.
  std::int32_t set_column(std::size_t feature, std::vector<std::int64_t> codes, bool inside, bool missing_is_outside);

  // Adds a tree (node 0 is its root). Leaf values are scaled and added to output `first_output`, `values_per_leaf` of
  // them.
  void add_tree(std::span<const ImportedNode> nodes, std::span<const double> leaf_values, std::size_t values_per_leaf,
                std::size_t first_output, double scale);

  // What the sums begin with, before any tree is added. It goes into the leaves of each output's first tree, so that
  // the sum runs in the order of the tool's own.
  void set_base(std::vector<float> base) { base_ = std::move(base); }
  std::size_t tree_count() const { return trees_.roots.size(); }
  const std::vector<ImportedFeature>& features() const { return features_; }

  // The Model: inputs, category columns, trees, link, label. `slope` multiplies the sums before a sigmoid.
  Result<model::Model> finish(ImportedLink link, float slope, const ImportOptions& options,
                              const std::map<std::string, std::string>& metadata);

 private:
  struct CategorySet {
    std::size_t feature = 0;
    std::vector<std::int64_t> codes;  // ascending
    bool inside = false;
    bool missing_is_outside = false;
  };
  model::ValueId add_features(model::ModelBuilder& builder);
  std::vector<std::string> category_texts(std::size_t feature) const;

  std::vector<ImportedFeature> features_;
  std::size_t outputs_;
  std::size_t most_leaf_values_;
  std::vector<CategorySet> sets_;
  std::map<std::pair<std::size_t, std::vector<std::int64_t>>, std::int32_t> set_columns_;
  std::vector<float> base_;  // of outputs that have no tree yet
  model::Trees trees_;
};

// A linear model: coefficients features x outputs, row-major; missing counts as 0.
Result<model::Model> imported_linear(const std::vector<ImportedFeature>& features, std::vector<float> weights,
                                     std::vector<float> bias, ImportedLink link, const ImportOptions& options,
                                     const std::map<std::string, std::string>& metadata);

// The largest float32 t so that x <= t where x < bound, for float32 x; subnormals below 0 count as 0.
float at_most_below(float bound);
// The largest float32 that is not above bound, so that x <= it where x <= bound.
float at_most(double bound);

// "f" + number, or the names given, made distinct by "_2", "_3", ... where a file repeats one or leaves it empty.
std::vector<std::string> feature_names(std::vector<std::string> names, std::size_t count, std::string_view prefix);

}  // namespace slipway::package
