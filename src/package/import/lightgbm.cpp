#include "lightgbm.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>

#include "imported_model.hpp"
#include "refusal.hpp"

namespace slipway::package {

namespace {

// "key=value" lines up to an empty line or the end. Views into the file.
struct Section {
  std::size_t line = 0;  // of its first line, from 1
  std::map<std::string_view, std::string_view> values;

  bool has(std::string_view key) const { return values.contains(key); }
  std::string_view text(std::string_view key) const {
    const auto found = values.find(key);
    if (found == values.end()) refuse("line {}: the section that begins here has no '{}'", line, key);
    return found->second;
  }
  template <class Number>
  std::vector<Number> numbers(std::string_view key) const {
    std::vector<Number> list;
    std::string_view rest = text(key);
    while (!(rest = trim(rest)).empty()) {
      Number number{};
      const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
      if (code != std::errc() || (end != rest.data() + rest.size() && *end != ' '))
        refuse("line {}: '{}' holds '{}', expected a number", line, key,
               rest.substr(0, std::min<std::size_t>(rest.find(' '), 24)));
      list.push_back(number);
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    }
    return list;
  }
  std::int64_t integer(std::string_view key) const {
    const auto list = numbers<std::int64_t>(key);
    if (list.size() != 1) refuse("line {}: '{}' has {} numbers, expected one", line, key, list.size());
    return list[0];
  }
};

struct File {
  Section head;
  std::vector<Section> trees;
  bool average_output = false;
  std::string_view categorical_feature;  // "1,2" from the parameters
  std::string_view pandas_categorical;   // JSON
};

File split_file(std::string_view text) {
  File file;
  Section* section = &file.head;
  bool ended = false;  // "end of trees" was seen
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with("pandas_categorical:")) {
      file.pandas_categorical = line.substr(19);
    } else if (line.starts_with("[categorical_feature:") && line.ends_with(']')) {
      file.categorical_feature = trim(line.substr(21, line.size() - 22));
    } else if (line == "end of trees") {
      ended = true;
    } else if (ended || line.empty()) {
      continue;
    } else if (line == "average_output") {
      file.average_output = true;
    } else if (line.starts_with("Tree=")) {
      file.trees.push_back({.line = number, .values = {}});
      section = &file.trees.back();
    } else if (const std::size_t equals = line.find('='); equals != std::string_view::npos) {
      section->values.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
  }
  file.head.line = 1;
  if (!ended) refuse("line {}: the file ends before 'end of trees'", number);
  return file;
}

struct Objective {
  std::string name;
  ImportedLink link = ImportedLink::identity;
  float slope = 1;
};

Objective read_objective(const Section& head) {
  if (!head.has("objective")) return {"none"};  // a custom one: the sum itself
  const std::vector<std::string> words = split(trim(head.text("objective")), ' ');
  Objective objective{words[0]};
  bool square_root = false;
  for (const std::string& word : words) {
    if (word == "sqrt") square_root = true;
    if (word.starts_with("sigmoid:")) {
      const auto slope = parse_number(std::string_view(word).substr(8));
      if (!slope || !std::isfinite(*slope) || *slope <= 0) refuse("line 1: objective has '{}'", word);
      objective.slope = static_cast<float>(*slope);
    }
  }
  static const std::map<std::string, ImportedLink, std::less<>> links = {
      {"regression", ImportedLink::identity},
      {"regression_l1", ImportedLink::identity},
      {"huber", ImportedLink::identity},
      {"fair", ImportedLink::identity},
      {"quantile", ImportedLink::identity},
      {"mape", ImportedLink::identity},
      {"poisson", ImportedLink::exponential},
      {"gamma", ImportedLink::exponential},
      {"tweedie", ImportedLink::exponential},
      {"binary", ImportedLink::sigmoid},
      {"multiclass", ImportedLink::softmax},
      {"multiclassova", ImportedLink::sigmoid_each},
      {"cross_entropy", ImportedLink::sigmoid_value},
      {"cross_entropy_lambda", ImportedLink::logarithm_1p_exp},
      {"lambdarank", ImportedLink::identity},
      {"rank_xendcg", ImportedLink::identity},
      {"none", ImportedLink::identity},
      {"custom", ImportedLink::identity}};
  const auto found = links.find(objective.name);
  if (found == links.end()) {
    std::vector<std::string> names;
    for (const auto& [name, link] : links) names.push_back(name);
    refuse("objective '{}' is not known{}; known are {}", objective.name, suggestion(objective.name, names),
           list_names(names, names.size()));
  }
  objective.link = square_root ? ImportedLink::signed_square : found->second;
  return objective;
}

std::string category_text(const nlohmann::json& category) {
  if (category.is_string()) return category.get<std::string>();
  if (category.is_boolean()) return category.get<bool>() ? "True" : "False";
  if (category.is_number_float()) {
    const double number = category.get<double>();
    return number == std::floor(number) && std::fabs(number) < 1e15 ? std::to_string(static_cast<std::int64_t>(number))
                                                                    : format_number(number);
  }
  if (category.is_number()) return category.dump();
  refuse("pandas_categorical holds {}, expected text or a number", category.type_name());
}

// Names, and which features are categorical: those that the parameters list, whose values the file enumerates ("0:3:1"
// instead of "[0:7.5]"), or that a tree tests so.
std::vector<ImportedFeature> read_features(const File& file, const std::set<std::size_t>& tested_as_category) {
  const std::int64_t last = file.head.integer("max_feature_idx");
  if (last < 0) refuse("line 1: max_feature_idx is {}", last);
  std::vector<std::string> names;
  if (file.head.has("feature_names")) names = split(trim(file.head.text("feature_names")), ' ');
  names = feature_names(std::move(names), static_cast<std::size_t>(last) + 1, "Column_");
  std::vector<ImportedFeature> features;
  for (std::string& name : names) features.push_back({.name = std::move(name)});

  for (const std::size_t feature : tested_as_category) {
    if (feature >= features.size()) refuse("feature {} of {}", feature, features.size());
    features[feature].categorical = true;
  }
  if (file.head.has("feature_infos")) {
    const std::vector<std::string> infos = split(trim(file.head.text("feature_infos")), ' ');
    for (std::size_t i = 0; i < std::min(infos.size(), features.size()); ++i)
      if (!infos[i].empty() && infos[i] != "none" && infos[i][0] != '[') features[i].categorical = true;
  }
  std::vector<std::size_t> listed;
  if (!file.categorical_feature.empty())
    for (const std::string& part : split(file.categorical_feature, ',')) {
      const auto index = parse_number(part);
      if (!index || !(*index >= 0) || *index >= static_cast<double>(features.size()) || *index != std::floor(*index))
        continue;
      listed.push_back(static_cast<std::size_t>(*index));
      features[listed.back()].categorical = true;
    }

  if (file.pandas_categorical.empty()) return features;
  const nlohmann::json lists = nlohmann::json::parse(file.pandas_categorical, nullptr, false);
  if (lists.is_null() || (lists.is_array() && lists.empty())) return features;
  if (!lists.is_array()) refuse("pandas_categorical is no list of lists");
  std::ranges::sort(listed);
  if (listed.size() != lists.size()) {
    listed.clear();
    for (std::size_t i = 0; i < features.size(); ++i)
      if (features[i].categorical) listed.push_back(i);
  }
  if (listed.size() != lists.size())
    refuse("pandas_categorical names the categories of {} columns, but {} features are categorical", lists.size(),
           listed.size());
  for (std::size_t i = 0; i < listed.size(); ++i) {
    if (!lists[i].is_array()) refuse("pandas_categorical is no list of lists");
    for (const nlohmann::json& category : lists[i]) features[listed[i]].categories.push_back(category_text(category));
  }
  return features;
}

enum class MissingType : std::uint8_t { none, zero, nan };

bool is_category_split(std::int64_t decision) { return (decision & 1) != 0; }
bool default_left(std::int64_t decision) { return (decision & 2) != 0; }
MissingType missing_type(std::int64_t decision) {
  const std::int64_t type = decision >> 2 & 3;
  if (type == 3) refuse("decision_type {} is not known", decision);
  return static_cast<MissingType>(type);
}

// What the trees say of the features before they are built: tested as categories, zeros missing.
struct FeatureUse {
  std::set<std::size_t> as_category;
  std::set<std::size_t> zero_missing;
};

FeatureUse look_through(const File& file) {
  FeatureUse use;
  std::set<std::size_t> other;
  for (const Section& tree : file.trees) {
    if (!tree.has("split_feature")) continue;
    const auto features = tree.numbers<std::int64_t>("split_feature");
    const auto decisions = tree.numbers<std::int64_t>("decision_type");
    if (features.size() != decisions.size())
      refuse("line {}: {} split features and {} decision types", tree.line, features.size(), decisions.size());
    for (std::size_t i = 0; i < features.size(); ++i) {
      if (features[i] < 0) refuse("line {}: split feature {}", tree.line, features[i]);
      const auto feature = static_cast<std::size_t>(features[i]);
      if (is_category_split(decisions[i])) {
        use.as_category.insert(feature);
      } else {
        (missing_type(decisions[i]) == MissingType::zero ? use.zero_missing : other).insert(feature);
      }
    }
  }
  for (const std::size_t feature : use.zero_missing)
    if (other.contains(feature)) refuse("feature {}: zero counts as missing in some trees only", feature);
  return use;
}

class TreeReader {
 public:
  explicit TreeReader(ImportedEnsemble& ensemble) : ensemble_(ensemble) {}

