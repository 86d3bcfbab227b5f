// One loaded version of a model, ready to score.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/explain/explanation_plan.hpp>
#include <slipway/explain/reasons.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

#include "metrics.hpp"

namespace slipway::serving {

using Scores = engine::Prediction;

// How the scores of two classes become a label.
struct DecisionPolicy {
  std::string version;   // a name that changes whenever the rest does: "maximise f1" at 0.31 is always the same one
  double threshold = 0;  // of the positive class's score
  std::string method;    // how it was chosen: "maximise f1"
};

class ServedModel {
 public:
  // Compiles the model and scores its verification rows, or a row of missing values, so that the first request finds
  // everything warm. Rows whose scores differ from the stored ones are an error.
  static Result<std::shared_ptr<const ServedModel>> make(model::Model model, std::string version, std::string digest,
                                                         std::vector<std::string> id_columns,
                                                         explain::ExplanationPlan explanation = {},
                                                         std::string_view verification_rows = {},
                                                         std::optional<DecisionPolicy> policy = std::nullopt);

  const model::Model& model() const { return model_; }
  const std::string& name() const { return model_.name; }
  const std::string& version() const { return version_; }
  const std::string& digest() const { return digest_; }
  std::span<const model::Input> inputs() const { return model_.inputs; }
  std::span<const std::string> input_names() const { return input_names_; }
  // Columns that requests may carry besides the inputs; the first one present is the row's id.
  std::span<const std::string> id_columns() const { return id_columns_; }

  // The index of an input, or -1; `hint` is tried first (clients mostly send fields in one order).
  int find_input(std::string_view name, std::size_t hint) const;
  // Whether training saw this text (always, where the input's categories are not pinned).
  bool is_known(std::size_t input, std::string_view text) const;
  // What true and false are called in a text input.
  std::string_view text_of(std::size_t input, bool value) const;
  bool all_numbers() const { return all_numbers_; }

  bool is_binary() const { return model_.task == model::Task::binary; }
  bool is_regression() const { return model_.task == model::Task::regression; }
  // The number that stands for a row: the probability of the positive class, the prediction, or the probability of the
  // class decided for.
  float score(const Scores& scores, std::size_t row) const;
  std::string_view label(const Scores& scores, std::size_t row) const;  // "" for a regression

  // The rule by which scores become labels; nothing where the bundle states none.
  const std::optional<DecisionPolicy>& policy() const { return policy_; }

  Status predict(const model::RowBatch& rows, Scores& out) const;
  // An error that says why, if this model cannot be explained.
  Status can_explain() const;
  // The inputs, at most `count`, that moved each row's score most, largest first: binary, those that raised it; several
  // classes, those that moved the score of the class decided for; regression, those that moved the prediction.
  Status explain(const model::RowBatch& rows, const Scores& scores, std::size_t count,
                 std::vector<std::vector<explain::Reason>>& out) const;

  ModelMetrics& metrics() const { return *metrics_; }
  std::uint64_t memory_bytes() const { return memory_bytes_; }

 private:
  ServedModel() = default;

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  model::Model model_;
  std::string version_, digest_;
  std::optional<DecisionPolicy> policy_;
  std::vector<std::string> input_names_, id_columns_;
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> index_;
  std::vector<std::unordered_set<std::string_view>> categories_;
  std::vector<std::uint8_t> says_one_;  // text inputs in which true is "1"
  bool all_numbers_ = false;
  std::uint64_t memory_bytes_ = 0;
  std::optional<engine::Predictor> predictor_;
  std::optional<explain::Explainer> explainer_;
  std::shared_ptr<const explain::ReasonCatalogue> catalogue_;
  std::string unexplained_;  // why there is no explainer
  std::unique_ptr<ModelMetrics> metrics_;
};

// About how much memory a served model takes: its arrays, compiled, and once more for explanations, and what scoring
// one row needs beside them.
std::uint64_t estimated_bytes(const model::Model& model);

}  // namespace slipway::serving
