#include <cstdlib>
#include <new>

#include <sys/mman.h>

#include <slipway/compute/buffer.hpp>

namespace slipway::compute::detail {

void* allocate(std::size_t bytes) {
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const std::size_t alignment = bytes >= huge_page ? huge_page : 64;
  const std::size_t size = (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, size);
  if (memory == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (alignment == huge_page) madvise(memory, size, MADV_HUGEPAGE);  // a wish; refusal costs only speed
#endif
  return memory;
}

void Free::operator()(void* memory) const { std::free(memory); }

}  // namespace slipway::compute::detail
