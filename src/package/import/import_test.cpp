#include <gtest/gtest.h>

#include <slipway/model/interpreter.hpp>
#include <slipway/package/import.hpp>

#include "ubjson.hpp"

namespace slipway::package {
namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

// XGBoost 3.2.0: binary:logistic, two trees of depth 2 over amount, city (categories Basel, Bern, Chur, Genf) and zero.
constexpr std::string_view xgboost_json = R"({"learner":{"attributes":{},"feature_names":["amount","city","zero"],
"feature_types":["float","c","float"],"gradient_booster":{"model":{"cats":{"enc":[{"offsets":[],"values":[]},
{"offsets":[0,5,9,13,17],"values":[66,97,115,101,108,66,101,114,110,67,104,117,114,71,101,110,102]},
{"offsets":[],"values":[]}],"feature_segments":[0,0,4,4],"sorted_idx":[0,1,2,3]},
"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"2"},"iteration_indptr":[0,1,2],"tree_info":[0,0],
"trees":[{"categories":[0,3,0,3],"categories_nodes":[1,2],"categories_segments":[0,2],"categories_sizes":[2,2],
"default_left":[0,0,0,0,0,0,0],"id":0,"left_children":[1,3,5,-1,-1,-1,-1],"right_children":[2,4,6,-1,-1,-1,-1],
"split_conditions":[0.16,1e-45,1e-45,-0.45455393,-1.2355889,1.4741485,0.06288475],"split_indices":[0,1,1,0,0,0,0],
"split_type":[0,1,1,0,0,0,0],"sum_hessian":[94.9375,38.924374,56.013123,15.664687,23.259687,23.022343,32.99078],
"tree_param":{"num_deleted":"0","num_feature":"3","num_nodes":"7","size_leaf_vector":"1"}},
{"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],
"default_left":[1,0,0,0,0,0,0],"id":1,"left_children":[1,3,5,-1,-1,-1,-1],"right_children":[2,4,6,-1,-1,-1,-1],
"split_conditions":[1.04,-0.66,1.45,-0.8416431,-0.1524957,0.5041274,1.2946173],"split_indices":[0,0,0,0,0,0,0],
"split_type":[0,0,0,0,0,0,0],"sum_hessian":[78.70598,67.888016,10.8179655,10.636215,57.251797,4.34261,6.4753556],
"tree_param":{"num_deleted":"0","num_feature":"3","num_nodes":"7","size_leaf_vector":"1"}}]},"name":"gbtree"},
"learner_model_param":{"base_score":"[3.875E-1]","boost_from_average":"1","num_class":"0","num_feature":"3",
"num_target":"1"},"objective":{"name":"binary:logistic","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[3,2,0]})";

// LightGBM 4.7.0 on the same table.
constexpr std::string_view lightgbm_text = R"(tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=2
objective=binary sigmoid:1
feature_names=amount city zero
feature_infos=[-3.059999942779541:3.3199999332427979] -1:1:3:0:2 [-3:2.5999999046325684]
tree_sizes=559 577

Tree=0
num_leaves=4
num_cat=0
split_feature=0 0 2
split_gain=60.4818 10.7062 8.48433
threshold=0.54500001668930065 1.4700000286102297 1.2500000000000002
decision_type=8 10 2
left_child=-1 2 -2
right_child=1 -3 -4
leaf_value=-0.8549259561124436 -0.087502811034124328 0.53153966642708617 -0.95005974945167371
leaf_weight=47.706092432141304 37.500311464071274 6.6456248164176932 3.0854686647653571
leaf_count=201 158 28 13
internal_value=-0.457833 -0.0567493 -0.153077
internal_weight=94.9375 47.2314 40.5858
internal_count=400 199 171
is_linear=0
shrinkage=1


Tree=1
num_leaves=4
num_cat=1
split_feature=1 0 0
split_gain=29.0602 22.6224 13.3046
threshold=0 -0.53999999165534962 1.044999957084656
decision_type=9 8 8
left_child=1 -1 -2
right_child=2 -3 -4
leaf_value=-0.43168586548725035 -0.48571422500732758 0.56039558581630267 0.017209156811380827
leaf_weight=7.1181605756282806 30.724643290042877 29.814512223005295 22.990344360470772
leaf_count=34 142 129 95
internal_value=-0.00984736 0.290525 -0.228012
internal_weight=90.6477 36.9327 53.715
internal_count=400 163 237
cat_boundaries=0 1
cat_threshold=6
is_linear=0
shrinkage=0.5


end of trees

parameters:
[categorical_feature: 1]
end of parameters

pandas_categorical:[["Basel", "Bern", "Chur", "Genf"]]
)";

// LightGBM 4.7.0 with zero_as_missing, over amount and zero.
constexpr std::string_view lightgbm_zero = R"(tree
version=v4
num_class=1
num_tree_per_iteration=1
max_feature_idx=1
objective=binary sigmoid:1
feature_names=amount zero
feature_infos=[-3.059999942779541:3.3199999332427979] [-3:2.5999999046325684]

Tree=0
num_leaves=4
num_cat=0
split_feature=0 0 1
threshold=0.54500001668930065 1.4700000286102297 1.2500000000000002
decision_type=4 6 6
left_child=-1 2 -2
right_child=1 -3 -4
leaf_value=-0.85282978778463003 -0.094966061415514447 0.53153966642708617 -0.95005974945167371
leaf_count=200 159 28 13
internal_count=400 200 172
is_linear=0
shrinkage=1


end of trees
)";

