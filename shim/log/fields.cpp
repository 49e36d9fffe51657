#include "log/fields.h"

#include "log/log.h"
#include "system/kernel.h"
#include "unwind/elf_image.h"

namespace facts {
namespace {

using record::Record;

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
  const Object object(module->start, module->limit);
  const auto id = object.build_id();
  const char* symbol = object.symbol_around(facts.place - 1);
  record.string("module", module->path);
  record.hex("offset", facts.place - object.base());
  if (id.count > 0) record.bytes("build_id", id.bytes, id.count);
  if (symbol != nullptr) record.string("symbol", symbol);
}

// Whether this module is named for the first time: its build ID is told then.
bool is_first_of(const Module& module, const Facts& facts, unsigned frame) {
  for (unsigned i = 0; i < frame; ++i)
    if (facts.modules.around(facts.callers.returns_to[i] - 1) == &module) return false;
  return true;
}

void add_frame(Record::Part& part, const Facts& facts, unsigned frame) {
  const auto returns_to = facts.callers.returns_to[frame];
  const Module* module = facts.modules.around(returns_to - 1);
  if (module != nullptr) part.string(module->path);
  if (module == nullptr || module->start == 0) return part.offset(returns_to);
  const Object object(module->start, module->limit);
  const auto id = object.build_id();
  part.offset(returns_to - object.base());
  if (id.count > 0 && is_first_of(*module, facts, frame)) part.build_id(id.bytes, id.count);
}

void add_callers(Record& record, const Facts& facts) {
  if (facts.callers.count == 0) return;
  record.list("stack", facts.callers.count, [&](unsigned frame, Record::Part& part) { add_frame(part, facts, frame); });
}

}  // namespace

void add_event(Record& record, const void* argument) {
  const auto& facts = *static_cast<const Facts*>(argument);
  const event::Event& event = *facts.event;
  add_process(record, facts);
  record.truth("would_kill", facts.would_kill);
  record.word("technique", event.technique);
  record.word("call", event.call);
  record.number("fd", event.fd);
  if (event.asked != event::kNotKnown) record.number("bytes", event.asked);
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

}  // namespace facts
