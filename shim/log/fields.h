// All that a record says, gathered first and written then, in one format or two.
#pragma once

#include "log/call_sites.h"
#include "log/connection.h"
#include "log/event.h"
#include "log/record_writer.h"
#include "unwind/maps.h"
#include "unwind/stack.h"

struct Facts {
  char thread[16];       // its name
  std::uintptr_t place;  // what the call returns to; 0: several places
  sites::Held held;      // how many events this accounts for
  Modules modules;

  // Of one event.
  const event::Event* event;
  bool would_kill;
  Connection connection;
  stack::Callers callers;

  // Of a call site, at the end.
  const char* call;
  std::uint64_t total;

  // Of a thread that runs away.
  int fd;
  unsigned epipes;
  const char* action;
};

namespace facts {

// The fields of each kind of record, in their order; `facts` is a Facts.
void add_event(record::Record& record, const void* facts);
void add_total(record::Record& record, const void* facts);
void add_runaway(record::Record& record, const void* facts);

}  // namespace facts