  void read(const Section& tree, std::size_t output, double scale) {
    if (tree.has("is_linear") && tree.integer("is_linear") != 0)
      refuse("line {}: a linear tree; a Model's leaves hold constants", tree.line);
    const std::int64_t leaves = tree.integer("num_leaves");
    const std::vector<double> values = tree.numbers<double>("leaf_value");
    if (leaves < 1 || values.size() != static_cast<std::size_t>(leaves))
      refuse("line {}: {} leaf values for {} leaves", tree.line, values.size(), leaves);
    const std::size_t inner = values.size() - 1;
    std::vector<ImportedNode> nodes(inner + values.size());
    for (std::size_t leaf = 0; leaf < values.size(); ++leaf) nodes[inner + leaf].leaf = leaf;
    const auto set_cover = [&](const char* key, std::size_t first, std::size_t count) {
      if (!tree.has(key)) return;
      const std::vector<double> cover = tree.numbers<double>(key);
      if (cover.size() != count) return;  // a tree of one leaf has none
      for (std::size_t i = 0; i < count; ++i) nodes[first + i].cover = static_cast<float>(cover[i]);
    };
    set_cover("leaf_count", inner, values.size());
    set_cover("internal_count", 0, inner);
    if (inner == 0 && nodes[0].cover == 0) nodes[0].cover = 1;
    if (inner > 0) read_splits(tree, nodes, inner);
    ensemble_.add_tree(nodes, values, 1, output, scale);
  }

