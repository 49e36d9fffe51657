// What a line says: gathered first, and added to the record field by field, in one format or two.
#pragma once

#include "log/call_sites.h"
#include "log/connection.h"
#include "log/event.h"
#include "log/origin.h"
#include "log/record_writer.h"

struct Fields {
  struct Ids {
    int pid;
    int tid;
  } ids;
  char thread[16];        // its name
  Unlogged accounts_for;  // how many events this line stands for
  const CallSite* site;
  const stack::Path* path;  // to it

  // Of one event.
  const event::Event* event;
  bool would_kill;
  Connection connection;
  Origin origin;  // where it is passed on

  // Of a thread that runs away.
  int fd;
  unsigned epipes;
  const char* action;
};

namespace fields {

// The fields of each kind of record, in the order of fields.def. Safe in a signal handler.
void add_event(record::Writer& record, const Fields& from);
void add_total(record::Writer& record, const Fields& from);
void add_runaway(record::Writer& record, const Fields& from);

}  // namespace fields
