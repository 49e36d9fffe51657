// The rows as they are shown: sorted, with what is known about their call site in the source.
#pragma once

#include <string>
#include <vector>

#include "report/peers.h"
#include "report/sum.h"
#include "report/tally.h"

namespace report {

// A function on the way from the write to main, and where in it the next one is called.
struct Place {
  std::string module, offset;
  std::string function;  // empty where it is not known
  std::string source;    // "file:line", or empty
};

struct Entry : Sum {
  std::string name;  // what it is grouped by, where that is not the site
  std::string exe, call, build_id;
  Place place;                      // the write, or whom of its callers the row is named by
  std::string via;                  // the module that made the call, where the place is in another
  std::string for_whom;             // the first function of the program itself, where the place is before it
  std::string note;                 // why there is no source
  std::vector<std::string> frames;  // as the log has them, the innermost first
  std::vector<Place> chain;         // the same, the write first; empty where it was not looked up
  std::string site;                 // what makes it a row of its own; empty where rows are not call sites
  Process process;                  // of its first record
  Peers peers;
};

// The most frequent first.
std::vector<Entry> entries_of(const Tally& tally);

// A row of what was not averted, and where its first was.
struct PassedEntry {
  PassedRow row;
  Entry where;
};

// The most frequent first, and dead pipes last.
std::vector<PassedEntry> entries_of(const Passed& passed);

// Makes one entry of those call sites that are the same up to the first function of the program itself, and sorts them
// anew: what has called that one makes no row.
void merge(std::vector<Entry>& entries);

// "server+0x806e", "unknown".
std::string address_of(const Place& place);
// The function, or else the address.
std::string name_of(const Place& place);

}  // namespace report
