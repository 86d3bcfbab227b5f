#include "xgboost.hpp"

#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>

#include "imported_model.hpp"
#include "refusal.hpp"

namespace slipway::package {

namespace {

// A place in the document, for messages that say where something was expected.
class Place {
 public:
  Place(const nlohmann::json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  bool has(const char* key) const { return value_->is_object() && value_->contains(key); }
  Place at(const char* key) const {
    if (!has(key)) refuse("'{}' has no '{}'", path_, key);
    return {value_->at(key), path_.empty() ? key : path_ + "." + key};
  }
  Place at(std::size_t index) const { return {value_->at(index), fmt::format("{}[{}]", path_, index)}; }
  std::size_t size() const {
    if (!value_->is_array()) refuse("'{}' is {}, expected a list", path_, value_->type_name());
    return value_->size();
  }
  const std::string& path() const { return path_; }

  std::string text() const {
    if (!value_->is_string()) refuse("'{}' is {}, expected text", path_, value_->type_name());
    return value_->get<std::string>();
  }
  double number() const { return number_of(*value_); }
  // A whole number; XGBoost writes its parameters as text.
  std::int64_t integer() const {
    const double value =
        value_->is_string() ? parse_number(value_->get_ref<const std::string&>()).value_or(0.5) : number();
    if (value != std::floor(value) || std::fabs(value) > 1e15) refuse("'{}' is no whole number", path_);
    return static_cast<std::int64_t>(value);
  }
  std::vector<double> numbers() const {
    std::vector<double> values;
    values.reserve(size());
    for (const nlohmann::json& value : *value_) values.push_back(number_of(value));
    return values;
  }
  std::vector<std::int64_t> integers() const {
    std::vector<std::int64_t> values;
    values.reserve(size());
    for (const nlohmann::json& value : *value_) {
      const double number = number_of(value);
      if (number != std::floor(number) || std::fabs(number) > 1e15)
        refuse("'{}' holds {}, which is no whole number", path_, number);
      values.push_back(static_cast<std::int64_t>(number));
    }
    return values;
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < size(); ++i) values.push_back(at(i).text());
    return values;
  }
  const nlohmann::json& json() const { return *value_; }

