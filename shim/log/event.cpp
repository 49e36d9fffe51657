#include "log/event.h"

#include <sys/mman.h>
#include <sys/prctl.h>

#include "log/scratch.h"
#include "program/disposition.h"
#include "program/mask.h"
#include "program/policy.h"
#include "system/kernel.h"
#include "system/options.h"

namespace event {
namespace {

// An alternate stack may be small, and to find the caller and to put a line together takes up to 4 KiB.
constexpr std::uintptr_t kStackOfALine = 4096;

stack_t alternate_stack(const void* context) {
  if (context != nullptr) return static_cast<const ucontext_t*>(context)->uc_stack;
  stack_t alternate{};
  kernel::call(SYS_sigaltstack, nullptr, &alternate);
  return alternate;
}

bool has_stack(const void* context = nullptr) {
  const auto alternate = alternate_stack(context);
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const auto end = reinterpret_cast<std::uintptr_t>(alternate.ss_sp);
  return here < end || here - end >= alternate.ss_size || here - end >= kStackOfALine;
}

bool is_told() { return logging::wanted() && !technique::uses(technique::confined); }

// Apart from the question whether it is wanted: this takes stack, and an alternate one may be small.
[[gnu::noinline]] void write_line(const Event& event, std::uintptr_t place, bool would_kill, sites::Site& site) {
  const outlet::Quiet quiet;
  const sheet::Taken sheet;
  if (!sheet) return site.hold({1, would_kill});
  auto& known = sheet->facts;
  known.event = &event;
  known.place = place;
  known.would_kill = would_kill;
  kernel::call(SYS_prctl, PR_GET_NAME, known.thread);
  connection::look_at(event.fd, known.connection);
  const auto frame = event.context != nullptr ? unwind::interrupted(event.context) : unwind::here();
  known.modules.look(frame.stack());
  stack::collect(frame, known.modules, options::get().stack, known.callers);
  const auto held = site.take();
  known.held = {held.count + 1, held.kills + would_kill};
  const auto* kind = options::get().mode == Mode::observe ? "observed" : "averted";
  if (!logging::write(quiet, sheet->room, kind, facts::add_event, &known)) site.hold(known.held);
}

[[gnu::noinline]] void write_runaway(int fd, unsigned epipes, const char* action) {
  const outlet::Quiet quiet;
  const sheet::Taken sheet;
  if (!sheet) return;
  auto& known = sheet->facts;
  known.fd = fd;
  known.epipes = epipes;
  known.action = action;
  kernel::call(SYS_prctl, PR_GET_NAME, known.thread);
  logging::write(quiet, sheet->room, "runaway", facts::add_runaway, &known);
}

}  // namespace

void open() {
  logging::open();
  if (!logging::wanted()) return;
  sites::open();
  kernel::call(SYS_madvise, &sheet::pile, sizeof sheet::pile, MADV_WIPEONFORK);
  stack::know_libc();
  Modules::keep_open();
}

void tell(const Event& event) {
  if (!is_told()) return;
  if (sites::begin_anew())
    for (auto& sheet : sheet::pile.sheets) sheet.taken.store(false);
  const bool would_kill = disposition::kills() && (event.context != nullptr || !mask::blocks_sigpipe());
  const bool finds_caller = event.context != nullptr && has_stack(event.context);
  const auto place = finds_caller ? stack::call_site(event.context) : reinterpret_cast<std::uintptr_t>(event.caller);
  auto& site = sites::at(place, event.call);
  if ((site.count_and_ask() || event.is_last) && has_stack(event.context))
    write_line(event, place, would_kill, site);
  else
    site.hold({1, would_kill});
}

void tell_runaway(int fd, unsigned epipes, const char* action) {
  if (is_told() && has_stack()) write_runaway(fd, epipes, action);
}

void tell_totals(const void* context) {
  if (!is_told() || sites::in_child_of_vfork() || !has_stack(context)) return;
  static constinit std::atomic<bool> done_before = false;
  const outlet::Quiet quiet;
  const sheet::Taken sheet(sheet::of_the_end());
  if (!sheet) return;
  const bool again = done_before.exchange(true);
  sites::stop_holding();
  auto& known = sheet->facts;
  known.modules.look(0);
  sites::each([&](sites::Site& site) {
    known.place = site.place();
    known.call = site.call();
    known.held = site.take();
    known.total = site.total();
    if (known.held.count == 0 && (again || known.total == 1)) return;
    if (!logging::write(quiet, sheet->room, "total", facts::add_total, &known)) site.hold(known.held);
  });
}

}  // namespace event
