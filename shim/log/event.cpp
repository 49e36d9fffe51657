#include "log/event.h"

#include <sys/prctl.h>

#include "log/memory.h"
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

bool is_logged() { return logging::wanted() && !policy::uses(policy::makes_no_calls); }

// Apart from the question whether it is wanted: this takes stack, and an alternate one may be small.
[[gnu::noinline]] void write_line(const Event& event, std::uintptr_t return_address, bool would_kill,
                                  call_sites::CallSite& site) {
  const nonblocking::SignalsBlocked blocked;
  const scratch::Lease lease;
  if (!lease) return site.add_unlogged({1, would_kill});
  auto& fields = lease->fields;
  fields.event = &event;
  fields.return_address = return_address;
  fields.would_kill = would_kill;
  kernel::call(SYS_prctl, PR_GET_NAME, fields.thread);
  connection::look_at(event.fd, fields.connection);
  const auto frame = event.context != nullptr ? unwind::interrupted(event.context) : unwind::here();
  fields.maps.look(frame.stack());
  stack::collect(frame, fields.maps, options::get().stack, fields.callers);
  const auto before = site.take_unlogged();
  fields.accounts_for = {before.count + 1, before.kills + would_kill};
  const auto* kind = options::get().mode == Mode::observe ? "observed" : "averted";
  if (!logging::write(blocked, lease->room, kind, fields::add_event, fields)) site.add_unlogged(fields.accounts_for);
}

[[gnu::noinline]] void write_runaway(int fd, unsigned epipes, const char* action) {
  const nonblocking::SignalsBlocked blocked;
  const scratch::Lease lease;
  if (!lease) return;
  auto& fields = lease->fields;
  fields.fd = fd;
  fields.epipes = epipes;
  fields.action = action;
  kernel::call(SYS_prctl, PR_GET_NAME, fields.thread);
  logging::write(blocked, lease->room, "runaway", fields::add_runaway, fields);
}

}  // namespace

void open() {
  if (options::get().log == Log::none || options::get().mode == Mode::off || !log_memory::open()) return;
  logging::open();
  stack::know_libc();
  Maps::keep_open();
}

void log(const Event& event) {
  if (!is_logged()) return;
  if (call_sites::reset_after_fork()) scratch::take_all_back();
  const bool would_kill = disposition::kills() && (event.context != nullptr || !mask::blocks_sigpipe());
  const bool finds_caller = event.context != nullptr && has_stack(event.context);
  const auto return_address =
      finds_caller ? stack::call_site(event.context) : reinterpret_cast<std::uintptr_t>(event.return_address);
  auto& site = call_sites::at(return_address, event.call);
  if ((site.count_and_ask() || event.is_last) && has_stack(event.context))
    write_line(event, return_address, would_kill, site);
  else
    site.add_unlogged({1, would_kill});
}

void log_runaway(int fd, unsigned epipes, const char* action) {
  if (is_logged() && has_stack()) write_runaway(fd, epipes, action);
}

// It may be called twice, by the handler that is about to end the process and by our destructor: what the first has
// written the second does not repeat.
void log_totals(const void* context) {
  if (!is_logged() || call_sites::in_child_of_vfork() || !has_stack(context)) return;
  static constinit std::atomic<int> done_before = 0;
  const nonblocking::SignalsBlocked blocked;
  const scratch::Lease lease(scratch::of_totals());
  if (!lease) return;
  const bool again = done_before.exchange(1) != 0;
  call_sites::log_each_at_once();
  auto& fields = lease->fields;
  fields.maps.look(0);
  call_sites::each([&](call_sites::CallSite& site) {
    fields.return_address = site.return_address();
    fields.call = site.call();
    fields.accounts_for = site.take_unlogged();
    fields.total = site.total();
    if (fields.accounts_for.count == 0 && (again || fields.total == 1)) return;
    if (!logging::write(blocked, lease->room, "total", fields::add_total, fields))
      site.add_unlogged(fields.accounts_for);
  });
}

}  // namespace event
