#include "event.h"

#include <sys/mman.h>
#include <sys/prctl.h>

#include "connection.h"
#include "disposition.h"
#include "kernel.h"
#include "log.h"
#include "mask.h"
#include "object.h"
#include "options.h"
#include "sites.h"
#include "stack.h"
#include "technique.h"

namespace event {
namespace {

using record::Record;

struct Facts {
  const Event* event;
  std::uintptr_t place;
  const char* call;
  bool would_kill;
  sites::Held held;
  std::uint64_t total;
  const char* action;
  unsigned epipes;
  int fd;
  char thread[16];
  Connection connection;
  Modules modules;
  stack::Callers callers;
};

// What a line is put together from and in: too much for a thread's stack. As many as threads can be at it at a time.
struct Sheet {
  std::atomic<bool> taken;
  Facts facts;
  logging::Room room;
};
constexpr unsigned kSheets = 8;
alignas(4096) constinit Sheet sheets[kSheets] = {};

// nullptr: all are in use.
class Taken {
 public:
  Taken() {
    for (auto& sheet : sheets)
      if (!sheet.taken.exchange(true)) {
        sheet_ = &sheet;
        return;
      }
  }
  ~Taken() {
    if (sheet_ != nullptr) sheet_->taken.store(false);
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  Sheet* operator->() const { return sheet_; }
  explicit operator bool() const { return sheet_ != nullptr; }

 private:
  Sheet* sheet_ = nullptr;
};

void add_process(Record& record, const Facts& facts) {
  record.number("pid", kernel::pid());
  record.number("tid", kernel::tid());
  record.string("thread", facts.thread);
  record.string("exe", logging::executable());
}

// The place is what a call returns to, so the call itself is before it.
void add_place(Record& record, const Facts& facts) {
  const Module* module = facts.modules.around(facts.place - 1);
  if (module == nullptr || module->start == 0) {
    if (module != nullptr) record.string("module", module->path);
    return record.hex("offset", facts.place);
  }
  const Object object(module->start);
  const auto id = object.build_id();
  const char* symbol = object.symbol_around(facts.place - 1);
  record.string("module", module->path);
  record.hex("offset", facts.place - object.base());
  if (id.count > 0) record.bytes("build_id", id.bytes, id.count);
  if (symbol != nullptr) record.string("symbol", symbol);
}

void add_callers(Record& record, const Facts& facts) {
  if (facts.callers.count == 0) return;
  record.list("stack", facts.callers.count, [&](unsigned i, Record::Part& part) {
    const auto returns_to = facts.callers.returns_to[i];
    const Module* module = facts.modules.around(returns_to - 1);
    if (module != nullptr) part.string(module->path);
    part.hex(returns_to - (module != nullptr && module->start != 0 ? Object(module->start).base() : 0));
  });
}

void add_event(Record& record, const void* argument) {
  const auto& facts = *static_cast<const Facts*>(argument);
  const Event& event = *facts.event;
  add_process(record, facts);
  record.truth("would_kill", facts.would_kill);
  record.word("technique", event.technique);
  record.word("call", event.call);
  record.number("fd", event.fd);
  if (event.asked != kNotKnown) record.number("bytes", event.asked);
  record.number("count", facts.held.count);
  record.number("kills", facts.held.kills);
  connection::add(record, facts.connection);
  add_place(record, facts);
  add_callers(record, facts);
}

void add_runaway(Record& record, const void* argument) {
  const auto& facts = *static_cast<const Facts*>(argument);
  add_process(record, facts);
  record.number("fd", facts.fd);
  record.number("epipes", facts.epipes);
  record.word("action", facts.action);
}

void add_total(Record& record, const void* argument) {
  const auto& facts = *static_cast<const Facts*>(argument);
  record.number("pid", kernel::pid());
  record.string("exe", logging::executable());
  record.word("call", facts.place != 0 ? facts.call : "other");
  if (facts.place != 0) add_place(record, facts);
  record.number("count", facts.held.count);
  record.number("kills", facts.held.kills);
  record.number("total", facts.total);
}

bool is_told() { return logging::wanted() && !technique::uses(technique::confined); }

// Apart from the question whether it is wanted: this takes stack, and an alternate one may be small.
[[gnu::noinline]] void write_line(const Event& event, std::uintptr_t place, bool would_kill, sites::Site& site) {
  const outlet::Quiet quiet;
  const Taken sheet;
  if (!sheet) return site.hold({1, would_kill});
  auto& facts = sheet->facts;
  facts.event = &event;
  facts.place = place;
  facts.would_kill = would_kill;
  kernel::call(SYS_prctl, PR_GET_NAME, facts.thread);
  connection::look_at(event.fd, facts.connection);
  const auto frame = event.context != nullptr ? unwind::interrupted(event.context) : unwind::here();
  facts.modules.look(frame.stack());
  stack::collect(frame, facts.modules, options::get().stack, facts.callers);
  const auto held = site.take();
  facts.held = {held.count + 1, held.kills + would_kill};
  const auto* kind = options::get().mode == Mode::observe ? "observed" : "averted";
  if (!logging::write(quiet, sheet->room, kind, add_event, &facts)) site.hold(facts.held);
}

[[gnu::noinline]] void write_runaway(int fd, unsigned epipes, const char* action) {
  const outlet::Quiet quiet;
  const Taken sheet;
  if (!sheet) return;
  auto& facts = sheet->facts;
  facts.fd = fd;
  facts.epipes = epipes;
  facts.action = action;
  kernel::call(SYS_prctl, PR_GET_NAME, facts.thread);
  logging::write(quiet, sheet->room, "runaway", add_runaway, &facts);
}

}  // namespace

void open() {
  if (!logging::wanted()) return;
  logging::open();
  sites::open();
  kernel::call(SYS_madvise, sheets, sizeof sheets, MADV_WIPEONFORK);
  stack::know_libc();
  Modules::keep_open();
}

void tell(const Event& event) {
  if (!is_told()) return;
  const bool would_kill = disposition::kills() && (event.context != nullptr || !mask::blocks_sigpipe());
  const auto place =
      event.context != nullptr ? stack::call_site(event.context) : reinterpret_cast<std::uintptr_t>(event.caller);
  auto& site = sites::at(place, event.call);
  if (site.count_and_ask() || event.is_last)
    write_line(event, place, would_kill, site);
  else
    site.hold({1, would_kill});
}

void tell_runaway(int fd, unsigned epipes, const char* action) {
  if (is_told()) write_runaway(fd, epipes, action);
}

void tell_totals() {
  if (!is_told() || !sites::are_of_this_process()) return;
  static constinit std::atomic<bool> done_before = false;
  const bool again = done_before.exchange(true);
  sites::stop_holding();
  const outlet::Quiet quiet;
  const Taken sheet;
  if (!sheet) return;
  auto& facts = sheet->facts;
  facts.modules.look(0);
  sites::each([&](sites::Site& site) {
    facts.place = site.place();
    facts.call = site.call();
    facts.held = site.take();
    facts.total = site.total();
    if (facts.held.count == 0 && (again || facts.total == 1)) return;
    if (!logging::write(quiet, sheet->room, "total", add_total, &facts)) site.hold(facts.held);
  });
}

}  // namespace event
