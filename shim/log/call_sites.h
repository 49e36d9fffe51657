// Where in the program it happens, and how often: each call site has its first event written at once, and then at most
// one line in NOSIGPIPE_INTERVAL, with the number held back meanwhile. So a storm is a few lines, and no event is left
// out of them.
#pragma once

#include <atomic>
#include <cstdint>

namespace call_sites {

// Events that are in no line yet, and how many of them would have killed.
struct Unlogged {
  std::uint64_t count;
  std::uint64_t kills;
};

// All members may be used from any thread and in a signal handler.
class CallSite {
 public:
  // One more event, and whether it is to have a line: of threads that ask at once only one hears yes.
  bool count_and_ask();

  // What a line is not due for, or cannot be written for, is added here; the next line takes it.
  void add_unlogged(const Unlogged& more);
  Unlogged take_unlogged();

  void clear();

  std::uintptr_t return_address() const { return return_address_.load(); }
  const char* call() const { return call_.load(); }
  std::uint64_t total() const { return total_.load(); }

  // Whether it is the site of this call, which it becomes where it was nobody's.
  bool is(std::uintptr_t return_address, const char* call);

 private:
  std::atomic<std::uintptr_t> return_address_;  // 0: nobody's yet
  std::atomic<const char*> call_;
  std::atomic<std::uint64_t> total_;
  std::atomic<std::uint64_t> unlogged_;
  std::atomic<std::uint64_t> unlogged_kills_;
  std::atomic<std::int64_t> next_line_;  // CLOCK_MONOTONIC, in ns
};

// A child of fork begins with an empty table: what its parent has counted the parent logs. Where the kernel does not
// see to that (before Linux 4.14): true once in the child, with all set to zero.
bool reset_after_fork();

// The site of this call. Where there are more than can be kept, the last ones share one, whose return address is 0.
CallSite& at(std::uintptr_t return_address, const char* call);

// From here on every event is to have a line: the process ends, and nothing can be held back.
void log_each_at_once();

// A child of vfork sees its parent's table.
bool in_child_of_vfork();

inline constexpr unsigned kMost = 1024;
struct Table {
  CallSite list[kMost];
  std::atomic<int> owner;  // a pid; 0 in a child of fork, until its first event
};

// Of a process that has a log; see log/memory.h.
inline constinit Table* table = nullptr;
inline constinit bool is_emptied_by_fork = false;  // by the kernel

// Calls `visit` with each site that was ever used.
template <class Visit>
void each(Visit visit) {
  for (auto& site : table->list)
    if (site.total() > 0) visit(site);
}

}  // namespace call_sites
