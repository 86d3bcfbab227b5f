// Included once per instruction set, inside a namespace of its own. See kernels.hpp for what the functions compute.
//
// A leaf of value v contributes to feature i, with o_j = 1 if the row takes all the path's tests of feature j, else 0,
// and r_j the product of the cover shares of those tests (Quadrature-TreeSHAP, 2026):
//   phi_i = v (o_i - r_i) integral over t of the product over j != i of F_j,     F_j = t o_j + (1 - t) r_j.
// Down the tree runs p = the product of all F_j of the path; up the tree runs H = the sum of v p over the leaves below.
// An edge that changes the state of its feature from (o, r) to (o', r') multiplies p by F' / F, and adds
//   H ((o' - r') / F' - (o - r) / F)
// to phi of its feature: the terms of several edges of one feature telescope. If the row already left the path at this
// feature (o = 0), the factor is the cover share and the addition is 0.

// They overlay buffers of floats.
typedef float Lanes __attribute__((vector_size(32), may_alias));
typedef std::int32_t Masks __attribute__((vector_size(32), may_alias));
inline constexpr int lanes = 8;
// Rows of the rows kernel stand in vectors of their own, as wide as the set has; rows do not meet, so that the width
// changes no number.
typedef float Wide __attribute__((vector_size(SLIPWAY_ROW_BYTES), may_alias));
typedef std::int32_t WideMasks __attribute__((vector_size(SLIPWAY_ROW_BYTES), may_alias));
inline constexpr int vectors = 4;  // walked together, to hide latencies
inline constexpr int walked = SLIPWAY_ROW_BYTES / 4 * vectors;

// Constants of a node for the rows kernel, one array of `points` each.
enum Constant {
  ratio_left_when_left,
  ratio_left_when_right,
  ratio_right_when_left,
  ratio_right_when_right,  // F' / F
  delta_left_when_left,
  delta_left_when_right,
  delta_right_when_left,
  delta_right_when_right,  // weighted bracket
  leaf_below_when_left,
  leaf_below_when_right,  // sum over leaf children of ratio * value
  leaf_gain_when_left,
  leaf_gain_when_right,  // sum over leaf children of ratio * value * delta
  constant_count
};

inline void path_constants(const PathNode& node, const Pass& pass, float* out) {
  const int points = pass.points;
  for (int q = 0; q < points; ++q) {
    for (int side = 0; side < 2; ++side) {
      for (int right = 0; right < 2; ++right) {
        const EdgeFactor factor =
            edge_factor(node.absent_above, node.share[side], side == right, pass.at[q], pass.weight[q]);
        out[(2 * side + right) * points + q] = static_cast<float>(factor.ratio);
        out[(4 + 2 * side + right) * points + q] = static_cast<float>(factor.gain);
      }
    }
  }
}

inline void leaf_constants(const PathNode& node, std::int32_t count, const float* leaf, int points, float* out,
                           float* absent_leaves) {
  *absent_leaves = 0;
  for (int i = 8 * points; i < constant_count * points; ++i) out[i] = 0;
  for (int side = 0; side < 2; ++side) {
    if (node.child[side] != count) continue;
    *absent_leaves += node.share[side] * leaf[side];
    for (int when = 0; when < 2; ++when) {
      for (int q = 0; q < points; ++q) {
        const float below = out[(2 * side + when) * points + q] * leaf[side];
        out[(8 + when) * points + q] += below;
        out[(10 + when) * points + q] += below * out[(4 + 2 * side + when) * points + q];
      }
    }
  }
}

// Walks one tree for `walked` rows at once.
template <int points>
struct RowWalk {
  const PathNode* nodes;
  std::int32_t count;
  const float* constants;      // [node][constant][point]
  const float* absent_leaves;  // [node]
  const float* columns;        // of the first of the rows
  float* sums;                 // likewise
  WideMasks* followed;         // [feature][vector]: the row takes all tests of the feature so far

