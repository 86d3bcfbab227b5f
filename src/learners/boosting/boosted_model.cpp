#include "boosting/boosted_model.hpp"

#include <fmt/format.h>

namespace slipway::learners::boosting {
namespace {

// Writes one tree, nodes depth-first and left first.
class Emitter {
 public:
  Emitter(model::Trees& trees, const tree::Bins& bins) : trees_(trees), bins_(bins) {}

  void add(const BoostedTree& tree, std::size_t output) {
    trees_.roots.push_back(static_cast<std::uint32_t>(trees_.node_count()));
    // Child nodes of each split: another split, or a leaf as ~leaf.
    std::vector<std::array<std::int32_t, 2>> children;
    std::vector<std::int32_t*> open(tree.values.size(), nullptr);
    children.reserve(tree.splits.size());
    for (const Split& split : tree.splits) {
      if (open[split.leaf] != nullptr) *open[split.leaf] = static_cast<std::int32_t>(children.size());
      children.push_back({~std::int32_t{split.leaf}, ~std::int32_t{split.fresh}});
      open[split.leaf] = &children.back()[0];
      open[split.fresh] = &children.back()[1];
    }
    // Children have larger numbers than their parents.
    std::vector<float> covers(tree.splits.size());
    const auto cover = [&](std::int32_t node) {
      return node >= 0 ? covers[static_cast<std::size_t>(node)] : tree.covers[static_cast<std::size_t>(~node)];
    };
    for (std::size_t node = children.size(); node-- > 0;)
      covers[node] = cover(children[node][0]) + cover(children[node][1]);

    struct Pending {
      std::int32_t node;
      std::uint32_t parent;  // the node whose right child this is, or none
    };
    constexpr std::uint32_t none = ~std::uint32_t{0};
    std::vector<Pending> pending = {{tree.splits.empty() ? ~0 : 0, none}};
    while (!pending.empty()) {
      const Pending here = pending.back();
      pending.pop_back();
      const auto place = static_cast<std::uint32_t>(trees_.node_count());
      if (here.parent != none) trees_.right[here.parent] = place;
      if (here.node < 0) {
        const std::size_t outputs = trees_.outputs;
        add_node(model::Trees::leaf, 0, static_cast<std::uint32_t>(trees_.leaf_values.size() / outputs), 0,
                 cover(here.node));
        trees_.leaf_values.resize(trees_.leaf_values.size() + outputs, 0.0F);
        trees_.leaf_values[trees_.leaf_values.size() - outputs + output] =
            tree.values[static_cast<std::size_t>(~here.node)];
        continue;
      }
      const auto index = static_cast<std::size_t>(here.node);
      const Split& split = tree.splits[index];
      add_node(split.feature, bins_.threshold(split.feature, split.bin), place + 1, split.missing_left ? 1 : 0,
               covers[index]);
      pending.push_back({children[index][1], place});
      pending.push_back({children[index][0], none});
    }
  }

 private:
  void add_node(std::int32_t feature, float threshold, std::uint32_t left, std::uint8_t missing_left, float cover) {
    trees_.feature.push_back(feature);
    trees_.threshold.push_back(threshold);
    trees_.left.push_back(left);
    trees_.right.push_back(0);
    trees_.missing_left.push_back(missing_left);
    trees_.cover.push_back(cover);
  }

  model::Trees& trees_;
  const tree::Bins& bins_;
};

std::vector<std::string> numbered(std::string_view name, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < count; ++k) names.push_back(fmt::format("{}_{}", name, k));
  return names;
}

// The link behind the margins, as a fragment of its own; empty for the identity.
Fragment link_of(const BoostedModel& model) {
  Fragment fragment;
  model::Link link{};
  link.output = 1;
  link.kind = model.loss.link();
  if (link.kind == model::Link::Kind::identity) return fragment;
  fragment.operators.emplace_back(link);
  const std::size_t scores = model.task == model::Task::binary ? 2 : model.base.size();
  fragment.columns.push_back(model.task == model::Task::regression ? std::vector<std::string>{"prediction"}
                                                                   : numbered("probability", scores));
  return fragment;
}

}  // namespace

