#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pugixml.hpp>

#include <slipway/base/time.hpp>
#include <slipway/model/expression.hpp>
#include <slipway/package/pmml.hpp>

#include "../test_model.hpp"
#include "xml_writer.hpp"

namespace slipway::package {
namespace {

using namespace model;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

pugi::xml_document parsed(const Model& model, const PmmlOptions& options = {}) {
  const auto text = write_pmml(model, options);
  EXPECT_TRUE(text.ok()) << (text.ok() ? "" : text.error().message());
  pugi::xml_document document;
  if (text.ok()) {
    const auto result = document.load_string(text->c_str(), pugi::parse_default | pugi::parse_ws_pcdata_single);
    EXPECT_TRUE(result) << result.description();
  }
  return document;
}

std::vector<std::string> attributes(const pugi::xpath_node_set& nodes, const char* name) {
  std::vector<std::string> values;
  for (const auto& node : nodes) values.emplace_back(node.node().attribute(name).value());
  return values;
}

// A regression whose score is the formula over number a, number b and time t.
Result<Model> formula_model(const std::string& text) {
  ModelBuilder builder("formula");
  builder.input({.name = "a"});
  builder.input({.name = "b"});
  builder.input({.name = "t", .kind = InputKind::time});
  const ExpressionColumn columns[] = {{"a"}, {"b"}, {"t", ValueKind::time}};
  auto formula = parse_expression(text, columns);
  if (!formula.ok()) return std::move(formula).error();
  Expression op{.nodes = formula->nodes, .source = text};
  op.inputs.assign(formula->columns.begin(), formula->columns.end());
  const ValueId score = builder.add(std::move(op), "score", {"score"});
  builder.set_task(Task::regression, "y", {});
  builder.set_outputs(score, score);
  return std::move(builder).build();
}

std::string expression_of(const std::string& formula) {
  const auto model = formula_model(formula);
  EXPECT_TRUE(model.ok()) << formula;
  const auto text = write_pmml(*model);
  if (!text.ok()) return text.error().message();
  const std::size_t begin = text->find("<TransformationDictionary>"), end = text->find("</TransformationDictionary>");
  return begin == std::string::npos ? "" : text->substr(begin + 27, end - begin - 28);
}

// The whole document for a small model; JPMML-Evaluator 1.7.7 scores it as the reference interpreter, and it is valid
// against the 4.4 schema.
TEST(Pmml, WholeDocumentOfASmallModel) {
  const auto text = write_pmml(test_model(), {.application_version = "1.2"});
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text,
            R"xml(<?xml version="1.0" encoding="UTF-8"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">
<Header description="fraud">
<Application name="Slipway" version="1.2"/></Header>
<DataDictionary numberOfFields="3">
<DataField name="state" optype="categorical" dataType="string">
<Value value="" property="missing"/></DataField>
<DataField name="amount" optype="continuous" dataType="float">
<Value value="NaN" property="missing"/></DataField>
<DataField name="is_fraud" optype="categorical" dataType="string">
<Value value="no"/>
<Value value="yes"/></DataField></DataDictionary>
<TransformationDictionary>
<DerivedField name="rate" optype="continuous" dataType="float"><MapValues outputColumn="v" dataType="float" defaultValue="0" mapMissingTo="0"><FieldColumnPair field="state" column="k"/><InlineTable>
<row><k>CA</k><v>1</v></row>
<row><k>Zürich</k><v>2</v></row></InlineTable></MapValues></DerivedField>
</TransformationDictionary>
<MiningModel functionName="classification">
<MiningSchema>
<MiningField name="is_fraud" usageType="target"/>
<MiningField name="state"/>
<MiningField name="amount"/></MiningSchema>
<Output>
<OutputField name="probability(no)" optype="continuous" dataType="float" feature="probability" value="no"/>
<OutputField name="probability(yes)" optype="continuous" dataType="float" feature="probability" value="yes"/>
<OutputField name="label" optype="categorical" dataType="string" feature="transformedValue"><Apply function="if"><Apply function="greaterOrEqual" mapMissingTo="false"><FieldRef field="probability(yes)"/><Constant dataType="float">0.3</Constant></Apply><Constant dataType="string">yes</Constant><Constant dataType="string">no</Constant></Apply></OutputField></Output>
<Segmentation multipleModelMethod="modelChain">
<Segment id="1">
<True/>
<TreeModel functionName="regression" missingValueStrategy="defaultChild" noTrueChildStrategy="returnLastPrediction" splitCharacteristic="binarySplit">
<MiningSchema>
<MiningField name="amount"/></MiningSchema>
<Output>
<OutputField name="margin sum" optype="continuous" dataType="float" feature="predictedValue" isFinalResult="false"/></Output>
<Node defaultChild="n1"><True/>
<Node id="n1" score="-1"><SimplePredicate field="amount" operator="lessOrEqual" value="12.5"/></Node>
<Node score="0.5"><True/></Node>
</Node></TreeModel></Segment>
<Segment id="2">
<True/>
<RegressionModel functionName="classification" normalizationMethod="logit">
<MiningSchema>
<MiningField name="is_fraud" usageType="target"/>
<MiningField name="margin sum"/></MiningSchema>
<LocalTransformations>
<DerivedField name="margin" optype="continuous" dataType="float"><Apply function="+" invalidValueTreatment="asMissing"><FieldRef field="margin sum"/><Constant dataType="float">0.25</Constant></Apply></DerivedField>
</LocalTransformations>
<RegressionTable intercept="0" targetCategory="yes">
<NumericPredictor name="margin" coefficient="1"/></RegressionTable>
<RegressionTable intercept="0" targetCategory="no"></RegressionTable>
</RegressionModel></Segment></Segmentation>
</MiningModel></PMML>
)xml");
}

TEST(Pmml, FormulasSayWhatMissingMeans) {
  EXPECT_THAT(expression_of("a / b"), HasSubstr("<Apply function=\"/\" invalidValueTreatment=\"asMissing\"><FieldRef "
                                                "field=\"a\"/><FieldRef field=\"b\"/></Apply>"));
  // A test with a missing side is false; functions are not called with missing.
  EXPECT_THAT(expression_of("a < b"), HasSubstr("<Apply function=\"lessThan\" mapMissingTo=\"false\">"));
  EXPECT_THAT(expression_of("ln(a)"),
              HasSubstr("<Apply function=\"if\"><Apply function=\"isNotMissing\"><FieldRef field=\"a\"/></Apply>"
                        "<Apply function=\"ln\" invalidValueTreatment=\"asMissing\"><FieldRef field=\"a\"/>"));
  // What is used twice becomes a field of its own.
  EXPECT_THAT(expression_of("coalesce(a + b, 0)"), HasSubstr("<DerivedField name=\"score step\""));
  EXPECT_THAT(expression_of("weekday(t)"), HasSubstr("<Apply function=\"dateDaysSinceYear\"><FieldRef field=\"t\"/>"));
  EXPECT_THAT(expression_of("year(t)"), HasSubstr("dataType=\"integer\""));
  EXPECT_EQ(expression_of("a"), "");  // a column needs no field
}

TEST(Pmml, LookupListsOnlyWhatDiffers) {
  ModelBuilder builder("lookup");
  const ValueId state = builder.input({.name = "state", .kind = InputKind::text});
  const ValueId rows = builder.add(Lookup{.input = state,
                                          .keys = {"a", "b & <c>", "d"},
                                          .rows = {1, 5, missing, /**/ 0, 7, 2, /**/ 0, 5, 3},
                                          .unseen = {0, 5, 2},
                                          .missing = {0, missing, 9}},
                                   "rows", {"is a", "rate", "level"});
  const ValueId sum = builder.add(Dense{.input = rows, .weights = {1, 1, 1}, .bias = {0}}, "sum", {"sum"});
  builder.set_task(Task::regression, "y", {});
  builder.set_outputs(sum, sum);
  const auto model = std::move(builder).build();
  ASSERT_TRUE(model.ok());
  const pugi::xml_document document = parsed(*model);
  const auto one_hot = document.select_node("//DerivedField[@name='is a']/NormDiscrete").node();
  EXPECT_STREQ(one_hot.attribute("value").value(), "a");
  EXPECT_STREQ(one_hot.attribute("mapMissingTo").value(), "0");
  const auto rate = document.select_node("//DerivedField[@name='rate']/MapValues").node();
  EXPECT_STREQ(rate.attribute("defaultValue").value(), "5");
  EXPECT_TRUE(rate.attribute("mapMissingTo").empty());
  EXPECT_EQ(rate.select_nodes(".//row").size(), 1u);
  EXPECT_STREQ(rate.select_node(".//row/k").node().child_value(), "b & <c>");
  // The key whose number is missing is taken out before the table.
  EXPECT_STREQ(document.select_node("//DerivedField[@name='level']/Apply/Apply[@function='isNotIn']/Constant")
                   .node()
                   .child_value(),
               "a");
  EXPECT_THAT(attributes(document.select_nodes("//RegressionModel//NumericPredictor"), "name"),
              ElementsAre("is a", "rate", "level"));
}

TEST(Pmml, InfiniteThresholdsAndMissingRules) {
  const auto predicates = [](float threshold, std::uint8_t missing_left) {
    ModelBuilder builder("tree");
    const ValueId x = builder.input({.name = "x"});
    Trees trees{.input = x};
    trees.roots = {0};
    trees.feature = {0, -1, -1};
    trees.threshold = {threshold, 0, 0};
    trees.left = {1, 0, 1};
    trees.right = {2, 0, 0};
    trees.missing_left = {missing_left, 0, 0};
    trees.leaf_values = {1, 2};
    const ValueId out = builder.add(std::move(trees), "y", {"y"});
    builder.set_task(Task::regression, "y", {});
    builder.set_outputs(out, out);
    const auto text = write_pmml(*std::move(builder).build());
    const std::size_t begin = text->find("<Node defaultChild");
    return text->substr(begin, text->find("</Node>\n</Node>", begin) - begin);
  };
  constexpr float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(
      predicates(0.1F, 0),
      "<Node defaultChild=\"n2\"><True/>\n<Node score=\"1\"><SimplePredicate field=\"x\" operator=\"lessOrEqual\" "
      "value=\"0.1\"/></Node>\n<Node id=\"n2\" score=\"2\"><True/>");
  EXPECT_THAT(predicates(infinity, 0), HasSubstr("<SimplePredicate field=\"x\" operator=\"isNotMissing\"/>"));
  EXPECT_THAT(predicates(infinity, 1), HasSubstr("<Node id=\"n1\" score=\"1\"><True/></Node>"));
  EXPECT_THAT(predicates(-0.0F, 1), HasSubstr("value=\"0\""));
}

TEST(Pmml, TreesOfOneClassEachAreSummedPerClass) {
  ModelBuilder builder("boosted");
  const ValueId x = builder.input({.name = "x"});
  Trees trees{.input = x, .outputs = 3};
  for (std::uint32_t tree = 0; tree < 6; ++tree) {
    trees.roots.push_back(tree);
    trees.feature.push_back(-1);
    trees.threshold.push_back(0);
    trees.left.push_back(tree);
    trees.right.push_back(0);
    trees.missing_left.push_back(0);
    for (std::uint32_t k = 0; k < 3; ++k) trees.leaf_values.push_back(tree % 3 == k ? 0.5F : 0.0F);
  }
  const ValueId margins = builder.add(std::move(trees), "margins", {"a", "b", "c"});
  const ValueId scores = builder.add(Link{.input = margins, .kind = Link::Kind::softmax}, "scores", {"a", "b", "c"});
  const ValueId label = builder.add(Decide{.input = scores}, "label", {"label"});
  builder.set_task(Task::multiclass, "y", {"a", "b", "c"});
  builder.set_outputs(scores, label);
  const pugi::xml_document document = parsed(*std::move(builder).build());
  EXPECT_EQ(document.select_nodes("//TreeModel").size(), 6u);
  EXPECT_EQ(document.select_nodes("//Segmentation[@multipleModelMethod='sum']").size(), 3u);
  EXPECT_STREQ(document.select_node("//RegressionModel").node().attribute("normalizationMethod").value(), "softmax");
}

TEST(Pmml, TwoLayersBecomeANeuralNetwork) {
  ModelBuilder builder("net");
  const ValueId x = builder.input({.name = "x"});
  const ValueId filled = builder.add(Fill{.input = x, .replacement = {0.5F}}, "filled", {"x"});
  const ValueId hidden =
      builder.add(Dense{.input = filled, .weights = {1, -2}, .bias = {0, 0.5F}, .activation = Dense::Activation::relu},
                  "hidden", {"h0", "h1"});
  const ValueId margin = builder.add(Dense{.input = hidden, .weights = {3, 4}, .bias = {0.25F}}, "margin", {"m"});
  const ValueId scores = builder.add(Link{.input = margin, .kind = Link::Kind::sigmoid}, "scores", {"0", "1"});
  const ValueId label = builder.add(Decide{.input = scores}, "label", {"label"});
  builder.set_task(Task::binary, "y", {"0", "1"});
  builder.set_outputs(scores, label);
  const pugi::xml_document document = parsed(*std::move(builder).build());
  EXPECT_THAT(attributes(document.select_nodes("//NeuralLayer"), "activationFunction"),
              ElementsAre("rectifier", "logistic", "identity"));
  EXPECT_THAT(attributes(document.select_nodes("//NeuralLayer[2]/Neuron/Con"), "weight"), ElementsAre("3", "4"));
  EXPECT_STREQ(document.select_node("//DerivedField[@name='x (2)']/FieldRef").node().attribute("mapMissingTo").value(),
               "0.5");
}

TEST(Pmml, VerificationHoldsTwentyRowsWithTheirScores) {
  const Model model = test_model();
  std::vector<float> amounts(100, 1.0F);
  amounts[0] = std::numeric_limits<float>::infinity();  // left out
  amounts[1] = missing;
  const std::vector<std::int32_t> codes(100, 0);
  const std::vector<std::string_view> texts = {"CA & co"};
  const PmmlOptions options{.verification = {100, {TextView{codes, texts}, NumberView(amounts)}}};
  const pugi::xml_document document = parsed(model, options);
  const auto verification = document.select_node("//ModelVerification").node();
  EXPECT_STREQ(verification.attribute("recordCount").value(), "20");
  EXPECT_EQ(verification.select_nodes(".//row").size(), 20u);
  EXPECT_THAT(attributes(verification.select_nodes(".//VerificationField"), "field"),
              ElementsAre("state", "amount", "probability(yes)", "label"));
  const auto first = verification.select_node(".//row").node();
  EXPECT_STREQ(first.child("i0").child_value(), "CA & co");
  EXPECT_TRUE(first.child("i1").empty());                             // missing
  EXPECT_NEAR(first.child("o1").text().as_double(), 0.320821, 1e-6);  // sigmoid(-1 + 0.25)
  EXPECT_STREQ(first.child("label").child_value(), "yes");
  EXPECT_TRUE(parsed(model).select_node("//ModelVerification").node().empty());
}

TEST(Pmml, RefusesWhatItCannotHold) {
  ModelBuilder builder("text");
  const ValueId note = builder.input({.name = "note", .kind = InputKind::text});
  const ValueId terms = builder.add(Terms{.input = note,
                                          .unit = Terms::Unit::character,
                                          .minimum_length = 2,
                                          .maximum_length = 3,
                                          .terms = {"ab"},
                                          .weights = {1}},
                                    "terms", {"ab"});
  builder.set_task(Task::regression, "y", {});
  builder.set_outputs(terms, terms);
  const auto text = write_pmml(*std::move(builder).build());
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().message(), "writing PMML: operator 0 (Terms): PMML has no way to count runs of characters");

