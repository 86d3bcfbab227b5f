// Included once per instruction set after kernels.inl, whose derivation of the numbers holds here too: one row, with
// the quadrature points in the lanes.

typedef float Quad __attribute__((vector_size(16), may_alias));
typedef std::int32_t QuadMasks __attribute__((vector_size(16), may_alias));
typedef double WideQuad __attribute__((vector_size(32), may_alias));
static_assert(sizeof(Quad) == short_points * sizeof(float));

// Trees of short paths: what a test chooses among is laid out beforehand, a cache line each.
inline void explain_short_paths(const ShortPaths& paths, std::size_t features, std::size_t outputs, const float* values,
                                double* sums, Scratch& scratch) {
  const std::size_t largest = paths.largest;
  float* buffer = scratch.aligned((6 * largest + 2 + 3 * features * outputs) * short_points);
  Quad* product = reinterpret_cast<Quad*>(buffer);  // [node + 1]; the last place takes what leaves would get
  Quad* below = product + largest + 1;              // [node + 1]; the last place stays 0
  Quad* reached = below + largest + 1;              // [edge]: p behind the edge
  Quad* delta = reached + 2 * largest;              // [edge]
  Quad* gains = delta + 2 * largest;                // [output][feature]
  float* totals = reinterpret_cast<float*>(gains + outputs * features);
  std::fill_n(reinterpret_cast<float*>(gains), 3 * outputs * features * short_points, 0.0F);
  if (scratch.bytes.size() < 2 * largest) scratch.bytes.resize(2 * largest);
  unsigned char* on = scratch.bytes.data();  // [edge]: the row takes it and all edges of its feature above
  const auto place_total = [&](std::size_t i) { return totals + i * 2 * short_points; };
  const auto flush = [&] {
    for (std::size_t i = 0; i < outputs * features; ++i) {
      WideQuad total;
      std::memcpy(&total, place_total(i), sizeof total);
      total += __builtin_convertvector(gains[i], WideQuad);
      std::memcpy(place_total(i), &total, sizeof total);
      gains[i] = Quad{};
    }
  };

  std::size_t trees = 0;
  for (const ShortTree& tree : paths.trees) {
    const ShortNode* nodes = paths.nodes.data() + tree.first;
    const auto size = static_cast<std::int32_t>(tree.inner + tree.last);
    const auto inner = static_cast<std::int32_t>(tree.inner);
    product[0] = Quad{} + 1.0F;
    const auto decide = [&](const ShortNode& node, int& right, int& up) {
      const float x = values[node.feature];
      right = node.missing_left ? x > node.threshold : !(x <= node.threshold);
      up = node.edge_above < 0 || on[node.edge_above];
    };
    const Quad* steps = reinterpret_cast<const Quad*>(paths.steps.data() + std::size_t{tree.first_inner} * 2);
    for (std::int32_t n = 0; n < inner; ++n) {
      const ShortNode& node = nodes[n];
      int right = 0, up = 0;
      decide(node, right, up);
      on[2 * n] = up & !right;
      on[2 * n + 1] = up & right;
      const Quad* step = steps + (2 * n + right) * 4;
      const QuadMasks is_on = QuadMasks{} - up;
      const Quad p = product[n];
      const Quad left = p * (is_on ? step[0] : Quad{} + node.share[0]);
      const Quad right_side = p * (is_on ? step[1] : Quad{} + node.share[1]);
      product[node.child[0]] = left;
      product[node.child[1]] = right_side;
      reached[2 * n] = left;
      reached[2 * n + 1] = right_side;
      delta[2 * n] = is_on ? step[2] : Quad{};
      delta[2 * n + 1] = is_on ? step[3] : Quad{};
    }
    below[size] = Quad{};
    for (std::size_t o = 0; o < outputs; ++o) {
      Quad* gain = gains + o * features;
      const float* absent = paths.absent.data() + o * paths.lasts + tree.first_last;
      const Quad* ends = reinterpret_cast<const Quad*>(paths.ends.data() + o * paths.lasts + tree.first_last);
      for (std::int32_t n = inner; n < size; ++n) {
        const ShortNode& node = nodes[n];
        int right = 0, up = 0;
        decide(node, right, up);
        const Quad* end = ends + 2 * (2 * (n - inner) + right);
        const QuadMasks is_on = QuadMasks{} - up;
        const Quad p = product[n];
        below[n] = p * (is_on ? end[0] : Quad{} + absent[n - inner]);
        gain[node.feature] += p * (is_on ? end[1] : Quad{});
      }
      const float* leaf = paths.leaves.data() + (o * paths.inners + tree.first_inner) * 2;
      for (std::int32_t n = inner - 1; n >= 0; --n) {
        const ShortNode& node = nodes[n];
        const Quad left = reached[2 * n] * leaf[2 * n] + below[node.child[0]];
        const Quad right = reached[2 * n + 1] * leaf[2 * n + 1] + below[node.child[1]];
        below[n] = left + right;
        gain[node.feature] += left * delta[2 * n] + right * delta[2 * n + 1];
      }
    }
    if (++trees % 8 == 0) flush();  // as in explain_rows
  }
  flush();
  for (std::size_t i = 0; i < outputs * features; ++i) {
    WideQuad total;
    std::memcpy(&total, place_total(i), sizeof total);
    sums[i] += (total[0] + total[1]) + (total[2] + total[3]);
  }
}

