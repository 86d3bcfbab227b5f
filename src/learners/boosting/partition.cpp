#include "boosting/partition.hpp"

#include <algorithm>
#include <cstring>

#include <slipway/compute/dispatch.hpp>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

// How far a partition has come: `done` rows, of which `right` went right.
struct Divided {
  std::uint32_t done = 0;
  std::uint32_t right = 0;
};

#if defined(__x86_64__)
// The places of the bits set in a byte, one byte each, from the lowest.
constexpr std::array<std::uint64_t, 256> make_places_of_bits() {
  std::array<std::uint64_t, 256> places{};
  for (std::size_t byte = 0; byte < 256; ++byte)
    for (unsigned bit = 0, found = 0; bit < 8; ++bit)
      if ((byte >> bit & 1) != 0) places[byte] |= std::uint64_t{bit} << 8 * found++;
  return places;
}
constexpr std::array<std::uint64_t, 256> places_of_bits = make_places_of_bits();

// Eight rows at a time: those that go either way are moved to the front of a vector, and whole vectors are written, of
// which the next ones overwrite what is too much. Listed: rows of `list`; otherwise first, first + 1, ...
template <bool Listed>
__attribute__((target("avx2,popcnt"))) Divided divide_by_eights(const CodeColumn& column, GoesRight right,
                                                                std::uint32_t first, std::uint32_t* list,
                                                                std::uint32_t count, std::uint32_t* scratch) {
  const __m128i low = _mm_set1_epi8(static_cast<char>(right.low));
  const __m128i span = _mm_set1_epi8(static_cast<char>(right.span));
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const std::uint8_t* codes = column.codes;
  const std::size_t stride = column.stride;
  Divided divided;
  std::uint32_t left_count = 0;
  for (; divided.done + 8 <= count; divided.done += 8) {
    const std::uint32_t at = first + divided.done;
    const std::uint32_t* rows = list + divided.done;
    __m256i eight;
    __m128i of_rows;
    if constexpr (Listed) {
      if (divided.done + prefetch_distance + 8 <= count) {
#pragma GCC unroll 8
        for (std::uint32_t k = 0; k < 8; ++k) __builtin_prefetch(codes + rows[prefetch_distance + k] * stride);
      }
      eight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows));
      __m128i front = _mm_cvtsi32_si128(codes[rows[0] * stride]);
      __m128i back = _mm_cvtsi32_si128(codes[rows[4] * stride]);
      front = _mm_insert_epi8(front, codes[rows[1] * stride], 1);
      back = _mm_insert_epi8(back, codes[rows[5] * stride], 1);
      front = _mm_insert_epi8(front, codes[rows[2] * stride], 2);
      back = _mm_insert_epi8(back, codes[rows[6] * stride], 2);
      front = _mm_insert_epi8(front, codes[rows[3] * stride], 3);
      back = _mm_insert_epi8(back, codes[rows[7] * stride], 3);
      of_rows = _mm_unpacklo_epi32(front, back);
    } else {
      eight = _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(at)), numbers);
      of_rows = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes + at));
    }
    const __m128i distance = _mm_sub_epi8(of_rows, low);
    const __m128i within = _mm_cmpeq_epi8(_mm_min_epu8(distance, span), distance);
    const auto going_right = static_cast<std::uint32_t>(_mm_movemask_epi8(within)) & 255U;
    const __m256i left_places =
        _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(places_of_bits[going_right ^ 255U])));
    const __m256i right_places =
        _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(places_of_bits[going_right])));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(list + left_count), _mm256_permutevar8x32_epi32(eight, left_places));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(scratch + divided.right),
                        _mm256_permutevar8x32_epi32(eight, right_places));
    const auto moved = static_cast<std::uint32_t>(__builtin_popcount(going_right));
    divided.right += moved;
    left_count += 8 - moved;
  }
  return divided;
}
#endif

template <bool Listed>
std::uint32_t divide(const CodeColumn& column, GoesRight right, std::uint32_t first, std::uint32_t* list,
                     std::uint32_t count, std::uint32_t* scratch) {
  Divided divided;
#if defined(__x86_64__)
  if (compute::has_avx2() && (Listed || column.stride == 1))
    divided = divide_by_eights<Listed>(column, right, first, list, count, scratch);
#endif
  const auto row_at = [&](std::uint32_t i) { return Listed ? list[i] : first + i; };
  std::uint32_t right_count = divided.right;
  for (std::uint32_t i = divided.done; i < count; ++i) {
    if (i + prefetch_distance < count) __builtin_prefetch(column.codes + row_at(i + prefetch_distance) * column.stride);
    const std::uint32_t row = row_at(i);
    list[i - right_count] = row;
    scratch[right_count] = row;
    right_count += right.as_number(column.codes[row * column.stride]);
  }
  const std::uint32_t left_count = count - right_count;
  std::copy_n(scratch, right_count, list + left_count);
  return left_count;
}

}  // namespace

GoesRight::GoesRight(std::uint8_t bin, bool missing_left)
    : low(static_cast<std::uint8_t>(bin + 1)),
      span(static_cast<std::uint8_t>(tree::missing_code - (missing_left ? 1 : 0) - low)) {}

std::uint32_t partition_rows(const CodeColumn& column, GoesRight right, std::uint32_t* list, std::uint32_t count,
                             std::uint32_t* scratch) {
  return divide<true>(column, right, 0, list, count, scratch);
}

std::uint32_t partition_all_rows(const CodeColumn& column, GoesRight right, std::uint32_t first, std::uint32_t* list,
                                 std::uint32_t count, std::uint32_t* scratch) {
  return divide<false>(column, right, first, list, count, scratch);
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
