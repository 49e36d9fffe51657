#include "log/fields.h"

#include "log/log.h"
#include "system/kernel.h"
#include "unwind/symbol.h"

namespace fields {
namespace {

using record::Writer;

// Whose it is, and since when: what stands under its pid in other places may be of another process.
void add_owner(Writer& record) {
  record.number(pid, kernel::pid());
  record.number(uid, kernel::uid());
  record.number(started, logging::started());
}

void add_process(Writer& record, const Fields& from) {
  add_owner(record);
  record.number(tid, kernel::tid());
  record.string(thread, from.thread);
  record.string(exe, logging::executable());
}

// A return address may already be in the next function; the call itself is before it.
void add_call_site(Writer& record, const Fields& from) {
  const Module* mapped = from.maps.around(from.return_address - 1);
  if (mapped != nullptr) record.string(module, mapped->path);
  if (mapped == nullptr || mapped->start == 0) return record.hex(offset, from.return_address);
  const ElfImage image(mapped->start, mapped->limit, mapped->file);
  const auto id = image.build_id();
  const Symbol function(image, from.return_address - 1);
  record.hex(offset, from.return_address - image.base());
  if (id.count > 0) record.bytes(build_id, id.bytes, id.count);
  if (!function.name().empty()) record.string(symbol, function.name());
}

// Whether this module is named for the first time: its build ID is given then.
bool is_first_of(const Module& mapped, const Fields& from, unsigned frame) {
  for (unsigned i = 0; i < frame; ++i)
    if (from.maps.around(from.callers.returns_to[i] - 1) == &mapped) return false;
  return true;
}

void add_frame(Writer::Part& part, const Fields& from, unsigned frame) {
  const auto returns_to = from.callers.returns_to[frame];
  const Module* mapped = from.maps.around(returns_to - 1);
  if (mapped != nullptr) part.string(mapped->path);
  if (mapped == nullptr || mapped->start == 0) return part.offset(returns_to);
  const ElfImage image(mapped->start, mapped->limit, mapped->file);
  const auto id = image.build_id();
  part.offset(returns_to - image.base());
  if (id.count > 0 && is_first_of(*mapped, from, frame)) part.build_id(id.bytes, id.count);
}

}  // namespace

void add_event(Writer& record, const Fields& from) {
  add_process(record, from);
  record.truth(would_kill, from.would_kill);
  record.word(technique, from.event->technique);
  record.word(call, from.event->call);
  if (from.event->fd >= 0) record.number(fd, from.event->fd);
  if (from.event->asked != event::kNotKnown) record.number(bytes, from.event->asked);
  record.number(count, from.accounts_for.count);
  record.number(kills, from.accounts_for.kills);
  if (from.event->fd >= 0) connection::add(record, from.connection);
  add_call_site(record, from);
  const auto add = [&](unsigned frame, Writer::Part& part) { add_frame(part, from, frame); };
  record.list(stack, from.callers.count, add);
}

void add_runaway(Writer& record, const Fields& from) {
  add_process(record, from);
  record.number(fd, from.fd);
  record.number(epipes, from.epipes);
  record.word(action, from.action);
}

void add_total(Writer& record, const Fields& from) {
  add_owner(record);
  record.string(exe, logging::executable());
  record.word(call, from.return_address != 0 ? from.call : "other");
  record.number(count, from.accounts_for.count);
  record.number(kills, from.accounts_for.kills);
  record.number(total, from.total);
  if (from.return_address != 0) add_call_site(record, from);
}

}  // namespace fields