// One row: the lanes are the points. No recursion, and no branch on a test, which is a coin flip.
inline void explain_long_paths(const Ensemble& ensemble, const float* values, double* sums, Scratch& scratch) {
  const std::size_t features = ensemble.features.size();
  const std::size_t count = ensemble.largest_count;
  constexpr std::size_t trees_per_flush = 8;  // as in explain_rows
  float* buffer = scratch.aligned((6 * count + 2 + features * ensemble.outputs) * lanes);
  Lanes* product = reinterpret_cast<Lanes*>(buffer);  // [node + 1]; the last place takes what leaves would get
  Lanes* below = product + count + 1;                 // [node + 1]; the last place stays 0
  Lanes* reached = below + count + 1;                 // [edge]: p behind the edge
  Lanes* delta = reached + 2 * count;                 // [edge]
  Lanes* gains = delta + 2 * count;                   // [output][feature]
  for (std::size_t f = 0; f < ensemble.outputs * features; ++f) gains[f] = Lanes{};
  if (scratch.bytes.size() < 2 * count) scratch.bytes.resize(2 * count);
  unsigned char* on = scratch.bytes.data();  // [edge]: the row takes it and all edges of its feature above

  for (std::size_t i = 0; i < ensemble.trees.size(); ++i) {
    const PathTree& tree = ensemble.trees[i];
    if (tree.short_paths) continue;
    const PathNode* nodes = ensemble.nodes.data() + tree.first;
    const auto size = static_cast<std::int32_t>(tree.count);
    for (std::uint32_t k = 0; k < tree.passes; ++k) {
      const Pass& pass = ensemble.passes[tree.first_pass + k];
      Lanes t, u, weight, beside;
      for (int q = 0; q < lanes; ++q) {
        t[q] = static_cast<float>(pass.at[q]);
        u[q] = static_cast<float>(1 - pass.at[q]);
        weight[q] = static_cast<float>(pass.weight[q]);
        beside[q] = static_cast<float>(-pass.weight[q] / (1 - pass.at[q]));
      }
      product[0] = Lanes{} + 1.0F;
      for (std::int32_t n = 0; n < size; ++n) {
        const PathNode& node = nodes[n];
        const float x = values[node.feature];
        const int right = node.missing_left ? x > node.threshold : !(x <= node.threshold);
        const int up = node.edge_above < 0 || on[node.edge_above];
        on[2 * n] = up & !right;
        on[2 * n + 1] = up & right;
        const Masks is_right = Masks{} - right;
        const Masks is_on = Masks{} - up;
        const Lanes share_left = Lanes{} + node.share[0];
        const Lanes share_right = Lanes{} + node.share[1];
        const float above = node.absent_above;
        // One division serves both factors' inverses.
        const Lanes factor_above = t + u * above;
        const Lanes absent_taken = above * (is_right ? share_right : share_left);
        const Lanes absent_other = above * (is_right ? share_left : share_right);
        const Lanes factor_taken = t + u * absent_taken;
        const Lanes inverse = 1.0F / (factor_above * factor_taken);
        const Lanes inverse_above = inverse * factor_taken;
        const Lanes inverse_taken = inverse * factor_above;
        const Lanes back = weight * inverse_above * (1 - above);
        const Lanes ratio_taken = factor_taken * inverse_above;
        const Lanes ratio_other = u * inverse_above * absent_other;
        const Lanes delta_taken = weight * inverse_taken * (1 - absent_taken) - back;
        const Lanes delta_other = beside - back;
        const Lanes p = product[n];
        const Lanes left = p * (is_on ? (is_right ? ratio_other : ratio_taken) : share_left);
        const Lanes right_side = p * (is_on ? (is_right ? ratio_taken : ratio_other) : share_right);
        product[node.child[0]] = left;
        product[node.child[1]] = right_side;
        reached[2 * n] = left;
        reached[2 * n + 1] = right_side;
        delta[2 * n] = is_on ? (is_right ? delta_other : delta_taken) : Lanes{};
        delta[2 * n + 1] = is_on ? (is_right ? delta_taken : delta_other) : Lanes{};
      }
      below[size] = Lanes{};
      for (std::size_t o = 0; o < ensemble.outputs; ++o) {
        if (!ensemble.active[i * ensemble.outputs + o]) continue;
        const float* leaf = ensemble.leaf_row(o) + std::size_t{tree.first} * 2;
        Lanes* gain = gains + o * features;
        for (std::int32_t n = size - 1; n >= 0; --n) {
          const PathNode& node = nodes[n];
          const Lanes left = reached[2 * n] * leaf[2 * n] + below[node.child[0]];
          const Lanes right = reached[2 * n + 1] * leaf[2 * n + 1] + below[node.child[1]];
          below[n] = left + right;
          gain[node.feature] += left * delta[2 * n] + right * delta[2 * n + 1];
        }
      }
    }
    if (i % trees_per_flush == trees_per_flush - 1 || i + 1 == ensemble.trees.size()) {
      for (std::size_t f = 0; f < ensemble.outputs * features; ++f) {
        float sum = 0;
        for (int q = 0; q < lanes; ++q) sum += gains[f][q];
        sums[f] += sum;
        gains[f] = Lanes{};
      }
    }
  }
}

inline void explain_one(const Ensemble& ensemble, const float* values, double* sums, Scratch& scratch) {
  const ShortPaths& paths = ensemble.short_paths;
  if (!paths.trees.empty())
    explain_short_paths(paths, ensemble.features.size(), ensemble.outputs, values, sums, scratch);
  if (paths.trees.size() < ensemble.trees.size()) explain_long_paths(ensemble, values, sums, scratch);
}
