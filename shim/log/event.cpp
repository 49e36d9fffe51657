#include "log/event.h"

#include <sys/prctl.h>

#include "log/log.h"
#include "log/memory.h"
#include "program/disposition.h"
#include "program/mask.h"
#include "program/policy.h"
#include "system/kernel.h"
#include "system/options.h"

namespace event {
namespace {

// An alternate stack may be small, and to find the caller and to put a line together takes up to 4 KiB.
constexpr std::uintptr_t kStackOfALine = 4096;

bool has_stack(const void* context = nullptr) {
  stack_t alternate{};
  if (context != nullptr)
    alternate = static_cast<const ucontext_t*>(context)->uc_stack;
  else
    kernel::call(SYS_sigaltstack, nullptr, &alternate);
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const auto end = reinterpret_cast<std::uintptr_t>(alternate.ss_sp);
  return here < end || here - end >= alternate.ss_size || here - end >= kStackOfALine;
}

bool is_logged() { return logging::wanted() && !policy::uses(policy::makes_no_calls); }

// Apart from the question whether it is wanted: this takes stack, and an alternate one may be small.
[[gnu::noinline]] void write_line(const Event& event, std::uintptr_t return_address, bool would_kill, CallSite& site) {
  const Lease lease;
  if (!lease) return site.add_unlogged({1, would_kill});
  auto& fields = lease->fields;
  fields.event = &event;
  fields.return_address = return_address;
  fields.would_kill = would_kill;
  kernel::call(SYS_prctl, PR_GET_NAME, fields.thread);
  connection::look_at(event.fd, fields.connection);
  if (event.passed != Passed::no) origin::look_at(event, fields.origin);
  const auto frame = event.context != nullptr ? unwind::interrupted(event.context) : unwind::here();
  fields.maps.look(frame.stack());
  stack::collect(frame, fields.maps, options::get().stack, fields.callers);
  const bool is_shared = site.return_address() == 0;  // by those that have no place: what was held back is not its own
  const auto before = is_shared ? Unlogged{} : site.take_unlogged();
  fields.accounts_for = {before.count + 1, before.kills + would_kill};
  const auto* averted = options::get().mode == Mode::observe ? "observed" : "averted";
  if (!logging::write(*lease, event.passed != Passed::no ? "passed" : averted, fields::add_event))
    site.add_unlogged(fields.accounts_for);
}

// What a site holds back, and what it has met in all. `always`: also where nothing is held back.
void write_total(Scratch& scratch, CallSite& site, std::string_view kind, bool always) {
  if (site.total() == 0) return;
  auto& fields = scratch.fields;
  fields.return_address = site.return_address();
  fields.call = site.call();
  fields.accounts_for = site.take_unlogged();
  fields.total = site.total();
  const bool has_more = fields.accounts_for.count > 0 || always;
  if (has_more && !logging::write(scratch, kind, fields::add_total)) site.add_unlogged(fields.accounts_for);
}

}  // namespace

void open() {
  if (options::get().log == Log::none || options::get().mode == Mode::off) return;
  if (!Memory::open()) {
    text::Sized<100> line;
    line << "nosigpipe: there is no memory for the log; nothing is logged";
    return logging::warn(line);
  }
  logging::open();
  stack::know_libc();
  Maps::keep_open();
}

void log(const Event& event) {
  if (!is_logged()) return;
  memory->begin_anew_after_fork();
  const bool would_kill = event.passed != Passed::no
                              ? event.is_last
                              : disposition::kills() && (event.context != nullptr || !mask::blocks_sigpipe());
  const bool finds_caller = event.context != nullptr && has_stack(event.context);
  const auto return_address =
      finds_caller ? stack::call_site(event.context) : reinterpret_cast<std::uintptr_t>(event.return_address);
  auto& sites = event.passed != Passed::no ? memory->state.passed : memory->state.sites;
  auto& site = call_sites::at(sites, return_address, event.call);
  if ((site.count_and_ask(!memory->is_ending()) || event.is_last) && has_stack(event.context))
    write_line(event, return_address, would_kill, site);
  else
    site.add_unlogged({1, would_kill});
}

void log_runaway(int fd, unsigned epipes, const char* action) {
  if (!is_logged() || !has_stack()) return;
  const Lease lease;
  if (!lease) return;
  auto& fields = lease->fields;
  fields.fd = fd;
  fields.epipes = epipes;
  fields.action = action;
  kernel::call(SYS_prctl, PR_GET_NAME, fields.thread);
  logging::write(*lease, "runaway", fields::add_runaway);
}

// It may be called twice, by the handler that is about to end the process and by our destructor: what the first has
// written the second does not repeat.
void log_totals(const void* context) {
  if (!is_logged() || memory->owner.load() == 0 || memory->in_child_of_vfork() || !has_stack(context)) return;
  memory->wait_for_totals();
  const Lease lease(Memory::kLines, Memory::kLines + 1);
  if (!lease) return;
  const bool is_first = memory->begin_to_end();
  lease->fields.maps.look(0);
  for (auto& site : memory->state.sites) write_total(*lease, site, "total", is_first && site.total() > 1);
  for (auto& site : memory->state.passed) write_total(*lease, site, "passed", false);
}

}  // namespace event