// XGBoost 3.2.0: count:poisson, one stump on a feature without a name, saved as UBJ.
constexpr std::string_view xgboost_ubj_hex =
    "7b4c00000000000000076c6561726e65727b4c000000000000000a617474726962757465737b7d4c000000000000000d666561747572"
    "655f6e616d65735b234c00000000000000004c000000000000000d666561747572655f74797065735b234c00000000000000004c0000"
    "0000000000106772616469656e745f626f6f737465727b4c00000000000000056d6f64656c7b4c0000000000000004636174737b4c00"
    "00000000000003656e635b234c00000000000000004c0000000000000010666561747572655f7365676d656e74735b246c234c000000"
    "00000000004c000000000000000a736f727465645f6964785b246c234c00000000000000007d4c00000000000000126762747265655f"
    "6d6f64656c5f706172616d7b4c00000000000000116e756d5f706172616c6c656c5f74726565534c0000000000000001314c00000000"
    "000000096e756d5f7472656573534c0000000000000001317d4c0000000000000010697465726174696f6e5f696e647074725b234c00"
    "00000000000002690069014c0000000000000009747265655f696e666f5b234c000000000000000169004c0000000000000005747265"
    "65735b234c00000000000000017b4c000000000000000c626173655f776569676874735b2464234c0000000000000003b3407133bef3"
    "bea73f3333334c000000000000000a63617465676f726965735b246c234c00000000000000004c000000000000001063617465676f72"
    "6965735f6e6f6465735b246c234c00000000000000004c000000000000001363617465676f726965735f7365676d656e74735b244c23"
    "4c00000000000000004c000000000000001063617465676f726965735f73697a65735b244c234c00000000000000004c000000000000"
    "000c64656661756c745f6c6566745b2455234c00000000000000030000004c0000000000000002696469004c000000000000000d6c65"
    "66745f6368696c6472656e5b246c234c000000000000000300000001ffffffffffffffff4c000000000000000c6c6f73735f6368616e"
    "6765735b2464234c0000000000000003416ba6a800000000000000004c0000000000000007706172656e74735b246c234c0000000000"
    "0000037fffffff00000000000000004c000000000000000e72696768745f6368696c6472656e5b246c234c0000000000000003000000"
    "02ffffffffffffffff4c000000000000001073706c69745f636f6e646974696f6e735b2464234c00000000000000033ed70a3dbef3be"
    "a73f3333334c000000000000000d73706c69745f696e64696365735b246c234c00000000000000030000000000000000000000004c00"
    "0000000000000a73706c69745f747970655b2455234c00000000000000030000004c000000000000000b73756d5f6865737369616e5b"
    "2464234c00000000000000034210fd7e41b996644150c9304c000000000000000a747265655f706172616d7b4c000000000000000b6e"
    "756d5f64656c65746564534c0000000000000001304c000000000000000b6e756d5f66656174757265534c0000000000000001314c00"
    "000000000000096e756d5f6e6f646573534c0000000000000001334c000000000000001073697a655f6c6561665f766563746f72534c"
    "0000000000000001317d7d7d4c00000000000000046e616d65534c00000000000000066762747265657d4c00000000000000136c6561"
    "726e65725f6d6f64656c5f706172616d7b4c000000000000000a626173655f73636f7265534c00000000000000085b332e36452d315d"
    "4c0000000000000012626f6f73745f66726f6d5f61766572616765534c0000000000000001314c00000000000000096e756d5f636c61"
    "7373534c0000000000000001304c000000000000000b6e756d5f66656174757265534c0000000000000001314c000000000000000a6e"
    "756d5f746172676574534c0000000000000001317d4c00000000000000096f626a6563746976657b4c00000000000000046e616d6553"
    "4c000000000000000d636f756e743a706f6973736f6e4c0000000000000018706f6973736f6e5f72656772657373696f6e5f70617261"
    "6d7b4c000000000000000e6d61785f64656c74615f73746570534c000000000000000b302e3639393939393938387d7d7d4c00000000"
    "0000000776657273696f6e5b234c00000000000000036903690269007d";

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result(text);
  const std::size_t at = result.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) result.replace(at, from.size(), to);
  return result;
}

