// Included once per instruction set, inside a namespace of its own: see bit_sliced_trees.hpp for the method. What
// differs between sets (coding, bit planes, transposing, look-up) is in the functions that the includer defines first.

// 256 bits; they overlay words.
typedef std::uint64_t Bits __attribute__((vector_size(32), may_alias));

// equal[h]: rows whose code's bits are h; above[h]: rows whose code's bits are greater. From `bits` planes, lowest
// first.
inline void compare_all(const Bits* planes, unsigned bits, Bits* equal, Bits* above) {
  equal[0] = ~Bits{};
  std::size_t count = 1;
  for (unsigned b = bits; b-- > 0;) {
    const Bits plane = planes[b];
    for (std::size_t i = count; i-- > 0;) {
      const Bits these = equal[i];
      equal[2 * i + 1] = these & plane;
      equal[2 * i] = these & ~plane;
    }
    count *= 2;
  }
  Bits more{};
  for (std::size_t h = count; h-- > 0;) {
    above[h] = more;
    more |= equal[h];
  }
}

inline void walk_tree(const BitSlicedTrees::Node* node, const BitSlicedTrees::Node* end, const Bits* tests, Bits* reach,
                      Bits* planes) {
  for (; node != end; ++node) {
    const Bits beyond = reach[node->high] | (reach[node->low] & tests[node->test]);
    reach[node->middle] = beyond;
    planes[std::countr_zero(static_cast<unsigned>(node->middle))] ^= beyond;
  }
}

inline void score(const BitSlicedTrees& trees, const float* block, std::size_t stride, std::size_t rows,
                  BitSlicedScratch& scratch, float* out, std::size_t out_stride) {
  // Per slot: high and low comparisons of half the bits each, at most 2^8 vectors.
  std::size_t table_vectors = 0;
  for (const BitSlicedTrees::Slot& slot : trees.slots)
    table_vectors += 2 * (std::size_t{1} << (slot.bits - slot.bits / 2)) + 2 * (std::size_t{1} << (slot.bits / 2));
  const std::size_t vectors = table_vectors + trees.most_tests + trees.most_leaves + 1 + 16;
  if (scratch.words.size() < vectors * 4) scratch.words = Buffer<std::uint64_t>(vectors * 4);
  Bits* tables = reinterpret_cast<Bits*>(scratch.words.data());
  Bits* tests = tables + table_vectors;
  Bits* reach = tests + trees.most_tests;
  Bits* planes = reach + trees.most_leaves + 1;

  struct Place {
    const Bits *equal, *above, *above_low;
  };
  thread_local std::vector<Place> places;
  places.resize(trees.slots.size());
  alignas(64) std::uint16_t codes[sliced_rows];
  Bits* next = tables;
  for (std::size_t s = 0; s < trees.slots.size(); ++s) {
    const BitSlicedTrees::Slot& slot = trees.slots[s];
    code_rows(slot, trees.edges.data() + slot.first_edge, block + slot.column * stride, rows, codes);
    split_planes(codes, slot.bits, planes);
    const unsigned low_bits = slot.bits / 2, high_bits = slot.bits - low_bits;
    const std::size_t high = std::size_t{1} << high_bits, low = std::size_t{1} << low_bits;
    compare_all(planes + low_bits, high_bits, next, next + high);
    compare_all(planes, low_bits, next + 2 * high, next + 2 * high + low);
    places[s] = {next, next + high, next + 2 * high + low};
    next += 2 * (high + low);
  }

  const auto* low = trees.lows.data();
  for (const BitSlicedTrees::Group& group : trees.groups) {
    Bits* test = tests;
    for (std::uint32_t r = group.first_run; r < group.last_run; ++r) {
      const BitSlicedTrees::Run& run = trees.runs[r];
      const Bits above = places[run.slot].above[run.high], equal = places[run.slot].equal[run.high];
      const Bits* above_low = places[run.slot].above_low;
      for (std::uint32_t t = run.first_test; t < run.last_test; ++t) *test++ = above | (equal & above_low[low[t]]);
    }
    for (std::uint32_t t = group.first_tree; t < group.last_tree; ++t) {
      const BitSlicedTrees::Tree& tree = trees.trees[t];
      reach[0] = ~Bits{};
      reach[tree.leaves] = Bits{};
      for (int k = 0; k < 16; ++k) planes[k] = Bits{};
      walk_tree(trees.nodes.data() + tree.first_node, trees.nodes.data() + tree.last_node, tests, reach, planes);
      add_leaves(trees, tree, planes, rows, out, out_stride);
    }
  }
}
