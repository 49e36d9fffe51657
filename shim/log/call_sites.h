// Where in the program it happens, and how often: each call site is told in full once, and then at most once in
// NOSIGPIPE_INTERVAL with the number held back meanwhile. So a storm is a few lines, and no event is left out of them.
#pragma once

#include <atomic>
#include <cstdint>

namespace sites {

// How many events a line accounts for, and how many of them would have killed.
struct Held {
  std::uint64_t count;
  std::uint64_t kills;
};

class Site {
 public:
  // One more event, and whether it is to have a line: one thread at a time is told so.
  bool count_and_ask();

  // What no line has accounted for: what a line is not due for or cannot be written for is held, the next line takes
  // it.
  void hold(const Held& held);
  Held take();

  void clear();

  std::uintptr_t place() const { return place_.load(); }
  const char* call() const { return call_.load(); }
  std::uint64_t total() const { return total_.load(); }

  bool is(std::uintptr_t place, const char* call);

 private:
  std::atomic<std::uintptr_t> place_;  // a return address; 0: nobody's yet
  std::atomic<const char*> call_;
  std::atomic<std::uint64_t> total_;
  std::atomic<std::uint64_t> held_;
  std::atomic<std::uint64_t> kills_;
  std::atomic<std::int64_t> next_line_;  // CLOCK_MONOTONIC, in ns
};

// Lets the children of fork begin anew: what their parent has counted the parent tells. To be called once, at the
// start.
void open();

// Where the kernel does not see to that (before Linux 4.14): true once in a child of fork, with all set to zero.
bool begin_anew();

// The site of this call. Where there are more than can be kept, the last ones share one, whose place is 0.
Site& at(std::uintptr_t place, const char* call);

// From here on every event is told at once.
void stop_holding();

// A child of vfork sees its parent's.
bool in_child_of_vfork();

// Each site that was ever used.
template <class Visit>
void each(Visit visit);

inline constexpr unsigned kMost = 1024;
struct alignas(4096) Table {
  Site list[kMost];
  std::atomic<int> owner;           // a pid; 0 in a child of fork, until its first event
  std::atomic<std::uint64_t> lost;  // lines, since the last that could be written
  std::atomic<bool> cut_short;      // of the last line only the beginning could be written
};
inline constinit Table table = {};

template <class Visit>
void each(Visit visit) {
  for (auto& site : table.list)
    if (site.total() > 0) visit(site);
}

}  // namespace sites