 private:
  double number_of(const nlohmann::json& value) const {
    if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
    if (!value.is_number()) refuse("'{}' holds {}, expected a number", path_, value.type_name());
    return value.get<double>();
  }
  const nlohmann::json* value_;
  std::string path_;
};

// How an objective's sum becomes a score, and where its base score stands.
struct Objective {
  std::string_view name;
  ImportedLink link;
  enum class Base : std::uint8_t { margin, probability, logarithm } base;
};
constexpr Objective objectives[] = {
    {"binary:logistic", ImportedLink::sigmoid, Objective::Base::probability},
    {"binary:logitraw", ImportedLink::identity, Objective::Base::margin},
    {"binary:hinge", ImportedLink::step, Objective::Base::margin},
    {"multi:softprob", ImportedLink::softmax, Objective::Base::margin},
    {"multi:softmax", ImportedLink::softmax, Objective::Base::margin},
    {"reg:logistic", ImportedLink::sigmoid_value, Objective::Base::probability},
    {"reg:squarederror", ImportedLink::identity, Objective::Base::margin},
    {"reg:linear", ImportedLink::identity, Objective::Base::margin},
    {"reg:squaredlogerror", ImportedLink::identity, Objective::Base::margin},
    {"reg:pseudohubererror", ImportedLink::identity, Objective::Base::margin},
    {"reg:absoluteerror", ImportedLink::identity, Objective::Base::margin},
    {"reg:quantileerror", ImportedLink::identity, Objective::Base::margin},
    {"reg:expectileerror", ImportedLink::identity, Objective::Base::margin},
    {"reg:gamma", ImportedLink::exponential, Objective::Base::logarithm},
    {"reg:tweedie", ImportedLink::exponential, Objective::Base::logarithm},
    {"count:poisson", ImportedLink::exponential, Objective::Base::logarithm},
    {"survival:cox", ImportedLink::exponential, Objective::Base::logarithm},
    {"survival:aft", ImportedLink::exponential, Objective::Base::logarithm},
    {"rank:pairwise", ImportedLink::identity, Objective::Base::margin},
    {"rank:ndcg", ImportedLink::identity, Objective::Base::margin},
    {"rank:map", ImportedLink::identity, Objective::Base::margin},
};

const Objective& find_objective(const std::string& name) {
  std::vector<std::string> names;
  for (const Objective& objective : objectives) {
    if (objective.name == name) return objective;
    names.emplace_back(objective.name);
  }
  refuse("objective '{}' is not known{}; known are {}", name, suggestion(name, names), list_names(names, names.size()));
}

// "[2.35E-1,1E0]" since 3.1, "5E-1" before, one for all outputs or one each.
std::vector<float> base_margins(const std::string& text, const Objective& objective, std::size_t outputs) {
  std::string_view inner = trim(text);
  if (inner.starts_with('[') && inner.ends_with(']')) inner = inner.substr(1, inner.size() - 2);
  std::vector<float> margins;
  for (const std::string& part : split(inner, ',')) {
    const auto number = parse_number(part);
    if (!number) refuse("base_score is '{}', expected numbers", text);
    const auto base = static_cast<float>(*number);
    float margin = base;
    if (objective.base == Objective::Base::probability) margin = -std::log(1.0F / base - 1.0F);
    if (objective.base == Objective::Base::logarithm) margin = std::log(base);
    if (!std::isfinite(margin)) refuse("base_score {} lies outside what objective '{}' allows", part, objective.name);
    margins.push_back(margin);
    if (margins.size() > outputs) break;
  }
  if (margins.size() == 1) margins.resize(outputs, margins[0]);
  if (margins.size() != outputs) refuse("base_score has {} numbers for {} outputs", margins.size(), outputs);
  return margins;
}

std::string category_text(const nlohmann::json& value) {
  if (value.is_number_float()) {
    const double number = value.get<double>();
    return number == std::floor(number) && std::fabs(number) < 1e15 ? std::to_string(static_cast<std::int64_t>(number))
                                                                    : format_number(number);
  }
  if (value.is_number()) return value.dump();
  refuse("a category is {}, expected a number", value.type_name());
}

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// Whether the lengths of the names count characters instead of bytes, as XGBoost's Python package writes them for text
// that is not ASCII: a name then begins within a character, or only a count by characters gives the usual, sorted
// order.
bool counts_characters(const std::vector<std::string>& by_bytes, std::string_view bytes) {
  if (std::ranges::none_of(bytes, continues_character)) return false;
  std::vector<std::string> by_characters;
  std::size_t at = 0;
  for (const std::string& name : by_bytes) {
    if (!name.empty() && continues_character(name[0])) return true;
    const std::size_t begin = at;
    for (std::size_t left = name.size(); at < bytes.size(); ++at)
      if (!continues_character(bytes[at]) && left-- == 0) break;
    if (begin < bytes.size()) by_characters.emplace_back(bytes.substr(begin, at - begin));
  }
  return !std::ranges::is_sorted(by_bytes) && std::ranges::is_sorted(by_characters);
}

// The names of one feature's categories, by code; none where the file has none.
std::vector<std::string> read_categories(const Place& encoding) {
  const Place values = encoding.at("values");
  std::vector<std::string> categories;
  if (!encoding.has("offsets")) {
    for (std::size_t i = 0; i < values.size(); ++i) categories.push_back(category_text(values.json().at(i)));
    return categories;
  }
  const std::vector<std::int64_t> offsets = encoding.at("offsets").integers();
  std::string bytes;
  for (const std::int64_t byte : values.integers()) bytes += static_cast<char>(byte);
  for (std::size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i - 1] < 0 || offsets[i] < offsets[i - 1] || static_cast<std::size_t>(offsets[i]) > bytes.size())
      refuse("'{}.offsets' are out of order", encoding.path());
    categories.push_back(
        bytes.substr(static_cast<std::size_t>(offsets[i - 1]), static_cast<std::size_t>(offsets[i] - offsets[i - 1])));
  }
  if (counts_characters(categories, bytes))
    refuse(
        "the names of the categories in '{}' are cut: XGBoost's Python package (3.2 and others) counts characters "
        "where "
        "bytes are meant, and loses the end of lists with names that are not ASCII",
        encoding.path());
  return categories;
}

