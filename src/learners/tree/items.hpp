// A row in a node's list: where its codes are and what it weighs.
#pragma once
#include <cstdint>

namespace slipway::learners::tree {

// 24 bits of row, 8 bits of weight: half the memory traffic of the others.
struct ShortItem {
  static constexpr std::uint64_t most_rows = std::uint64_t{1} << 24;
  static constexpr std::uint32_t most_weight = 255;
  std::uint32_t bits;
  static ShortItem make(std::uint32_t row, std::uint32_t weight) { return {row | weight << 24}; }
  std::uint32_t row() const { return bits & 0xffffff; }
  std::uint32_t weight() const { return bits >> 24; }
  ShortItem at(std::uint32_t row) const { return {row | (bits & 0xff000000)}; }
};

struct LongItem {
  std::uint64_t bits;
  static LongItem make(std::uint32_t row, std::uint32_t weight) { return {row | std::uint64_t{weight} << 32}; }
  std::uint32_t row() const { return static_cast<std::uint32_t>(bits); }
  std::uint32_t weight() const { return static_cast<std::uint32_t>(bits >> 32); }
  LongItem at(std::uint32_t row) const { return {row | (bits & 0xffffffff00000000)}; }
};

// 32 bits of row, 20 of weight (15 draws of at most 2^16), 12 of label.
struct LabelledItem {
  static constexpr int most_classes = 1 << 12;
  std::uint64_t bits;
  static LabelledItem make(std::uint32_t row, std::uint32_t weight, std::uint16_t label) {
    return {row | std::uint64_t{weight} << 32 | std::uint64_t{label} << 52};
  }
  std::uint32_t row() const { return static_cast<std::uint32_t>(bits); }
  std::uint32_t weight() const { return static_cast<std::uint32_t>(bits >> 32) & 0xfffff; }
  std::uint32_t label() const { return static_cast<std::uint32_t>(bits >> 52); }
  LabelledItem at(std::uint32_t row) const { return {row | (bits & 0xffffffff00000000)}; }
};

struct alignas(16) TargetItem {
  std::uint32_t row_;
  std::uint32_t weight_;
  std::int32_t target;
  std::uint32_t unused;
  std::uint32_t row() const { return row_; }
  std::uint32_t weight() const { return weight_; }
  TargetItem at(std::uint32_t row) const { return {row, weight_, target, 0}; }
};

// Part of a list.
struct Span {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint32_t size() const { return end - begin; }
};

// Weight and number of rows in one integer: (rows << 32) + weight.
struct CountedWeight {
  static constexpr std::uint64_t of(std::uint32_t weight) { return std::uint64_t{1} << 32 | weight; }
  static constexpr std::uint32_t weight(std::uint64_t cell) { return static_cast<std::uint32_t>(cell); }
  static constexpr std::uint32_t rows(std::uint64_t cell) { return static_cast<std::uint32_t>(cell >> 32); }
};

}  // namespace slipway::learners::tree