  template <bool repeated>
  void visit(std::int32_t id, const Wide* product, Wide* below) {
    const PathNode& node = nodes[id];
    const float* constant = constants + std::size_t(id) * constant_count * points;
    const Wide* x = reinterpret_cast<const Wide*>(columns + std::size_t(node.feature) * block_rows);
    WideMasks* follow = followed + node.feature * vectors;
    WideMasks right[vectors], on[vectors];
    Wide gain[vectors];
    const Wide threshold = Wide{} + node.threshold;
    for (int v = 0; v < vectors; ++v) {
      right[v] = node.missing_left ? x[v] > threshold : ~(x[v] <= threshold);
      if constexpr (repeated) on[v] = follow[v];
      gain[v] = Wide{};
    }
    if (node.child[0] == count || node.child[1] == count) {
      const Wide absent = Wide{} + absent_leaves[id];
#pragma GCC unroll 8
      for (int q = 0; q < points; ++q) {
        const Wide below_left = Wide{} + constant[leaf_below_when_left * points + q];
        const Wide below_right = Wide{} + constant[leaf_below_when_right * points + q];
        const Wide gain_left = Wide{} + constant[leaf_gain_when_left * points + q];
        const Wide gain_right = Wide{} + constant[leaf_gain_when_right * points + q];
        for (int v = 0; v < vectors; ++v) {
          Wide value = right[v] ? below_right : below_left;
          Wide effect = right[v] ? gain_right : gain_left;
          if constexpr (repeated) {
            value = on[v] ? value : absent;
            effect = on[v] ? effect : Wide{};
          }
          below[q * vectors + v] = product[q * vectors + v] * value;
          gain[v] += product[q * vectors + v] * effect;
        }
      }
    } else {
      for (int i = 0; i < points * vectors; ++i) below[i] = Wide{};
    }
    for (int side = 0; side < 2; ++side) {
      if (node.child[side] == count) continue;
      Wide child_product[points * vectors], child_below[points * vectors];
      const Wide share = Wide{} + node.share[side];
      const float* ratio = constant + 2 * side * points;
#pragma GCC unroll 8
      for (int q = 0; q < points; ++q) {
        const Wide when_left = Wide{} + ratio[q];
        const Wide when_right = Wide{} + ratio[points + q];
        for (int v = 0; v < vectors; ++v) {
          Wide factor = right[v] ? when_right : when_left;
          if constexpr (repeated) factor = on[v] ? factor : share;
          child_product[q * vectors + v] = product[q * vectors + v] * factor;
        }
      }
      if (node.tested_below) {
        for (int v = 0; v < vectors; ++v) {
          const WideMasks took = side == 1 ? right[v] : ~right[v];
          if constexpr (repeated) {
            follow[v] = took & on[v];
          } else {
            follow[v] = took;
          }
        }
      }
      walk(node.child[side], child_product, child_below);
      const float* delta = constant + (4 + 2 * side) * points;
#pragma GCC unroll 8
      for (int q = 0; q < points; ++q) {
        const Wide when_left = Wide{} + delta[q];
        const Wide when_right = Wide{} + delta[points + q];
        for (int v = 0; v < vectors; ++v) {
          Wide factor = right[v] ? when_right : when_left;
          if constexpr (repeated) factor = on[v] ? factor : Wide{};
          gain[v] += child_below[q * vectors + v] * factor;
          below[q * vectors + v] += child_below[q * vectors + v];
        }
      }
    }
    if (repeated && node.tested_below)
      for (int v = 0; v < vectors; ++v) follow[v] = on[v];
    Wide* sum = reinterpret_cast<Wide*>(sums + std::size_t(node.feature) * block_rows);
    for (int v = 0; v < vectors; ++v) sum[v] += gain[v];
  }

  void walk(std::int32_t id, const Wide* product, Wide* below) {
    if (nodes[id].edge_above >= 0) {
      visit<true>(id, product, below);
    } else {
      visit<false>(id, product, below);
    }
  }
};

template <int points>
void walk_rows(const PathNode* nodes, std::int32_t count, const float* constants, const float* absent_leaves,
               const float* columns, std::size_t rows, float* sums, WideMasks* followed) {
  for (std::size_t row = 0; row < rows; row += walked) {
    RowWalk<points> walk{nodes, count, constants, absent_leaves, columns + row, sums + row, followed};
    Wide product[points * vectors], below[points * vectors];
    for (Wide& lane : product) lane = Wide{} + 1.0F;
    walk.walk(0, product, below);
  }
}