std::vector<ImportedFeature> read_features(const Place& learner, const Place& model) {
  const std::int64_t count = learner.at("learner_model_param").at("num_feature").integer();
  if (count < 1) refuse("num_feature is {}", count);
  std::vector<std::string> names, types;
  if (learner.has("feature_names")) names = learner.at("feature_names").texts();
  if (learner.has("feature_types")) types = learner.at("feature_types").texts();
  names = feature_names(std::move(names), static_cast<std::size_t>(count), "f");
  if (!types.empty() && types.size() != names.size())
    refuse("{} feature types for {} features", types.size(), names.size());
  std::vector<ImportedFeature> features;
  for (std::size_t i = 0; i < names.size(); ++i) {
    features.push_back({.name = names[i], .categorical = !types.empty() && types[i] == "c"});
    if (!features.back().categorical || !model.has("cats") || !model.at("cats").has("enc")) continue;
    const Place encodings = model.at("cats").at("enc");
    if (i < encodings.size() && encodings.at(i).has("values"))
      features.back().categories = read_categories(encodings.at(i));
  }
  return features;
}

class TreeReader {
 public:
  TreeReader(ImportedEnsemble& ensemble, std::size_t outputs) : ensemble_(ensemble), outputs_(outputs) {}

  void read(const Place& tree, std::size_t output, double scale) {
    const std::vector<std::int64_t> left = tree.at("left_children").integers(),
                                    right = tree.at("right_children").integers(),
                                    feature = tree.at("split_indices").integers(),
                                    default_left = tree.at("default_left").integers();
    const std::vector<double> conditions = tree.at("split_conditions").numbers();
    const std::vector<double> cover = tree.at("sum_hessian").numbers();
    const std::vector<std::int64_t> types =
        tree.has("split_type") ? tree.at("split_type").integers() : std::vector<std::int64_t>();
    const std::size_t size = left.size();
    for (const std::size_t other : {right.size(), feature.size(), default_left.size(), conditions.size(), cover.size()})
      if (other != size) refuse("'{}': its lists have {} and {} entries", tree.path(), size, other);
    if (!types.empty() && types.size() != size)
      refuse("'{}': its lists have {} and {} entries", tree.path(), size, types.size());
    const std::int64_t vector_size =
        tree.at("tree_param").has("size_leaf_vector") ? tree.at("tree_param").at("size_leaf_vector").integer() : 1;
    const bool vectors = vector_size > 1;
    if (vectors && (static_cast<std::size_t>(vector_size) != outputs_ || !tree.has("leaf_weights")))
      refuse("'{}': leaves of {} values for {} outputs", tree.path(), vector_size, outputs_);
    const std::vector<double> leaf_vectors = vectors ? tree.at("leaf_weights").numbers() : std::vector<double>();

    const auto sets = read_sets(tree, size);
    std::vector<ImportedNode> nodes(size);
    for (std::size_t i = 0; i < size; ++i) {
      ImportedNode& node = nodes[i];
      node.cover = static_cast<float>(cover[i]);
      if (left[i] == -1) {
        node.leaf = vectors ? leaf_place(tree, right[i]) : i;
        continue;
      }
      if (feature[i] < 0 || static_cast<std::size_t>(feature[i]) >= ensemble_.features().size())
        refuse("'{}', node {}: feature {} of {}", tree.path(), i, feature[i], ensemble_.features().size());
      node.left = left[i];
      node.right = right[i];
      node.missing_left = default_left[i] != 0;
      if (!types.empty() && types[i] == 1) {
        const auto found = sets.find(static_cast<std::int64_t>(i));
        if (found == sets.end()) refuse("'{}', node {}: a split by category without categories", tree.path(), i);
        // A category of the set goes right.
        node.column = ensemble_.set_column(static_cast<std::size_t>(feature[i]), found->second, true, false);
        node.threshold = 0.5F;
      } else {
        if (ensemble_.features()[static_cast<std::size_t>(feature[i])].categorical)
          refuse("'{}', node {}: feature '{}' is categorical, but tested as a number", tree.path(), i,
                 ensemble_.features()[static_cast<std::size_t>(feature[i])].name);
        node.column = static_cast<std::int32_t>(feature[i]);
        node.threshold = at_most_below(static_cast<float>(conditions[i]));
      }
    }
    if (vectors) {
      ensemble_.add_tree(nodes, leaf_vectors, outputs_, 0, scale);
    } else {
      ensemble_.add_tree(nodes, conditions, 1, output, scale);
    }
  }

