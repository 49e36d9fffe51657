#include "log/fields.h"

#include "log/log.h"
#include "log/memory.h"
#include "system/kernel.h"
#include "system/options.h"

namespace fields {
namespace {

using record::Writer;

void add_thread(Writer& record, const Fields& from) {
  record.number(tid, from.ids.tid);
  record.string(thread, from.thread);
  record.string(exe, logging::executable());
}

const Modules::Remembered& module_of(const stack::Path& path, unsigned frame) {
  return Memory::modules->at(path.modules[frame]);
}

// Where the beginning of the file is not known, that of the memory.
std::uintptr_t offset_of(const stack::Path& path, unsigned frame) {
  return path.returns_to[frame] - module_of(path, frame).base;
}

// Code of no file may have a name in /tmp/perf-PID.map: this tells whether that is the process's own. Not in each line,
// since it takes a system call.
void add_owner(Writer& record, const stack::Path& path) {
  const auto is_of_file = [&](unsigned frame) { return !module_of(path, frame).mapped.path.empty(); };
  unsigned frame = path.next_caller(0);
  while (frame < path.count && is_of_file(frame)) frame = path.next_caller(frame + 1);
  if (frame == path.count) return;
  record.number(uid, kernel::uid());
  record.number(started, logging::started());
}

void add_call_site(Writer& record, const Fields& from) {
  const auto& path = *from.path;
  const unsigned first = path.next_caller(0);
  if (first == path.count) return;
  const auto& known = module_of(path, first);
  if (!known.mapped.path.empty()) record.string(module, known.mapped.path);
  record.hex(offset, offset_of(path, first));
  if (known.has_build_id) record.bytes(build_id, known.sign, known.sign_size);
  if (!from.site->symbol().empty()) record.string(symbol, from.site->symbol());
}

// Whether this module is named for the first time: its build ID is given then.
bool is_first_of(const stack::Path& path, unsigned frame) {
  for (unsigned i = 0; i < frame; ++i)
    if (path.modules[i] == path.modules[frame]) return false;
  return true;
}

void add_frame(Writer::Part& part, const stack::Path& path, unsigned frame) {
  const auto& known = module_of(path, frame);
  if (!known.mapped.path.empty()) part.string(known.mapped.path);
  part.offset(offset_of(path, frame));
  if (known.has_build_id && is_first_of(path, frame)) part.build_id(known.sign, known.sign_size);
}

void add_stack(Writer& record, const stack::Path& path) {
  if (options::get().stack == 0 || !path.is_followed) return;
  unsigned callers = 0;
  for (unsigned i = path.next_caller(0); i < path.count; i = path.next_caller(i + 1)) ++callers;
  unsigned frame = 0;
  record.list(stack, callers, [&](unsigned, Writer::Part& part) {
    frame = path.next_caller(frame);
    add_frame(part, path, frame++);
  });
}

}  // namespace

void add_event(Writer& record, const Fields& from) {
  record.number(pid, from.ids.pid);
  add_owner(record, *from.path);
  add_thread(record, from);
  record.truth(would_kill, from.would_kill);
  record.word(technique, from.event->technique);
  record.word(call, from.event->call);
  if (from.event->fd >= 0) record.number(fd, from.event->fd);
  if (from.event->passed != event::Passed::no) origin::add(record, from.origin);
  if (from.event->asked != event::kNotKnown) record.number(bytes, from.event->asked);
  record.number(count, from.accounts_for.count);
  record.number(kills, from.accounts_for.kills);
  if (from.event->fd >= 0) connection::add(record, from.connection);
  add_call_site(record, from);
  add_stack(record, *from.path);
}

void add_runaway(Writer& record, const Fields& from) {
  record.number(pid, from.ids.pid);
  add_thread(record, from);
  record.number(fd, from.fd);
  record.number(epipes, from.epipes);
  record.word(action, from.action);
}

void add_total(Writer& record, const Fields& from) {
  record.number(pid, kernel::pid());
  add_owner(record, *from.path);
  record.string(exe, logging::executable());
  const auto& site = *from.site;
  record.word(call, site.is_shared() ? "other" : site.call());
  record.number(count, from.accounts_for.count);
  record.number(kills, from.accounts_for.kills);
  record.number(total, site.total());
  add_call_site(record, from);
  add_stack(record, *from.path);
}

}  // namespace fields
