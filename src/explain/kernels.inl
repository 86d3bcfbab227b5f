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
inline constexpr int vectors = 4;  // walked together, to hide latencies
inline constexpr int walked = lanes * vectors;

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
  const double above = node.absent_above;
  for (int q = 0; q < points; ++q) {
    const double t = pass.at[q];
    const double u = 1 - t;
    const double inverse_above = 1 / (t + u * above);
    const double back = (1 - above) * inverse_above;
    for (int side = 0; side < 2; ++side) {
      const double absent = above * node.share[side];
      const double taken = t + u * absent;
      const int when_taken = 2 * side + side;
      const int when_not = 2 * side + (1 - side);
      out[when_taken * points + q] = static_cast<float>(taken * inverse_above);
      out[when_not * points + q] = static_cast<float>(u * absent * inverse_above);
      out[(4 + when_taken) * points + q] = static_cast<float>(pass.weight[q] * ((1 - absent) / taken - back));
      out[(4 + when_not) * points + q] = static_cast<float>(pass.weight[q] * (-1 / u - back));
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

// Walks one tree for 32 rows at once.
template <int points>
struct RowWalk {
  const PathNode* nodes;
  std::int32_t count;
  const float* constants;      // [node][constant][point]
  const float* absent_leaves;  // [node]
  const float* columns;        // of the first of the 32 rows
  float* sums;                 // likewise
  Masks* followed;             // [feature][vector]: the row takes all tests of the feature so far

  template <bool repeated>
  void visit(std::int32_t id, const Lanes* product, Lanes* below) {
    const PathNode& node = nodes[id];
    const float* constant = constants + std::size_t(id) * constant_count * points;
    const Lanes* x = reinterpret_cast<const Lanes*>(columns + std::size_t(node.feature) * block_rows);
    Masks* follow = followed + node.feature * vectors;
    Masks right[vectors], on[vectors];
    Lanes gain[vectors];
    const Lanes threshold = Lanes{} + node.threshold;
    for (int v = 0; v < vectors; ++v) {
      right[v] = node.missing_left ? x[v] > threshold : ~(x[v] <= threshold);
      if constexpr (repeated) on[v] = follow[v];
      gain[v] = Lanes{};
    }
    if (node.child[0] == count || node.child[1] == count) {
      const Lanes absent = Lanes{} + absent_leaves[id];
#pragma GCC unroll 8
      for (int q = 0; q < points; ++q) {
        const Lanes below_left = Lanes{} + constant[leaf_below_when_left * points + q];
        const Lanes below_right = Lanes{} + constant[leaf_below_when_right * points + q];
        const Lanes gain_left = Lanes{} + constant[leaf_gain_when_left * points + q];
        const Lanes gain_right = Lanes{} + constant[leaf_gain_when_right * points + q];
        for (int v = 0; v < vectors; ++v) {
          Lanes value = right[v] ? below_right : below_left;
          Lanes effect = right[v] ? gain_right : gain_left;
          if constexpr (repeated) {
            value = on[v] ? value : absent;
            effect = on[v] ? effect : Lanes{};
          }
          below[q * vectors + v] = product[q * vectors + v] * value;
          gain[v] += product[q * vectors + v] * effect;
        }
      }
    } else {
      for (int i = 0; i < points * vectors; ++i) below[i] = Lanes{};
    }
    for (int side = 0; side < 2; ++side) {
      if (node.child[side] == count) continue;
      Lanes child_product[points * vectors], child_below[points * vectors];
      const Lanes share = Lanes{} + node.share[side];
      const float* ratio = constant + 2 * side * points;
#pragma GCC unroll 8
      for (int q = 0; q < points; ++q) {
        const Lanes when_left = Lanes{} + ratio[q];
        const Lanes when_right = Lanes{} + ratio[points + q];
        for (int v = 0; v < vectors; ++v) {
          Lanes factor = right[v] ? when_right : when_left;
          if constexpr (repeated) factor = on[v] ? factor : share;
          child_product[q * vectors + v] = product[q * vectors + v] * factor;
        }
      }
      if (node.tested_below) {
        for (int v = 0; v < vectors; ++v) {
          const Masks took = side == 1 ? right[v] : ~right[v];
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
        const Lanes when_left = Lanes{} + delta[q];
        const Lanes when_right = Lanes{} + delta[points + q];
        for (int v = 0; v < vectors; ++v) {
          Lanes factor = right[v] ? when_right : when_left;
          if constexpr (repeated) factor = on[v] ? factor : Lanes{};
          gain[v] += child_below[q * vectors + v] * factor;
          below[q * vectors + v] += child_below[q * vectors + v];
        }
      }
    }
    if (repeated && node.tested_below)
      for (int v = 0; v < vectors; ++v) follow[v] = on[v];
    Lanes* sum = reinterpret_cast<Lanes*>(sums + std::size_t(node.feature) * block_rows);
    for (int v = 0; v < vectors; ++v) sum[v] += gain[v];
  }

  void walk(std::int32_t id, const Lanes* product, Lanes* below) {
    if (nodes[id].edge_above >= 0) {
      visit<true>(id, product, below);
    } else {
      visit<false>(id, product, below);
    }
  }
};

template <int points>
void walk_rows(const PathNode* nodes, std::int32_t count, const float* constants, const float* absent_leaves,
               const float* columns, std::size_t rows, float* sums, Masks* followed) {
  for (std::size_t row = 0; row < rows; row += walked) {
    RowWalk<points> walk{nodes, count, constants, absent_leaves, columns + row, sums + row, followed};
    Lanes product[points * vectors], below[points * vectors];
    for (Lanes& lane : product) lane = Lanes{} + 1.0F;
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
  Masks* followed = reinterpret_cast<Masks*>(partial + sum_size * ensemble.outputs);
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

// One row: the lanes are the points. No recursion, and no branch on a test, which is a coin flip.
inline void explain_one(const Ensemble& ensemble, const float* values, double* sums, Scratch& scratch) {
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
