#include <algorithm>

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <slipway/base/parallel.hpp>

namespace slipway {

struct Threads::Arena {
  explicit Arena(int count) : arena(count) {}
  tbb::task_arena arena;
};

Threads::Threads(int count) : count_(count > 0 ? count : tbb::this_task_arena::max_concurrency()) {
  // More threads than processors gain nothing; oneTBB would print a warning.
  if (count_ > 1) arena_ = std::make_shared<Arena>(std::min(count_, tbb::this_task_arena::max_concurrency()));
}

void Threads::for_each(std::size_t size, const std::function<void(std::size_t)>& body) const {
  if (count_ == 1 || size < 2) {
    for (std::size_t i = 0; i < size; ++i) body(i);
    return;
  }
  arena_->arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>(0, size, 1),
        [&](const tbb::blocked_range<std::size_t>& range) {
          for (std::size_t i = range.begin(); i != range.end(); ++i) body(i);
        },
        tbb::simple_partitioner());
  });
}

void Threads::for_ranges(std::size_t size, std::size_t grain,
                         const std::function<void(std::size_t, std::size_t)>& body) const {
  if (size == 0) return;
  if (count_ == 1 || size <= grain) {
    body(0, size);
    return;
  }
  arena_->arena.execute([&] {
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, size, grain),
                      [&](const tbb::blocked_range<std::size_t>& range) { body(range.begin(), range.end()); });
  });
}

}  // namespace slipway
