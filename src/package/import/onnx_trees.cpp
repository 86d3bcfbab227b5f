// TreeEnsembleRegressor, TreeEnsembleClassifier (ai.onnx.ml 1 and 3) and TreeEnsemble (5) as Trees.
#include <unordered_map>

#include "imported_model.hpp"
#include "onnx_graph.hpp"
#include "refusal.hpp"

namespace slipway::package {

namespace {

using model::Trees;

enum class Mode : std::uint8_t { less_equal, less, greater_equal, greater, equal, not_equal, leaf };

struct Node {
  Mode mode = Mode::leaf;
  std::int64_t feature = 0;
  double value = 0;
  std::size_t yes = 0, no = 0;  // places in the list of nodes
  bool missing_is_true = false;
  float cover = 0;
  std::size_t row = 0;  // of a leaf
};

struct Ensemble {
  std::vector<Node> nodes;
  std::vector<std::size_t> roots;
  std::vector<float> rows;  // leaves' numbers, `outputs` each
  std::size_t outputs = 1;
};

// Makes Trees of it: parents before children, one kind of test.
class Assembler {
 public:
  Assembler(const Ensemble& ensemble, std::size_t columns) : ensemble_(ensemble), columns_(columns) {}

  OnnxTrees run() {
    made_.trees.outputs = static_cast<std::uint32_t>(ensemble_.outputs);
    made_.trees.leaf_values = ensemble_.rows;
    for (const std::size_t root : ensemble_.roots) add_tree(root);
    const auto& cover = made_.trees.cover;
    // scikit-learn's converter writes 1 everywhere, which says nothing.
    if (std::all_of(cover.begin(), cover.end(), [](float one) { return one == 1 || one == 0; }))
      made_.trees.cover.clear();
    return std::move(made_);
  }

 private:
  struct Pending {
    std::size_t node;
    std::int64_t parent;
    bool left;
  };

  void add_tree(std::size_t root) {
    Trees& trees = made_.trees;
    trees.roots.push_back(static_cast<std::uint32_t>(trees.node_count()));
    std::vector<Pending> pending = {{root, -1, false}};
    while (!pending.empty()) {
      const Pending next = pending.back();
      pending.pop_back();
      if (trees.node_count() > 2 * ensemble_.nodes.size() + 16) refuse("its trees share nodes or run in circles");
      const Node& node = ensemble_.nodes[next.node];
      const auto self = trees.node_count();
      if (next.parent >= 0) {
        auto& side = next.left ? trees.left : trees.right;
        side[static_cast<std::size_t>(next.parent)] = static_cast<std::uint32_t>(self);
      }
      trees.threshold.push_back(0);
      trees.right.push_back(0);
      trees.missing_left.push_back(0);
      trees.cover.push_back(node.cover);
      if (node.mode == Mode::leaf) {
        trees.feature.push_back(Trees::leaf);
        trees.left.push_back(static_cast<std::uint32_t>(node.row));
        continue;
      }
      trees.left.push_back(0);
      const bool swapped = test(node, self);
      pending.push_back({swapped ? node.yes : node.no, static_cast<std::int64_t>(self), false});
      pending.push_back({swapped ? node.no : node.yes, static_cast<std::int64_t>(self), true});
    }
  }

