#include "interrupt.hpp"

#include <atomic>
#include <csignal>

#include <unistd.h>

namespace slipway::app {
namespace {

std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler may use nothing else

void end_process() {
  std::signal(SIGINT, SIG_DFL);
  std::raise(SIGINT);
}

void on_interrupt(int) {
  if (requested.exchange(true)) return end_process();
  ::alarm(1);
}

void on_alarm(int) { end_process(); }

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_flags = SA_RESTART;
  action.sa_handler = on_alarm;
  ::sigaction(SIGALRM, &action, nullptr);
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
}

bool interrupted() { return requested.load(std::memory_order_relaxed); }

}  // namespace slipway::app
