#include "imported_model.hpp"

#include <slipway/base/text.hpp>
#include <slipway/model/expression.hpp>

#include "refusal.hpp"

namespace slipway::package {

namespace {

using model::ModelBuilder;
using model::ValueId;

constexpr std::size_t most_features = 20000;
constexpr std::size_t most_outputs = 10000;
constexpr std::size_t most_category_cells = std::size_t{1} << 26;

std::vector<std::string> class_labels(const ImportOptions& options, std::size_t count) {
  if (options.classes.empty()) {
    std::vector<std::string> labels;
    for (std::size_t i = 0; i < count; ++i) labels.push_back(std::to_string(i));
    return labels;
  }
  if (options.classes.size() != count)
    refuse("the model has {} classes, but {} labels were given: {}", count, options.classes.size(),
           list_names(options.classes));
  return options.classes;
}

// A formula over one column.
ValueId add_formula(ModelBuilder& builder, ValueId input, const std::string& column, std::string source,
                    std::string name, std::vector<std::string> columns) {
  const model::ExpressionColumn named{column, model::ValueKind::numbers};
  auto parsed = model::parse_expression(source, std::span(&named, 1));
  if (!parsed.ok()) refuse("{}", parsed.error().message());
  return builder.add(
      model::Expression{.inputs = {input}, .nodes = std::move(parsed->nodes), .source = std::move(source)},
      std::move(name), std::move(columns));
}

// Puts link, label and outputs behind the sums.
void finish_scores(ModelBuilder& builder, ValueId sums, ImportedLink link, const ImportOptions& options) {
  using Kind = model::Link::Kind;
  const std::size_t width = builder.value(sums).width();
  const bool classes = link == ImportedLink::sigmoid || link == ImportedLink::softmax || link == ImportedLink::step ||
                       link == ImportedLink::sigmoid_each;
  if (!classes) {
    if (!options.classes.empty()) refuse("labels were given, but the model is a regression");
    const std::vector<std::string> column = {options.target};
    ValueId scores = sums;
    switch (link) {
      case ImportedLink::exponential:
        scores = builder.add(model::Link{.input = sums, .kind = Kind::exponential}, "scores", column);
        break;
      case ImportedLink::sigmoid_value:
        scores = builder.add(
            model::Dense{.input = sums, .weights = {1}, .bias = {0}, .activation = model::Dense::Activation::sigmoid},
            "scores", column);
        break;
      case ImportedLink::signed_square:
        scores = add_formula(builder, sums, "margin", "margin * abs(margin)", "scores", column);
        break;
      case ImportedLink::logarithm_1p_exp:
        scores = add_formula(builder, sums, "margin", "log1p(exp(margin))", "scores", column);
        break;
      default:
        break;
    }
    builder.set_task(model::Task::regression, options.target, {});
    builder.set_outputs(scores, scores);
    return;
  }

  const bool binary = width == 1;
  const std::vector<std::string> labels = class_labels(options, binary ? 2 : width);
  ValueId scores = sums;
  if (link == ImportedLink::softmax) {
    scores = builder.add(model::Link{.input = sums, .kind = Kind::softmax}, "scores", labels);
  } else if (link == ImportedLink::sigmoid_each) {
    std::vector<float> identity(width * width, 0.0F);
    for (std::size_t i = 0; i < width; ++i) identity[i * width + i] = 1;
    scores = builder.add(model::Dense{.input = sums,
                                      .weights = std::move(identity),
                                      .bias = std::vector<float>(width, 0.0F),
                                      .activation = model::Dense::Activation::sigmoid},
                         "scores", labels);
  } else if (link == ImportedLink::step) {
    const ValueId positive = builder.add(model::Piecewise{.input = sums,
                                                          .kind = model::Piecewise::Kind::step,
                                                          .at = {0, std::numeric_limits<float>::min()},
                                                          .y = {0, 1}},
                                         "positive", {labels.back()});
    scores = builder.add(model::Link{.input = positive, .kind = Kind::complement}, "scores", labels);
  } else {
    scores = builder.add(model::Link{.input = sums, .kind = Kind::sigmoid}, "scores", labels);
  }
  const ValueId label = builder.add(model::Decide{.input = scores}, "label", {"label"});
  builder.set_task(labels.size() == 2 ? model::Task::binary : model::Task::multiclass, options.target, labels);
  builder.set_outputs(scores, label);
}

Result<model::Model> finish_model(ModelBuilder&& builder, const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata) builder.set_metadata(key, value);
  return std::move(builder).build();
}

std::vector<std::string> output_names(std::size_t outputs, const ImportOptions& options) {
  if (outputs == 1) return {"margin"};
  return class_labels(options, outputs);
}

}  // namespace

