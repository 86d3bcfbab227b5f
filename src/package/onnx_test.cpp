#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/model/compare.hpp>
#include <slipway/package/onnx.hpp>

#include "onnx.pb.h"
#include "test_model.hpp"

namespace slipway::package {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string changed(const std::string& bytes, const std::function<void(onnx::ModelFile&)>& change) {
  onnx::ModelFile file;
  EXPECT_TRUE(file.ParseFromString(bytes));
  change(file);
  return file.SerializeAsString();
}

onnx::Entry* property(onnx::ModelFile& file, std::string_view key) {
  for (onnx::Entry& entry : *file.mutable_metadata_props())
    if (entry.key() == key) return &entry;
  ADD_FAILURE() << key;
  return file.add_metadata_props();
}

// All that a runtime acts on, in an order of its own.
std::multiset<std::string> graph_of(const std::string& bytes) {
  onnx::ModelFile file;
  EXPECT_TRUE(file.ParseFromString(bytes));
  std::multiset<std::string> parts;
  for (const auto& part : file.graph().node()) parts.insert(part.SerializeAsString());
  for (const auto& part : file.graph().initializer()) parts.insert(part.SerializeAsString());
  for (const auto& part : file.graph().input()) parts.insert(part.SerializeAsString());
  for (const auto& part : file.graph().output()) parts.insert(part.SerializeAsString());
  for (const auto& part : file.opset_import()) parts.insert(part.SerializeAsString());
  return parts;
}

std::string error_of(std::string_view bytes) {
  const auto model = read_onnx(bytes);
  return model.ok() ? "no error" : model.error().message();
}

TEST(WriteOnnx, SaysWhatOthersNeedToKnow) {
  const auto bytes = write_onnx(test_model());
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  const auto summary = summarise_onnx(*bytes);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->ir_version, 8);
  EXPECT_EQ(summary->producer, "slipway");
  EXPECT_TRUE(summary->made_by_slipway);
  ASSERT_EQ(summary->operator_sets.size(), 2);
  EXPECT_EQ(summary->operator_sets[0].version, 17);
  EXPECT_EQ(summary->operator_sets[1].domain, "ai.onnx.ml");
  EXPECT_EQ(summary->operator_sets[1].version, 3);
  ASSERT_EQ(summary->inputs.size(), 2);
  EXPECT_EQ(summary->inputs[0].name, "state");
  EXPECT_EQ(summary->inputs[0].element_type, 8);
  EXPECT_EQ(summary->inputs[1].element_type, 1);
  EXPECT_THAT(summary->inputs[1].shape, ElementsAre(-1, 1));
  ASSERT_EQ(summary->outputs.size(), 2);
  EXPECT_EQ(summary->outputs[0].name, "label");
  EXPECT_THAT(summary->outputs[0].shape, ElementsAre(-1));
  EXPECT_EQ(summary->outputs[1].name, "probabilities");
  EXPECT_THAT(summary->outputs[1].shape, ElementsAre(-1, 2));
  EXPECT_THAT(summary->operators, ::testing::Contains("TreeEnsembleRegressor"));
  // What a reader finds without Slipway: plain JSON.
  EXPECT_THAT(*bytes, HasSubstr(R"({"name":"amount","kind":"number","unit":"USD","minimum":0.1,"maximum":10000.0,)"));
}

TEST(WriteOnnx, EqualModelsGiveEqualBytes) {
  EXPECT_EQ(*write_onnx(test_model()), *write_onnx(test_model()));
  EXPECT_NE(*write_onnx(test_model()), *write_onnx(test_model(0.25F)));
}

TEST(WriteOnnx, RefusesAnInvalidModel) {
  model::Model model = test_model();
  model.classes.pop_back();
  EXPECT_THAT(write_onnx(model).error().message(), HasSubstr("1 classes for a binary task"));
}

TEST(ReadOnnx, GivesTheModelBack) {
  const model::Model model = test_model();
  const auto read = read_onnx(*write_onnx(model));
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(first_difference(model, *read).value_or("equal"), "equal");
  EXPECT_EQ(read->metadata.at("created by"), "a test");
  EXPECT_EQ(*read->inputs[1].minimum, 0.1F);
}

TEST(ReadOnnx, ForeignModelsAreNamedSo) {
  const std::string bytes = *write_onnx(test_model());
  const std::string foreign = "valid ONNX, but not one that Slipway can read";
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { file.clear_metadata_props(); })), HasSubstr(foreign));
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { file.mutable_graph()->mutable_node()->SwapElements(0, 8); })),
              HasSubstr("comes before its input"));
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { *file.mutable_graph()->add_node() = file.graph().node(0); })),
              HasSubstr(foreign));
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { file.mutable_opset_import(0)->set_version(9); })),
              HasSubstr("version 9 of ''"));
  // A function of its own (field 25) may give an operator another meaning.
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { file.mutable_unknown_fields()->AddLengthDelimited(25, "x"); })),
              HasSubstr("parts that Slipway does not write"));
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { file.mutable_graph()->mutable_node(2)->set_op_type("Sub"); })),
              HasSubstr(foreign));
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { file.mutable_graph()->mutable_node()->DeleteSubrange(1, 1); })),
              HasSubstr(foreign));
  EXPECT_THAT(
      error_of(changed(
          bytes, [](auto& file) { file.mutable_graph()->mutable_initializer(0)->mutable_raw_data()->pop_back(); })),
      HasSubstr(foreign));
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { file.mutable_graph()->mutable_output(0)->set_name("y"); })),
              HasSubstr(foreign));
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { property(file, "slipway.format")->set_value("2"); })),
              HasSubstr("its format is '2'"));
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { property(file, "slipway.inputs")->set_value("[[[["); })),
              HasSubstr("description cannot be read"));
  EXPECT_THAT(error_of(changed(bytes, [](auto& file) { property(file, "slipway.inputs")->set_value("{}"); })),
              HasSubstr(foreign));
}

