#include "onnx_import.hpp"

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/engine/onnx_runtime.hpp>
#include <slipway/engine/predictor.hpp>

namespace slipway::app {
namespace {

constexpr std::size_t probe_rows = 512;
constexpr double largest_allowed = 1e-5;

// Rows to try a model on, kept alive together.
class Probes {
 public:
  Probes(const model::Model& compiled, bool whole_numbers) {
    collect(compiled, whole_numbers);
    numbers_.resize(compiled.inputs.size());
    codes_.resize(compiled.inputs.size());
    batch_.rows = probe_rows;
    Random random(7);
    for (std::size_t i = 0; i < compiled.inputs.size(); ++i) {
      if (compiled.inputs[i].kind == model::InputKind::text) {
        for (std::size_t r = 0; r < probe_rows; ++r)
          codes_[i].push_back(static_cast<std::int32_t>(random.below(texts_.size() + 1)) - 1);
        batch_.columns.emplace_back(model::TextView{codes_[i], texts_});
      } else {
        for (std::size_t r = 0; r < probe_rows; ++r) numbers_[i].push_back(number(random, whole_numbers));
        batch_.columns.emplace_back(model::NumberView(numbers_[i]));
      }
    }
  }
  const model::RowBatch& batch() const { return batch_; }

 private:
  void collect(const model::Model& compiled, bool whole_numbers) {
    for (const model::Operator& op : compiled.operators) {
      if (const auto* trees = std::get_if<model::Trees>(&op)) {
        for (std::size_t node = 0; node < trees->node_count() && values_.size() < 4096; ++node)
          if (trees->feature[node] != model::Trees::leaf && std::isfinite(trees->threshold[node]))
            values_.push_back(whole_numbers ? std::round(trees->threshold[node]) : trees->threshold[node]);
      } else if (const auto* lookup = std::get_if<model::Lookup>(&op)) {
        for (std::size_t key = 0; key < lookup->keys.size() && texts_.size() < 4096; ++key)
          texts_.emplace_back(lookup->keys[key]);
      }
    }
    texts_.emplace_back("never seen");
  }

  float number(Random& random, bool whole_numbers) const {
    const std::uint64_t kind = random.below(8);
    if (kind < 3 && !values_.empty()) return values_[random.below(values_.size())];
    if (whole_numbers || kind == 3) return static_cast<float>(random.below(10));
    if (kind == 4) return std::numeric_limits<float>::quiet_NaN();
    if (kind == 5) return static_cast<float>((random.uniform() - 0.5) * 2e3);
    return static_cast<float>((random.uniform() - 0.5) * 6);
  }

  std::vector<float> values_;
  std::vector<std::string_view> texts_;
  std::vector<std::vector<float>> numbers_;
  std::vector<std::vector<std::int32_t>> codes_;
  model::RowBatch batch_;
};

double difference(float a, float b, double scale) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double apart = std::abs(static_cast<double>(a) - static_cast<double>(b)) / scale;
  return std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart;
}

double largest_difference(const model::Block& ours, const model::Block& theirs, bool regression) {
  double largest = 0;
  for (std::size_t i = 0; i < ours.values.size(); ++i) {
    const double scale = regression ? std::max(1.0, std::abs(static_cast<double>(theirs.values[i]))) : 1;
    largest = std::max(largest, difference(ours.values[i], theirs.values[i], scale));
  }
  return largest;
}

// Compares the compiled model with the kept file; an error says why they cannot be compared, or that they differ.
Status compare(OnnxImport& import, const model::Model& kept) {
  SLIPWAY_TRY(const auto compiled, engine::Predictor::compile(import.model));
  SLIPWAY_TRY(const auto whole, engine::Predictor::compile(kept));
  std::optional<Probes> probes(std::in_place, import.model, false);
  auto theirs = whole.predict_rows(probes->batch(), Threads(1));
  if (!theirs.ok()) {
    // Ports of whole numbers take neither fractions nor missing values.
    probes.emplace(import.model, true);
    theirs = whole.predict_rows(probes->batch(), Threads(1));
  }
  if (!theirs.ok()) return theirs.error();
  SLIPWAY_TRY(const auto ours, compiled.predict_rows(probes->batch(), Threads(1)));
  import.rows = probe_rows;
  import.largest_difference =
      largest_difference(ours.scores, theirs->scores, import.model.task == model::Task::regression);
  if (import.largest_difference > largest_allowed)
    return check_failed(fmt::format("compiled, its scores would differ by {:.2g}", import.largest_difference));
  const auto& file = std::get<model::Foreign>(kept.operators[0]);
  SLIPWAY_TRY(const auto runtime, engine::OnnxRuntime::open(file.file));
  SLIPWAY_TRY(const auto output, runtime.run(probes->batch(), kept.inputs, file.scores));
  for (std::size_t r = 0; r < output.labels.size() && !import.model.classes.empty(); ++r)
    import.other_labels += output.labels[r] != import.model.classes[static_cast<std::size_t>(ours.labels[r])];
  return {};
}

}  // namespace

Result<OnnxImport> import_onnx_file(std::string_view bytes, const package::ImportOptions& options) {
  SLIPWAY_TRY(model::Model kept, package::keep_onnx(bytes, options));
  OnnxImport import;
  auto compiled = package::import_onnx(bytes, options);
  if (compiled.ok()) {
    import.model = std::move(compiled).value();
    const Status agrees = compare(import, kept);
    if (agrees.ok()) {
      import.compiled = true;
      return import;
    }
    import = {};
    import.why_not = agrees.error().message();
  } else {
    import.why_not = compiled.error().message();
  }
  // That ONNX Runtime takes it shows now, not at the first score.
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(kept));
  import.model = std::move(kept);
  return import;
}

}  // namespace slipway::app
