#include "log/call_sites.h"

#include "system/clock.h"
#include "system/kernel.h"
#include "system/options.h"

namespace {

// How many entries are looked at for one call, so that a full table does not slow each event down.
constexpr unsigned kTries = 32;

// Whether it has this value, which it is given where it had none.
template <class Value>
bool has(std::atomic<Value>& place, Value value) {
  Value before{};
  return place.load(std::memory_order_relaxed) == value || place.compare_exchange_strong(before, value) ||
         before == value;
}

}  // namespace

// A site is entered once, its call a moment after its return address: whoever comes in between enters the call, too.
bool CallSite::is(std::uintptr_t return_address, const char* call) {
  return has(return_address_, return_address) && has(call_, call);
}

// The coarse clock is a tick wide (1 to 10 ms), which is enough here.
bool CallSite::count_and_ask(bool holds_back) {
  total_.fetch_add(1, std::memory_order_relaxed);
  const auto pause = std::int64_t{options::get().interval} * 1'000'000;
  if (pause == 0 || !holds_back) return true;
  const auto time = kernel::clock(CLOCK_MONOTONIC_COARSE);
  const auto now = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  auto due = next_line_.load(std::memory_order_relaxed);
  return now >= due && next_line_.compare_exchange_strong(due, now + pause);
}

void CallSite::add_unlogged(const Unlogged& more) {
  unlogged_.fetch_add(more.count, std::memory_order_relaxed);
  if (more.kills > 0) unlogged_kills_.fetch_add(more.kills, std::memory_order_relaxed);
}

CallSite& call_sites::at(CallSite (&all)[kMost], std::uintptr_t return_address, const char* call) {
  // Fibonacci hashing: the upper bits of a product depend on all bits of the address.
  const auto hash = static_cast<std::uint32_t>((std::uint64_t{return_address} * 0x9e3779b97f4a7c15U) >> 40);
  for (unsigned i = 0; return_address != 0 && i < kTries; ++i) {
    CallSite& site = all[1 + (hash + i) % (kMost - 1)];
    if (site.is(return_address, call)) return site;
  }
  return all[0];
}
