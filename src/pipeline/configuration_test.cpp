#include <gtest/gtest.h>

#include <slipway/pipeline/configuration.hpp>

namespace slipway::pipeline {
namespace {

constexpr std::string_view reference = R"(
name: fraud
source:
  transactions: data/transactions.csv
  sql: select * from transactions
schema: {target: is_fraud, id: transaction_id, time: timestamp, group: card_id}
prepare:
  - drop_missing: [amount, state]
  - keep: amount > 0
  - drop_duplicates: {by: transaction_id}
split: {method: stratified, test: 0.2, seed: 42}
features:
  numeric: [amount, num_transactions]
  categorical: [state, channel, card_type]
  derived: {amount_per_transaction: amount / (num_transactions + 1)}
learner: random_forest
search:
  method: grid
  folds: 5
  metric: average_precision
  n_estimators: [100, 200, 300]
  max_depth: [5, 10, 15]
  min_samples_split: [2, 5, 10]
evaluate: {threshold: {maximise: f1}, gates: {average_precision: ">= 0.5"}}
explain: {partial_dependence: [amount, num_transactions]}
package: [onnx]
monitor: {window: 1 day, false_alarms: 1 per month}
)";

std::string message(std::string_view yaml) {
  const auto configuration = parse_configuration(yaml, "slipway.yaml", ".");
  return configuration.ok() ? "no error" : configuration.error().message();
}

TEST(Configuration, ReadsTheReferenceCase) {
  const auto read = parse_configuration(reference, "slipway.yaml", "somewhere");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->name, "fraud");
  ASSERT_EQ(read->sources.size(), 1u);
  EXPECT_EQ(read->sources[0].location, "data/transactions.csv");
  EXPECT_EQ(read->schema.ids, std::vector<std::string>{"transaction_id"});
  ASSERT_EQ(read->prepare.size(), 3u);
  EXPECT_EQ(read->prepare[1].expression, "amount > 0");
  EXPECT_EQ(read->prepare[2].columns, std::vector<std::string>{"transaction_id"});
  EXPECT_EQ(read->features.derived[0].name, "amount_per_transaction");
  EXPECT_FALSE(read->infer_features);
  ASSERT_EQ(read->search.space.size(), 3u);
  EXPECT_EQ(read->search.space[1].option, "max_depth");
  EXPECT_EQ(read->search.space[1].values[2].text, "15");
  EXPECT_EQ(read->gates[0].condition, ">= 0.5");
  EXPECT_EQ(read->explain.partial_dependence.size(), 2u);
}

TEST(Configuration, UnknownKeysNameLineColumnAndNearest) {
  EXPECT_TRUE(message("source: a.csv\nschema: {target: y}\nsplti: {}\n")
                  .starts_with("slipway.yaml:3:1: unknown key 'splti' in the configuration (did you mean 'split'?)"));
  EXPECT_TRUE(message("source: a.csv\nschema: {target: y}\nsplit: {tset: 0.2}\n")
                  .starts_with("slipway.yaml:3:9: unknown key 'tset' in split (did you mean 'test'?)"));
  EXPECT_NE(
      message("source: a.csv\nschema: {target: y}\nsearch: {n_estimatros: [1]}\n").find("did you mean 'n_estimators'"),
      std::string::npos);
  EXPECT_NE(
      message("source: a.csv\nschema: {target: y}\nlearner: random_forrest\n").find("did you mean 'random_forest'"),
      std::string::npos);
  EXPECT_NE(
      message("source: a.csv\nschema: {target: y}\nprepare: [drop_duplicate]\n").find("did you mean 'drop_duplicates'"),
      std::string::npos);
}

TEST(Configuration, SaysWhatIsMissing) {
  EXPECT_EQ(message("schema: {target: y}\n"), "slipway.yaml:1:1: `source` is missing");
  EXPECT_NE(message("source: a.csv\nschema: {id: x}\n").find("`target` is missing"), std::string::npos);
  EXPECT_NE(message("source: {a: a.csv, b: b.csv}\nschema: {target: y}\n").find("need `sql`"), std::string::npos);
}

TEST(Configuration, WrongValuesAreRefusedBeforeAnythingRuns) {
  EXPECT_NE(message("source: a.csv\nschema: {target: y}\nsearch: {max_depth: [5, deep]}\n").find("deep"),
            std::string::npos);
  EXPECT_NE(message("source: a.csv\nschema: {target: y}\nsplit: {test: 2}\n").find("out of range"), std::string::npos);
  EXPECT_NE(message("source: a.csv\nschema: {target: y}\nname: my model\n").find("letters, digits"), std::string::npos);
  EXPECT_NE(message("source: a.csv\nschema: {target: y}\npackage: [onxx]\n").find("did you mean 'onnx'"),
            std::string::npos);
  EXPECT_NE(message("source: a.csv\nschema: {target: y}\nevaluate: {gates: {roc_auc: about 0.5}}\n").find("about 0.5"),
            std::string::npos);
  EXPECT_NE(message("source: a.csv\nschema: {target: y}\nevaluate: {threshold: {maximse: f1}}\n").find("maximise"),
            std::string::npos);
  EXPECT_NE(message("source: a.csv\nschema: {target: y}\nevaluate: {threshold: {fixed: 0.5, recall: 0.9}}\n")
                .find("slipway.yaml:3:"),
            std::string::npos);
  EXPECT_NE(message("source: a.csv\nschema: {target: y}\nsplit: {method: column}\n").find("belong together"),
            std::string::npos);
}

TEST(Configuration, NoFeaturesMeansAllUsableColumns) {
  const auto read = parse_configuration("source: a.csv\nschema: {target: y}\nfeatures: {impute: median}\n", "x", ".");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_TRUE(read->infer_features);
  EXPECT_EQ(read->features.options.impute, "median");
}

}  // namespace
}  // namespace slipway::pipeline
