#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/file.hpp>
#include <slipway/package/mlflow.hpp>

#include "../test_model.hpp"

namespace slipway::package {
namespace {

using testing::HasSubstr;

class MlflowFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              (std::string("slipway_mlflow_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string text(const char* name) const {
    const auto content = read_file(folder_ / name);
    return content.ok() ? *content : content.error().message();
  }
  std::filesystem::path folder_;
};

// mlflow 3.17.2 loads such a folder with pyfunc and onnx and scores as the reference interpreter.
TEST_F(MlflowFolder, DescribesTheModelBesideIt) {
  ASSERT_TRUE(write_file(folder_ / "model.onnx", "abc").ok());
  ASSERT_TRUE(write_mlflow(test_model(), folder_).ok());
  const std::string mlmodel = text("MLmodel");
  EXPECT_THAT(mlmodel, HasSubstr("flavors:\n  onnx:\n    code: null\n    data: model.onnx\n"));
  EXPECT_THAT(mlmodel, HasSubstr("    loader_module: mlflow.onnx\n"));
  EXPECT_THAT(
      mlmodel,
      HasSubstr(R"(  inputs: '[{"name":"state","type":"tensor","tensor-spec":{"dtype":"object","shape":[-1,1]}},)"
                R"({"name":"amount","type":"tensor","tensor-spec":{"dtype":"float32","shape":[-1,1]}}]')"));
  EXPECT_THAT(mlmodel,
              HasSubstr(R"("name":"probabilities","type":"tensor","tensor-spec":{"dtype":"float32","shape":[-1,2]})"));
  // SHA-256 of "abc"
  EXPECT_THAT(mlmodel, HasSubstr("model_size_bytes: 3\nmodel_uuid: ba7816bf8f01cfea414140de5dae2223\n"));
  EXPECT_THAT(text("requirements.txt"), HasSubstr("onnxruntime>=1.32.0\n"));
  EXPECT_THAT(text("conda.yaml"), HasSubstr("- python=3.11.0\n"));
  EXPECT_THAT(text("python_env.yaml"), HasSubstr("python: 3.11.0\n"));
}

TEST_F(MlflowFolder, NamesWithQuotesStayInTheirQuotes) {
  model::ModelBuilder builder("it's");
  const model::ValueId x = builder.input({.name = "won't \"fit\" é"});
  builder.set_task(model::Task::regression, "y: #", {});
  builder.set_outputs(x, x);
  const auto model = std::move(builder).build();
  ASSERT_TRUE(model.ok());
  ASSERT_TRUE(write_file(folder_ / "model.onnx", "abc").ok());
  ASSERT_TRUE(write_mlflow(*model, folder_).ok());
  EXPECT_THAT(text("MLmodel"), HasSubstr(R"('[{"name":"won''t \"fit\" \u00e9",)"));
  EXPECT_THAT(text("MLmodel"), HasSubstr("target: \"y: #\"\n"));
  EXPECT_THAT(text("MLmodel"), HasSubstr("\"name\":\"prediction\""));
}

TEST_F(MlflowFolder, WithoutAModelThereIsNothingToDescribe) {
  const Status status = write_mlflow(test_model(), folder_);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("model.onnx"));
}

}  // namespace
}  // namespace slipway::package
