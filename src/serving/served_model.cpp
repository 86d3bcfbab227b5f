#include "served_model.hpp"

#include <fmt/format.h>

#include "verification_rows.hpp"

namespace slipway::serving {
namespace {

// Working memory, one per thread; it fits every model.
struct Memory {
  engine::Scratch scratch;
  explain::Contributions contributions;
};

Memory& memory() {
  thread_local Memory one;
  return one;
}

}  // namespace

Result<std::shared_ptr<const ServedModel>> ServedModel::make(model::Model model, std::string version,
                                                             std::string digest, std::vector<std::string> id_columns,
                                                             explain::ExplanationPlan explanation,
                                                             std::string_view verification_rows,
                                                             std::optional<DecisionPolicy> policy) {
  std::shared_ptr<ServedModel> served(new ServedModel());
  served->model_ = std::move(model);
  served->version_ = std::move(version);
  served->digest_ = std::move(digest);
  served->id_columns_ = std::move(id_columns);
  served->memory_bytes_ = estimated_bytes(served->model_);
  const auto& inputs = served->model_.inputs;
  served->all_numbers_ = true;
  served->categories_.resize(inputs.size());
  served->says_one_.resize(inputs.size(), 0);
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    served->input_names_.push_back(inputs[i].name);
    served->index_.emplace(inputs[i].name, i);
    served->all_numbers_ = served->all_numbers_ && inputs[i].kind == model::InputKind::number;
    auto& categories = served->categories_[i];
    categories.insert(inputs[i].categories.begin(), inputs[i].categories.end());
    served->says_one_[i] = categories.contains("1") || categories.contains("0") ? 1 : 0;
  }
  served->policy_ = std::move(policy);
  served->metrics_ = std::make_unique<ModelMetrics>(inputs.size());
  SLIPWAY_TRY(served->predictor_, engine::Predictor::compile(served->model_));
  served->catalogue_ = std::move(explanation.catalogue);
  auto explainer = explain::Explainer::make(
      served->model_, explanation.options,
      [predictor = *served->predictor_](const model::RowBatch& rows, model::ValueId value, model::Block& out) {
        return predictor.evaluate(rows, value, memory().scratch, out);
      });
  if (explainer.ok())
    served->explainer_ = std::move(explainer).value();
  else
    served->unexplained_ = explainer.error().message();

  // One row of missing values goes through everything.
  const float number = std::numeric_limits<float>::quiet_NaN();
  const std::int32_t code = -1;
  const std::int64_t time = missing_time;
  model::RowBatch row;
  row.rows = 1;
  for (const model::Input& input : inputs) switch (input.kind) {
      case model::InputKind::number:
        row.columns.emplace_back(model::NumberView(&number, 1));
        break;
      case model::InputKind::text:
        row.columns.emplace_back(model::TextView{{&code, 1}, {}});
        break;
      case model::InputKind::time:
        row.columns.emplace_back(model::TimeView(&time, 1));
        break;
    }
  Scores scores;
  SLIPWAY_CHECK(served->predict(row, scores).with_context("scoring a first row"));
  if (served->explainer_) {
    std::vector<std::vector<explain::Reason>> reasons;
    SLIPWAY_CHECK(served->explain(row, scores, 1, reasons).with_context("explaining a first row"));
  }
  if (!verification_rows.empty()) {
    SLIPWAY_CHECK(score_verification_rows(*served, verification_rows));
    served->metrics_ = std::make_unique<ModelMetrics>(inputs.size());  // those rows were no requests
  }
  return std::shared_ptr<const ServedModel>(std::move(served));
}

std::uint64_t estimated_bytes(const model::Model& model) {
  constexpr std::uint64_t copies = 3;
  std::uint64_t bytes = 0;
  const auto texts = [](const std::vector<std::string>& list) {
    std::uint64_t sum = 0;
    for (const std::string& text : list) sum += sizeof(std::string) + text.size();
    return sum;
  };
  const auto numbers = [](const auto&... lists) { return ((lists.size() * sizeof(lists[0])) + ...); };
  for (const model::Input& input : model.inputs) bytes += texts(input.categories);
  for (const model::Operator& op : model.operators) {
    if (const auto* trees = std::get_if<model::Trees>(&op))
      bytes += numbers(trees->feature, trees->threshold, trees->left, trees->right, trees->missing_left, trees->cover,
                       trees->leaf_values);
    else if (const auto* lookup = std::get_if<model::Lookup>(&op))
      bytes += texts(lookup->keys) + numbers(lookup->rows);
    else if (const auto* dense = std::get_if<model::Dense>(&op))
      bytes += numbers(dense->weights, dense->bias);
    else if (const auto* terms = std::get_if<model::Terms>(&op))
      bytes += texts(terms->terms) + numbers(terms->weights);
  }
  return bytes * copies + engine::leaf_mask_bytes(model);
}

int ServedModel::find_input(std::string_view name, std::size_t hint) const {
  if (hint < input_names_.size() && input_names_[hint] == name) return static_cast<int>(hint);
  const auto found = index_.find(name);
  return found == index_.end() ? -1 : static_cast<int>(found->second);
}

bool ServedModel::is_known(std::size_t input, std::string_view text) const {
  return categories_[input].empty() || categories_[input].contains(text);
}

std::string_view ServedModel::text_of(std::size_t input, bool value) const {
  if (says_one_[input] != 0) return value ? "1" : "0";
  return value ? "true" : "false";
}

float ServedModel::score(const Scores& scores, std::size_t row) const {
  if (is_binary()) return scores.scores.at(row, 1);
  return scores.scores.at(row, is_regression() ? 0 : static_cast<std::size_t>(scores.labels[row]));
}

std::string_view ServedModel::label(const Scores& scores, std::size_t row) const {
  if (is_regression()) return {};
  return model_.classes[static_cast<std::size_t>(scores.labels[row])];
}

Status ServedModel::predict(const model::RowBatch& rows, Scores& out) const {
  return predictor_->predict(rows, memory().scratch, out);
}

Status ServedModel::can_explain() const {
  if (explainer_) return {};
  return invalid_input(fmt::format("this model gives no reasons: {}", unexplained_));
}

Status ServedModel::explain(const model::RowBatch& rows, const Scores& scores, std::size_t count,
                            std::vector<std::vector<explain::Reason>>& out) const {
  Memory& work = memory();
  SLIPWAY_CHECK(explainer_->explain(rows, work.contributions));
  explain::ReasonOptions options;
  options.count = count;
  options.catalogue = catalogue_;
  options.direction = is_binary() ? explain::Direction::raising : explain::Direction::both;
  out.resize(rows.rows);
  for (std::size_t row = 0; row < rows.rows; ++row) {
    const std::size_t output = work.contributions.outputs > 1 ? static_cast<std::size_t>(scores.labels[row]) : 0;
    SLIPWAY_TRY(out[row], explain::rank_reasons(*explainer_, work.contributions, rows, row, output, options));
  }
  return {};
}

}  // namespace slipway::serving