 private:
  std::size_t leaf_place(const Place& tree, std::int64_t leaf) const {
    if (leaf < 0 || leaf > (std::int64_t{1} << 31)) refuse("'{}': leaf number {}", tree.path(), leaf);
    return static_cast<std::size_t>(leaf) * outputs_;
  }

  static std::map<std::int64_t, std::vector<std::int64_t>> read_sets(const Place& tree, std::size_t size) {
    std::map<std::int64_t, std::vector<std::int64_t>> sets;
    if (!tree.has("categories_nodes")) return sets;
    const std::vector<std::int64_t> nodes = tree.at("categories_nodes").integers(),
                                    begins = tree.at("categories_segments").integers(),
                                    sizes = tree.at("categories_sizes").integers(),
                                    categories = tree.at("categories").integers();
    if (nodes.size() != begins.size() || nodes.size() != sizes.size())
      refuse("'{}': its lists of categories have {}, {} and {} entries", tree.path(), nodes.size(), begins.size(),
             sizes.size());
    const auto total = static_cast<std::int64_t>(categories.size());
    std::int64_t used = 0;  // sets that overlap would let a small file ask for much memory
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i] < 0 || static_cast<std::size_t>(nodes[i]) >= size || begins[i] < 0 || sizes[i] < 0 ||
          begins[i] > total || sizes[i] > total - begins[i] || (used += sizes[i]) > total)
        refuse("'{}': categories {} + {} of {}", tree.path(), begins[i], sizes[i], total);
      if (!sets.emplace(nodes[i],
                        std::vector(categories.begin() + begins[i], categories.begin() + begins[i] + sizes[i]))
               .second)
        refuse("'{}': node {} has two sets of categories", tree.path(), nodes[i]);
    }
    return sets;
  }

  ImportedEnsemble& ensemble_;
  std::size_t outputs_;
};

std::string version_text(const Place& document) {
  std::string text = "XGBoost";
  if (!document.has("version")) return text;
  const std::vector<std::int64_t> version = document.at("version").integers();
  for (std::size_t i = 0; i < std::min<std::size_t>(version.size(), 3); ++i)
    text += fmt::format("{}{}", i == 0 ? " " : ".", version[i]);
  return text;
}

// How many of the trees score, and a word on it.
std::size_t trees_to_take(const Place& learner, const Place& model, std::size_t trees, std::size_t outputs, bool all,
                          std::map<std::string, std::string>& metadata) {
  const std::size_t parallel =
      model.has("gbtree_model_param") && model.at("gbtree_model_param").has("num_parallel_tree")
          ? static_cast<std::size_t>(
                std::max<std::int64_t>(1, model.at("gbtree_model_param").at("num_parallel_tree").integer()))
          : 1;
  std::vector<std::int64_t> ends;  // trees at the end of every round, 0 first
  if (model.has("iteration_indptr")) ends = model.at("iteration_indptr").integers();
  if (ends.empty() || ends.back() != static_cast<std::int64_t>(trees)) {
    ends.clear();
    const std::size_t a_round = std::max<std::size_t>(1, std::min(parallel, trees) * outputs);
    for (std::size_t end = 0; end <= trees; end += a_round) ends.push_back(static_cast<std::int64_t>(end));
  }
  const std::size_t rounds = ends.size() - 1;
  metadata["rounds"] = std::to_string(rounds);
  if (all || !learner.has("attributes") || !learner.at("attributes").has("best_iteration")) return trees;
  const std::int64_t best = learner.at("attributes").at("best_iteration").integer();
  if (best < 0 || static_cast<std::size_t>(best) + 1 >= ends.size()) return trees;
  metadata["rounds"] = fmt::format("{} of {} (best_iteration)", best + 1, rounds);
  const std::int64_t end = ends[static_cast<std::size_t>(best) + 1];
  return end < 0 ? trees : std::min(trees, static_cast<std::size_t>(end));
}

