// The gRPC streams that are open: they are told when what they watch may have changed, and when the server stops.
#pragma once
#include <functional>
#include <mutex>
#include <unordered_set>

namespace slipway::serving {

// Functions, not virtual methods: GCC 12 calls memcpy in the place of a devirtualised look() of a second base class.
struct OpenStream {
  std::function<void()> look;   // sees whether there is something to tell; called from any thread
  std::function<void()> close;  // ends, after the answer that is being made; called from any thread
};

// Safe for concurrent use. A stream that is told something cannot be removed meanwhile.
class Streams {
 public:
  void add(OpenStream& one) {
    const std::lock_guard guard(mutex_);
    open_.insert(&one);
    if (closing_) one.close();
  }
  void remove(OpenStream& one) {
    const std::lock_guard guard(mutex_);
    open_.erase(&one);
  }
  void look() {
    const std::lock_guard guard(mutex_);
    for (OpenStream* one : open_) one->look();
  }
  // Those that come later are closed at once.
  void close() {
    const std::lock_guard guard(mutex_);
    closing_ = true;
    for (OpenStream* one : open_) one->close();
  }

 private:
  std::mutex mutex_;
  std::unordered_set<OpenStream*> open_;
  bool closing_ = false;
};

}  // namespace slipway::serving
