// The table of call sites and the lines that are made of it: no schedule in which an event is lost or counted twice.
// The file that is written to, the stack and the clock are a model.
#include "interleavings/yielding.h"

#include "log/call_sites.h"

#include <cerrno>
#include <cstdio>
#include <map>

#include "log/connection.h"
#include "log/destination.h"
#include "log/event.h"
#include "log/log.h"
#include "log/memory.h"
#include "log/origin.h"
#include "program/disposition.h"
#include "program/mask.h"
#include "system/clock.h"
#include "system/options.h"
#include "unwind/copy.h"
#include "unwind/symbol.h"

namespace {

using schedules::must;

// A way that leads to a write, and the callers that it comes from.
struct Way {
  std::uintptr_t place, frames, callers;
};

std::array<Way, 4> ways;  // of each thread, and of who is none
Way& way() { return ways[static_cast<std::size_t>(schedules::running() + 1)]; }

Options chosen{};
std::int64_t ns;  // the clock
std::map<std::uintptr_t, Unlogged> handed_in, told;
Unlogged told_of_shared;
int refused;  // of the next lines so many cannot be written

void add(Unlogged& to, const Unlogged& more) {
  to.count += more.count;
  to.kills += more.kills;
}

}  // namespace

// What the log asks for elsewhere.

const Options& options::get() { return chosen; }
timespec kernel::clock(clockid_t) { return {0, ns}; }
bool policy::knows(Fact) { return false; }
unsigned policy::decide() { return 0; }
void policy::learn(Fact) {}
bool policy::started_in_filter() { return false; }
bool disposition::kills(int) { return true; }
bool mask::is_blocked_by_program() { return false; }
void unwind::copy_in_filter(bool) {}
bool Maps::look() { return true; }
void stack::know_objects() {}
void connection::look_at(int, Connection&) {}
void origin::look_at(const event::Event&, Origin&) {}
int destination::open() { return 0; }
void logging::begin() {}
void logging::warn(text::Line&) {}
std::string_view logging::executable() { return {}; }
void fields::add_event(record::Writer&, const Fields&) {}
void fields::add_total(record::Writer&, const Fields&) {}
void fields::add_runaway(record::Writer&, const Fields&) {}
Modules::Number Modules::remember(const Module&) { return 1; }
Modules::Number stack::Lookup::operator()(std::uintptr_t) const { return 1; }
ElfImage::ElfImage(std::uintptr_t, std::uintptr_t) {}
Symbol::Symbol(const ElfImage&, std::uintptr_t) {}

bool stack::collect(unwind::Frame, unsigned, const Lookup&, Path& path) {
  path.count = 1;
  path.returns_to[0] = way().frames;
  path.slots[0] = static_cast<std::uint32_t>(way().callers);
  path.modules[0] = 1;
  path.is_followed = path.is_recognisable = true;
  return true;
}
bool stack::only(std::uintptr_t, const Lookup&, Path&) { return true; }
bool stack::Path::leads_from(const unwind::Frame&, bool, Modules&) const { return returns_to[0] == way().frames; }
bool stack::Path::has_same_callers(const Path& other) const { return slots[0] == other.slots[0]; }

bool logging::write(Scratch& scratch, std::string_view, Fill) {
  schedules::before(&told, true, "writes a line");
  if (refused > 0) return --refused, false;
  const auto& site = *scratch.fields.site;
  add(site.is_shared() ? told_of_shared : told[site.path().slots[0]], scratch.fields.accounts_for);
  return true;
}

long arch::modelled_call(long number, long a, long b, long, long, long) {
  switch (number) {
    case SYS_getpid:
    case SYS_gettid:
      return 1000;
    case SYS_sigaltstack:
      reinterpret_cast<stack_t*>(b)->ss_flags = SS_DISABLE;
      return 0;
    case SYS_nanosleep:
      schedules::sleep();
      return 0;
    case SYS_rt_sigprocmask:
    case SYS_prctl:
      return 0;
    default:
      schedules::wrong("system call " + std::to_string(number) + " is not modelled");
      return static_cast<long>(a) - a - ENOSYS;
  }
}

long modelled_syscall(long, long, long, long, long, long, long) { return -ENOSYS; }

