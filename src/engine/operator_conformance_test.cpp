// Every operator, alone and together: the interpreter says what a model means, and the compiled engine with every
// kernel, the ONNX file read back and ONNX Runtime must say the same.
#include <bit>

#include <gtest/gtest.h>

#include <slipway/engine/onnx_runtime.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/model/compare.hpp>
#include <slipway/model/interpreter.hpp>
#include <slipway/package/onnx.hpp>

#include "example_models.hpp"

namespace slipway::engine {
namespace {

constexpr auto& kernels = tree_kernels;
constexpr std::size_t batch_sizes[] = {0, 1, 2, 7, 8, 9, 31, 33, 257, 600};
constexpr double onnx_tolerance = 1e-6;

// The bits of both, but for NaN, whose sign and payload no one promises.
bool same_bits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

void expect_same(const model::Interpretation& expected, const Prediction& found, const model::Model& model,
                 const std::string& where) {
  ASSERT_EQ(found.scores.rows, expected.scores.rows) << where;
  ASSERT_EQ(found.scores.values.size(), expected.scores.values.size()) << where;
  for (std::size_t i = 0; i < expected.scores.values.size(); ++i)
    ASSERT_TRUE(same_bits(found.scores.values[i], expected.scores.values[i]))
        << where << ", value " << i << ": " << found.scores.values[i] << ", expected " << expected.scores.values[i];
  if (model.task == model::Task::regression) return;
  ASSERT_EQ(found.labels.size(), expected.label.size()) << where;
  for (std::size_t r = 0; r < found.labels.size(); ++r)
    ASSERT_EQ(static_cast<float>(found.labels[r]), expected.label[r]) << where << ", row " << r;
}

// Whether a difference within the tolerance may change a row's label.
bool is_close_call(const model::Model& model, const model::Block& scores, std::size_t row) {
  std::vector<float> values;
  for (std::size_t c = 0; c < scores.width; ++c)
    if (!std::isnan(scores.at(row, c))) values.push_back(scores.at(row, c));
  const auto close = [](float a, float b) {
    return a != b && std::fabs(a - b) <= onnx_tolerance * std::max(1.0F, std::fabs(a));
  };
  if (scores.width == 2)
    return close(scores.at(row, 1),
                 std::get<model::Decide>(model.operators[model.label - model.inputs.size()]).threshold);
  std::sort(values.rbegin(), values.rend());
  return values.size() > 1 && close(values[0], values[1]);
}

const std::vector<Example>& examples() {
  static const std::vector<Example> all = example_models();
  return all;
}

class Conformance : public ::testing::TestWithParam<std::size_t> {
 protected:
  const Example& example() const { return examples()[GetParam()]; }
  void expect_onnx_runtime_agrees(const package::OnnxOptions& options) const;
};

TEST_P(Conformance, EngineEqualsInterpreterBitForBit) {
  for (const TreeKernel kernel : kernels) {
    if (!is_supported(kernel)) continue;
    const auto predictor = Predictor::compile(example().model, {.tree_kernel = kernel});
    ASSERT_TRUE(predictor.ok()) << predictor.error().message();
    Scratch scratch;
    Prediction prediction;
    for (const std::size_t rows : batch_sizes) {
      const OddRows odd(example().model, rows, 1);
      const auto expected = model::interpret(example().model, odd.batch());
      ASSERT_TRUE(expected.ok()) << expected.error().message();
      const Status status = predictor->predict(odd.batch(), scratch, prediction);
      ASSERT_TRUE(status.ok()) << status.error().message();
      expect_same(*expected, prediction, example().model,
                  std::string(tree_kernel_name(kernel)) + ", " + std::to_string(rows) + " rows");
    }
  }
}

TEST_P(Conformance, EachRowAloneGivesTheSame) {
  const auto predictor = Predictor::compile(example().model);
  ASSERT_TRUE(predictor.ok());
  const OddRows odd(example().model, 65, 2);
  const auto expected = model::interpret(example().model, odd.batch());
  Scratch scratch;
  Prediction prediction;
  for (std::size_t r = 0; r < 65; ++r) {
    ASSERT_TRUE(predictor->predict(slice_rows(odd.batch(), r, r + 1), scratch, prediction).ok());
    for (std::size_t c = 0; c < expected->scores.width; ++c)
      ASSERT_TRUE(same_bits(prediction.scores.values[c], expected->scores.at(r, c))) << "row " << r << ", column " << c;
  }
}

TEST_P(Conformance, OnnxReadsBackAsTheSameModel) {
  const auto bytes = package::write_onnx(example().model);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  const auto read = package::read_onnx(*bytes);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(first_difference(example().model, *read).value_or("equal"), "equal");
}

TEST_P(Conformance, OnnxRuntimeAgrees) {
  ASSERT_TRUE(OnnxRuntime::available().ok()) << OnnxRuntime::available().error().message();
  expect_onnx_runtime_agrees({});
}

TEST_P(Conformance, OnnxRuntimeAgreesOnTheCompactFile) {
  const auto& operators = example().model.operators;
  if (std::none_of(operators.begin(), operators.end(), [](const auto& op) { return operator_name(op) == "Trees"; }))
    return;
  expect_onnx_runtime_agrees({.compact = true});
}

void Conformance::expect_onnx_runtime_agrees(const package::OnnxOptions& options) const {
  const auto bytes = package::write_onnx(example().model, options);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  const auto session = OnnxRuntime::open(*bytes);
  ASSERT_TRUE(session.ok()) << session.error().message();
  for (const std::size_t rows : {0, 1, 9, 257}) {
    const OddRows odd(example().model, rows, 3);
    const auto expected = model::interpret(example().model, odd.batch());
    const auto found = session->run(odd.batch(), example().model.inputs);
    ASSERT_TRUE(found.ok()) << found.error().message();
    ASSERT_EQ(found->scores.values.size(), expected->scores.values.size());
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < expected->scores.width; ++c) {
        const float a = found->scores.at(r, c), b = expected->scores.at(r, c);
        const bool same = same_bits(a, b) || a == b ||
                          std::fabs(double{a} - double{b}) <= onnx_tolerance * std::max(1.0, std::fabs(double{b}));
        EXPECT_TRUE(same) << rows << " rows, row " << r << ", column " << c << ": " << a << ", expected " << b;
      }
      if (example().model.task == model::Task::regression || is_close_call(example().model, expected->scores, r))
        continue;
      EXPECT_EQ(found->labels[r], example().model.classes[static_cast<std::size_t>(expected->label[r])]) << "row " << r;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Conformance, ::testing::Range(std::size_t{0}, examples().size()),
                         [](const auto& test) { return examples()[test.param].name; });

// Random forests of many shapes against the interpreter, the file and ONNX Runtime.
class RandomForests : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomForests, AllAgree) {
  Random random(random_key({GetParam(), 77}));
  ForestShape shape;
  shape.trees = 1 + random.below(60);
  shape.features = 1 + random.below(30);
  shape.depth = 1 + static_cast<int>(random.below(10));
  shape.outputs = random.below(3) == 0 ? 2 + static_cast<std::uint32_t>(random.below(3)) : 1;
  shape.aggregate = random.below(2) == 0 ? model::Trees::Aggregate::sum : model::Trees::Aggregate::mean;
  shape.stop = random.uniform() / 3;
  const model::Model model = forest_model(shape, GetParam());
  const OddRows odd(model, 100, GetParam());
  const auto expected = model::interpret(model, odd.batch());
  ASSERT_TRUE(expected.ok());
  Scratch scratch;
  Prediction prediction;
  for (const TreeKernel kernel : kernels) {
    if (!is_supported(kernel)) continue;
    const auto predictor = Predictor::compile(model, {.tree_kernel = kernel});
    ASSERT_TRUE(predictor->predict(odd.batch(), scratch, prediction).ok());
    expect_same(*expected, prediction, model, std::string(tree_kernel_name(kernel)));
  }
  const auto bytes = package::write_onnx(model);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(first_difference(model, *package::read_onnx(*bytes)).value_or("equal"), "equal");
  const auto found = OnnxRuntime::open(*bytes)->run(odd.batch(), model.inputs);
  ASSERT_TRUE(found.ok()) << found.error().message();
  for (std::size_t i = 0; i < expected->scores.values.size(); ++i)
    EXPECT_NEAR(found->scores.values[i], expected->scores.values[i], 1e-5) << i;
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomForests, ::testing::Range(std::uint64_t{0}, std::uint64_t{40}));

}  // namespace
}  // namespace slipway::engine
