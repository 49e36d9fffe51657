#include "log/event.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include "log/destination.h"
#include "log/log.h"
#include "log/memory.h"
#include "program/disposition.h"
#include "program/mask.h"
#include "program/policy.h"
#include "system/at_start.h"
#include "system/clock.h"
#include "system/kernel.h"
#include "system/options.h"
#include "unwind/copy.h"

namespace event {
namespace {

// An alternate stack may be small, and to find the caller and to put a line together takes up to 4 KiB.
constexpr std::uintptr_t kStackOfALine = 4096;

bool has_stack(const void* context) {
  stack_t alternate{};
  if (context != nullptr)
    alternate = static_cast<const ucontext_t*>(context)->uc_stack;
  else
    kernel::call(SYS_sigaltstack, nullptr, &alternate);
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const auto end = reinterpret_cast<std::uintptr_t>(alternate.ss_sp);
  return here < end || here - end >= alternate.ss_size || here - end >= kStackOfALine;
}

// The process whose last child has died of SIGPIPE; a child of fork finds its parent's number here. 0: none.
constinit std::atomic<int> has_lost_child = 0;

// An event has been counted, by this process or one that it was forked from. Most end without, and touch nothing of the
// log.
AT_START constinit std::atomic<bool> has_counted = false;

bool is_logged() { return logging::wanted() && !policy::makes_no_calls(); }

// Asked for with each event until it is there.
bool has_memory() {
  if (memory != nullptr || Memory::open()) return true;
  static constinit std::atomic<bool> is_told = false;
  if (is_told.exchange(true)) return false;
  text::Sized<100> line;
  line << "nosigpipe: there is no memory for the log; what happens now is not logged";
  logging::warn(line);
  return false;
}

std::int64_t now() {
  const auto time = kernel::clock(CLOCK_MONOTONIC_COARSE);  // a tick wide (1 to 10 ms), which is enough here
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

CallSites& sites_of(const Event& event) {
  return event.passed != Passed::no ? memory->state.passed : memory->state.sites;
}

// The way to it. Where it was met while no descriptor was free its module is looked for now; false if there still is
// none.
bool find_path(const CallSite& site, Scratch& scratch) {
  scratch.fields.path = &site.path();
  const unsigned first = site.path().next_caller(0);
  if (first == site.path().count || site.path().modules[first] != 0) return true;
  if (!scratch.maps.look()) return false;
  scratch.path = site.path();
  const stack::Lookup lookup{*Memory::modules, &scratch.maps};
  scratch.path.modules[first] = lookup(scratch.path.returns_to[first] - 1);
  scratch.fields.path = &scratch.path;
  return true;
}

void hold_back(CallSites& sites, CallSite& site, const Unlogged& more) {
  site.add_unlogged(more);
  sites.hold_back_until(site.due());
}

// Apart from the question whether it is wanted: this takes stack, and an alternate one may be small.
[[gnu::noinline]] void write_line(const Event& event, const unwind::Frame& here, Fields::Ids ids, bool would_kill,
                                  CallSite& site) {
  const Lease lease;
  // A log that cannot be opened either is told of on stderr.
  const bool waits = lease && !find_path(site, *lease) && !event.is_last && destination::open() == 0;
  if (!lease || waits) return hold_back(sites_of(event), site, {1, would_kill});
  auto& fields = lease->fields;
  fields.event = &event;
  fields.site = &site;
  fields.ids = ids;
  fields.would_kill = would_kill;
  kernel::call(SYS_prctl, PR_GET_NAME, fields.thread);
  connection::look_at(event.fd, fields.connection);
  if (event.passed != Passed::no) origin::look_at(event, fields.origin);
  // What was held back of others is not this event's.
  if (site.is_shared()) {
    stack::collect(here, options::get().stack, {*Memory::modules, nullptr}, lease->path);
    fields.path = &lease->path;
  }
  const auto before = site.is_shared() ? Unlogged{} : site.take_unlogged();
  fields.accounts_for = {before.count + 1, before.kills + would_kill};
  const auto* averted = options::get().mode == Mode::observe ? "observed" : "averted";
  if (!logging::write(*lease, event.passed != Passed::no ? "passed" : averted, fields::add_event))
    hold_back(sites_of(event), site, fields.accounts_for);
}

// Of what no event comes for any more.
void write_total(Scratch& scratch, CallSites& sites, CallSite& site) {
  if (!find_path(site, scratch) && !memory->is_ending()) return sites.hold_back_until(site.due());
  auto& fields = scratch.fields;
  fields.site = &site;
  fields.accounts_for = site.take_unlogged();
  const auto* kind = &sites == &memory->state.passed ? "passed" : "total";
  if (!logging::write(scratch, kind, fields::add_total)) hold_back(sites, site, fields.accounts_for);
}

[[gnu::noinline]] void write_overdue(CallSites& sites, std::int64_t time, const void* context) {
  if (!sites.is_overdue(time) || memory->in_child_of_vfork() || !has_stack(context)) return;
  const Lease lease;
  if (!lease) return sites.hold_back_until(time);
  for (auto& site : sites) {
    if (!site.has_unlogged()) continue;
    if (site.take_due(time))
      write_total(*lease, sites, site);
    else
      sites.hold_back_until(site.due());
  }
}

// Before it is out of reach; false where there is nothing to remember it in.
bool open_early() {
  policy::now();
  if (!has_memory()) return false;
  memory->begin_anew_after_fork();
  destination::open();
  return true;
}

}  // namespace

void begin() {
  if (options::get().log == Log::none || options::get().mode == Mode::off) return;
  Memory::know_process();
  logging::begin();
  stack::know_objects();
}

void before_user(unsigned user) {
  constexpr unsigned kAsItIs = ~0U;
  if (is_logged() && user != kAsItIs && user != static_cast<unsigned>(kernel::uid())) open_early();
}

void before_root() {
  if (!is_logged() || !open_early()) return;
  logging::executable();
  const Lease lease;
  if (!lease) return;
  lease->maps.look();
  for (const auto& module : lease->maps) Memory::modules->remember(module);
}

// The first frame is this one, wherever it is called from: it is not to be inlined.
[[gnu::noinline]] void log(const Event& event) {
  if (!is_logged()) return;
  if (!policy::is_decided() && has_stack(event.context)) policy::now();
  if (!has_memory()) return;
  unwind::copy_in_filter(policy::started_in_filter());
  memory->begin_anew_after_fork();
  const int tid = kernel::tid();
  const int pid = memory->pid_by(tid);
  const bool would_kill = event.passed != Passed::no
                              ? event.is_last
                              : disposition::kills(pid) && (event.context != nullptr || !mask::blocks_sigpipe());
  const auto here = event.context != nullptr ? unwind::interrupted(event.context) : unwind::here();
  has_counted.store(true, std::memory_order_release);  // who reads it finds the memory
  auto& site = sites_of(event).at(event, here, has_stack);
  const auto time = now();
  if ((site.count_and_ask(!memory->is_ending(), time) || event.is_last) && has_stack(event.context))
    write_line(event, here, {pid, tid}, would_kill, site);
  else
    hold_back(sites_of(event), site, {1, would_kill});
  write_overdue(memory->state.sites, time, event.context);
  write_overdue(memory->state.passed, time, event.context);
}

void log_runaway(int fd, unsigned epipes, const char* action) {
  if (!is_logged() || !has_stack(nullptr) || !has_memory()) return;
  const Lease lease;
  if (!lease) return;
  auto& fields = lease->fields;
  fields.fd = fd;
  fields.epipes = epipes;
  fields.action = action;
  fields.ids = {kernel::pid(), kernel::tid()};
  kernel::call(SYS_prctl, PR_GET_NAME, fields.thread);
  logging::write(*lease, "runaway", fields::add_runaway);
}

void child_ended(int status) {
  if (!is_logged() || (!WIFEXITED(status) && !WIFSIGNALED(status))) return;
  has_lost_child.store(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE ? kernel::pid() : 0);
}

bool child_has_died() { return has_lost_child.load() == kernel::pid(); }

// It may be called twice, by the handler that is about to end the process and by our destructor: what the first has
// written the second does not repeat.
void log_totals(const void* context) {
  if (!is_logged() || !has_counted.load() || memory->owner.load() == 0) return;
  if (memory->in_child_of_vfork() || !has_stack(context)) return;
  const bool is_first = memory->begin_to_end();
  memory->wait_for_totals();
  const Lease lease(Memory::kLines, Memory::kLines + 1);
  if (!lease) return;
  for (auto& site : memory->state.sites)
    if (site.has_unlogged() || (is_first && site.total() > 1)) write_total(*lease, memory->state.sites, site);
  for (auto& site : memory->state.passed)
    if (site.has_unlogged()) write_total(*lease, memory->state.passed, site);
}

}  // namespace event
