#include <bit>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/model/expression.hpp>
#include <slipway/package/saved_model.hpp>

#include "../test_model.hpp"
#include "tensorflow.pb.h"

namespace slipway::package {
namespace {

using namespace model;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

tensorflow::SavedModel parsed(const Model& model) {
  const auto bytes = saved_model_bytes(model);
  EXPECT_TRUE(bytes.ok()) << (bytes.ok() ? "" : bytes.error().message());
  tensorflow::SavedModel file;
  EXPECT_TRUE(bytes.ok() && file.ParseFromString(*bytes));
  return file;
}

const tensorflow::Graph& graph_of(const tensorflow::SavedModel& file) { return file.meta_graphs(0).graph_def(); }

const tensorflow::Node* find_node(const tensorflow::Graph& graph, std::string_view name) {
  for (const auto& node : graph.node())
    if (node.name() == name) return &node;
  return nullptr;
}

const tensorflow::Attribute* find_attribute(const tensorflow::Node& node, std::string_view name) {
  for (const auto& entry : node.attr())
    if (entry.key() == name) return &entry.value();
  return nullptr;
}

const tensorflow::Signature* find_signature(const tensorflow::SavedModel& file, std::string_view key) {
  for (const auto& entry : file.meta_graphs(0).signature_def())
    if (entry.key() == key) return &entry.value();
  return nullptr;
}

template <class T>
std::vector<T> constant(const tensorflow::Graph& graph, std::string_view name) {
  const tensorflow::Node* node = find_node(graph, name);
  EXPECT_NE(node, nullptr) << name;
  if (node == nullptr) return {};
  const std::string& bytes = find_attribute(*node, "value")->tensor().tensor_content();
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// What TensorFlow checks first: distinct names, inputs that exist and stand before (no cycles), signatures that lead
// somewhere.
void expect_sound(const tensorflow::SavedModel& file) {
  std::set<std::string> names;
  for (const auto& node : graph_of(file).node()) {
    EXPECT_TRUE(names.insert(node.name()).second) << "twice: " << node.name();
    EXPECT_TRUE(std::ranges::all_of(node.name(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' ||
             c == '.' || c == '-';
    })) << node.name();
    for (std::string input : node.input()) {
      if (input.starts_with('^')) input.erase(0, 1);
      EXPECT_TRUE(names.contains(input.substr(0, input.find(':')))) << node.name() << " reads " << input;
    }
  }
  for (const auto& entry : file.meta_graphs(0).signature_def())
    for (const auto* ports : {&entry.value().inputs(), &entry.value().outputs()})
      for (const auto& port : *ports) {
        EXPECT_TRUE(port.value().name().ends_with(":0"));
        EXPECT_TRUE(names.contains(port.value().name().substr(0, port.value().name().size() - 2)));
      }
}

std::vector<std::string> keys(const auto& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.key());
  return names;
}

// TensorFlow 2.21 loads this file and scores as the reference interpreter.
TEST(SavedModel, SignaturesOfAClassifier) {
  const tensorflow::SavedModel file = parsed(test_model());
  expect_sound(file);
  EXPECT_EQ(file.saved_model_schema_version(), 1);
  ASSERT_EQ(file.meta_graphs_size(), 1);
  EXPECT_EQ(file.meta_graphs(0).meta_info_def().tags(0), "serve");
  const auto* serving = find_signature(file, "serving_default");
  ASSERT_NE(serving, nullptr);
  EXPECT_EQ(serving->method_name(), "tensorflow/serving/predict");
  EXPECT_THAT(keys(serving->inputs()), ElementsAre("state", "amount"));
  EXPECT_THAT(keys(serving->outputs()), UnorderedElementsAre("score", "probabilities", "label"));
  EXPECT_EQ(serving->inputs(0).value().dtype(), 7);
  EXPECT_EQ(serving->inputs(1).value().dtype(), 1);
  EXPECT_EQ(serving->inputs(1).value().tensor_shape().dim_size(), 1);
  EXPECT_EQ(serving->inputs(1).value().tensor_shape().dim(0).size(), -1);
  const auto* classify = find_signature(file, "classify");
  ASSERT_NE(classify, nullptr);
  EXPECT_THAT(keys(classify->outputs()), UnorderedElementsAre("classes", "scores"));
}

TEST(SavedModel, SignaturesOfARegression) {
  const tensorflow::SavedModel file = parsed(large_model(9));
  expect_sound(file);
  EXPECT_THAT(keys(find_signature(file, "serving_default")->outputs()), ElementsAre("score"));
  EXPECT_THAT(keys(find_signature(file, "regress")->outputs()), ElementsAre("outputs"));
}

// Follows the table as the graph does: cells are (column, left child, threshold bits), "above" takes the child behind
// it.
float walk(const std::vector<std::int32_t>& nodes, const std::vector<float>& values, std::int32_t root,
           std::size_t steps, const std::vector<float>& blocks) {
  std::int32_t place = root;
  for (std::size_t step = 0; step < steps; ++step) {
    const std::int32_t* cells = nodes.data() + std::size_t(place) * 3;
    place = cells[1] + (blocks[std::size_t(cells[0])] > std::bit_cast<float>(cells[2]) ? 1 : 0);
  }
  return values[std::size_t(place)];
}

TEST(SavedModel, TheNodeTableRoutesAsTheTreesDo) {
  constexpr float infinity = std::numeric_limits<float>::infinity(), missing = std::numeric_limits<float>::quiet_NaN();
  ModelBuilder builder("tree");
  const ValueId x = builder.input({.name = "x"});
  // x <= 0, missing right; then left: x <= inf, missing right; right: x <= 5, missing left
  Trees trees{.input = x};
  trees.roots = {0};
  trees.feature = {0, 0, -1, -1, 0, -1, -1};
  trees.threshold = {0, infinity, 0, 0, 5, 0, 0};
  trees.left = {1, 2, 0, 1, 5, 2, 3};
  trees.right = {4, 3, 0, 0, 6, 0, 0};
  trees.missing_left = {0, 0, 0, 0, 1, 0, 0};
  trees.leaf_values = {10, 20, 30, 40};
  const ValueId out = builder.add(std::move(trees), "y", {"y"});
  builder.set_task(Task::regression, "y", {});
  builder.set_outputs(out, out);
  const tensorflow::SavedModel file = parsed(*std::move(builder).build());
  const auto nodes = constant<std::int32_t>(graph_of(file), "op_0_Trees/nodes");
  const auto values = constant<float>(graph_of(file), "op_0_Trees/values");
  ASSERT_EQ(nodes.size(), 21u);
  EXPECT_NE(find_node(graph_of(file), "op_0_Trees/level_1/child"), nullptr);
  EXPECT_EQ(find_node(graph_of(file), "op_0_Trees/level_2/child"), nullptr);
  // Blocks: the value, infinity for missing, whether it is missing.
  const auto score = [&](float value) {
    const bool none = std::isnan(value);
    return walk(nodes, values, 0, 2, {value, none ? infinity : value, none ? 1.0F : 0.0F});
  };
  EXPECT_EQ(score(-1), 10);
  EXPECT_EQ(score(0), 10);
  EXPECT_EQ(score(-infinity), 10);
  EXPECT_EQ(score(1), 30);
  EXPECT_EQ(score(6), 40);
  EXPECT_EQ(score(infinity), 40);
  EXPECT_EQ(score(missing), 30);
  // A leaf stays where it is.
  EXPECT_EQ(walk(nodes, values, 0, 9, {6, 6, 0}), 40);
}

TEST(SavedModel, ManyCategoriesGoThroughATableThatTheLoaderFills) {
  const auto with_keys = [](int count) {
    ModelBuilder builder("lookup");
    const ValueId state = builder.input({.name = "state", .kind = InputKind::text});
    Lookup lookup{.input = state, .unseen = {0}, .missing = {-1}};
    for (int i = 0; i < count; ++i) {
      lookup.keys.push_back(std::to_string(1000 + i));
      lookup.rows.push_back(static_cast<float>(i));
    }
    const ValueId out = builder.add(std::move(lookup), "y", {"y"});
    builder.set_task(Task::regression, "y", {});
    builder.set_outputs(out, out);
    return *std::move(builder).build();
  };
  const tensorflow::SavedModel few = parsed(with_keys(10)), many = parsed(with_keys(500));
  expect_sound(many);
  EXPECT_EQ(few.meta_graphs(0).collection_def_size(), 0);
  ASSERT_EQ(many.meta_graphs(0).collection_def_size(), 1);
  EXPECT_EQ(many.meta_graphs(0).collection_def(0).key(), "saved_model_main_op");
  const tensorflow::Node* table = find_node(graph_of(many), "op_0_Lookup/key/table/handle");
  ASSERT_NE(table, nullptr);
  // Tables are shared by name within a process: other keys, another name.
  const std::string name = find_attribute(*table, "shared_name")->s();
  const tensorflow::SavedModel other = parsed(with_keys(501));
  EXPECT_NE(name, find_attribute(*find_node(graph_of(other), "op_0_Lookup/key/table/handle"), "shared_name")->s());
  // rows: unseen, the keys, missing
  const auto rows = constant<float>(graph_of(many), "op_0_Lookup/rows");
  ASSERT_EQ(rows.size(), 502u);
  EXPECT_EQ(rows.front(), 0);
  EXPECT_EQ(rows[1], 0);
  EXPECT_EQ(rows[500], 499);
  EXPECT_EQ(rows.back(), -1);
}

TEST(SavedModel, ConstantsOfFormulasAreHeldApartFromTheOptimiser) {
  ModelBuilder builder("formula");
  builder.input({.name = "a"});
  const ExpressionColumn column{"a"};
  auto formula = parse_expression("NOT (a / 3 > 1)", std::span(&column, 1));
  ASSERT_TRUE(formula.ok());
  const ValueId out = builder.add(Expression{.inputs = {0}, .nodes = formula->nodes}, "y", {"y"});
  builder.set_task(Task::regression, "y", {});
  builder.set_outputs(out, out);
  const tensorflow::SavedModel file = parsed(*std::move(builder).build());
  expect_sound(file);
  for (const auto& node : graph_of(file).node()) {
    EXPECT_NE(node.op(), "LogicalNot");
    const bool divides = node.op() == "RealDiv";
    EXPECT_TRUE(!divides || find_node(graph_of(file), node.input(1))->op() == "PlaceholderWithDefault");
  }
}

TEST(SavedModel, EqualModelsGiveEqualBytesAndBrokenOnesAnError) {
  EXPECT_EQ(*saved_model_bytes(test_model()), *saved_model_bytes(test_model()));
  EXPECT_NE(*saved_model_bytes(test_model()), *saved_model_bytes(test_model(0.25F)));
  Model broken = test_model();
  broken.scores = 77;
  EXPECT_FALSE(saved_model_bytes(broken).ok());
}

TEST(SavedModel, AtMostEighteenBytesPerNode) {
  const auto bytes = saved_model_bytes(large_model(300000));
  ASSERT_TRUE(bytes.ok());
  EXPECT_LT(bytes->size(), 300000u * 18);
}

TEST(SavedModel, IsWrittenIntoItsFolder) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "slipway_saved_model" / "fraud" / "1";
  ASSERT_TRUE(write_saved_model(test_model(), folder).ok());
  EXPECT_EQ(*read_file(folder / "saved_model.pb"), *saved_model_bytes(test_model()));
  std::filesystem::remove_all(folder.parent_path().parent_path());
}

}  // namespace
}  // namespace slipway::package