// What a later version, or another tool that only copies a file, may lay out otherwise.
TEST(ReadOnnx, LayoutDoesNotMatter) {
  const model::Model model = test_model();
  const std::string bytes = changed(*write_onnx(model), [](onnx::ModelFile& file) {
    file.set_producer_name("other");
    file.set_ir_version(9);
    file.mutable_graph()->set_name("renamed");
    file.mutable_unknown_fields()->AddLengthDelimited(6, "a description");
    auto& constants = *file.mutable_graph()->mutable_initializer();
    std::reverse(constants.pointer_begin(), constants.pointer_end());
    auto& entries = *file.mutable_metadata_props();
    std::reverse(entries.pointer_begin(), entries.pointer_end());
    onnx::Entry* entry = file.add_metadata_props();
    entry->set_key("slipway.added_later");
    entry->set_value("1");
  });
  const auto read = read_onnx(bytes);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(first_difference(model, *read).value_or("equal"), "equal");
}

TEST(ReadOnnx, CompactTreesComeBack) {
  const model::Model model = large_model(3000);
  const std::string bytes = *write_onnx(model, {.compact = true});
  EXPECT_LT(bytes.size() * 2, write_onnx(model)->size());
  const auto read = read_onnx(bytes);
  ASSERT_TRUE(read.ok()) << read.error().message();
  model::Model expected = model;
  auto& trees = std::get<model::Trees>(expected.operators[0]);
  trees.cover.assign(trees.cover.size(), 0.0F);
  EXPECT_EQ(first_difference(expected, *read).value_or("equal"), "equal");
  EXPECT_EQ(*write_onnx(*read, {.compact = true}), bytes);
  Random random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string broken = bytes;
    for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes)
      broken[random.below(broken.size())] = static_cast<char>(random.below(256));
    if (const auto other = read_onnx(broken); other.ok()) {
      EXPECT_TRUE(model::validate(*other).ok());
    }
  }
}

// Every list of the ensemble, cut short or filled with nonsense.
TEST(ReadOnnx, HostileTreesAreErrors) {
  const std::string bytes = *write_onnx(test_model());
  int ensemble = -1;
  const int attributes = [&] {
    onnx::ModelFile file;
    EXPECT_TRUE(file.ParseFromString(bytes));
    for (int i = 0; i < file.graph().node_size(); ++i)
      if (file.graph().node(i).op_type() == "TreeEnsembleRegressor") ensemble = i;
    return file.graph().node(ensemble).attribute_size();
  }();
  for (int i = 0; i < attributes; ++i) {
    const auto attribute = [&](onnx::ModelFile& file) {
      return file.mutable_graph()->mutable_node(ensemble)->mutable_attribute(i);
    };
    EXPECT_NE(error_of(changed(bytes,
                               [&](auto& file) {
                                 auto* one = attribute(file);
                                 one->clear_ints();
                                 one->clear_floats();
                                 one->clear_strings();
                                 one->clear_i();
                                 one->set_s("?");
                               })),
              "no error")
        << i;
    for (const std::int64_t value : {std::int64_t{-1}, std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::min()})
      EXPECT_NE(error_of(changed(bytes,
                                 [&](auto& file) {
                                   auto* one = attribute(file);
                                   for (auto& number : *one->mutable_ints()) number = value;
                                   for (auto& number : *one->mutable_floats())
                                     number = std::numeric_limits<float>::quiet_NaN();
                                   for (auto& text : *one->mutable_strings()) text = "LEAF";
                                   one->set_i(value);
                                   one->set_s("?");
                                 })),
                "no error")
          << i;
  }
}

TEST(ReadOnnx, TruncatedFilesAreErrors) {
  const std::string bytes = *write_onnx(test_model());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_NE(error_of(std::string_view(bytes).substr(0, size)), "no error") << size;
}

TEST(ReadOnnx, ChangedBytesAreErrorsOrAnotherModel) {
  const std::string bytes = *write_onnx(test_model());
  Random random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string broken = bytes;
    for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes)
      broken[random.below(broken.size())] = static_cast<char>(random.below(256));
    const auto read = read_onnx(broken);
    // What is read must be exactly what the file says.
    if (read.ok()) {
      EXPECT_EQ(graph_of(*write_onnx(*read)), graph_of(broken));
    }
  }
}

TEST(ReadOnnx, NoFileAtAll) {
  EXPECT_THAT(error_of(""), HasSubstr("it is empty"));
  EXPECT_THAT(error_of("not a model, but text"), HasSubstr("truncated or corrupt"));
  EXPECT_THAT(error_of(std::string(100, '\0')), HasSubstr("truncated or corrupt"));
  EXPECT_THAT(error_of("\x08\x08"), HasSubstr("it is no ONNX file"));
  // A million empty nodes in two megabytes.
  std::string graph;
  for (int i = 0; i < 1'000'000; ++i) graph += std::string("\x0a\0", 2);
  std::string file = "\x3a";
  for (std::size_t size = graph.size(); size > 0; size >>= 7)
    file += static_cast<char>((size & 127) | (size > 127 ? 128 : 0));
  EXPECT_THAT(error_of(file + graph), HasSubstr("parts in so few bytes"));
}

// Under a second; minutes where the time grows with the square of the nodes.
TEST(ReadOnnx, LargeForestsComeBack) {
  const model::Model model = large_model(300'000);
  const auto bytes = write_onnx(model);
  ASSERT_TRUE(bytes.ok());
  const auto read = read_onnx(*bytes);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(first_difference(model, *read).value_or("equal"), "equal");
}

}  // namespace
}  // namespace slipway::package
