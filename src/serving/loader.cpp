#include "loader.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace slipway::serving {

void yield_to_requests() {
  // On Linux the priority is a thread's. Not all the way to 19, or SCHED_IDLE: a load must end on a busy machine too.
  [[maybe_unused]] const int result = ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 10);
}

void Loader::stop() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Loader::run(std::function<void()> task) {
  {
    const std::lock_guard guard(mutex_);
    if (stopping_ || tasks_.size() >= most_waiting) return false;
    tasks_.push_back(std::move(task));
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  }
  changed_.notify_all();
  return true;
}

void Loader::work() {
  yield_to_requests();
  std::unique_lock guard(mutex_);
  while (true) {
    changed_.wait(guard, [this] { return stopping_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    guard.unlock();
    task();
    guard.lock();
  }
}

}  // namespace slipway::serving
