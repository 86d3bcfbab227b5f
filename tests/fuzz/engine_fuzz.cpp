// Any bytes as an ensemble of trees and rows for it: every kernel that this machine has gives what the reference
// interpreter gives, bit for bit.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/hash.hpp>
#include <slipway/base/random.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/model/interpreter.hpp>

namespace {

using namespace slipway;
using model::Trees;

constexpr std::size_t most_nodes = 12'000;
constexpr std::uint32_t deepest[] = {0, 1, 2, 4, 5, 6, 7, 12, 400};
// Both sides of where kernels are chosen by the number of rows, and of a block.
constexpr std::size_t row_counts[] = {1, 2, 7, 8, 16, 17, 79, 80, 255, 256, 257, 300};
constexpr float infinity = std::numeric_limits<float>::infinity();
// Thresholds and cells are mostly of these, so that they meet.
constexpr float numbers[] = {0,
                             -0.0F,
                             1,
                             -1,
                             0.5F,
                             2,
                             3,
                             1.0000001F,
                             16777216,
                             std::numeric_limits<float>::max(),
                             std::numeric_limits<float>::lowest(),
                             std::numeric_limits<float>::denorm_min(),
                             -std::numeric_limits<float>::denorm_min(),
                             infinity};
constexpr std::size_t finite_numbers = std::size(numbers) - 1;

// The input's bytes, and behind them numbers that follow from all of them: a short input makes a large ensemble, too.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : left_(bytes), random_(hash_bytes(bytes)) {}
  std::uint8_t byte() {
    if (left_.empty()) return static_cast<std::uint8_t>(random_());
    const char first = left_.front();
    left_.remove_prefix(1);
    return static_cast<std::uint8_t>(first);
  }
  std::size_t below(std::size_t bound) { return (std::size_t{byte()} << 8 | byte()) % bound; }
  // A finite number.
  float number() {
    if (byte() % 4 != 0) return numbers[below(finite_numbers)];
    const std::uint32_t bits = static_cast<std::uint32_t>(below(65536) << 16 | below(65536));
    const float any = std::bit_cast<float>(bits);
    return std::isfinite(any) ? any : 7;
  }
  float threshold() { return byte() % 32 == 0 ? infinity : number(); }
  float cell() {
    switch (byte() % 8) {
      case 0:
        return std::numeric_limits<float>::quiet_NaN();
      case 1:
        return byte() % 2 == 0 ? infinity : -infinity;
      default:
        return number();
    }
  }

 private:
  std::string_view left_;
  Random random_;
};

// `most`: into `deepest`.
void add_tree(Choices& choices, std::size_t features, std::size_t most, Trees& trees) {
  struct Waiting {
    std::uint32_t node, depth;
  };
  const std::uint32_t depth = deepest[choices.below(most + 1)];
  const unsigned stop = 1 + choices.byte() % 32U;  // of 64 nodes so many are leaves
  std::vector<Waiting> waiting;
  const auto add_node = [&](std::uint32_t at) {
    waiting.push_back({static_cast<std::uint32_t>(trees.node_count()), at});
    trees.feature.push_back(Trees::leaf);
    trees.threshold.push_back(0);
    trees.left.push_back(0);
    trees.right.push_back(0);
    trees.missing_left.push_back(0);
    trees.cover.push_back(1);
  };
  trees.roots.push_back(static_cast<std::uint32_t>(trees.node_count()));
  add_node(0);
  while (!waiting.empty()) {
    const Waiting one = waiting.back();
    waiting.pop_back();
    if (one.depth >= depth || trees.node_count() >= most_nodes || choices.byte() % 64U < stop) {
      trees.left[one.node] = static_cast<std::uint32_t>(trees.leaf_values.size() / trees.outputs);
      for (std::uint32_t k = 0; k < trees.outputs; ++k) trees.leaf_values.push_back(choices.number());
      continue;
    }
    trees.feature[one.node] = static_cast<std::int32_t>(choices.below(features));
    trees.threshold[one.node] = choices.threshold();
    trees.missing_left[one.node] = choices.byte() % 2;
    trees.left[one.node] = static_cast<std::uint32_t>(trees.node_count());
    add_node(one.depth + 1);
    trees.right[one.node] = static_cast<std::uint32_t>(trees.node_count());
    add_node(one.depth + 1);
  }
}

