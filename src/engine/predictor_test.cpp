#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/engine/onnx_runtime.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/model/interpreter.hpp>

#include "example_models.hpp"
#include "text_index.hpp"

namespace slipway::engine {
namespace {

using ::testing::HasSubstr;

const model::Model& fraud() {
  static const model::Model model = [] {
    for (Example& example : example_models())
      if (example.name == "fraud") return example.model;
    return model::Model();
  }();
  return model;
}

TEST(Predictor, ComputesEveryNumberThatTheScoresDependOn) {
  const auto predictor = Predictor::compile(fraud());
  ASSERT_TRUE(predictor.ok());
  const OddRows rows(fraud(), 300, 5);
  Scratch scratch;
  model::Block block;
  std::size_t computed = 0;
  for (model::ValueId id = 0; id < fraud().values.size(); ++id) {
    const Status status = predictor->evaluate(rows.batch(), id, scratch, block);
    if (!status.ok()) {
      EXPECT_EQ(status.error().code(), ErrorCode::not_found);
      continue;
    }
    ++computed;
    const auto expected = model::evaluate_value(fraud(), rows.batch(), id);
    ASSERT_TRUE(expected.ok());
    EXPECT_EQ(block.width, fraud().values[id].width());
    EXPECT_THAT(block.values, ::testing::Pointwise(::testing::NanSensitiveFloatEq(), expected->values));
  }
  EXPECT_GT(computed, 5);
  EXPECT_TRUE(predictor->evaluate(rows.batch(), fraud().scores, scratch, block).ok());
  EXPECT_FALSE(predictor->evaluate(rows.batch(), 1000, scratch, block).ok());
}

TEST(Predictor, TablesOnAnyNumberOfThreads) {
  constexpr std::size_t rows = 10'000;
  table::NumberColumn amount, count;
  table::TextColumn state{{}, {"CA", "elsewhere", "Zürich", "never"}};
  table::TimeColumn when;
  Random random(3);
  for (std::size_t r = 0; r < rows; ++r) {
    amount.values.push_back(static_cast<float>(random.normal()));
    count.values.push_back(random.below(9) == 0 ? std::nanf("") : static_cast<float>(random.below(7)));
    state.codes.push_back(static_cast<std::int32_t>(random.below(5)) - 1);
    when.values.push_back(static_cast<std::int64_t>(random.below(1ull << 50)));
  }
  // Columns in another order, and one that the model does not know.
  const auto table = table::Table::make(
      {{"timestamp", when}, {"extra", amount}, {"state", state}, {"num_transactions", count}, {"amount", amount}});
  ASSERT_TRUE(table.ok());
  const auto predictor = Predictor::compile(fraud());
  const auto one = predictor->predict_table(*table, Threads(1));
  const auto three = predictor->predict_table(*table, Threads(3));
  ASSERT_TRUE(one.ok() && three.ok());
  EXPECT_EQ(one->scores.values, three->scores.values);
  EXPECT_EQ(one->labels, three->labels);
  const auto taken = model::TableRows::from(fraud().inputs, *table);
  const auto expected = model::interpret(fraud(), taken->slice(9'000, 9'500));
  for (std::size_t r = 0; r < 500; ++r) ASSERT_EQ(one->scores.at(9'000 + r, 1), expected->scores.at(r, 1)) << r;
  const auto incomplete = table::Table::make({{"amuont", amount}});
  EXPECT_THAT(predictor->predict_table(*incomplete, Threads(1)).error().message(), HasSubstr("did you mean 'amuont'"));
}

TEST(Predictor, TellsHowLargeItsMasksAre) {
  const auto model_of = [](int depth) {
    return forest_model({.trees = 20, .features = 2, .depth = depth, .stop = 0}, 3);
  };
  // Of every column, with the way that missing goes, a row for each number of thresholds below a value; in each row a
  // word of 4 bytes for every tree of up to 32 leaves, and one more, to a multiple of 16.
  const model::Model model = model_of(4);
  std::map<std::pair<std::int32_t, int>, std::set<float>> thresholds;
  for (const model::Operator& op : model.operators)
    if (const auto* trees = std::get_if<model::Trees>(&op))
      for (std::size_t i = 0; i < trees->node_count(); ++i)
        if (trees->feature[i] != model::Trees::leaf)
          thresholds[{trees->feature[i], trees->missing_left[i]}].insert(trees->threshold[i]);
  std::size_t rows = 0;
  for (const auto& [column, distinct] : thresholds) rows += distinct.size() + 1;
  EXPECT_EQ(leaf_mask_bytes(model), rows * 32 * 4);
  EXPECT_EQ(leaf_mask_bytes(model_of(7)), 0u);  // 128 leaves: none are made
  EXPECT_EQ(leaf_mask_bytes(model::Model()), 0u);
}

TEST(Predictor, WarmScratchStaysWhereItIs) {
  const auto predictor = Predictor::compile(fraud());
  const OddRows rows(fraud(), 100, 5);
  Scratch scratch;
  Prediction out;
  ASSERT_TRUE(predictor->predict(rows.batch(), scratch, out).ok());
  const float* scores = out.scores.values.data();
  const std::int32_t* labels = out.labels.data();
  ASSERT_TRUE(predictor->predict(slice_rows(rows.batch(), 0, 7), scratch, out).ok());
  EXPECT_EQ(out.labels.size(), 7);
  ASSERT_TRUE(predictor->predict(rows.batch(), scratch, out).ok());
  EXPECT_EQ(out.scores.values.data(), scores);
  EXPECT_EQ(out.labels.data(), labels);
}

TEST(Predictor, WrongBatchesAndModelsAreErrors) {
  const auto predictor = Predictor::compile(fraud());
  const OddRows rows(fraud(), 3, 5);
  Scratch scratch;
  Prediction out;
  model::RowBatch batch = rows.batch();
  batch.columns.pop_back();
  EXPECT_THAT(predictor->predict(batch, scratch, out).error().message(),
              HasSubstr("3 columns given, the model has 4 inputs"));
  batch = rows.batch();
  std::swap(batch.columns[0], batch.columns[2]);
  EXPECT_THAT(predictor->predict(batch, scratch, out).error().message(), HasSubstr("'amount' is a number"));
  model::Model broken = fraud();
  broken.classes.clear();
  EXPECT_FALSE(Predictor::compile(broken).ok());
}

TEST(Predictor, CodesOutsideTheDictionaryAreMissing) {
  const auto predictor = Predictor::compile(fraud());
  const std::vector<float> number = {1, 1};
  const std::vector<std::string_view> dictionary = {"CA"};
  const std::vector<std::int32_t> codes = {-1, 77};
  const std::vector<std::int64_t> time = {0, 0};
  const model::RowBatch batch{2,
                              {model::NumberView(number), model::NumberView(number), model::TextView{codes, dictionary},
                               model::TimeView(time)}};
  Scratch scratch;
  Prediction out;
  ASSERT_TRUE(predictor->predict(batch, scratch, out).ok());
  EXPECT_EQ(out.scores.at(0, 1), out.scores.at(1, 1));
}

// Ensembles whose nodes need the larger forms: more than 255 and more than 4,095 slots.
TEST(Predictor, WideEnsembles) {
  for (const std::size_t features : {200, 3000}) {
    const model::Model model = forest_model({.trees = 700, .features = features, .depth = 4}, 9);
    const OddRows rows(model, 33, 9);
    const auto expected = model::interpret(model, rows.batch());
    for (const TreeKernel kernel : tree_kernels) {
      if (!is_supported(kernel)) continue;
      const auto predictor = Predictor::compile(model, {.tree_kernel = kernel});
      Scratch scratch;
      Prediction out;
      ASSERT_TRUE(predictor->predict(rows.batch(), scratch, out).ok());
      EXPECT_EQ(out.scores.values, expected->scores.values) << features << ", " << tree_kernel_name(kernel);
      ASSERT_TRUE(predictor->predict(slice_rows(rows.batch(), 0, 1), scratch, out).ok());
      EXPECT_EQ(out.scores.values[0], expected->scores.values[0]) << features << ", " << tree_kernel_name(kernel);
    }
  }
}

TEST(TextIndex, FindsWhatIsThere) {
  std::vector<std::string> keys;
  for (int i = 0; i < 5000; ++i) keys.push_back("key " + std::to_string(i));
  keys.push_back("");
  const TextIndex index(keys);
  for (std::uint32_t i = 0; i < keys.size(); ++i) ASSERT_EQ(index.find(keys[i]), i);
  EXPECT_EQ(index.find("key 5000"), TextIndex::absent);
  EXPECT_EQ(index.find("key"), TextIndex::absent);
  EXPECT_EQ(TextIndex({}).find("x"), TextIndex::absent);
}

TEST(OnnxRuntime, RefusesNonsenseWithAMessage) {
  ASSERT_TRUE(OnnxRuntime::available().ok());
  EXPECT_FALSE(OnnxRuntime::library_version()->empty());
  const auto session = OnnxRuntime::open("no model");
  ASSERT_FALSE(session.ok());
  EXPECT_THAT(session.error().message(), HasSubstr("ONNX Runtime refuses the file"));
}

}  // namespace
}  // namespace slipway::engine