ImportedEnsemble::ImportedEnsemble(std::vector<ImportedFeature> features, std::size_t outputs, std::size_t file_size)
    : features_(std::move(features)), outputs_(outputs), most_leaf_values_((std::size_t{1} << 24) + 64 * file_size) {
  if (features_.empty()) refuse("the model has no features");
  if (features_.size() > most_features)
    refuse("the model has {} features, of which at most {} are read", features_.size(), most_features);
  if (outputs == 0 || outputs > most_outputs) refuse("{} classes, expected 1 to {}", outputs, most_outputs);
  trees_.outputs = static_cast<std::uint32_t>(outputs);
  base_.assign(outputs, 0.0F);
}

std::int32_t ImportedEnsemble::set_column(std::size_t feature, std::vector<std::int64_t> codes, bool inside,
                                          bool missing_is_outside) {
  if (!features_[feature].categorical)
    refuse("feature '{}' is tested as a category, but the file calls it a number", features_[feature].name);
  std::ranges::sort(codes);
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  const auto next = static_cast<std::int32_t>(features_.size() + sets_.size());
  const auto [found, is_new] = set_columns_.try_emplace({feature, codes}, next);
  if (is_new) sets_.push_back({feature, std::move(codes), inside, missing_is_outside});
  return found->second;
}

void ImportedEnsemble::add_tree(std::span<const ImportedNode> nodes, std::span<const double> leaf_values,
                                std::size_t values_per_leaf, std::size_t first_output, double scale) {
  const std::size_t tree = trees_.roots.size();
  if (nodes.empty()) refuse("tree {} has no nodes", tree);
  if (trees_.node_count() + nodes.size() > std::numeric_limits<std::int32_t>::max()) refuse("more than 2^31 nodes");
  trees_.roots.push_back(static_cast<std::uint32_t>(trees_.node_count()));
  // Preorder, so that children stand behind their parent whatever order the file has them in.
  struct Pending {
    std::int64_t node;
    std::int64_t parent;  // its place in trees_, or -1
    bool is_left;
  };
  std::vector<Pending> stack = {{0, -1, false}};
  std::vector<std::uint8_t> seen(nodes.size(), 0);
  while (!stack.empty()) {
    const Pending pending = stack.back();
    stack.pop_back();
    if (pending.node < 0 || static_cast<std::size_t>(pending.node) >= nodes.size())
      refuse("tree {} has a child {}, but {} nodes", tree, pending.node, nodes.size());
    const ImportedNode& node = nodes[static_cast<std::size_t>(pending.node)];
    if (seen[static_cast<std::size_t>(pending.node)]++) refuse("tree {}: node {} has two parents", tree, pending.node);
    const auto place = static_cast<std::uint32_t>(trees_.node_count());
    if (pending.parent >= 0)
      (pending.is_left ? trees_.left : trees_.right)[static_cast<std::size_t>(pending.parent)] = place;
    trees_.feature.push_back(node.column < 0 ? model::Trees::leaf : node.column);
    trees_.threshold.push_back(node.threshold);
    trees_.left.push_back(0);
    trees_.right.push_back(0);
    trees_.missing_left.push_back(node.missing_left ? 1 : 0);
    trees_.cover.push_back(node.cover >= 0 && std::isfinite(node.cover) ? node.cover : 0.0F);
    if (node.column >= 0) {
      stack.push_back({node.right, place, false});
      stack.push_back({node.left, place, true});
      continue;
    }
    if (node.leaf + values_per_leaf > leaf_values.size() || first_output + values_per_leaf > outputs_)
      refuse("tree {}: a leaf without value", tree);
    if (trees_.leaf_values.size() + outputs_ > most_leaf_values_)
      refuse("{} classes for that many leaves need too much memory", outputs_);
    trees_.left.back() = static_cast<std::uint32_t>(trees_.leaf_values.size() / outputs_);
    trees_.leaf_values.resize(trees_.leaf_values.size() + outputs_, 0.0F);
    float* row = trees_.leaf_values.data() + trees_.leaf_values.size() - outputs_ + first_output;
    for (std::size_t k = 0; k < values_per_leaf; ++k) {
      row[k] = static_cast<float>(leaf_values[node.leaf + k] * scale) + base_[first_output + k];
      if (!std::isfinite(row[k])) refuse("tree {}: a leaf's value is not finite", tree);
    }
  }
  std::fill_n(base_.begin() + static_cast<std::ptrdiff_t>(first_output), values_per_leaf, 0.0F);
}