 private:
  void read_splits(const Section& tree, std::vector<ImportedNode>& nodes, std::size_t inner) {
    const auto features = tree.numbers<std::int64_t>("split_feature"), left = tree.numbers<std::int64_t>("left_child"),
               right = tree.numbers<std::int64_t>("right_child"),
               decisions = tree.numbers<std::int64_t>("decision_type");
    const auto thresholds = tree.numbers<double>("threshold");
    for (const std::size_t size : {features.size(), left.size(), right.size(), decisions.size(), thresholds.size()})
      if (size != inner) refuse("line {}: a list has {} entries, expected {}", tree.line, size, inner);
    std::vector<std::int64_t> boundaries;
    std::vector<std::uint32_t> words;
    if (tree.has("cat_boundaries") && tree.has("cat_threshold")) {
      boundaries = tree.numbers<std::int64_t>("cat_boundaries");
      words = tree.numbers<std::uint32_t>("cat_threshold");
    }
    // A child below 0 is leaf -child - 1.
    const auto place = [&](std::int64_t child) {
      if (child < -static_cast<std::int64_t>(nodes.size()) || child >= static_cast<std::int64_t>(inner))
        refuse("line {}: child {}", tree.line, child);
      return child >= 0 ? child : static_cast<std::int64_t>(inner) - child - 1;
    };
    std::size_t words_used = 0;
    for (std::size_t i = 0; i < inner; ++i) {
      ImportedNode& node = nodes[i];
      if (features[i] < 0 || static_cast<std::size_t>(features[i]) >= ensemble_.features().size())
        refuse("line {}: split feature {} of {}", tree.line, features[i], ensemble_.features().size());
      const auto feature = static_cast<std::size_t>(features[i]);
      node.left = place(left[i]);
      node.right = place(right[i]);
      if (is_category_split(decisions[i])) {
        std::vector<std::int64_t> codes = read_set(tree, thresholds[i], boundaries, words, words_used);
        // A category of the set goes left; one outside it, and a missing one, right.
        node.column = ensemble_.set_column(feature, std::move(codes), false, true);
        node.threshold = 0.5F;
        continue;
      }
      if (ensemble_.features()[feature].categorical)
        refuse("line {}: feature '{}' is categorical, but tested as a number", tree.line,
               ensemble_.features()[feature].name);
      node.column = static_cast<std::int32_t>(feature);
      node.threshold = at_most(thresholds[i]);
      // Without a rule for missing values they count as 0.
      node.missing_left =
          missing_type(decisions[i]) == MissingType::none ? 0 <= thresholds[i] : default_left(decisions[i]);
    }
  }

