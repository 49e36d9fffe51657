#include "log/call_sites.h"

#include <sys/mman.h>
#include <time.h>

#include "system/kernel.h"
#include "system/options.h"

namespace sites {
namespace {

constexpr unsigned kTries = 32;

constinit std::atomic<bool> holds = true;
constinit bool wipes = false;

// The coarse clock is a tick wide, which is enough here, and no library stands in between.
std::int64_t now() {
  long time[2] = {};
  kernel::call(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, time);
  return std::int64_t{time[0]} * 1'000'000'000 + time[1];
}

std::int64_t interval() { return holds.load() ? std::int64_t{options::get().interval} * 1'000'000 : 0; }

std::uint32_t hash(std::uintptr_t place) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(place) * 0x9e3779b97f4a7c15U) >> 40);
}

}  // namespace

bool Site::count_and_ask() {
  total_.fetch_add(1, std::memory_order_relaxed);
  const auto pause = interval();
  if (pause == 0) return true;
  auto due = next_line_.load(std::memory_order_relaxed);
  const auto time = now();
  return time >= due && next_line_.compare_exchange_strong(due, time + pause);
}

void Site::hold(const Held& held) {
  held_.fetch_add(held.count, std::memory_order_relaxed);
  if (held.kills > 0) kills_.fetch_add(held.kills, std::memory_order_relaxed);
}

void Site::clear() {
  place_.store(0);
  call_.store(nullptr);
  total_.store(0);
  held_.store(0);
  kills_.store(0);
  next_line_.store(0);
}

Held Site::take() { return {held_.exchange(0), kills_.exchange(0)}; }

// A site is entered once, its call a moment after its place.
bool Site::is(std::uintptr_t place, const char* call) {
  std::uintptr_t nobody = 0;
  if (place_.load(std::memory_order_relaxed) != place && !place_.compare_exchange_strong(nobody, place) &&
      nobody != place)
    return false;
  const char* none = nullptr;
  return call_.load(std::memory_order_relaxed) == call || call_.compare_exchange_strong(none, call) || none == call;
}

void open() {
  wipes = kernel::call(SYS_madvise, &table, sizeof table, MADV_WIPEONFORK) == 0;
  table.owner.store(kernel::pid());
}

bool begin_anew() {
  if (wipes) return false;
  const int own = kernel::pid();
  int before = table.owner.load(std::memory_order_relaxed);
  if (before == own || !table.owner.compare_exchange_strong(before, own)) return false;
  for (auto& site : table.list) site.clear();
  table.lost.store(0);
  table.cut_short.store(false);
  return true;
}

Site& at(std::uintptr_t place, const char* call) {
  if (table.owner.load(std::memory_order_relaxed) == 0) table.owner.store(kernel::pid());
  for (unsigned i = 0, start = hash(place); place != 0 && i < kTries; ++i) {
    Site& site = table.list[1 + (start + i) % (kMost - 1)];
    if (site.is(place, call)) return site;
  }
  return table.list[0];
}

bool in_child_of_vfork() {
  const int owner = table.owner.load();
  return owner != 0 && owner != kernel::pid();
}

void stop_holding() { holds.store(false); }

}  // namespace sites