std::vector<std::string> ImportedEnsemble::category_texts(std::size_t feature) const {
  if (!features_[feature].categories.empty()) return features_[feature].categories;
  std::int64_t largest = -1;
  for (const CategorySet& set : sets_)
    if (set.feature == feature && !set.codes.empty()) largest = std::max(largest, set.codes.back());
  if (largest >= (std::int64_t{1} << 20))
    refuse("feature '{}' has category code {}, of which at most {} are read", features_[feature].name, largest,
           std::int64_t{1} << 20);
  std::vector<std::string> texts;
  for (std::int64_t code = 0; code <= largest; ++code) texts.push_back(std::to_string(code));
  return texts;
}

ValueId ImportedEnsemble::add_features(ModelBuilder& builder) {
  std::vector<ValueId> inputs;
  for (const ImportedFeature& feature : features_) {
    model::Input input{.name = feature.name};
    if (feature.categorical) {
      input.kind = model::InputKind::text;
      input.categories = feature.categories;
      std::ranges::sort(input.categories);
      if (input.categories.size() > 10000) input.categories.clear();
    }
    inputs.push_back(builder.input(std::move(input)));
  }
  std::vector<std::vector<std::size_t>> sets_of(features_.size());
  for (std::size_t set = 0; set < sets_.size(); ++set) sets_of[sets_[set].feature].push_back(set);
  std::vector<std::int32_t> place(features_.size() + sets_.size(), -1);
  std::vector<ValueId> blocks;
  std::vector<std::string> columns;
  for (std::size_t f = 0; f < features_.size(); ++f) {
    const ImportedFeature& feature = features_[f];
    if (!feature.categorical) {
      ValueId block = inputs[f];
      if (feature.zero_is_missing) {
        std::string quoted = "\"";
        for (const char c : feature.name) quoted += c == '"' ? "\"\"" : std::string(1, c);
        quoted += '"';
        block = add_formula(builder, block, feature.name,
                            fmt::format("CASE WHEN abs({0}) <= 1e-35 THEN NULL ELSE {0} END", quoted), feature.name,
                            {feature.name});
      }
      place[f] = static_cast<std::int32_t>(columns.size());
      blocks.push_back(block);
      columns.push_back(feature.name);
      continue;
    }
    const std::size_t width = sets_of[f].size();
    if (width == 0) continue;  // never tested
    const std::vector<std::string> texts = category_texts(f);
    if (texts.size() * width > most_category_cells)
      refuse("feature '{}': {} categories and {} tested sets need too large a table", feature.name, texts.size(),
             width);
    std::vector<std::pair<std::string, std::size_t>> sorted;  // text, code
    for (std::size_t code = 0; code < texts.size(); ++code) sorted.emplace_back(texts[code], code);
    std::ranges::sort(sorted);
    model::Lookup lookup{.input = inputs[f]};
    lookup.rows.resize(texts.size() * width);
    std::vector<std::size_t> row_of(texts.size());
    for (std::size_t row = 0; row < sorted.size(); ++row) {
      if (sorted[row].first.empty())
        refuse("feature '{}' has a category without text, which cannot be told from missing", feature.name);
      lookup.keys.push_back(sorted[row].first);
      row_of[sorted[row].second] = row;
    }
    std::vector<std::string> names;
    for (std::size_t column = 0; column < width; ++column) {
      const CategorySet& set = sets_[sets_of[f][column]];
      const float inside = set.inside ? 1.0F : 0.0F;
      for (std::size_t row = 0; row < texts.size(); ++row) lookup.rows[row * width + column] = 1 - inside;
      std::vector<std::string> members;
      for (const std::int64_t code : set.codes) {
        if (code < 0 || static_cast<std::size_t>(code) >= texts.size())
          continue;  // a category that the file does not name
        lookup.rows[row_of[static_cast<std::size_t>(code)] * width + column] = inside;
        members.push_back(texts[static_cast<std::size_t>(code)]);
      }
      lookup.unseen.push_back(1 - inside);
      lookup.missing.push_back(set.missing_is_outside ? 1 - inside : std::numeric_limits<float>::quiet_NaN());
      names.push_back(fmt::format("{}: {}", feature.name, list_names(members, 4)));
      place[features_.size() + sets_of[f][column]] = static_cast<std::int32_t>(columns.size() + column);
    }
    columns.insert(columns.end(), names.begin(), names.end());
    blocks.push_back(builder.add(std::move(lookup), feature.name, std::move(names)));
  }
  if (columns.empty()) {
    // Nothing but categorical features, none of them tested: trees still need a column to stand on.
    blocks.push_back(builder.add(model::Lookup{.input = inputs[0], .unseen = {0}, .missing = {0}}, "none", {"none"}));
    columns.push_back("none");
  }
  for (std::int32_t& feature : trees_.feature) {
    if (feature == model::Trees::leaf) continue;
    feature = place[static_cast<std::size_t>(feature)];
    if (feature < 0) refuse("a categorical feature is tested as a number");
  }
  if (blocks.size() == 1) return blocks[0];
  return builder.add(model::Join{.inputs = std::move(blocks)}, "features", std::move(columns));
}

