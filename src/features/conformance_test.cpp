// Every feature, over odd training rows and odd rows afterwards: what the fit gave its training rows is what the file,
// read back and compiled as the server does, gives the same rows one by one, bit for bit; ONNX Runtime says the same.
#include <gtest/gtest.h>

#include <slipway/engine/onnx_runtime.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/model/compare.hpp>
#include <slipway/model/interpreter.hpp>
#include <slipway/package/onnx.hpp>

#include "feature_cases.hpp"

namespace slipway::features {
namespace {

using table::Table;

void expect_same(const model::Block& found, const model::Block& expected, const std::vector<std::string>& columns,
                 const std::string& where) {
  ASSERT_EQ(found.rows, expected.rows);
  ASSERT_EQ(found.width, expected.width);
  for (std::size_t c = 0; c < expected.width; ++c)
    for (std::size_t r = 0; r < expected.rows; ++r)
      ASSERT_TRUE(same_bits(found.at(r, c), expected.at(r, c)))
          << where << ", column " << columns[c] << ", row " << r << ": " << found.at(r, c) << ", expected "
          << expected.at(r, c);
}

class FeatureConformance : public ::testing::TestWithParam<std::size_t> {};

TEST_P(FeatureConformance, TrainingFileServerAndOnnxRuntimeAgree) {
  const FeatureCase& test = feature_cases()[GetParam()];
  for (const std::size_t size : {std::size_t{1}, std::size_t{60}}) {
    if (size == 1 && !test.fits_one_row) continue;
    const Table training = odd_table(size, 5, false);
    auto fitted = fit_model(test.plan, training, 3);
    ASSERT_TRUE(fitted.ok()) << fitted.error().message();
    const model::ValueId features = fitted->features.value;
    const std::vector<std::string> columns = fitted->model.values[features].columns;

    // Fitting again gives the same, and the file holds it.
    EXPECT_EQ(first_difference(fit_model(test.plan, training, 3)->model, fitted->model).value_or("equal"), "equal");
    const auto bytes = package::write_onnx(fitted->model);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message();
    const auto read = package::read_onnx(*bytes);
    ASSERT_TRUE(read.ok()) << read.error().message();
    EXPECT_EQ(first_difference(*read, fitted->model).value_or("equal"), "equal");
    const auto predictor = engine::Predictor::compile(*read);
    ASSERT_TRUE(predictor.ok()) << predictor.error().message();
    engine::Scratch scratch;

    for (const bool later : {false, true}) {
      const Table table = later ? odd_table(80, 6, true) : training;
      const auto rows = model::TableRows::from(read->inputs, table);
      ASSERT_TRUE(rows.ok()) << rows.error().message();
      model::Block expected = *model::evaluate_value(fitted->model, rows->batch(), features);
      model::Block found;
      ASSERT_TRUE(predictor->evaluate(rows->batch(), features, scratch, found).ok());
      expect_same(found, expected, columns, later ? "later rows" : "training rows");
      for (std::size_t r = 0; r < table.rows(); ++r) {
        model::Block alone;
        ASSERT_TRUE(predictor->evaluate(rows->slice(r, r + 1), features, scratch, alone).ok());
        for (std::size_t c = 0; c < expected.width; ++c)
          ASSERT_TRUE(same_bits(alone.at(0, c), expected.at(r, c))) << "row " << r << " alone, " << columns[c];
      }
      // Target encodings of training rows are out of fold on purpose; all else is what the learner saw.
      for (std::size_t c = 0; !later && c < expected.width; ++c) {
        if (columns[c].find("~target") != std::string::npos) continue;
        for (std::size_t r = 0; r < expected.rows; ++r)
          ASSERT_TRUE(same_bits(fitted->features.training.at(r, c), expected.at(r, c))) << columns[c];
      }
    }

    ASSERT_TRUE(engine::OnnxRuntime::available().ok()) << engine::OnnxRuntime::available().error().message();
    const auto session = engine::OnnxRuntime::open(*bytes);
    ASSERT_TRUE(session.ok()) << session.error().message();
    const auto rows = model::TableRows::from(read->inputs, odd_table(200, 7, true));
    const model::Block expected = *model::evaluate_value(fitted->model, rows->batch(), features);
    const auto found = session->run(rows->batch(), read->inputs);
    ASSERT_TRUE(found.ok()) << found.error().message();
    for (std::size_t c = 0; c < expected.width; ++c)
      for (std::size_t r = 0; r < expected.rows; ++r) {
        const float a = found->scores.at(r, c), b = expected.at(r, c);
        const bool close = std::fabs(double{a} - double{b}) <= test.tolerance * std::max(1.0, std::fabs(double{b}));
        EXPECT_TRUE(same_bits(a, b) || a == b || close)
            << columns[c] << ", row " << r << ": " << a << ", expected " << b;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Features, FeatureConformance, ::testing::Range(std::size_t{0}, feature_cases().size()),
                         [](const auto& test) { return feature_cases()[test.param].name; });

}  // namespace
}  // namespace slipway::features
