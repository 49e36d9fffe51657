// Where in the program it happens, and how often: each call site has its first event written at once, and then at most
// one line in NOSIGPIPE_INTERVAL, with the number held back meanwhile. So a storm is a few lines, and no event is left
// out of them.
#pragma once

#include <atomic>
#include <cstdint>

// Events that are in no line yet, and how many of them would have killed.
struct Unlogged {
  std::uint64_t count;
  std::uint64_t kills;
};

// All members may be used from any thread and in a signal handler.
class CallSite {
 public:
  // Whether it is the site of this call, which it becomes where it was nobody's.
  bool is(std::uintptr_t return_address, const char* call);

  // One more event, and whether it is to have a line: of threads that ask at once only one hears yes. Nothing is held
  // back any more once the process ends.
  bool count_and_ask(bool holds_back);

  // What a line is not due for, or cannot be written for, is added here; the next line takes it.
  void add_unlogged(const Unlogged& more);
  Unlogged take_unlogged() { return {unlogged_.exchange(0), unlogged_kills_.exchange(0)}; }

  std::uintptr_t return_address() const { return return_address_.load(); }
  const char* call() const { return call_.load(); }
  std::uint64_t total() const { return total_.load(); }

 private:
  std::atomic<std::uintptr_t> return_address_;  // 0: nobody's yet
  std::atomic<const char*> call_;
  std::atomic<std::uint64_t> total_;
  std::atomic<std::uint64_t> unlogged_;
  std::atomic<std::uint64_t> unlogged_kills_;
  std::atomic<std::int64_t> next_line_;  // CLOCK_MONOTONIC, in ns
};

namespace call_sites {

constexpr unsigned kMost = 1024;

// The site of this call. Where there are more than can be kept, the last ones share one, whose return address is 0.
CallSite& at(CallSite (&all)[kMost], std::uintptr_t return_address, const char* call);

}  // namespace call_sites