  static std::vector<std::int64_t> read_set(const Section& tree, double threshold,
                                            const std::vector<std::int64_t>& boundaries,
                                            const std::vector<std::uint32_t>& words, std::size_t& words_used) {
    if (!(threshold >= 0) || threshold != std::floor(threshold) ||
        threshold + 1 >= static_cast<double>(boundaries.size()))
      refuse("line {}: category set {} of {}", tree.line, threshold, boundaries.empty() ? 0 : boundaries.size() - 1);
    const auto index = static_cast<std::size_t>(threshold);
    const std::int64_t begin = boundaries[index], end = boundaries[index + 1];
    if (begin < 0 || end < begin || end > static_cast<std::int64_t>(words.size()))
      refuse("line {}: category set {} spans {} to {} of {}", tree.line, index, begin, end, words.size());
    words_used +=
        static_cast<std::size_t>(end - begin);  // sets that overlap would let a small file ask for much memory
    if (words_used > words.size()) refuse("line {}: category sets overlap", tree.line);
    std::vector<std::int64_t> codes;
    for (std::int64_t word = begin; word < end; ++word)
      for (int bit = 0; bit < 32; ++bit)
        if ((words[static_cast<std::size_t>(word)] >> bit & 1U) != 0) codes.push_back((word - begin) * 32 + bit);
    return codes;
  }

  ImportedEnsemble& ensemble_;
};

}  // namespace

Result<model::Model> read_lightgbm(std::string_view text, const ImportOptions& options) {
  const File file = split_file(text);
  const std::int64_t per_round =
      file.head.has("num_tree_per_iteration") ? file.head.integer("num_tree_per_iteration") : 1;
  if (per_round < 1 || per_round > 10000) refuse("line 1: num_tree_per_iteration is {}", per_round);
  const auto outputs = static_cast<std::size_t>(per_round);
  const Objective objective = read_objective(file.head);
  const bool classes = objective.link == ImportedLink::softmax || objective.link == ImportedLink::sigmoid_each;
  if (classes != (outputs > 1)) refuse("objective '{}' with {} trees per iteration", objective.name, outputs);
  const FeatureUse use = look_through(file);
  std::vector<ImportedFeature> features = read_features(file, use.as_category);
  for (const std::size_t feature : use.zero_missing) {
    if (feature >= features.size()) refuse("split feature {} of {}", feature, features.size());
    features[feature].zero_is_missing = true;
  }
  ImportedEnsemble ensemble(std::move(features), outputs, text.size());
  const std::size_t rounds = file.trees.size() / outputs;
  if (rounds * outputs != file.trees.size())
    refuse("{} trees are not a multiple of {} per iteration", file.trees.size(), outputs);
  const double scale = file.average_output ? 1.0 / static_cast<double>(std::max<std::size_t>(rounds, 1)) : 1.0;
  TreeReader reader(ensemble);
  for (std::size_t tree = 0; tree < file.trees.size(); ++tree) reader.read(file.trees[tree], tree % outputs, scale);
  std::map<std::string, std::string> metadata = {{"objective", objective.name}, {"rounds", std::to_string(rounds)}};
  metadata["imported from"] = "LightGBM " + std::string(file.head.has("version") ? file.head.text("version") : "");
  return ensemble.finish(objective.link, objective.slope, options, metadata);
}

}  // namespace slipway::package
