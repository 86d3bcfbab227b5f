// Included once per instruction set, inside a namespace of its own, after the vector type `Masks` (the words of one
// register), `registers` (so many sums of masks at once) and code_slots: see leaf_masks.hpp for the method.

// The AND of `Count` vectors from each row of masks.
template <std::size_t Count>
inline void and_rows(const std::uint32_t* const* rows, std::size_t slots, std::size_t begin, std::uint32_t* out) {
  constexpr std::size_t width = sizeof(Masks) / sizeof(std::uint32_t);
  Masks found[Count];
  for (std::size_t i = 0; i < Count; ++i) found[i] = *reinterpret_cast<const Masks*>(rows[0] + begin + i * width);
  for (std::size_t s = 1; s < slots; ++s)
#pragma GCC unroll 16
    for (std::size_t i = 0; i < Count; ++i) found[i] &= *reinterpret_cast<const Masks*>(rows[s] + begin + i * width);
  for (std::size_t i = 0; i < Count; ++i) *reinterpret_cast<Masks*>(out + begin + i * width) = found[i];
}

inline void score(const LeafMasks& masks, const float* row, std::size_t stride, LeafMaskScratch& scratch, float* out,
                  std::size_t out_stride) {
  constexpr std::size_t width = sizeof(Masks) / sizeof(std::uint32_t);
  constexpr std::size_t at_once = registers * width;
  if (scratch.words.size() < masks.words) scratch.words = Buffer<std::uint32_t>(masks.words);
  if (scratch.codes.size() < masks.half.size()) scratch.codes = Buffer<std::uint32_t>(masks.half.size());
  if (scratch.rows.size() < masks.used) scratch.rows.resize(masks.used);
  std::uint32_t* words = scratch.words.data();
  code_slots(masks, row, stride, scratch.codes.data());
  const std::uint32_t** rows = scratch.rows.data();
  for (std::size_t s = 0; s < masks.used; ++s)
    rows[s] = masks.table.data() + masks.rows[s] + scratch.codes[s] * masks.words;

  // Trees are added one step behind the masks: the sum waits for itself, not for the masks.
  const LeafMasks::Tree* tree = masks.trees.data();
  const LeafMasks::Tree* const last = tree + masks.trees.size();
  float sum = out[0];
  const auto add_before = [&](std::size_t word) {
    for (; tree != last && tree->word + 2 <= word; ++tree) {
      std::uint64_t left;
      std::memcpy(&left, words + tree->word, sizeof(left));
      const float* values = masks.values.data() + (tree->first_value + std::countr_zero(left)) * masks.outputs;
      if (masks.outputs == 1) {
        sum += *values;
      } else {
        for (std::size_t k = 0; k < masks.outputs; ++k) out[k * out_stride] += values[k];
      }
    }
  };
  std::size_t begin = 0;
  for (; begin + at_once <= masks.words; begin += at_once) {
    and_rows<registers>(rows, masks.used, begin, words);
    add_before(begin);
  }
  for (; begin < masks.words; begin += width) and_rows<1>(rows, masks.used, begin, words);
  add_before(masks.words);
  if (masks.outputs == 1) out[0] = sum;
}
