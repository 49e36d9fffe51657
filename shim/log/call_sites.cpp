#include "log/call_sites.h"

#include <algorithm>
#include <bit>

#include "log/memory.h"
#include "system/kernel.h"
#include "system/options.h"
#include "unwind/symbol.h"

namespace {

std::int64_t interval() { return std::int64_t{options::get().interval} * 1'000'000; }

// In how many ways the same callers are recognised. Of what comes in ever new ones (alloca) the stack is followed.
constexpr std::uint32_t kMostWays = 8;

// Of what has led to an event: looked up among the modules that are remembered, and in a new picture only where one is
// not among them.
void follow(const event::Event& event, const unwind::Frame& here, Scratch& scratch) {
  stack::Lookup lookup{*Memory::modules, nullptr};
  const auto found = [&] {
    const bool all = stack::collect(here, options::get().stack, lookup, scratch.path);
    const bool leads_on = scratch.path.next_caller(0) < scratch.path.count;
    return leads_on ? all : stack::only(reinterpret_cast<std::uintptr_t>(event.return_address), lookup, scratch.path);
  };
  if (found()) return;
  const bool has_looked = scratch.maps.look();
  lookup.maps = &scratch.maps;
  found();
  if (!has_looked) scratch.path.is_recognisable = false;  // the next one is followed again
}

}  // namespace

// By powers of two each is asked for by one thread alone.
bool CallSite::count_and_ask(bool holds_back, std::int64_t now) {
  const auto so_many = total_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (interval() == 0 || !holds_back) return true;
  if (!std::has_single_bit(so_many)) return take_due(now);
  due_.store(now + interval(), std::memory_order_relaxed);
  return true;
}

bool CallSite::take_due(std::int64_t now) {
  auto due = due_.load(std::memory_order_relaxed);
  return now >= due && due_.compare_exchange_strong(due, now + interval());
}

void CallSite::add_unlogged(const Unlogged& more) {
  unlogged_.fetch_add(more.count, std::memory_order_relaxed);
  if (more.kills > 0) unlogged_kills_.fetch_add(more.kills, std::memory_order_relaxed);
}

CallSite* CallSites::end() { return list_ + std::min(count_.load(), kMost - 1) + 1; }

// Fibonacci hashing: the upper bits of a product depend on all bits of the address.
std::atomic<std::uint32_t>& CallSites::first(std::uintptr_t begin) {
  return first_[(std::uint64_t{begin} * 0x9e3779b97f4a7c15U) >> 54];
}

CallSite& CallSites::at(const event::Event& event, const unwind::Frame& here, bool (*has_room)(const void* context)) {
  const bool is_ours = event.context == nullptr;
  const auto begin = is_ours ? reinterpret_cast<std::uintptr_t>(event.return_address) : here.instruction();
  for (auto number = first(begin).load(std::memory_order_acquire); number != 0;) {
    auto& site = list_[number];
    if (site.begin_ == begin && site.call_ == event.call && site.path_.leads_from(here, is_ours, *Memory::modules))
      return site.counts_for_ != nullptr ? *site.counts_for_ : site;
    number = site.next_.load(std::memory_order_acquire);
  }
  const bool is_full = count_.load() >= kMost - 1;
  return is_full || !has_room(event.context) ? list_[0] : entered(event, begin, here);
}

// Other threads may enter the same meanwhile: then theirs is met on the way to the end of the list.
CallSite& CallSites::entered(const event::Event& event, std::uintptr_t begin, const unwind::Frame& here) {
  const Lease lease;
  if (!lease) return list_[0];
  follow(event, here, *lease);
  const auto& path = lease->path;
  CallSite* own = nullptr;
  CallSite* same = nullptr;
  for (auto* link = &first(begin);;) {
    auto number = link->load(std::memory_order_acquire);
    if (number == 0) {
      if (same != nullptr && (!path.is_recognisable || same->ways_.fetch_add(1) >= kMostWays)) return *same;
      if (own == nullptr) own = filled(event, begin, path);
      if (own == nullptr) return same != nullptr ? *same : list_[0];
      own->counts_for_ = same;
      if (link->compare_exchange_strong(number, static_cast<std::uint32_t>(own - list_)))
        return same != nullptr ? *same : *own;
    }
    auto& site = list_[number];
    const bool is_alike = site.begin_ == begin && site.call_ == event.call && site.counts_for_ == nullptr;
    if (is_alike && site.path_.has_same_callers(path)) same = &site;
    link = &site.next_;
  }
}

CallSite* CallSites::filled(const event::Event& event, std::uintptr_t begin, const stack::Path& path) {
  const auto number = count_.fetch_add(1) + 1;
  if (number >= kMost) return nullptr;
  auto& site = list_[number];
  site.call_ = event.call;
  site.begin_ = begin;
  site.path_ = path;
  const unsigned first = path.next_caller(0);
  const auto& mapped = Memory::modules->at(path.modules[first]).mapped;
  site.symbol_ = symbols_.keep(Symbol({mapped.start, mapped.limit}, path.returns_to[first] - 1).name());
  return &site;
}

void CallSites::hold_back_until(std::int64_t due) {
  auto from = overdue_from_.load(std::memory_order_relaxed);
  while ((from == 0 || due < from) && !overdue_from_.compare_exchange_weak(from, due)) {
  }
}

bool CallSites::is_overdue(std::int64_t now) {
  auto from = overdue_from_.load(std::memory_order_relaxed);
  return from != 0 && now >= from && overdue_from_.compare_exchange_strong(from, 0);
}
