// Work on several threads. What is computed never depends on how many there are: callers give each index its own output
// and its own random key.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>

namespace slipway {

// A bounded set of threads. Copyable handle; safe to use from several threads at once. Calls may be nested.
class Threads {
 public:
  // `count` >= 1 threads in all, the caller's included; 0 means one per processor that this process may use.
  explicit Threads(int count = 0);
  int count() const { return count_; }
  // Calls body(i) for every i in [0, size), in any order, and returns when all are done. body must not throw.
  void for_each(std::size_t size, const std::function<void(std::size_t)>& body) const;
  // The same in contiguous ranges [begin, end) of at least `grain` indices.
  void for_ranges(std::size_t size, std::size_t grain,
                  const std::function<void(std::size_t begin, std::size_t end)>& body) const;

 private:
  int count_;
  struct Arena;
  std::shared_ptr<Arena> arena_;
};

}  // namespace slipway