model::Model make_model(Choices& choices) {
  const std::size_t features = 1 + choices.below(choices.byte() % 8 == 0 ? 300 : 6);
  model::ModelBuilder builder("m");
  model::Join join;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < features; ++i) {
    names.push_back("x" + std::to_string(i));
    join.inputs.push_back(builder.input({.name = names.back()}));
  }
  Trees trees;
  trees.input = builder.add(std::move(join), "block", names);
  trees.outputs = 1 + static_cast<std::uint32_t>(choices.below(3));
  trees.aggregate = choices.byte() % 2 == 0 ? Trees::Aggregate::sum : Trees::Aggregate::mean;
  if (choices.byte() % 2 == 0)
    for (std::uint32_t k = 0; k < trees.outputs; ++k) trees.base.push_back(choices.number());
  const std::size_t most = choices.below(std::size(deepest));
  for (std::size_t tree = 1 + choices.below(choices.byte() % 4 == 0 ? 200 : 20); tree > 0; --tree)
    add_tree(choices, features, most, trees);
  std::vector<std::string> classes;
  for (std::uint32_t k = 0; k < trees.outputs; ++k) classes.push_back("c" + std::to_string(k));
  const std::uint32_t outputs = trees.outputs;
  const model::ValueId scores = builder.add(std::move(trees), "scores", classes);
  if (outputs == 1) {
    builder.set_task(model::Task::regression, "y", {});
    builder.set_outputs(scores, scores);
  } else {
    const model::ValueId label = builder.add(model::Decide{scores, 0, choices.number()}, "label", {"label"});
    builder.set_task(outputs == 2 ? model::Task::binary : model::Task::multiclass, "y", classes);
    builder.set_outputs(scores, label);
  }
  auto built = std::move(builder).build();
  if (!built.ok()) std::abort();
  return std::move(built).value();
}

bool same(float a, float b) {
  return std::isnan(a) ? std::isnan(b) : std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices({reinterpret_cast<const char*>(data), size});
  const model::Model model = make_model(choices);
  model::RowBatch batch;
  batch.rows = row_counts[choices.below(std::size(row_counts))];
  std::vector<std::vector<float>> columns(model.inputs.size(), std::vector<float>(batch.rows));
  for (std::vector<float>& column : columns) {
    for (float& cell : column) cell = choices.cell();
    batch.columns.emplace_back(model::NumberView(column));
  }
  const auto expected = model::interpret(model, batch);
  if (!expected.ok()) std::abort();
  for (const engine::TreeKernel kernel : engine::tree_kernels) {
    if (!engine::is_supported(kernel)) continue;
    const auto predictor = engine::Predictor::compile(model, {.tree_kernel = kernel});
    if (!predictor.ok()) std::abort();
    engine::Scratch scratch;
    engine::Prediction out;
    if (!predictor->predict(batch, scratch, out).ok()) std::abort();
    if (!std::equal(out.scores.values.begin(), out.scores.values.end(), expected->scores.values.begin(),
                    expected->scores.values.end(), same))
      std::abort();
    for (std::size_t row = 0; row < out.labels.size(); ++row)
      if (static_cast<float>(out.labels[row]) != expected->label[row]) std::abort();
    // Some of the rows alone, with memory that the whole batch has used.
    for (std::size_t row = 0; row < std::min<std::size_t>(batch.rows, 3); ++row) {
      engine::Prediction alone;
      if (!predictor->predict(slice_rows(batch, row, row + 1), scratch, alone).ok()) std::abort();
      for (std::size_t k = 0; k < expected->scores.width; ++k)
        if (!same(alone.scores.at(0, k), expected->scores.at(row, k))) std::abort();
    }
  }
  return 0;
}
