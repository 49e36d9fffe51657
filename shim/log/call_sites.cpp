#include "log/call_sites.h"

#include "system/kernel.h"
#include "system/options.h"

namespace call_sites {
namespace {

// How many entries are looked at for one call, so that a full table does not slow each event down.
constexpr unsigned kTries = 32;

constinit std::atomic<bool> holds_back = true;

// The coarse clock is a tick wide (1 to 10 ms), which is enough here.
std::int64_t now() {
  const auto time = kernel::clock(CLOCK_MONOTONIC_COARSE);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::int64_t interval() { return holds_back.load() ? std::int64_t{options::get().interval} * 1'000'000 : 0; }

// Fibonacci hashing: the upper bits of a product depend on all bits of the address.
std::uint32_t hash(std::uintptr_t return_address) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(return_address) * 0x9e3779b97f4a7c15U) >> 40);
}

}  // namespace

bool CallSite::count_and_ask() {
  total_.fetch_add(1, std::memory_order_relaxed);
  const auto pause = interval();
  if (pause == 0) return true;
  auto due = next_line_.load(std::memory_order_relaxed);
  const auto time = now();
  return time >= due && next_line_.compare_exchange_strong(due, time + pause);
}

void CallSite::add_unlogged(const Unlogged& more) {
  unlogged_.fetch_add(more.count, std::memory_order_relaxed);
  if (more.kills > 0) unlogged_kills_.fetch_add(more.kills, std::memory_order_relaxed);
}

void CallSite::clear() {
  return_address_.store(0);
  call_.store(nullptr);
  total_.store(0);
  unlogged_.store(0);
  unlogged_kills_.store(0);
  next_line_.store(0);
}

Unlogged CallSite::take_unlogged() { return {unlogged_.exchange(0), unlogged_kills_.exchange(0)}; }

// A site is entered once, its call a moment after its return address: whoever comes in between enters the call, too.
bool CallSite::is(std::uintptr_t return_address, const char* call) {
  std::uintptr_t nobody = 0;
  if (return_address_.load(std::memory_order_relaxed) != return_address &&
      !return_address_.compare_exchange_strong(nobody, return_address) && nobody != return_address)
    return false;
  const char* none = nullptr;
  return call_.load(std::memory_order_relaxed) == call || call_.compare_exchange_strong(none, call) || none == call;
}

bool reset_after_fork() {
  if (is_emptied_by_fork) return false;
  const int own = kernel::pid();
  int before = table->owner.load(std::memory_order_relaxed);
  if (before == own || !table->owner.compare_exchange_strong(before, own)) return false;
  for (auto& site : table->list) site.clear();
  return true;
}

CallSite& at(std::uintptr_t return_address, const char* call) {
  if (table->owner.load(std::memory_order_relaxed) == 0) table->owner.store(kernel::pid());
  for (unsigned i = 0, start = hash(return_address); return_address != 0 && i < kTries; ++i) {
    CallSite& site = table->list[1 + (start + i) % (kMost - 1)];
    if (site.is(return_address, call)) return site;
  }
  return table->list[0];
}

bool in_child_of_vfork() {
  const int owner = table->owner.load();
  return owner != 0 && owner != kernel::pid();
}

void log_each_at_once() { holds_back.store(false); }

}  // namespace call_sites