inline void explain_rows(const Ensemble& ensemble, const float* columns, std::size_t rows, double* sums,
                         Scratch& scratch) {
  const std::size_t features = ensemble.features.size();
  const std::size_t count = ensemble.largest_count;
  // Sums of a few trees are kept in float, then added up in double: the rounding of large totals stays small.
  constexpr std::size_t trees_per_flush = 8;
  const std::size_t sum_size = features * block_rows;
  float* buffer = scratch.aligned(sum_size * ensemble.outputs + features * walked +
                                  (count + 16) * (constant_count * max_points + 1));
  float* partial = buffer;
  WideMasks* followed = reinterpret_cast<WideMasks*>(partial + sum_size * ensemble.outputs);
  float* constants = reinterpret_cast<float*>(followed) + features * walked;
  float* absent_leaves = constants + count * constant_count * max_points;
  std::fill(partial, partial + sum_size * ensemble.outputs, 0.0F);

  for (std::size_t i = 0; i < ensemble.trees.size(); ++i) {
    const PathTree& tree = ensemble.trees[i];
    const PathNode* nodes = ensemble.nodes.data() + tree.first;
    const auto size = static_cast<std::int32_t>(tree.count);
    for (std::uint32_t k = 0; k < tree.passes; ++k) {
      const Pass& pass = ensemble.passes[tree.first_pass + k];
      const std::size_t stride = std::size_t(constant_count) * pass.points;
      for (std::int32_t n = 0; n < size; ++n) path_constants(nodes[n], pass, constants + n * stride);
      for (std::size_t o = 0; o < ensemble.outputs; ++o) {
        if (!ensemble.active[i * ensemble.outputs + o]) continue;
        const float* leaf = ensemble.leaf_row(o) + std::size_t{tree.first} * 2;
        for (std::int32_t n = 0; n < size; ++n)
          leaf_constants(nodes[n], size, leaf + 2 * n, pass.points, constants + n * stride, absent_leaves + n);
        const auto run = [&]<int points>() {
          walk_rows<points>(nodes, size, constants, absent_leaves, columns, rows, partial + o * sum_size, followed);
        };
        switch (pass.points) {
          case 1:
            run.template operator()<1>();
            break;
          case 2:
            run.template operator()<2>();
            break;
          case 3:
            run.template operator()<3>();
            break;
          case 4:
            run.template operator()<4>();
            break;
          case 5:
            run.template operator()<5>();
            break;
          case 6:
            run.template operator()<6>();
            break;
          case 7:
            run.template operator()<7>();
            break;
          default:
            run.template operator()<8>();
            break;
        }
      }
    }
    if (i % trees_per_flush == trees_per_flush - 1 || i + 1 == ensemble.trees.size()) {
      for (std::size_t f = 0; f < features * ensemble.outputs; ++f) {
        float* from = partial + f * block_rows;
        double* to = sums + f * block_rows;
        for (std::size_t row = 0; row < rows; ++row) to[row] += from[row];
      }
      std::fill(partial, partial + sum_size * ensemble.outputs, 0.0F);
    }
  }
}

// ---- one row against eight baselines in the lanes

inline Lanes look_up(const float* table, Masks index) {
#ifdef __AVX2__
  return (Lanes)_mm256_i32gather_ps(table, (__m256i)index, 4);
#else
  Lanes found;
  for (int i = 0; i < lanes; ++i) found[i] = table[index[i]];
  return found;
#endif
}
inline bool any(Masks mask) {
#ifdef __AVX2__
  return _mm256_testz_si256((__m256i)mask, (__m256i)mask) == 0;
#else
  std::int32_t all = 0;
  for (int i = 0; i < lanes; ++i) all |= mask[i];
  return all != 0;
#endif
}

struct LaneWalk {
  const PathNode* nodes;
  std::int32_t count;
  const float* leaf;
  const float* row;
  const float* baselines;  // of the first lane
  std::size_t stride;      // from one feature's baselines to the next's
  const PairWeights& weights;
  unsigned char* with_baseline;  // per feature: the path took the baselines' side where row and baseline part
  Masks* with_row;               // per feature: lanes in which it took the row's side
  Lanes* phi;

  struct Sums {
    Lanes row, baseline;
  };