// The last score of every row.
std::vector<float> scores_of(const model::Model& model, const model::RowBatch& batch) {
  const auto result = model::interpret(model, batch);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
  if (!result.ok()) return {};
  const auto column = result->scores.column(result->scores.width - 1);
  return {column.begin(), column.end()};
}

void expect_near(const std::vector<float>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-6) << "row " << i;
}

// Five rows: amount, city, zero.
struct Rows {
  std::vector<float> amount = {missing, 0, -0.5F, 1.25F, 0.81F}, zero = {0, 1, missing, -1, 0.3F};
  std::vector<std::string_view> cities = {"Bern", "Genf", "Chur", "Basel"};
  std::vector<std::int32_t> city = {0, -1, 1, 2, 3};
  model::RowBatch batch() const {
    return {5, {model::NumberView(amount), model::TextView{city, cities}, model::NumberView(zero)}};
  }
};

std::string error_of(const Result<model::Model>& result) { return result.ok() ? "" : result.error().message(); }

TEST(ImportXgboost, ScoresAsXgboostWithCategoriesAndMissingValues) {
  const auto model = import_model(xgboost_json);
  ASSERT_TRUE(model.ok()) << error_of(model);
  EXPECT_EQ(model->task, model::Task::binary);
  EXPECT_EQ(model->inputs[1].kind, model::InputKind::text);
  EXPECT_EQ(model->inputs[1].categories, (std::vector<std::string>{"Basel", "Bern", "Chur", "Genf"}));
  EXPECT_EQ(model->metadata.at("imported from"), "XGBoost 3.2.0");
  expect_near(scores_of(*model, Rows().batch()),
              {0.7034580707550049, 0.13635291159152985, 0.13635291159152985, 0.8206036686897278, 0.3664575517177582});
}

TEST(ImportXgboost, UnseenCategoryGoesLeft) {
  const auto model = import_model(xgboost_json);
  ASSERT_TRUE(model.ok());
  Rows rows;
  const std::vector<float> known = scores_of(*model, rows.batch());
  rows.cities[3] = "Sion";  // not in the set {Basel, Genf}, as Bern
  const std::vector<float> unseen = scores_of(*model, rows.batch());
  rows.cities[3] = "Bern";
  EXPECT_EQ(unseen[4], scores_of(*model, rows.batch())[4]);
  EXPECT_NE(unseen[4], known[4]);
}

