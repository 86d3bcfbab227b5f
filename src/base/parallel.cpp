#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

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

#if defined(__SANITIZE_THREAD__)

// The thread sanitizer cannot see the synchronisation inside oneTBB's own library and reports it as races; with plain
// threads it checks what the callers share.
void Threads::for_each(std::size_t size, const std::function<void(std::size_t)>& body) const {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < size; i = next++) body(i);
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < std::min<std::size_t>(static_cast<std::size_t>(count_), size); ++i)
    others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
}

void Threads::for_ranges(std::size_t size, std::size_t grain,
                         const std::function<void(std::size_t, std::size_t)>& body) const {
  const std::size_t step = std::max<std::size_t>(grain, 1);
  for_each((size + step - 1) / step, [&](std::size_t i) { body(i * step, std::min(size, (i + 1) * step)); });
}

#else

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

#endif

}  // namespace slipway