  Sums step(std::int32_t id, int side, Masks active, Masks place) {
    if (nodes[id].child[side] != count) return walk(nodes[id].child[side], active, place);
    const Lanes value = Lanes{} + leaf[2 * id + side];
    return {active ? value * look_up(weights.row_float.data(), place) : Lanes{},
            active ? value * look_up(weights.baseline_float.data(), place) : Lanes{}};
  }

  Sums walk(std::int32_t id, Masks active, Masks place) {
    for (;;) {
      const PathNode& node = nodes[id];
      const std::size_t feature = static_cast<std::size_t>(node.feature);
      Lanes z;
      std::memcpy(&z, baselines + feature * stride, sizeof z);
      const Lanes threshold = Lanes{} + node.threshold;
      const Masks right = node.missing_left ? z > threshold : ~(z <= threshold);
      int side = 0;
      if (with_baseline[feature]) {
        const Masks to_right = active & right, to_left = active & ~right;
        if (any(to_right) && any(to_left)) {
          const Sums left = step(id, 0, to_left, place);
          const Sums other = step(id, 1, to_right, place);
          return {left.row + other.row, left.baseline + other.baseline};
        }
        side = any(to_right);
      } else {
        const float x = row[feature];
        side = node.missing_left ? x > node.threshold : !(x <= node.threshold);
        const Masks before = with_row[feature];
        const Masks part = active & (side ? ~right : right) & ~before;
        if (any(part)) {
          with_row[feature] = before | part;
          const Sums ours = step(id, side, active, place + (part & static_cast<std::int32_t>(weights.stride)));
          with_row[feature] = before;
          with_baseline[feature] = 1;
          const Sums theirs = step(id, 1 - side, part, place + (part & 1));
          with_baseline[feature] = 0;
          phi[feature] += (part ? ours.row : Lanes{}) + theirs.baseline;
          return {ours.row + theirs.row, ours.baseline + theirs.baseline};
        }
      }
      if (node.child[side] == count) return step(id, side, active, place);
      id = node.child[side];
    }
  }
};

inline void explain_against_lanes(const Ensemble& ensemble, const PairWeights& weights,
                                  const BaselineColumns& baselines, std::size_t count, const float* values,
                                  double* sums, Scratch& scratch) {
  const std::size_t features = ensemble.features.size();
  constexpr std::size_t trees_per_flush = 8;  // as in explain_rows
  float* buffer = scratch.aligned((ensemble.outputs + 1) * features * lanes);
  Lanes* phi = reinterpret_cast<Lanes*>(buffer);  // [output][feature]
  Masks* with_row = reinterpret_cast<Masks*>(phi + ensemble.outputs * features);
  if (scratch.bytes.size() < features) scratch.bytes.resize(features);
  std::fill_n(scratch.bytes.begin(), features, static_cast<unsigned char>(0));
  for (std::size_t f = 0; f < ensemble.outputs * features; ++f) phi[f] = Lanes{};
  for (std::size_t f = 0; f < features; ++f) with_row[f] = Masks{};
  for (std::size_t i = 0; i < ensemble.trees.size(); ++i) {
    const PathTree& tree = ensemble.trees[i];
    for (std::size_t o = 0; o < ensemble.outputs; ++o) {
      if (!ensemble.active[i * ensemble.outputs + o]) continue;
      for (std::size_t first = 0; first < count; first += lanes) {
        Masks active;
        for (int lane = 0; lane < lanes; ++lane) active[lane] = first + lane < count ? -1 : 0;
        LaneWalk{ensemble.nodes.data() + tree.first,
                 static_cast<std::int32_t>(tree.count),
                 ensemble.leaf_row(o) + std::size_t{tree.first} * 2,
                 values,
                 baselines.values.data() + first,
                 baselines.padded,
                 weights,
                 scratch.bytes.data(),
                 with_row,
                 phi + o * features}
            .walk(0, active, Masks{});
      }
    }
    if (i % trees_per_flush == trees_per_flush - 1 || i + 1 == ensemble.trees.size()) {
      for (std::size_t f = 0; f < ensemble.outputs * features; ++f) {
        float sum = 0;
        for (int lane = 0; lane < lanes; ++lane) sum += phi[f][lane];
        sums[f] += sum;
        phi[f] = Lanes{};
      }
    }
  }
}
