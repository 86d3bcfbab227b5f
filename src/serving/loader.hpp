// A thread for what takes long and must not hold up requests: loading, unloading, promoting.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace slipway::serving {

// Lowers the calling thread's priority (nice 10), so that threads that answer requests go first. Cannot be undone.
void yield_to_requests();

// Runs tasks one after the other on a thread of its own, at low priority. The thread starts with the first task.
class Loader {
 public:
  static constexpr std::size_t most_waiting = 64;

  Loader() = default;
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader() { stop(); }

  // Finishes every task that was taken; none is taken after that. Called from one thread.
  void stop();
  // False if too many are waiting, or after stop(); the task is then not run. A task must not throw.
  bool run(std::function<void()> task);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace slipway::serving