  Model control = test_model();
  std::get<Lookup>(control.operators[0]).keys = {std::string("C\x01"), "Zürich"};
  EXPECT_THAT(write_pmml(control).error().message(),
              HasSubstr("operator 0 (Lookup): XML cannot hold the control character"));
  Model broken = test_model();
  broken.scores = 99;
  EXPECT_FALSE(write_pmml(broken).ok());
}

TEST(Pmml, RefusesClassScoresThatDoNotSumToOne) {
  ModelBuilder builder("each");
  const ValueId x = builder.input({.name = "x"});
  const ValueId scores =
      builder.add(Dense{.input = x, .weights = {1, 1, 1}, .bias = {0, 0, 0}, .activation = Dense::Activation::sigmoid},
                  "scores", {"a", "b", "c"});
  const ValueId label = builder.add(Decide{.input = scores}, "label", {"label"});
  builder.set_task(Task::multiclass, "y", {"a", "b", "c"});
  builder.set_outputs(scores, label);
  EXPECT_THAT(write_pmml(*std::move(builder).build()).error().message(), HasSubstr("'scores' do not sum to 1"));
}

TEST(Pmml, DeepTreesAndManyNodesAreWrittenInOneGo) {
  const auto text = write_pmml(large_model(30000));
  ASSERT_TRUE(text.ok());
  EXPECT_LT(text->size(), 150u * 30000);
  ModelBuilder builder("chain");
  const ValueId x = builder.input({.name = "x"});
  Trees trees{.input = x};
  trees.roots = {0};
  constexpr std::uint32_t depth = 50000;
  for (std::uint32_t i = 0; i < depth; ++i) {
    trees.feature.insert(trees.feature.end(), {0, -1});
    trees.threshold.insert(trees.threshold.end(), {static_cast<float>(i), 0});
    trees.left.insert(trees.left.end(), {2 * i + 1, i});
    trees.right.insert(trees.right.end(), {2 * i + 2, 0});
    trees.missing_left.insert(trees.missing_left.end(), {0, 0});
    trees.leaf_values.push_back(1);
  }
  trees.feature.push_back(-1);
  trees.threshold.push_back(0);
  trees.left.push_back(depth);
  trees.right.push_back(0);
  trees.missing_left.push_back(0);
  trees.leaf_values.push_back(2);
  const ValueId out = builder.add(std::move(trees), "y", {"y"});
  builder.set_task(Task::regression, "y", {});
  builder.set_outputs(out, out);
  EXPECT_TRUE(write_pmml(*std::move(builder).build()).ok());
}

TEST(XmlWriter, EscapesAndNumbers) {
  EXPECT_EQ(escaped("a<b>&\"c\"\t\n"), "a&lt;b&gt;&amp;&quot;c&quot;&#9;&#10;");
  EXPECT_EQ(xml_number(0.1F), "0.1");
  EXPECT_EQ(xml_number(double{0.1F}), "0.10000000149011612");
  EXPECT_EQ(xml_number(-std::numeric_limits<float>::infinity()), "-INF");
  EXPECT_TRUE(fits_xml("Zürich\t日本"));
  EXPECT_FALSE(fits_xml(std::string_view("a\0b", 3)));
  EXPECT_FALSE(fits_xml("\xef\xbf\xbf"));
}

}  // namespace
}  // namespace slipway::package