Result<model::Model> ImportedEnsemble::finish(ImportedLink link, float slope, const ImportOptions& options,
                                              const std::map<std::string, std::string>& metadata) {
  if (trees_.roots.empty()) refuse("the model has no trees");
  if (std::ranges::any_of(base_, [](float base) { return base != 0; })) trees_.base = base_;
  ModelBuilder builder(options.name);
  trees_.input = add_features(builder);
  ValueId sums = builder.add(std::move(trees_), "margin", output_names(outputs_, options));
  if (slope != 1) {
    sums = builder.add(
        model::Affine{
            .input = sums, .scale = std::vector<float>(outputs_, slope), .shift = std::vector<float>(outputs_, 0.0F)},
        "scaled margin", output_names(outputs_, options));
  }
  finish_scores(builder, sums, link, options);
  return finish_model(std::move(builder), metadata);
}

Result<model::Model> imported_linear(const std::vector<ImportedFeature>& features, std::vector<float> weights,
                                     std::vector<float> bias, ImportedLink link, const ImportOptions& options,
                                     const std::map<std::string, std::string>& metadata) {
  if (features.empty() || features.size() > most_features)
    refuse("the model has {} features, expected 1 to {}", features.size(), most_features);
  const std::size_t outputs = bias.size();
  ModelBuilder builder(options.name);
  std::vector<ValueId> inputs;
  std::vector<std::string> columns;
  for (const ImportedFeature& feature : features) {
    if (feature.categorical) refuse("a linear model over the categorical feature '{}'", feature.name);
    inputs.push_back(builder.input({.name = feature.name}));
    columns.push_back(feature.name);
  }
  const ValueId joined =
      inputs.size() == 1 ? inputs[0] : builder.add(model::Join{.inputs = inputs}, "features", columns);
  const ValueId filled = builder.add(
      model::Fill{.input = joined, .replacement = std::vector<float>(columns.size(), 0.0F)}, "filled", columns);
  const ValueId sums =
      builder.add(model::Dense{.input = filled, .weights = std::move(weights), .bias = std::move(bias)}, "margin",
                  output_names(outputs, options));
  finish_scores(builder, sums, link, options);
  return finish_model(std::move(builder), metadata);
}

namespace {

constexpr float smallest_normal = std::numeric_limits<float>::min();

// No threshold between the first normal number below 0 and 0: machines that flush subnormals would take it for 0.
float keep_normal(float threshold) {
  return threshold < 0 && threshold > -smallest_normal ? -smallest_normal : threshold;
}

}  // namespace

float at_most_below(float bound) {
  if (std::isnan(bound)) refuse("a threshold is not a number");
  const float below = std::nextafter(bound, -std::numeric_limits<float>::infinity());
  return keep_normal(std::max(below, -std::numeric_limits<float>::max()));
}

float at_most(double bound) {
  if (std::isnan(bound)) refuse("a threshold is not a number");
  constexpr float largest = std::numeric_limits<float>::max();
  if (bound >= largest)
    return bound > std::numeric_limits<double>::max() ? std::numeric_limits<float>::infinity() : largest;
  if (bound <= -largest) return -largest;
  float rounded = static_cast<float>(bound);
  if (static_cast<double>(rounded) > bound) rounded = std::nextafter(rounded, -std::numeric_limits<float>::infinity());
  return keep_normal(rounded);
}

std::vector<std::string> feature_names(std::vector<std::string> names, std::size_t count, std::string_view prefix) {
  if (!names.empty() && names.size() != count) refuse("{} feature names for {} features", names.size(), count);
  if (count > most_features) refuse("the model has {} features, of which at most {} are read", count, most_features);
  for (std::size_t i = names.size(); i < count; ++i) names.push_back(fmt::format("{}{}", prefix, i));
  std::set<std::string> taken;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string wanted = names[i].empty() ? fmt::format("{}{}", prefix, i) : names[i];
    names[i] = wanted;
    for (int suffix = 2; !taken.insert(names[i]).second; ++suffix) names[i] = fmt::format("{}_{}", wanted, suffix);
  }
  return names;
}

}  // namespace slipway::package
