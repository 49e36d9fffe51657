// The memory of the log, some 3.4 MiB of which little is used: in a process without a log, or an event, it is not
// there. No heap, since a malloc library may write and so come back to us. A child of fork begins with it zero, but for
// the modules: the threads that were at it are not there, and what its parent has counted the parent logs.
#pragma once

#include <atomic>

#include "log/call_sites.h"
#include "log/fields.h"
#include "log/nonblocking_write.h"
#include "unwind/maps.h"
#include "unwind/modules.h"

// What a line is put together in: too much for a thread's stack.
struct Scratch {
  std::atomic<int> taken;   // no bool where one is exchanged: of a byte gcc makes that by libatomic on riscv64
  kernel::Signals blocked;  // by the program, in the thread that has taken it
  Maps maps;
  stack::Path path;
  Fields fields;
  char record[8192];  // text of 4,096 bytes at most, which a pipe takes as one, or twice that for journald
};

// What one thread makes known to all: who finds it finds all that was written there before. By builtins, so that it is
// no step of the schedules that tests/interleavings explores.
template <class Content>
class Known {
 public:
  // False where another thread was first.
  bool make_known(Content* own) {
    Content* none = nullptr;
    return __atomic_compare_exchange_n(&content_, &none, own, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  }
  operator Content*() const { return __atomic_load_n(&content_, __ATOMIC_ACQUIRE); }
  Content* operator->() const { return *this; }
  Known& operator=(Content* content) { return __atomic_store_n(&content_, content, __ATOMIC_RELEASE), *this; }

 private:
  Content* content_ = nullptr;
};

struct Memory {
  // To be called at the start: a child of vfork may be the first to need the memory, and is another process.
  static void know_process();

  // Maps it, with the first event; false if there is none to be had.
  static bool open();

  // To be called before an event is counted.
  void begin_anew_after_fork();

  // That sees its parent's memory. Where such a child was the first to have an event, its parent takes over.
  bool in_child_of_vfork();

  // Of this thread, asked for only where it is not the process's first.
  int pid_by(int tid) const { return tid == owner.load() ? tid : kernel::pid(); }

  // The process ends, and holds nothing back any more. False if that was said before.
  bool begin_to_end() {
    const int own = kernel::pid();
    return state.ending.exchange(own) != own;
  }
  bool is_ending() const {
    const int pid = state.ending.load();
    return pid != 0 && pid == kernel::pid();
  }

  // Another thread may be at its totals: the process is not to end before it is done, within a moment. It is never this
  // thread, since no signal comes meanwhile.
  void wait_for_totals() const {
    for (int ms = 0; ms < 200 && scratch[kLines].taken.load() != 0; ++ms) kernel::sleep(1'000'000);
  }

  // As many as threads can write a line at a time, and one for the totals at the end.
  static constexpr unsigned kLines = 8;
  Scratch scratch[kLines + 1];

  // The same in a child of fork, which may have no /proc to look them up in: its parent has changed its root directory.
  static inline constinit Known<Modules> modules{};

  std::atomic<int> owner;  // a pid; 0 in a child of fork, until its first event
  bool is_as_opened;       // by this owner, whom the first process of a pid namespace does not find by getppid
  struct {
    std::atomic<int> ending;          // the process that ends, or a child of vfork: it holds nothing back any more
    std::atomic<std::uint64_t> lost;  // records; the next one that can be written says how many
    std::atomic<int> cut_short;       // of the last record only the beginning could be written
    std::atomic<int> is_opening;      // some thread is opening the log anew
    std::atomic<bool> has_opened;     // which has been done in this process, and not in its parent alone
    std::atomic<int> is_told;         // stderr, that it cannot be opened
    CallSites sites;
    CallSites passed;  // of what is not averted: other counts
  } state;
};
inline constinit Known<Memory> memory{};

// Some scratch, for as long as this lives; none if all are in use: a handler that interrupts its owner would wait for
// ever, if it waited. No signal comes meanwhile.
class Lease {
 public:
  explicit Lease(unsigned first = 0, unsigned end = Memory::kLines) {
    for (; first < end && scratch_ == nullptr; ++first)
      if (!memory->scratch[first].taken.exchange(true)) scratch_ = &memory->scratch[first];
    if (scratch_ != nullptr) scratch_->blocked = blocked_.before();
  }
  ~Lease() {
    if (scratch_ != nullptr) scratch_->taken.store(false);
  }
  Scratch* operator->() const { return scratch_; }
  Scratch& operator*() const { return *scratch_; }
  explicit operator bool() const { return scratch_ != nullptr; }

 private:
  kernel::SignalsBlocked blocked_;
  Scratch* scratch_ = nullptr;
};