Result<model::Model> read_trees(const Place& document, const Place& learner, const Place& booster,
                                const Objective& objective, std::size_t outputs, const ImportOptions& options,
                                std::size_t file_size) {
  const bool nested = booster.has("gbtree");  // DART, as older versions wrote it
  const Place model = nested ? booster.at("gbtree").at("model") : booster.at("model");
  std::vector<double> weights;
  for (const Place& holder : {booster, model})
    if (holder.has("weight_drop")) weights = holder.at("weight_drop").numbers();

  ImportedEnsemble ensemble(read_features(learner, model), outputs, file_size);
  const Place trees = model.at("trees");
  const std::vector<std::int64_t> info = model.at("tree_info").integers();
  if (info.size() != trees.size()) refuse("{} entries of tree_info for {} trees", info.size(), trees.size());
  if (!weights.empty() && weights.size() != trees.size())
    refuse("{} weights for {} trees", weights.size(), trees.size());
  std::map<std::string, std::string> metadata = {{"imported from", version_text(document)},
                                                 {"objective", std::string(objective.name)}};
  const std::size_t taken = trees_to_take(learner, model, trees.size(), outputs, options.all_rounds, metadata);
  ensemble.set_base(base_margins(learner.at("learner_model_param").at("base_score").text(), objective, outputs));
  TreeReader reader(ensemble, outputs);
  for (std::size_t tree = 0; tree < taken; ++tree) {
    if (info[tree] < 0 || static_cast<std::size_t>(info[tree]) >= outputs)
      refuse("tree {} belongs to class {} of {}", tree, info[tree], outputs);
    reader.read(trees.at(tree), static_cast<std::size_t>(info[tree]), weights.empty() ? 1.0 : weights[tree]);
  }
  return ensemble.finish(objective.link, 1, options, metadata);
}

Result<model::Model> read_linear(const Place& document, const Place& learner, const Place& booster,
                                 const Objective& objective, std::size_t outputs, const ImportOptions& options) {
  const Place model = booster.at("model");
  const std::vector<double> stored = model.at("weights").numbers();
  const std::vector<ImportedFeature> features = read_features(learner, model);
  if (stored.size() != (features.size() + 1) * outputs)
    refuse("{} weights for {} features and {} outputs", stored.size(), features.size(), outputs);
  std::vector<float> weights(stored.begin(), stored.end());
  std::vector<float> bias = base_margins(learner.at("learner_model_param").at("base_score").text(), objective, outputs);
  // XGBoost's linear booster takes the first base score for every class.
  bias.assign(outputs, bias[0]);
  for (std::size_t k = 0; k < outputs; ++k) bias[k] += weights[features.size() * outputs + k];
  weights.resize(features.size() * outputs);
  return imported_linear(features, std::move(weights), std::move(bias), objective.link, options,
                         {{"imported from", version_text(document)}, {"objective", std::string(objective.name)}});
}

}  // namespace

Result<model::Model> read_xgboost(const nlohmann::json& json, const ImportOptions& options, std::size_t file_size) {
  const Place document(json, "");
  const Place learner = document.at("learner");
  const Place parameters = learner.at("learner_model_param");
  const std::int64_t classes = parameters.at("num_class").integer();
  const std::int64_t targets = parameters.has("num_target") ? parameters.at("num_target").integer() : 1;
  if (targets > 1) refuse("the model has {} targets; a Model has one", targets);
  if (classes < 0 || classes > 10000) refuse("num_class is {}", classes);
  const auto outputs = static_cast<std::size_t>(std::max<std::int64_t>(classes, 1));
  const Objective& objective = find_objective(learner.at("objective").at("name").text());
  if ((objective.link == ImportedLink::softmax) != (outputs > 1))
    refuse("objective '{}' with {} classes", objective.name, classes);
  const Place booster = learner.at("gradient_booster");
  const std::string kind = booster.at("name").text();
  if (kind == "gbtree" || kind == "dart")
    return read_trees(document, learner, booster, objective, outputs, options, file_size);
  if (kind == "gblinear") return read_linear(document, learner, booster, objective, outputs, options);
  refuse("booster '{}' is not known; known are gbtree, dart and gblinear", kind);
}

}  // namespace slipway::package