std::size_t BoostedModel::rounds_kept(std::size_t n_estimators) const {
  const std::size_t most = std::min(n_estimators, rounds());
  if (validation_losses.empty()) return most;
  std::size_t best = 0;
  for (std::size_t round = 1; round < most; ++round) {
    if (validation_losses[round] < validation_losses[best]) best = round;
    if (round - best >= static_cast<std::size_t>(early_stopping_rounds)) break;
  }
  return best + 1;
}

Fragment fragment_of(const BoostedModel& model, std::size_t rounds) {
  const std::size_t outputs = model.base.size();
  model::Trees trees{};
  trees.output = 1;
  trees.outputs = static_cast<std::uint32_t>(outputs);
  trees.aggregate = model::Trees::Aggregate::sum;
  trees.base = model.base;
  Emitter emitter(trees, model.bins);
  for (std::size_t tree = 0; tree < rounds * outputs; ++tree) emitter.add(model.trees[tree], tree % outputs);
  Fragment fragment;
  fragment.operators.emplace_back(std::move(trees));
  const Fragment link = link_of(model);
  if (link.operators.empty()) {
    fragment.columns.push_back({"prediction"});
    return fragment;
  }
  fragment.columns.push_back(outputs == 1 ? std::vector<std::string>{"margin"} : numbered("margin", outputs));
  auto last = std::get<model::Link>(link.operators[0]);
  last.input = 1;
  last.output = 2;
  fragment.operators.emplace_back(last);
  fragment.columns.push_back(link.columns[0]);
  return fragment;
}

Result<std::vector<model::Block>> staged_scores(const BoostedModel& model, std::span<const std::size_t> rounds,
                                                const model::Block& features, const Threads& threads) {
  if (features.width != model.bins.features())
    return invalid_input(fmt::format("{} features, the model was fitted on {}", features.width, model.bins.features()));
  const std::size_t outputs = model.base.size();
  const std::size_t rows = features.rows;
  compute::Buffer<std::uint8_t> codes(rows * features.width);
  std::vector<const std::uint8_t*> columns;
  for (std::size_t feature = 0; feature < features.width; ++feature) columns.push_back(codes.data() + feature * rows);
  threads.for_each(features.width, [&](std::size_t feature) {
    compute::code_column(features.column(feature), model.bins.edges[feature], codes.data() + feature * rows);
  });

  std::vector<model::Block> margins(rounds.size(), model::Block(rows, outputs));
  std::vector<std::size_t> by_round(rounds.size());
  std::iota(by_round.begin(), by_round.end(), std::size_t{0});
  std::stable_sort(by_round.begin(), by_round.end(),
                   [&](std::size_t a, std::size_t b) { return rounds[a] < rounds[b]; });
  std::vector<std::uint16_t> leaves(rows);
  threads.for_each(block_count(rows), [&](std::size_t block) {
    const std::size_t begin = block * block_rows;
    const std::size_t end = std::min(rows, begin + block_rows);
    std::vector<float> sums(outputs * (end - begin), 0.0F);
    std::size_t round = 0;
    for (std::size_t point : by_round) {
      for (; round < rounds[point]; ++round) {
        for (std::size_t output = 0; output < outputs; ++output) {
          const BoostedTree& tree = model.trees[round * outputs + output];
          replay_splits(tree.splits, columns, begin, end, leaves.data());
          float* sum = sums.data() + output * (end - begin);
          for (std::size_t row = begin; row < end; ++row) sum[row - begin] += tree.values[leaves[row]];
        }
      }
      for (std::size_t output = 0; output < outputs; ++output)
        for (std::size_t row = begin; row < end; ++row)
          margins[point].column(output)[row] = sums[output * (end - begin) + row - begin] + model.base[output];
    }
  });
  const Fragment link = link_of(model);
  if (link.operators.empty()) return margins;
  for (model::Block& block : margins) {
    SLIPWAY_TRY(block, predict(link, block));
  }
  return margins;
}

}  // namespace slipway::learners::boosting
