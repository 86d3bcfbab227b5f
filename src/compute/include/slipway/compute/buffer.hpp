// Memory for large tables of plain values.
#pragma once
#include <cstddef>
#include <memory>
#include <type_traits>

namespace slipway::compute {

namespace detail {
// Aligned to 64 bytes, to 2 MiB (and advised to be huge pages) from 2 MiB on. Throws std::bad_alloc.
void* allocate(std::size_t bytes);
struct Free {
  void operator()(void* memory) const;
};
}  // namespace detail

// A fixed-size array of trivial values, not initialised. Large ones sit on huge pages where the system has them, which
// spares most of the address translation in random reads. Move-only.
template <class T>
requires std::is_trivially_copyable_v<T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) : data_(static_cast<T*>(detail::allocate(size * sizeof(T)))), size_(size) {}
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t index) { return data_.get()[index]; }
  const T& operator[](std::size_t index) const { return data_.get()[index]; }

 private:
  std::unique_ptr<T, detail::Free> data_;
  std::size_t size_ = 0;
};

}  // namespace slipway::compute