TEST(ImportXgboost, BaseScoreStandsInTheScaleOfProbabilities) {
  // Without trees the sum is logit(0.3875): a stump of two zeros.
  const std::string text =
      R"({"learner":{"learner_model_param":{"base_score":"[3.875E-1]","num_class":"0","num_feature":"1"},
    "objective":{"name":"binary:logistic"},"gradient_booster":{"name":"gbtree","model":{"tree_info":[0],"trees":[{
    "left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_indices":[0,0,0],"default_left":[0,0,0],
    "split_conditions":[1,0,0],"sum_hessian":[2,1,1],"tree_param":{}}]}}}})";
  const auto model = import_model(text);
  ASSERT_TRUE(model.ok()) << error_of(model);
  EXPECT_EQ(model->inputs[0].name, "f0");
  const std::vector<float> x = {0};
  EXPECT_NEAR(scores_of(*model, {1, {model::NumberView(x)}})[0], 0.3875, 1e-7);
  EXPECT_NE(error_of(import_model(replaced(text, "[3.875E-1]", "[1.5]"))).find("base_score 1.5"), std::string::npos);
}

TEST(ImportXgboost, ThresholdsAreStrictInFloat32) {
  const std::string text = R"({"learner":{"learner_model_param":{"base_score":"0","num_class":"0","num_feature":"1"},
    "objective":{"name":"reg:squarederror"},"gradient_booster":{"name":"gbtree","model":{"tree_info":[0],"trees":[{
    "left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_indices":[0,0,0],"default_left":[1,0,0],
    "split_conditions":[@,-1,1],"sum_hessian":[2,1,1],"tree_param":{}}]}}}})";
  const auto score = [&](const char* condition, float x) {
    const auto model = import_model(replaced(text, "@", condition));
    EXPECT_TRUE(model.ok()) << error_of(model);
    return scores_of(*model, {1, {model::NumberView(std::span(&x, 1))}})[0];
  };
  EXPECT_EQ(score("0.1", 0.1F), 1);  // 0.1F < 0.1F does not hold
  EXPECT_EQ(score("0.1", std::nextafter(0.1F, 0.0F)), -1);
  EXPECT_EQ(score("0", 0.0F), 1);
  EXPECT_EQ(score("0", -0.0F), 1);
  EXPECT_EQ(score("0", -1e-37F), -1);
  EXPECT_EQ(score("0", missing), -1);
  EXPECT_EQ(score("-3.4028235e38", -1e38F), 1);
}

TEST(ImportXgboost, DropoutWeightsAndBestIterationCount) {
  const std::string dart =
      replaced(xgboost_json, R"("tree_info":[0,0])", R"("tree_info":[0,0],"weight_drop":[1.0,0.0])");
  const std::string early = replaced(xgboost_json, R"("attributes":{})", R"("attributes":{"best_iteration":"0"})");
  const auto one_tree = import_model(early), weighted = import_model(dart),
             all = import_model(early, {.all_rounds = true});
  ASSERT_TRUE(one_tree.ok() && weighted.ok() && all.ok());
  EXPECT_EQ(one_tree->metadata.at("rounds"), "1 of 2 (best_iteration)");
  const Rows rows;
  EXPECT_EQ(scores_of(*one_tree, rows.batch()), scores_of(*weighted, rows.batch()));
  EXPECT_NEAR(scores_of(*all, rows.batch())[0], 0.7034580707550049, 1e-6);
}

TEST(ImportXgboost, ReadsUbjAsXgboostWritesIt) {
  const std::string bytes = from_hex(xgboost_ubj_hex);
  EXPECT_EQ(recognise_import_format(bytes), ImportFormat::xgboost_ubj);
  const auto model = import_model(bytes, {.target = "visits"});
  ASSERT_TRUE(model.ok()) << error_of(model);
  EXPECT_EQ(model->task, model::Task::regression);
  EXPECT_EQ(model->values[model->scores].columns, std::vector<std::string>{"visits"});
  const std::vector<float> x = {missing, 0, 0.25F, 1};
  expect_near(scores_of(*model, {4, {model::NumberView(x)}}),
              {0.7249510288238525, 0.223640576004982, 0.223640576004982, 0.7249510288238525});
}