  // Sets the test of node `self`; true if what holds lies to the right.
  bool test(const Node& node, std::size_t self) {
    Trees& trees = made_.trees;
    if (node.feature < 0 || static_cast<std::size_t>(node.feature) >= columns_)
      refuse("a tree tests column {} of {}", node.feature, columns_);
    if (std::isnan(node.value)) refuse("a tree compares with NaN");
    if (node.mode == Mode::equal || node.mode == Mode::not_equal) {
      // A column that is 1 where they are equal: right of 0.5.
      const bool missing_is_equal = (node.mode == Mode::equal) == node.missing_is_true;
      trees.feature.push_back(equality(static_cast<std::size_t>(node.feature), node.value, missing_is_equal));
      trees.threshold[self] = 0.5F;
      return node.mode == Mode::equal;
    }
    trees.feature.push_back(static_cast<std::int32_t>(node.feature));
    const bool swapped = node.mode == Mode::greater || node.mode == Mode::greater_equal;
    const bool strict = node.mode == Mode::less || node.mode == Mode::greater_equal;
    const float most = strict && static_cast<double>(static_cast<float>(node.value)) == node.value
                           ? at_most_below(static_cast<float>(node.value))
                           : at_most(node.value);
    trees.threshold[self] = std::max(most, -std::numeric_limits<float>::max());
    trees.missing_left[self] = node.missing_is_true != swapped ? 1 : 0;
    return swapped;
  }

  std::int32_t equality(std::size_t feature, double value, bool missing_is_true) {
    const auto number = static_cast<float>(value);
    const auto key = std::make_tuple(feature, number, missing_is_true);
    const auto [at, fresh] = equalities_.try_emplace(key, columns_ + made_.equalities.size());
    if (fresh) {
      if (made_.equalities.size() >= 20000) refuse("its trees compare with more than 20,000 numbers");
      made_.equalities.push_back({feature, number, missing_is_true});
    }
    return static_cast<std::int32_t>(at->second);
  }

