#include "boosting/partition.hpp"

#include <slipway/compute/dispatch.hpp>

#include "tree/bins.hpp"

namespace slipway::learners::boosting {
namespace {

constexpr std::uint32_t prefetch_distance = 24;
constexpr std::size_t replay_rows = 2048;  // their leaves, as bytes, stay at hand while the splits pass

SLIPWAY_MULTIVERSION void replay_one(std::uint8_t* __restrict leaves, const std::uint8_t* __restrict codes,
                                     std::size_t count, std::uint8_t leaf, std::uint8_t fresh, std::uint8_t low,
                                     std::uint8_t span) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto distance = static_cast<std::uint8_t>(codes[i] - low);
    const bool moves = (leaves[i] == leaf) & (distance <= span);
    leaves[i] = moves ? fresh : leaves[i];
  }
}

void replay_by_columns(std::span<const Split> splits, std::span<const std::uint8_t* const> columns, std::size_t begin,
                       std::size_t end, std::uint16_t* leaves) {
  std::uint8_t block[replay_rows];
  for (std::size_t first = begin; first < end; first += replay_rows) {
    const std::size_t count = std::min(replay_rows, end - first);
    std::memset(block, 0, count);
    for (const Split& split : splits) {
      const GoesRight right(split.bin, split.missing_left);
      replay_one(block, columns[split.feature] + first, count, static_cast<std::uint8_t>(split.leaf),
                 static_cast<std::uint8_t>(split.fresh), right.low, right.span);
    }
    std::copy_n(block, count, leaves + first);
  }
}

// Large trees: a walk per row costs the depth, not the number of splits.
void replay_by_walks(std::span<const Split> splits, std::span<const std::uint8_t* const> columns, std::size_t begin,
                     std::size_t end, std::uint16_t* leaves) {
  constexpr std::int32_t none = -1;
  struct Node {
    const std::uint8_t* codes;
    GoesRight right;
    std::uint16_t leaf;
    std::int32_t left_node, right_node;  // the next split of either side, or none
    std::uint16_t fresh;
  };
  std::vector<Node> nodes;
  std::vector<std::int32_t*> open(splits.size() + 1, nullptr);  // where the next split of a leaf is to be noted
  nodes.reserve(splits.size());
  for (const Split& split : splits) {
    if (std::int32_t* place = open[split.leaf]) *place = static_cast<std::int32_t>(nodes.size());
    nodes.push_back(
        {columns[split.feature], GoesRight(split.bin, split.missing_left), split.leaf, none, none, split.fresh});
    open[split.leaf] = &nodes.back().left_node;
    open[split.fresh] = &nodes.back().right_node;
  }
  for (std::size_t row = begin; row < end; ++row) {
    std::int32_t node = 0;
    std::uint16_t leaf = 0;
    while (node != none) {
      const Node& at = nodes[static_cast<std::size_t>(node)];
      const bool goes_right = at.right(at.codes[row]);
      leaf = goes_right ? at.fresh : at.leaf;
      node = goes_right ? at.right_node : at.left_node;
    }
    leaves[row] = leaf;
  }
}

}  // namespace

GoesRight::GoesRight(std::uint8_t bin, bool missing_left)
    : low(static_cast<std::uint8_t>(bin + 1)),
      span(static_cast<std::uint8_t>(tree::missing_code - (missing_left ? 1 : 0) - low)) {}

std::uint32_t partition_rows(const CodeColumn& column, GoesRight right, std::uint32_t* list, std::uint32_t count,
                             std::uint32_t* scratch) {
  std::uint32_t right_count = 0;
  const auto one = [&](std::uint32_t i) {
    const std::uint32_t row = list[i];
    list[i - right_count] = row;
    scratch[right_count] = row;
    right_count += right.as_number(column.codes[row * column.stride]);
  };
  std::uint32_t i = 0;
  for (; i + prefetch_distance < count; ++i) {
    __builtin_prefetch(column.codes + list[i + prefetch_distance] * column.stride);
    one(i);
  }
  for (; i < count; ++i) one(i);
  const std::uint32_t left_count = count - right_count;
  std::memcpy(list + left_count, scratch, (count - left_count) * sizeof(std::uint32_t));
  return left_count;
}

void replay_splits(std::span<const Split> splits, std::span<const std::uint8_t* const> columns, std::size_t begin,
                   std::size_t end, std::uint16_t* leaves) {
  if (splits.empty()) {
    std::fill(leaves + begin, leaves + end, std::uint16_t{0});
  } else if (splits.size() < 256) {
    replay_by_columns(splits, columns, begin, end, leaves);
  } else {
    replay_by_walks(splits, columns, begin, end, leaves);
  }
}

}  // namespace slipway::learners::boosting