namespace {

void meet(const Way& to) {
  way() = to;
  add(handed_in[to.callers], {1, 1});
  const auto* const place = reinterpret_cast<const void*>(to.place);
  event::log({"write", 5, 1, "flag", place});
}

constexpr unsigned kMostSites = 1023;  // that have a place
unsigned known_sites;

// The log's memory with so many call sites, each of which has had an event.
void fill(unsigned count) {
  static Memory* const own = new Memory();
  static Modules* const all = new Modules();
  memset(static_cast<void*>(own), 0, sizeof *own);
  memory = own;
  Memory::modules = all;
  own->owner.store(1000);
  logging::is_wanted.store(true);
  for (unsigned i = 0; i < count; ++i) meet({0x1000 + i, 0x1000 + i, 0x1000 + i});
  known_sites = count;
  schedules::keep_all();
}

// What is no atomic is as it was, too: nobody may read it before it is written.
void begin() {
  auto* const first = memory->state.sites.begin() + known_sites + 1;
  const unsigned free = std::min(kMostSites - known_sites, 4U);
  memset(static_cast<void*>(first), 0, free * sizeof *first);
  handed_in.clear();
  told.clear();
  told_of_shared = {};
  refused = 0;
  ns = 1;
}

// With the totals at the end what was handed in has been told, of each call site for itself or of those without a
// place.
void check() {
  event::log_totals();
  std::uint64_t shared = 0;
  for (const auto& [callers, count] : handed_in) {
    must(told[callers].count <= count.count, "an event is told twice");
    must(told[callers].count == told[callers].kills, "a kill is lost");
    shared += count.count - told[callers].count;
  }
  must(shared == told_of_shared.count, "an event is lost");
  std::uint64_t counted = 0, all = known_sites;
  for (const auto& site : memory->state.sites) counted += site.total();
  for (const auto& [callers, count] : handed_in) all += count.count;
  must(counted == all, "a total is not what was handed in");
}

void check_own() {
  std::map<std::uintptr_t, int> sites;
  for (const auto& site : memory->state.sites)
    if (site.total() > 0) ++sites[site.path().slots[0]];
  for (const auto& [callers, count] : sites) must(count == 1, "a call site is there twice");
  check();
  must(told_of_shared.count == 0, "an event has no call site although there is room");
}

// Two places of which the same list of call sites is looked through.
std::uintptr_t beside(std::uintptr_t place) {
  const auto list_of = [](std::uintptr_t begin) { return (std::uint64_t{begin} * 0x9e3779b97f4a7c15U) >> 54; };
  auto other = place + 1;
  while (list_of(other) != list_of(place)) ++other;
  return other;
}

const Way kOne{0x400000, 1, 1}, kSameByAnotherWay{0x400000, 2, 1}, kOfOthers{0x400000, 3, 3},
    kBeside{beside(0x400000), 4, 4}, kElsewhere{0x500000, 5, 5};

using Body = std::function<void()>;
Body meets(const Way& one) {
  return [one] { meet(one); };
}
Body meets_twice(const Way& one) {
  return [one] {
    meet(one);
    meet(one);
  };
}
void ends() { event::log_totals(); }

bool all_hold() {
  bool holds = true;
  const auto hold = [&](const char* name, const Body& begins, const std::vector<Body>& threads, const Body& after) {
    holds = schedules::hold({name, begins, threads, after}) && holds;
  };
  const auto refused_once = [&] {
    begin();
    refused = 1;
  };
  const auto known = [&] {
    begin();
    for (int i = 0; i < 3; ++i) meet(kOne);
  };
  const auto due = [&] {
    known();
    meet(kElsewhere);
    ns += 2'000'000'000;
  };
  fill(0);
  hold("two at a new site", begin, {meets(kOne), meets(kOne)}, check_own);
  hold("two ways to a new site", begin, {meets(kOne), meets(kSameByAnotherWay)}, check_own);
  hold("two sites at one place", begin, {meets(kOne), meets(kOfOthers)}, check_own);
  hold("two sites in one list", begin, {meets(kOne), meets(kBeside)}, check_own);
  hold("two at a new site, of which the first line is refused", refused_once, {meets(kOne), meets(kOne)}, check_own);
  hold("two at a known site", known, {meets(kOne), meets(kOne)}, check_own);
  hold("three at a known site", known, {meets(kOne), meets(kOne), meets(kOne)}, check_own);
  hold("two at a known site, twice each", known, {meets_twice(kOne), meets_twice(kOne)}, check_own);
  hold("two at a site that is due", due, {meets(kOne), meets(kOne)}, check_own);
  hold("two elsewhere, as a site is due", due, {meets(kElsewhere), meets(kBeside)}, check_own);
  hold("the end beside an event at a known site", known, {meets(kOne), ends}, check_own);
  hold("the end beside an event at a new site", begin, {meets(kOne), ends}, check_own);
  fill(kMostSites - 1);
  hold("two new sites for one place that is left", begin, {meets(kOne), meets(kElsewhere)}, check);
  hold("two in one list for one place that is left", begin, {meets(kOne), meets(kBeside)}, check);
  hold("two at a new site for one place that is left", begin, {meets(kOne), meets(kOne)}, check);
  fill(kMostSites);
  hold("three new sites where no place is left", begin, {meets(kOne), meets(kElsewhere), meets(kBeside)}, check);
  hold("two new sites where no place is left", begin, {meets(kOne), meets(kElsewhere)}, check);
  return holds;
}

}  // namespace

int main() {
  chosen.interval = 1000;
  chosen.log = Log::file;
  return all_hold() ? 0 : 1;
}