TEST(ImportXgboost, EveryTruncationIsAnError) {
  const std::string ubj = from_hex(xgboost_ubj_hex);
  for (std::size_t size = 0; size < ubj.size(); ++size) EXPECT_FALSE(import_model(ubj.substr(0, size)).ok()) << size;
  for (std::size_t size = 0; size < xgboost_json.size(); size += 7)
    EXPECT_FALSE(import_model(xgboost_json.substr(0, size)).ok()) << size;
}

TEST(ImportXgboost, ErrorsSayWhatIsWrong) {
  const auto error = [](std::string_view from, std::string_view to) {
    return error_of(import_model(replaced(xgboost_json, from, to)));
  };
  EXPECT_NE(error("binary:logistic", "binary:logstic").find("did you mean 'binary:logistic'"), std::string::npos);
  EXPECT_NE(error("\"left_children\":[1,3,5,-1", "\"left_children\":[0,3,5,-1").find("two parents"), std::string::npos);
  EXPECT_NE(error("\"left_children\":[1,3,5,-1", "\"left_children\":[99,3,5,-1").find("child 99"), std::string::npos);
  EXPECT_NE(error("\"num_feature\":\"3\",\n\"num_target\"", "\"num_feature\":\"2000000\",\n\"num_target\"")
                .find("feature names"),
            std::string::npos);
  EXPECT_NE(error("\"num_target\":\"1\"", "\"num_target\":\"2\"").find("targets"), std::string::npos);
  EXPECT_NE(error("\"tree_info\":[0,0]", "\"tree_info\":[0,1]").find("class 1"), std::string::npos);
  EXPECT_NE(error("\"split_indices\":[0,1,1", "\"split_indices\":[7,1,1").find("feature 7"), std::string::npos);
  EXPECT_NE(error("\"categories_sizes\":[2,2]", "\"categories_sizes\":[2,3]").find("categories"), std::string::npos);
  EXPECT_NE(error("\"split_type\":[0,1,1", "\"split_type\":[1,1,1").find("without categories"), std::string::npos);
  EXPECT_NE(error("\"tree_info\"", "\"info\"").find("no 'tree_info'"), std::string::npos);
  EXPECT_NE(error_of(import_model(xgboost_json, {.classes = {"a", "b", "c"}})).find("3 labels"), std::string::npos);
  EXPECT_NE(error_of(import_model("PK\x03\x04")).find("none of"), std::string::npos);
  // Lengths in characters, as XGBoost's Python package writes them: "Zürich", "b" in 8 bytes, of which 7 are kept.
  EXPECT_NE(
      error("\"offsets\":[0,5,9,13,17],\"values\":[66,97,115,101,108,66,101,114,110,67,104,117,114,71,101,110,102]",
            "\"offsets\":[0,2,3,4,5],\"values\":[90,-61,-68,97,98]")
          .find("are cut"),
      std::string::npos);
}

TEST(ImportLightgbm, ScoresAsLightgbmWithCategoriesAndMissingValues) {
  const auto model = import_model(lightgbm_text, {.classes = {"genuine", "fraud"}});
  ASSERT_TRUE(model.ok()) << error_of(model);
  EXPECT_EQ(model->classes, (std::vector<std::string>{"genuine", "fraud"}));
  EXPECT_EQ(model->inputs[1].categories, (std::vector<std::string>{"Basel", "Bern", "Chur", "Genf"}));
  expect_near(scores_of(*model, Rows().batch()),
              {0.6160682084532546, 0.20740480072145617, 0.20740480072145617, 0.6160682084532546, 0.3604948424390071});
}

