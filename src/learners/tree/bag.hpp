// Bootstrap samples.
#pragma once
#include <cstdint>
#include <span>

namespace slipway::learners::tree {

// How often each row is drawn: `draws` draws with replacement out of counts.size() rows, a function of the key alone.
// No row is drawn more than 15 times (the exact distribution conditioned on that: 1e-13 for as many draws as rows).
// draws <= counts.size(). The counts sum to draws.
void draw_bag(std::uint64_t key, std::uint64_t draws, std::span<std::uint8_t> counts);

}  // namespace slipway::learners::tree
