// Where in the program it happens, and how often. A call site is the write and the callers that lead to it. Each has
// its first event written at once, and then a line whenever as many are held back as have been told (1, 2, 4, 8 ...),
// or NOSIGPIPE_INTERVAL is over. So a storm is a few lines, no event is left out of them, and no end hides more than
// half.
#pragma once

#include <atomic>
#include <cstdint>

#include "log/event.h"
#include "system/text.h"
#include "unwind/stack.h"

// Events that are in no line yet, and how many of them would have killed.
struct Unlogged {
  std::uint64_t count;
  std::uint64_t kills;
};

// All members may be used from any thread and in a signal handler.
class CallSite {
 public:
  // One more event, and whether it is to have a line: of threads that ask at once only one hears yes. Nothing is held
  // back any more once the process ends.
  bool count_and_ask(bool holds_back, std::int64_t now);

  // Whether what is held back is due for a line, which it is then no more.
  bool take_due(std::int64_t now);
  std::int64_t due() const { return due_.load(); }

  // What a line is not due for, or cannot be written for, is added here; the next line takes it.
  void add_unlogged(const Unlogged& more);
  Unlogged take_unlogged() { return {unlogged_.exchange(0), unlogged_kills_.exchange(0)}; }
  bool has_unlogged() const { return unlogged_.load(std::memory_order_relaxed) != 0; }

  bool is_shared() const { return call_ == nullptr; }  // by those that have no place
  const char* call() const { return call_; }
  const stack::Path& path() const { return path_; }
  std::string_view symbol() const { return symbol_; }  // of the function that made the call
  std::uint64_t total() const { return total_.load(); }

 private:
  friend class CallSites;

  // Written before it is entered, and then no more.
  const char* call_;
  std::uintptr_t begin_;  // what the hook returns to, or the instruction that the signal came at
  stack::Path path_;
  std::string_view symbol_;
  CallSite* counts_for_;  // another, with the same callers: frames of other sizes have led here

  std::atomic<std::uint32_t> next_;  // of those with the same hash; 0: none
  std::atomic<std::uint32_t> ways_;  // how many count for this one
  std::atomic<std::uint64_t> total_;
  std::atomic<std::uint64_t> unlogged_;
  std::atomic<std::uint64_t> unlogged_kills_;
  std::atomic<std::int64_t> due_;  // CLOCK_MONOTONIC, in ns
};

class CallSites {
 public:
  // The site of this event, of which `here` is the innermost frame. The stack is followed once for each way that leads
  // there, and from then on recognised. Where `has_room` says no, or there are more than can be kept, it is the one
  // that is shared.
  CallSite& at(const event::Event& event, const unwind::Frame& here, bool (*has_room)(const void* context));

  // What is held back anywhere is brought out by the first event that is no earlier than this.
  void hold_back_until(std::int64_t due);
  bool is_overdue(std::int64_t now);

  CallSite* begin() { return list_; }
  CallSite* end();

 private:
  CallSite& entered(const event::Event& event, std::uintptr_t begin, const unwind::Frame& here);
  CallSite* filled(const event::Event& event, std::uintptr_t begin, const stack::Path& path);
  std::atomic<std::uint32_t>& first(std::uintptr_t begin);

  static constexpr std::uint32_t kMost = 1024;
  CallSite list_[kMost];              // the first is shared
  std::atomic<std::uint32_t> count_;  // of the others
  std::atomic<std::uint32_t> first_[kMost];
  std::atomic<std::int64_t> overdue_from_;  // 0: nothing is held back
  text::Kept<32768> symbols_;
};