TEST(ImportLightgbm, ZeroCountsAsMissingWhereTheModelSaysSo) {
  const auto model = import_model(lightgbm_zero);
  ASSERT_TRUE(model.ok()) << error_of(model);
  const Rows rows;
  expect_near(scores_of(*model, {5, {model::NumberView(rows.amount), model::NumberView(rows.zero)}}),
              {0.4762763114116534, 0.4762763114116534, 0.2988395820753614, 0.4762763114116534, 0.4762763114116534});
}

TEST(ImportLightgbm, WindowsLineEndsAreRead) {
  std::string text;
  for (const char c : lightgbm_zero) text += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_TRUE(import_model(text).ok());
}

TEST(ImportLightgbm, EveryTruncationIsAnError) {
  const std::size_t end = lightgbm_text.find("end of trees");
  for (std::size_t size = 0; size < end; size += 5)
    EXPECT_FALSE(import_model(lightgbm_text.substr(0, size)).ok()) << size;
}

TEST(ImportLightgbm, ErrorsSayWhatIsWrongAndWhere) {
  const auto error = [](std::string_view from, std::string_view to) {
    return error_of(import_model(replaced(lightgbm_text, from, to)));
  };
  EXPECT_NE(error("is_linear=0", "is_linear=1").find("linear tree"), std::string::npos);
  EXPECT_NE(error("objective=binary", "objective=binari").find("did you mean 'binary'"), std::string::npos);
  EXPECT_NE(error("left_child=-1 2 -2", "left_child=-1 2 -9").find("line 12: child -9"), std::string::npos);
  EXPECT_NE(error("left_child=-1 2 -2", "left_child=-1 1 -2").find("two parents"), std::string::npos);
  EXPECT_NE(error("num_leaves=4", "num_leaves=900000000000").find("leaf values"), std::string::npos);
  EXPECT_NE(error("threshold=0.54500001668930065", "threshold=x").find("'x', expected a number"), std::string::npos);
  EXPECT_NE(error("cat_boundaries=0 1", "cat_boundaries=0 7").find("category set"), std::string::npos);
  EXPECT_NE(error("num_tree_per_iteration=1", "num_tree_per_iteration=3").find("trees per iteration"),
            std::string::npos);
  EXPECT_NE(error("max_feature_idx=2", "max_feature_idx=4000000000").find("feature names"), std::string::npos);
}

TEST(ReadUbjson, KnowsEveryType) {
  using namespace std::string_literals;
  const auto json = read_ubjson(
      "{i\x01"
      "aZi\x01"
      "bTi\x01"
      "cFi\x01"
      "dU\xffi\x01"
      "eI\xff\xfei\x01"
      "fd\x3f\x80\x00\x00i\x01"
      "gSi\x02xyi\x01"
      "hCqi\x01i[i\x01N\x4e]}"s);
  EXPECT_EQ(json.dump(), R"({"a":null,"b":true,"c":false,"d":255,"e":-2,"f":1.0,"g":"xy","h":"q","i":[1]})");
  EXPECT_EQ(read_ubjson("[$U#i\x03\x01\x02\x03"s).dump(), "[1,2,3]");
  EXPECT_EQ(read_ubjson("{$i#i\x01i\x01k\x05"s).dump(), R"({"k":5})");
}

TEST(ReadUbjson, HostileBytesAreErrors) {
  using namespace std::string_literals;
  const auto fails = [](const std::string& bytes) {
    try {
      read_ubjson(bytes);
      return false;
    } catch (const std::exception&) {
      return true;
    }
  };
  EXPECT_TRUE(fails("[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff"s));  // endless nulls
  EXPECT_TRUE(fails("[$L#L\x10\x00\x00\x00\x00\x00\x00\x00"s));  // more than there are bytes
  EXPECT_TRUE(fails("[#i\xff"s));                                // a negative count
  EXPECT_TRUE(fails("SL\xff\xff\xff\xff\xff\xff\xff\xff"s));
  EXPECT_TRUE(fails(std::string(100000, '[')));
  EXPECT_TRUE(fails("[i\x01]i"s));  // bytes behind the end
  EXPECT_TRUE(fails(""));
}

}  // namespace
}  // namespace slipway::package