  const Ensemble& ensemble_;
  std::size_t columns_;
  OnnxTrees made_;
  std::map<std::tuple<std::size_t, float, bool>, std::size_t> equalities_;
};

Mode mode_named(std::string_view name) {
  constexpr std::pair<std::string_view, Mode> modes[] = {{"BRANCH_LEQ", Mode::less_equal},
                                                         {"BRANCH_LT", Mode::less},
                                                         {"BRANCH_GTE", Mode::greater_equal},
                                                         {"BRANCH_GT", Mode::greater},
                                                         {"BRANCH_EQ", Mode::equal},
                                                         {"BRANCH_NEQ", Mode::not_equal},
                                                         {"LEAF", Mode::leaf}};
  for (const auto& [known, mode] : modes)
    if (known == name) return mode;
  refuse("a tree's mode is '{}'", name);
}

void expect(std::string_view name, std::size_t found, std::size_t wanted) {
  if (found != wanted) refuse("{} has {} entries, {} are expected", name, found, wanted);
}

// Nodes by the numbers of tree and node, as versions 1 and 3 name them.
Ensemble read_named_nodes(const OnnxAttributes& attributes, std::string_view leaves, std::size_t outputs) {
  const auto trees = attributes.integers("nodes_treeids"), ids = attributes.integers("nodes_nodeids"),
             features = attributes.integers("nodes_featureids"), yes = attributes.integers("nodes_truenodeids"),
             no = attributes.integers("nodes_falsenodeids"),
             missing = attributes.integers("nodes_missing_value_tracks_true");
  const auto values = attributes.numbers("nodes_values"), covers = attributes.numbers("nodes_hitrates");
  const auto modes = attributes.texts("nodes_modes");
  const std::size_t count = trees.size();
  expect("nodes_nodeids", ids.size(), count);
  expect("nodes_featureids", features.size(), count);
  expect("nodes_truenodeids", yes.size(), count);
  expect("nodes_falsenodeids", no.size(), count);
  expect("nodes_values", values.size(), count);
  expect("nodes_modes", modes.size(), count);
  if (!missing.empty()) expect("nodes_missing_value_tracks_true", missing.size(), count);
  std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> places;
  for (std::size_t i = 0; i < count; ++i)
    if (!places.try_emplace({trees[i], ids[i]}, i).second) refuse("node {} of tree {} stands twice", ids[i], trees[i]);
  const auto place = [&](std::int64_t tree, std::int64_t id) {
    const auto found = places.find({tree, id});
    if (found == places.end()) refuse("tree {} has no node {}", tree, id);
    return found->second;
  };
  Ensemble ensemble;
  ensemble.outputs = outputs;
  std::vector<std::size_t> row_of(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    Node node;
    node.mode = mode_named(modes[i]);
    node.feature = features[i];
    node.value = values[i];
    node.missing_is_true = !missing.empty() && missing[i] != 0;
    if (covers.size() == count) node.cover = std::max(0.0F, static_cast<float>(covers[i]));
    if (node.mode == Mode::leaf) {
      node.row = ensemble.rows.size() / outputs;
      ensemble.rows.resize(ensemble.rows.size() + outputs, 0.0F);
    } else {
      node.yes = place(trees[i], yes[i]);
      node.no = place(trees[i], no[i]);
    }
    row_of[i] = node.row;
    // The first node listed is the root.
    if (i == 0 || trees[i] != trees[i - 1]) ensemble.roots.push_back(i);
    ensemble.nodes.push_back(node);
  }
  const std::string prefix(leaves);
  const auto leaf_trees = attributes.integers(prefix + "_treeids"), leaf_ids = attributes.integers(prefix + "_nodeids"),
             targets = attributes.integers(prefix + "_ids");
  const auto weights = attributes.numbers(prefix + "_weights");
  expect(prefix + "_nodeids", leaf_ids.size(), leaf_trees.size());
  expect(prefix + "_ids", targets.size(), leaf_trees.size());
  expect(prefix + "_weights", weights.size(), leaf_trees.size());
  for (std::size_t i = 0; i < leaf_trees.size(); ++i) {
    const std::size_t node = place(leaf_trees[i], leaf_ids[i]);
    if (ensemble.nodes[node].mode != Mode::leaf) continue;
    if (targets[i] < 0 || static_cast<std::size_t>(targets[i]) >= outputs)
      refuse("a leaf adds to output {} of {}", targets[i], outputs);
    ensemble.rows[row_of[node] * outputs + static_cast<std::size_t>(targets[i])] += static_cast<float>(weights[i]);
  }
  return ensemble;
}

Ensemble read_version_5(const OnnxAttributes& attributes) {
  Ensemble ensemble;
  const std::int64_t outputs = attributes.integer("n_targets", 1);
  if (outputs < 1 || outputs > 10000) refuse("TreeEnsemble has {} targets", outputs);
  ensemble.outputs = static_cast<std::size_t>(outputs);
  const auto features = attributes.integers("nodes_featureids"), yes = attributes.integers("nodes_truenodeids"),
             no = attributes.integers("nodes_falsenodeids"), yes_leaf = attributes.integers("nodes_trueleafs"),
             no_leaf = attributes.integers("nodes_falseleafs"), roots = attributes.integers("tree_roots"),
             targets = attributes.integers("leaf_targetids"),
             missing = attributes.integers("nodes_missing_value_tracks_true");
  const OnnxConstant splits = attributes.constant("nodes_splits"), modes = attributes.constant("nodes_modes"),
                     weights = attributes.constant("leaf_weights");
  const std::size_t count = features.size(), leaves = weights.numbers.size();
  expect("nodes_truenodeids", yes.size(), count);
  expect("nodes_falsenodeids", no.size(), count);
  expect("nodes_trueleafs", yes_leaf.size(), count);
  expect("nodes_falseleafs", no_leaf.size(), count);
  expect("nodes_splits", splits.numbers.size(), count);
  expect("nodes_modes", modes.numbers.size(), count);
  expect("leaf_targetids", targets.size(), leaves);
  if (!missing.empty()) expect("nodes_missing_value_tracks_true", missing.size(), count);
  if (leaves * ensemble.outputs > (std::size_t{1} << 28)) refuse("TreeEnsemble has too many leaves");
  // Inner nodes first, then a node for each leaf.
  const auto place = [&](std::int64_t number, std::int64_t is_leaf) {
    const auto at = static_cast<std::size_t>(number);
    if (number < 0 || at >= (is_leaf ? leaves : count)) refuse("TreeEnsemble has no node {}", number);
    return is_leaf ? count + at : at;
  };
  for (std::size_t i = 0; i < count; ++i) {
    constexpr Mode known[] = {Mode::less_equal, Mode::less,  Mode::greater_equal,
                              Mode::greater,    Mode::equal, Mode::not_equal};
    if (!(modes.numbers[i] >= 0 && modes.numbers[i] < 6)) refuse("TreeEnsemble tests membership in sets");
    Node node;
    node.mode = known[static_cast<std::size_t>(modes.numbers[i])];
    node.feature = features[i];
    node.value = splits.numbers[i];
    node.yes = place(yes[i], yes_leaf[i]);
    node.no = place(no[i], no_leaf[i]);
    node.missing_is_true = !missing.empty() && missing[i] != 0;
    ensemble.nodes.push_back(node);
  }
  for (std::size_t i = 0; i < leaves; ++i) {
    Node node;
    node.row = i;
    if (targets[i] < 0 || targets[i] >= outputs) refuse("a leaf adds to output {} of {}", targets[i], outputs);
    ensemble.rows.resize(ensemble.rows.size() + ensemble.outputs, 0.0F);
    ensemble.rows[i * ensemble.outputs + static_cast<std::size_t>(targets[i])] = static_cast<float>(weights.numbers[i]);
    ensemble.nodes.push_back(node);
  }
  for (const std::int64_t root : roots) ensemble.roots.push_back(place(root, 0));
  // Leaves may be shared by many nodes; only the walk from the roots tells how many there are, so allow for one a node.
  ensemble.nodes.reserve(ensemble.nodes.size() + count);
  for (std::size_t i = 0; i < count; ++i) ensemble.nodes.emplace_back();
  return ensemble;
}

}  // namespace

OnnxTrees read_onnx_trees(const onnx::Node& node, std::size_t columns) {
  const OnnxAttributes attributes(node);
  Ensemble ensemble;
  bool single_class = false;
  std::vector<double> weights;
  if (node.op_type() == "TreeEnsemble") {
    ensemble = read_version_5(attributes);
  } else if (node.op_type() == "TreeEnsembleRegressor") {
    const std::int64_t outputs = attributes.integer("n_targets", 1);
    if (outputs < 1 || outputs > 10000) refuse("TreeEnsembleRegressor has {} targets", outputs);
    ensemble = read_named_nodes(attributes, "target", static_cast<std::size_t>(outputs));
  } else {
    const std::size_t classes =
        std::max(attributes.texts("classlabels_strings").size(), attributes.integers("classlabels_int64s").size());
    if (classes < 1 || classes > 10000) refuse("TreeEnsembleClassifier has {} classes", classes);
    const auto ids = attributes.integers("class_ids");
    single_class = classes == 2 && std::all_of(ids.begin(), ids.end(), [&](std::int64_t id) { return id == ids[0]; });
    ensemble = read_named_nodes(attributes, "class", classes);
    weights = attributes.numbers("class_weights");
    if (single_class && !ids.empty()) {
      // One number a leaf is enough.
      const auto offset = static_cast<std::size_t>(ids[0]);
      for (std::size_t i = 0; i * classes < ensemble.rows.size(); ++i)
        ensemble.rows[i] = ensemble.rows[i * classes + offset];
      ensemble.rows.resize(ensemble.rows.size() / classes);
      ensemble.outputs = 1;
    }
  }
  if (ensemble.roots.empty()) refuse("{} has no trees", node.op_type());
  OnnxTrees made = Assembler(ensemble, columns).run();
  made.single_class = single_class;
  made.no_negative_weight = std::all_of(weights.begin(), weights.end(), [](double one) { return one >= 0; });
  return made;
}

}  // namespace slipway::package
